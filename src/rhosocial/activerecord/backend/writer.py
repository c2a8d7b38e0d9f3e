"""What nodes of SQL write themselves to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .column_type import ColumnType


class Writer(Protocol):
    """Where nodes write themselves; `dialect.SQLWriter` is the one there is."""

    dialect: Any
    # Are columns written with their table?  Where they are not, they belong to `table`, if that is known.
    qualify: bool
    table: str | None

    def sql(self, text: str) -> None:
        """Append SQL text."""

    def name(self, name: str) -> None:
        """Append a quoted name."""

    def bind(self, value: Any, column: ColumnType | None = None) -> None:
        """Append a placeholder for a value, converted for its column."""

    def node(self, node: Any, parent: int = 0) -> None:
        """Write a node, in parentheses where it binds less than `parent` asks."""

    def nodes(self, nodes: Iterable[Any], separator: str = ", ", parent: int = 0) -> None:
        """Write nodes with a separator between them."""
