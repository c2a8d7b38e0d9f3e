"""What stands at a path inside a JSON column: the type of each member, as the column's annotation says."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, PydanticUserError, RootModel, TypeAdapter
from pydantic import ValidationError as PydanticValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import get_type_hints, is_typeddict

from .column_type import bare_type, column_type, label_of
from .errors import ColumnNotFound, ConfigurationError, DataError
from .names import shown
from .number import JSON

Part = str | int

# The settings of a model that say how its fields are written in JSON.
_WRITING = ("ser_json_bytes", "ser_json_inf_nan", "ser_json_temporal", "ser_json_timedelta", "val_json_bytes")


class MemberNotFound(ColumnNotFound, AttributeError):
    """No member of that name is declared; an AttributeError too, since Python asks objects for names they lack."""


class Member:
    """What is known of one place inside JSON: its annotation, and the settings of the model that it stands in.

    What it finds out it keeps; one is made for each annotation of a column.
    """

    __slots__ = ("_adapter", "_parts", "_settings", "column", "python")

    def __init__(self, python: Any, settings: Mapping[str, Any] | None = None) -> None:
        self.python = python
        self._settings = settings or {}
        self._parts: dict[Part, tuple[Part, Member]] = {}
        self._adapter: TypeAdapter[Any] | None = None
        try:
            # What a column of this type would be: as that values are read and compared.
            self.column = column_type(python)
        except ConfigurationError:
            self.column = JSON

    def at(self, part: Part, path: str) -> tuple[Part, Member]:
        """The member of that name or at that place, and the part as it is stored: aliases become fields' names.

        MemberNotFound names the nearest where the annotation declares none; `path` is where this one stands.
        """
        found = self._parts.get(part)
        if found is None:
            found = self._found(part, path)
            if len(self._parts) < _MOST_KEPT:  # The keys of a dict may be anything.
                self._parts[part] = found
        return found

    def _found(self, part: Part, path: str) -> tuple[Part, Member]:
        python = root_of(self.python)
        if get_origin(python) in (Union, UnionType):
            return self._of_any(get_args(python), part, path)
        if isinstance(part, int):
            return part, self._element(python, part, path)
        fields = _fields_of(python)
        if fields is None:
            return part, self._value(python, part, path)
        name = part if part in fields else next((n for n, (_, names) in fields.items() if part in names), None)
        if name is not None:
            return name, Member(fields[name][0], _settings_of(python))
        if _takes_more(python):
            return part, ANYTHING
        close = difflib.get_close_matches(part, fields, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(fields)}"
        raise MemberNotFound(f"{path}, a {label_of(python)}, has no field {shown(part)}; {hint}")

    @property
    def has_fields(self) -> bool:
        """Whether the annotation, or a choice of it, declares members by name."""
        python = root_of(self.python)
        choices = get_args(python) if get_origin(python) in (Union, UnionType) else (python,)
        return any(_fields_of(root_of(choice)) is not None for choice in choices)

    @property
    def is_loose(self) -> bool:
        """Whether anything may stand here."""
        return self.column.python in _LOOSE

    def _of_any(self, choices: Iterable[Any], part: Part, path: str) -> tuple[Part, Member]:
        """What the choices of a union that have the member say of it, if they say one thing."""
        found: list[tuple[Part, Member]] = []
        failure: MemberNotFound | None = None
        for choice in choices:
            try:
                found.append(Member(choice, self._settings).at(part, path))
            except MemberNotFound as error:
                failure = error
        if not found:
            assert failure is not None
            raise failure
        first = found[0]
        alike = all((p, m.python) == (first[0], first[1].python) for p, m in found)
        return first if alike else (part, ANYTHING)

    def _element(self, python: Any, place: int, path: str) -> Member:
        origin, args = get_origin(python) or python, get_args(python)
        if python in _LOOSE:
            return ANYTHING
        if isinstance(origin, type) and issubclass(origin, tuple):
            if len(args) == 2 and args[1] is Ellipsis:
                return Member(args[0], self._settings)
            if not args:
                return ANYTHING
            if -len(args) <= place < len(args):
                return Member(args[place], self._settings)
            raise MemberNotFound(f"{path} has {len(args)} elements, and none at {place}")
        if isinstance(origin, type) and issubclass(origin, (Sequence, AbstractSet)) and not issubclass(origin, _TEXTS):
            return Member(args[0], self._settings) if args else ANYTHING
        raise MemberNotFound(f"{path}, a {label_of(python)}, has no element {place}: it is no list")

    def _value(self, python: Any, name: str, path: str) -> Member:
        origin, args = get_origin(python) or python, get_args(python)
        if python in _LOOSE:
            return ANYTHING
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return Member(args[1], self._settings) if len(args) == 2 else ANYTHING
        raise MemberNotFound(f"{path}, a {label_of(python)}, has no member {shown(name)}")

    def written(self, value: Any, path: str, *, strictly: bool = False) -> Any:
        """A value as JSON has it here: dicts, lists, text, numbers; DataError where it is none of the type.

        `strictly` holds it against the annotation's constraints too: it is not compared, but stored.
        """
        python, adapter = self.column.python, self._adapter
        if strictly:
            adapter = adapter_of(self.python, self._settings)
        elif adapter is None:
            adapter = self._adapter = adapter_of(python, self._settings)
        try:
            valid = adapter.validate_python(value)
            return adapter.dump_python(valid, mode="json", by_alias=False, round_trip=True)
        except PydanticValidationError as error:
            reason = error.errors(include_input=False, include_url=False)[0]["msg"]
        except PydanticSerializationError:
            reason = "it has no form in JSON"
        kind = type(value).__name__
        purpose = "stored as" if strictly else "compared with"
        raise DataError(f"a value of type {kind} cannot be {purpose} {path}, a {label_of(python)}: {reason}")


def place_of(python: Any, location: Iterable[Part]) -> str:
    """Where a Pydantic error stands, ``geo.lat``; ``…`` for the key of a dict, which is a value."""
    member = member_of_column(python)
    parts: list[str] = []
    for part in location:
        if isinstance(part, str) and not member.has_fields:
            return ".".join([*parts, "…"])
        parts.append(str(part))
        try:
            member = member.at(part, "")[1]
        except MemberNotFound:
            break  # What the error has for a choice of a union, for instance.
    return ".".join(parts)


_TEXTS = (str, bytes, bytearray)
_LOOSE: tuple[Any, ...] = (Any, object)
_MOST_KEPT = 256
ANYTHING = Member(Any)


def member_of_column(python: Any) -> Member:
    """What is known of a JSON column's whole value; one for each annotation."""
    try:
        return _kept(python)
    except TypeError:  # What Annotated holds need not be hashable.
        return Member(python)


_kept = lru_cache(maxsize=1024)(Member)


def adapter_of(python: Any, settings: Mapping[str, Any] | None = None) -> TypeAdapter[Any]:
    """Pydantic's validators and serializers of a type, which writes JSON as a model of these settings does."""
    config: Any = {"arbitrary_types_allowed": True, **(settings or {})}
    try:
        return TypeAdapter(python, config=config)
    except PydanticUserError:
        return TypeAdapter(python)  # Models, dataclasses and TypedDicts have settings of their own and take no others.


def _fields_of(python: Any) -> dict[str, tuple[Any, set[str]]] | None:
    """By name the annotation and the aliases of each field that JSON has as such; None where there are no fields."""
    origin = get_origin(python) or python
    if is_typeddict(origin) or (isinstance(origin, type) and dataclasses.is_dataclass(origin)):
        return {name: (_unmarked(hint), set()) for name, hint in get_type_hints(origin, include_extras=True).items()}
    if not isinstance(python, type) or not issubclass(python, BaseModel):
        return None
    decorators: Any = python.__pydantic_decorators__
    if decorators.model_serializers:
        return {}  # What it writes, only it knows: `_takes_more` lets every name pass.
    own_form = {name for mark in decorators.field_serializers.values() for name in mark.info.fields}
    fields = {}
    for name, field in python.model_fields.items():
        annotation = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        aliases = {a for a in (field.alias, field.validation_alias, field.serialization_alias) if isinstance(a, str)}
        fields[name] = (Any if {name, "*"} & own_form else annotation), aliases
    return fields


def _takes_more(python: Any) -> bool:
    if not isinstance(python, type) or not issubclass(python, BaseModel):
        return False
    return python.model_config.get("extra") == "allow" or bool(python.__pydantic_decorators__.model_serializers)


def _settings_of(python: Any) -> dict[str, Any]:
    config = getattr(python, "model_config", None) or getattr(python, "__pydantic_config__", None) or {}
    return {name: config[name] for name in _WRITING if name in config}


def _unmarked(hint: Any) -> Any:
    """A TypedDict's annotation without Required, NotRequired and ReadOnly."""
    while getattr(get_origin(hint), "_name", None) in ("Required", "NotRequired", "ReadOnly"):
        hint = get_args(hint)[0]
    return hint


def root_of(python: Any) -> Any:
    """What is stored for a RootModel: its root; anything else is itself."""
    bare = bare_type(python)
    while isinstance(bare, type) and issubclass(bare, RootModel):
        bare = bare_type(bare.model_fields["root"].annotation)
    return bare
