"""What nodes of SQL write themselves to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .column_type import ColumnType
    from .scope import Scope

Dump = Callable[[Any, "ColumnType | None"], Any]


def as_it_is(value: Any, column: ColumnType | None) -> Any:
    """The value unconverted: the dump of statements that hold no value."""
    return value


class SQLWriter:
    """Collects the text and the bound values of one statement, in order."""

    __slots__ = ("_dump", "depth", "dialect", "params", "parts", "qualify", "scope")

    def __init__(self, dialect: Any, dump: Dump = as_it_is) -> None:
        self.dialect = dialect
        self.parts: list[str] = []
        self.params: list[Any] = []
        # Are columns written with their table?
        self.qualify = False
        # What names mean in the statement being written; None where an expression is written alone.
        self.scope: Scope | None = None
        self.depth = 0
        self._dump = dump

    def sql(self, text: str) -> None:
        """Append SQL text."""
        self.parts.append(text)

    def name(self, name: str) -> None:
        """Append a quoted name."""
        self.parts.append(self.dialect.quote(name))

    def bind(self, value: Any, column: ColumnType | None = None) -> None:
        """Append a placeholder and keep the value, converted for its column."""
        self.parts.append("?")
        self.params.append(None if value is None else self._dump(value, column))

    def node(self, node: Any, parent: int = 0) -> None:
        """Write a node, in parentheses where it binds less than `parent` asks."""
        if parent and getattr(node, "precedence", parent) < parent:
            self.parts.append("(")
            node.write(self)
            self.parts.append(")")
        else:
            node.write(self)

    def nodes(self, nodes: Iterable[Any], separator: str = ", ", parent: int = 0) -> None:
        """Write nodes with a separator between them."""
        for number, node in enumerate(nodes):
            if number:
                self.parts.append(separator)
            if parent:
                self.node(node, parent)
            else:
                node.write(self)

    def names(self, names: Iterable[str]) -> None:
        """Write quoted names with commas between them."""
        self.parts.append(", ".join(map(self.dialect.quote, names)))

    def text(self) -> str:
        """The statement so far."""
        return "".join(self.parts)


# What the signatures of nodes call it.
Writer = SQLWriter
