"""An operand as something else: as another type, under another collation."""

from __future__ import annotations

from typing import Any, ForwardRef

from .column_type import PYTHON_OF, ColumnType, column_type
from .errors import ConfigurationError, QueryError
from .expression import Operand, makes
from .typing import DatabaseType
from .writer import Writer


@makes("cast")
class Cast(Operand):
    """``CAST(item AS type)``."""

    __slots__ = ("_label", "_type", "item")

    def __init__(self, item: Operand, to: Any) -> None:
        self._type = to if isinstance(to, ColumnType) else _column_type(to)
        self._label = item.label
        self.item = item.text_form if self._type.python is str else item.sort_key

    @property
    def type(self) -> ColumnType:
        """The type that it is cast to."""
        return self._type

    @property
    def label(self) -> str | None:
        """The name of what is cast."""
        return self._label

    def write(self, out: Writer) -> None:
        out.dialect.write_cast(out, self)


@makes("collate")
class Collated(Operand):
    """An operand under a collation that the database knows by `name`."""

    __slots__ = ("item", "name")

    def __init__(self, item: Operand, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise QueryError(f"a collation is named by text, got {type(name).__name__}")
        self.item = item
        self.name = name

    @property
    def type(self) -> ColumnType | None:
        """The type of the operand."""
        return self.item.type

    @property
    def label(self) -> str | None:
        """The name of the operand."""
        return self.item.label

    def write(self, out: Writer) -> None:
        out.dialect.write_collated(out, self)


def _column_type(to: Any) -> ColumnType:
    if isinstance(to, DatabaseType):
        if to not in PYTHON_OF:
            raise QueryError(f"nothing can be cast to {to.name}: it has no Python type of its own")
        return column_type(PYTHON_OF[to], db_type=to)
    try:
        if isinstance(to, (str, ForwardRef)):  # Pydantic would evaluate the text.
            raise ConfigurationError("a name is no type")
        return column_type(to)
    except ConfigurationError as error:
        raise QueryError(f"cannot cast to {to!r}: give a Python type or a DatabaseType") from error
