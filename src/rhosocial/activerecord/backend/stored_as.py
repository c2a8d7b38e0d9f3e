"""Types of the caller's own as columns, each by a pair of functions."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from pydantic import PydanticUserError, TypeAdapter
from pydantic_core import core_schema

from .codec import Codec, Convert, keep_codec
from .column_type import PYTHON_OF, column_type, label_of
from .converter import chain
from .errors import ConfigurationError, DataError
from .typing import DatabaseType


class StoredAs(Codec):
    """How values of a type are stored: ``Annotated[Money, StoredAs(DatabaseType.TEXT, dump=str, load=Money.parse)]``.

    `dump` makes of a value what a column of the type holds (text for TEXT, a `Decimal` for DECIMAL, …), `load` makes
    the value of that.  Either raises ValueError for what it does not take.
    """

    def __init__(
        self,
        db_type: DatabaseType,
        *,
        dump: Callable[[Any], Any],
        load: Callable[[Any], Any],
        length: int | None = None,
        precision: int | None = None,
        scale: int | None = None,
    ) -> None:
        if db_type not in PYTHON_OF:
            raise ConfigurationError(f"nothing can be stored as {db_type!r}: it has no Python type of its own")
        if not callable(dump) or not callable(load):
            raise ConfigurationError("a type is stored by two functions: StoredAs(type, dump=…, load=…)")
        python = PYTHON_OF[db_type]
        self.stored = column_type(python, db_type=db_type, length=length, precision=precision, scale=scale)
        self._dump = dump
        self._load = load

    def dumper(self, inner: Convert | None, config: Any) -> Convert:
        """A value's plain form, once it is known to come back equal; DataError where it does not."""
        dump, load = self._dump, self._load

        def convert(value: Any) -> Any:
            try:
                made = dump(value)
                back = load(made)
            except ValueError:  # Its message may repeat the value.
                raise DataError(f"a value of type {type(value).__name__} has no form in which it is stored") from None
            if type(back) is not type(value) or not _is_same(back, value, dump):
                raise DataError(
                    f"a value of type {type(value).__name__} would come back as another one: load must undo dump"
                )
            return made if inner is None else inner(made)

        return convert

    def loader(self, inner: Convert | None, config: Any) -> Convert:
        """The value of a stored plain form."""
        load = self._load

        def convert(made: Any) -> Any:
            try:
                return load(made)
            except ValueError:
                raise DataError("the stored value is none that the type's load accepts") from None

        both: Convert = chain(inner, convert)
        return both

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        try:
            return handler(source)
        except PydanticUserError:  # The type has no schema: it gets one that its two functions make.
            return self.schema(source)

    def schema(self, python: Any) -> Any:
        """A Pydantic schema: values of the type pass as they are, others by `load`; JSON has what `dump` makes."""
        plain = TypeAdapter(self.stored.python).core_schema
        loaded = core_schema.no_info_after_validator_function(self._load, plain)

        def validate(value: Any, load: Any) -> Any:
            return value if isinstance(value, python) else load(value)

        written = core_schema.plain_serializer_function_ser_schema(self._dump, when_used="json")
        return core_schema.no_info_wrap_validator_function(validate, loaded, serialization=written)

    def __repr__(self) -> str:
        return f"StoredAs({self.stored.db_type.name})"


def _is_same(back: Any, value: Any, dump: Convert) -> bool:
    own: Any = type(value).__eq__
    if own is object.__eq__:
        return bool(dump(back) == dump(value))  # Without a comparison of its own, nothing but its form can tell.
    return bool(back == value)


def register_type(
    python: type,
    db_type: DatabaseType,
    *,
    dump: Callable[[Any], Any],
    load: Callable[[Any], Any],
    **sizes: Any,
) -> None:
    """Have fields of a class, and of its subclasses, be stored as `StoredAs` says; before the models are defined.

    A class that Pydantic has no schema for gets one: instances pass, in JSON stands what `dump` makes of them.
    ConfigurationError for a class that is registered already, or that cannot be given a schema.
    """
    if not isinstance(python, type):
        raise ConfigurationError(f"register_type takes a class, got {python!r}; mark other annotations with StoredAs")
    codec = StoredAs(db_type, dump=dump, load=load, **sizes)
    try:
        TypeAdapter(python)
    except PydanticUserError:
        _give_schema(python, codec)
    keep_codec(python, codec)


def _give_schema(python: Any, codec: StoredAs) -> None:
    def schema(source: Any, handler: Any) -> Any:
        return codec.schema(source)

    try:
        python.__get_pydantic_core_schema__ = schema
    except TypeError as error:
        raise ConfigurationError(
            f"{label_of(python)} takes no attribute, so Pydantic cannot be told about it: write "
            f"Annotated[{label_of(python)}, StoredAs(…)] in the models"
        ) from error


def by_name(python: Any) -> StoredAs:
    """How an Enum is stored by the names of its members; ConfigurationError for what is none."""
    if not isinstance(python, type) or not issubclass(python, Enum):
        raise ConfigurationError(f"by_name is for an Enum, not for {label_of(python)}")
    longest = max(map(len, python.__members__), default=1)

    def load(name: str) -> Any:
        try:
            return python[name]
        except KeyError:
            raise ValueError(name) from None

    return StoredAs(DatabaseType.VARCHAR, dump=_name_of, load=load, length=longest)


def _name_of(member: Any) -> str:
    name: str | None = member.name
    if name is None:
        raise ValueError("a combination of flags has no name")
    return name
