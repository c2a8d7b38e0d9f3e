"""JSON with some of its members changed, and the others left as they are in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .column_type import ColumnType
from .errors import QueryError
from .expression import ColumnRef, Operand, makes
from .json_path import is_json, json_text
from .member import member_of_column
from .typed_path import path_name
from .writer import Writer


class JsonChange(Operand):
    """A JSON object with members set and removed; NULL, and what is no object, stays as it is.

    `members` are JSON texts by name, `removed` further names.  Where `otherwise` is given, a JSON text, it takes the
    place of what is no object.
    """

    __slots__ = ("item", "members", "otherwise", "removed")

    def __init__(
        self, item: Operand, members: Mapping[str, str], removed: Iterable[str] = (), otherwise: str | None = None
    ) -> None:
        self.item = item
        self.members = dict(members)
        self.removed = tuple(removed)
        self.otherwise = otherwise

    @property
    def type(self) -> ColumnType | None:
        """That of the whole."""
        return self.item.type

    @property
    def text(self) -> str:
        """The members as the text of a JSON object."""
        return "{" + ",".join(f"{json_text(name)}:{text}" for name, text in self.members.items()) + "}"

    @property
    def label(self) -> str | None:
        """That of the whole."""
        return self.item.label

    def write(self, out: Writer) -> None:
        out.dialect.require(out.dialect.supports_json_changes, "changes of single members of JSON")
        out.dialect.write_json_change(out, self)


@makes("json_set")
def json_set(item: Operand, values: Mapping[str, Any]) -> JsonChange:
    """The column's JSON with members set, each validated as the column's annotation says."""
    _check_is_whole(item)
    if not isinstance(values, Mapping) or not values:
        raise QueryError("json_set needs at least one member: json_set(city='Rome')")
    member, place = member_of_column(item.type.python), path_name(item)  # type: ignore[union-attr]  # It is JSON.
    members = {}
    for name, value in values.items():
        stored_name, further = member.at(name, place)
        members[str(stored_name)] = json_text(further.written(value, f"{place}.{name}", strictly=True))
    return JsonChange(item, members)


@makes("json_remove")
def json_remove(item: Operand, names: tuple[str, ...]) -> JsonChange:
    """The column's JSON without members; QueryError where the column's annotation declares its members."""
    _check_is_whole(item)
    member = member_of_column(item.type.python)  # type: ignore[union-attr]  # It is JSON.
    if not names or member.has_fields:
        raise QueryError(f"json_remove takes the keys of a dict; {path_name(item)} has fields, which are set instead")
    for name in names:
        member.at(name, path_name(item))
    return JsonChange(item, {}, names)


def _check_is_whole(item: Operand) -> None:
    if not isinstance(item, (ColumnRef, JsonChange)) or not is_json(item):
        raise QueryError("single members are changed in a column of JSON: User.c.address.json_set(city='Rome')")
