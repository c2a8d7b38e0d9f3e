"""Values that travel as JSON, or in whatever form their Pydantic schema or their own class gives them.

Each dumper reads back what it wrote before it hands it over: what JSON would change raises DataError instead.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, get_origin

from pydantic import PydanticUserError, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from .converter import Convert, chain, plain, refusal
from .errors import ConfigurationError, DataError
from .helpers import safe_json_dumps, safe_json_loads
from .member import place_of

# Annotations that say nothing about what is inside; JSON's own types come back from them.
_LOOSE: tuple[tuple[Any, type], ...] = (
    (Any, object),
    (object, object),
    (dict, dict),
    (list, list),
    (dict[str, Any], dict),
    (list[Any], list),
)


def document_dumper(python: Any) -> Convert:
    """A dumper to JSON text; DataError for a value that would come back as another one, or as another type."""
    kind = _loose_kind(python)
    return _loose_dumper(kind) if kind is not None else _checked_dumper(python)


def document_loader(python: Any, parsed: bool = False) -> Convert:
    """A loader from JSON text, or from what the driver has parsed already; DataError for what does not fit.

    `parsed` says that text, too, is a value and not JSON.
    """
    if _loose_kind(python) is not None:
        return _load_parsed if parsed else _load_loose
    read = _reader(python)
    texts = () if parsed else (str, bytes)

    def load(value: Any) -> Any:
        try:
            return read(value if type(value) in texts else to_json(value))
        except ValueError as error:
            raise _stored_otherwise(python, error) from None

    return load


def document_parts(python: Any) -> Convert:
    """A function from a value to the plain dicts, lists, text and numbers that its JSON has."""
    write = to_json if _loose_kind(python) is not None else _writer(python)

    def parts(value: Any) -> Any:
        try:
            return from_json(write(value), allow_inf_nan=False)
        except ValueError:
            raise _unwritable(value) from None

    return parts


def json_text(value: Any) -> str:
    """Compact JSON text of any value that has a form in JSON, special types by their usual text."""
    return to_json(safe_json_loads(safe_json_dumps(value))).decode()


def array_text(value: Any) -> str:
    """A list or tuple as compact JSON text; TypeConversionError for anything else."""
    if not isinstance(value, (list, tuple)):
        raise refusal("a list or tuple as an array", value)
    return json_text(value)


def shaped_dumper(python: Any, kind: type, inner: Convert) -> Convert:
    """A dumper for any type whose values become one plain `kind`, which `inner` dumps."""
    if python is kind:
        return inner
    if isinstance(python, type):
        if issubclass(python, Enum):
            return _enum_dumper(python, inner)
        if issubclass(python, (SecretStr, SecretBytes)):
            return _secret_dumper(python, inner)
        if issubclass(python, kind):
            return _subclass_dumper(python, kind, inner)
    return _foreign_dumper(python, inner)


def shaped_loader(python: Any, kind: type, inner: Convert | None) -> Convert | None:
    """The loader that belongs to `shaped_dumper`; None where nothing is to do."""
    if python is kind:
        return inner
    if isinstance(python, type):
        if issubclass(python, Enum):
            return _enum_loader(python, inner)
        if issubclass(python, (SecretStr, SecretBytes)):
            return chain(inner, python)
        if issubclass(python, kind):
            return _subclass_loader(python, inner)
    return _foreign_loader(python, inner)


def _foreign_dumper(python: Any, inner: Convert | None) -> Convert:
    """A dumper for a type with a schema of its own, whose JSON is one scalar that `inner` dumps."""
    write, read = _writer(python), _reader(python)

    def dump(value: Any) -> Any:
        try:
            text = write(value)
            back = read(text)
        except ValueError:
            raise refusal(f"a value of {_name(python)}", value) from None
        if type(back) is not type(value):
            raise refusal(f"a value of {_name(python)}", value)
        if back != value:
            raise _changed(value)
        scalar = from_json(text)
        return scalar if inner is None else inner(scalar)

    return dump


def _foreign_loader(python: Any, inner: Convert | None) -> Convert:
    """The loader that belongs to `_foreign_dumper`."""
    read = _reader(python)

    def load(value: Any) -> Any:
        try:
            return read(to_json(value if inner is None else inner(value)))
        except ValueError:
            raise _stored_otherwise(python) from None

    return load


def _subclass_dumper(python: type, kind: type, inner: Convert) -> Convert:
    """A dumper for a subclass of a plain type: the plain value, once it is known to come back as the subclass."""
    revive = _reviver(python)

    def dump(value: Any) -> Any:
        bare = plain(value, kind)
        try:
            back = revive(bare)
        except ValueError:
            raise refusal(f"a value of {_name(python)}", value) from None
        if back != value or (type(back) is not type(value) and type(value) is not kind):
            raise _changed(value)
        return inner(bare)

    return dump


def _subclass_loader(python: type, inner: Convert | None) -> Convert:
    """The loader that belongs to `_subclass_dumper`."""
    revive = _reviver(python)

    def load(value: Any) -> Any:
        try:
            return revive(value if inner is None else inner(value))
        except ValueError:
            raise _stored_otherwise(python) from None

    return load


def _enum_dumper(python: type[Enum], inner: Convert) -> Convert:
    """A dumper for the members of an Enum: their values."""

    def dump(value: Any) -> Any:
        if type(value) is not python:
            value = _member(python, value)
        return inner(value._value_)

    return dump


def _enum_loader(python: type[Enum], inner: Convert | None) -> Convert:
    """The loader that belongs to `_enum_dumper`; DataError for a value that no member has."""
    members = {member._value_: member for member in python}

    def load(value: Any) -> Any:
        if inner is not None:
            value = inner(value)
        try:
            return members[value]
        except KeyError:
            return _member(python, value)

    return load


def _secret_dumper(python: type[SecretStr] | type[SecretBytes], inner: Convert) -> Convert:
    """A dumper for Pydantic's secrets: what they hide."""

    def dump(value: Any) -> Any:
        if not isinstance(value, python):
            raise refusal(f"a {python.__name__}", value)
        return inner(value.get_secret_value())

    return dump


def _member(python: type[Enum], value: Any) -> Any:
    try:
        return python(value)
    except ValueError:
        raise DataError(f"{_name(python)} has no member for the value of type {type(value).__name__}") from None


def _loose_kind(python: Any) -> type | None:
    return next((kind for known, kind in _LOOSE if known is python or known == python), None)


def _loose_dumper(kind: type) -> Convert:
    def dump(value: Any) -> str:
        if not isinstance(value, kind):
            raise refusal(f"a {kind.__name__}", value)
        try:
            text = to_json(value)
            back = from_json(text, allow_inf_nan=False)
        except ValueError:
            raise _unwritable(value) from None
        if back == value and type(back) is type(value):
            return text.decode()
        raise _changed(value)

    return dump


def _load_loose(value: Any) -> Any:
    if type(value) is not str and type(value) is not bytes:
        value = to_json(value)
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return safe_json_loads(value)  # Deeper nesting, or lone surrogates, of another program.


def _load_parsed(value: Any) -> Any:
    return _load_loose(to_json(value))


def _checked_dumper(python: Any) -> Convert:
    write, read = _writer(python), _reader(python)

    def dump(value: Any) -> str:
        try:
            text = write(value)
            back = read(text)
        except ValueError:
            raise _unwritable(value) from None
        if back == value and type(back) is type(value):
            return text.decode()
        raise _changed(value)

    return dump


def _writer(python: Any) -> Callable[[Any], bytes]:
    to_text = _adapter(python).serializer.to_json

    def write(value: Any) -> bytes:
        # By the fields' own names, which always read back; an alias for writing may not be one for reading.
        return to_text(value, by_alias=False, round_trip=True, warnings="error")

    def write_sorted(value: Any) -> bytes:
        # Equal sets must give equal text, or an unchanged record would be saved again.
        return to_json(sorted(from_json(write(value)), key=to_json))

    is_set = get_origin(python) in (set, frozenset) or python in (set, frozenset)
    return write_sorted if is_set else write


def _reader(python: Any) -> Callable[[str | bytes], Any]:
    validate = _adapter(python).validator.validate_json

    def read(text: str | bytes) -> Any:
        return validate(text, by_alias=True, by_name=True)

    return read


def _reviver(python: type) -> Convert:
    """What makes the subclass of its plain value: its schema, or its constructor where it has none."""
    try:
        return TypeAdapter(python).validator.validate_python
    except PydanticUserError:
        return python


def _adapter(python: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(python)
    except PydanticUserError as error:
        raise ConfigurationError(f"Pydantic has no schema for {_name(python)}: {error.message}") from error


def _unwritable(value: Any) -> DataError:
    return DataError(
        f"a value of type {type(value).__name__} does not fit its JSON column: it holds another type than the field "
        "declares, or what JSON has no form for (NaN, infinities, lone surrogates, bytes that are no UTF-8, cycles)"
    )


def _changed(value: Any) -> DataError:
    return DataError(
        f"a value of type {type(value).__name__} would come back changed: declare the exact type of what it holds "
        "(list[Decimal], dict[str, date], a model …), or use only dicts with text keys, lists, text, numbers, booleans"
    )


def _stored_otherwise(python: Any, error: ValueError | None = None) -> DataError:
    # The cause is left out: its message repeats the value.
    details = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else []
    why = "; ".join(f"{place_of(python, detail['loc']) or 'it'} ({detail['type']})" for detail in details[:3])
    return DataError(f"the stored value is none that {_name(python)} accepts{': ' if why else ''}{why}")


def _name(python: Any) -> str:
    return python.__name__ if isinstance(python, type) else str(python)
