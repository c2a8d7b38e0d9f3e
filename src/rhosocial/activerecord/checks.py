"""A model's own Pydantic validation, run on some of a record's fields: what `save` checks before it writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError as PydanticValidationError
from pydantic_core import PydanticSerializationError, SchemaValidator, core_schema, to_json

from .backend.errors import ValidationError

_WRAPPERS = ("function-before", "function-wrap", "function-after")


class Checks:
    """The validators of one model class, taken out of its core schema; made once, when first needed.

    Field validators run with the other fields at hand (`info.data`); of the model's own validators the `after` ones
    run, on a copy of the record: `before` and `wrap` see constructor arguments, which there are none of.
    """

    __slots__ = ("_after", "_alone", "_exact", "_fields", "_model")

    def __init__(self, model: Any) -> None:
        schema: Any = model.__pydantic_core_schema__
        definitions: list[Any] = []
        if schema["type"] == "definitions":
            schema, definitions = schema["schema"], schema["definitions"]
        if schema["type"] == "definition-ref":
            schema = next(d for d in definitions if d.get("ref") == schema["schema_ref"])
        after: list[Any] = []
        config: Any = {}
        # A class may validate around the model and inside it: both layers can hold `after` functions.
        while schema["type"] in _WRAPPERS or schema["type"] == "model":
            if schema["type"] == "function-after":
                after.append(schema["function"])
            config = schema.get("config", config)
            schema = schema["schema"]
        self._model = model
        # A model edited in place is an instance already, which Pydantic would take unseen.
        schema, definitions = _revalidating(schema), _revalidating(definitions)
        self._fields = _validator(_with_definitions(_thawed(schema), definitions), config)
        fields = {name: field["schema"] for name, field in schema["fields"].items()}
        # A field of a plain type needs no validator where the value is of exactly that type.
        self._exact = {name: _plain_type(field, config) for name, field in fields.items()}
        # One whose validators do not ask for the other fields has a small validator of its own.
        self._alone = {
            name: _validator(_with_definitions(field, definitions), config)
            for name, field in fields.items()
            if "with-info" not in repr(field)
        }
        self._after = SchemaValidator(_after_chain(after)) if after else None

    @property
    def proving(self) -> dict[str, type | None]:
        """By field the type whose values pass by that alone; a value of any other has to be checked."""
        return self._exact if self._after is None else {}

    def check(self, record: Any, fields: Iterable[str]) -> dict[str, Any] | None:
        """All of the record's values with `fields` as validation leaves them; None where nothing needed validation.

        The record itself is left alone.  ValidationError with all failures where some values do not pass.
        """
        todo = [name for name in fields if type(record.__dict__[name]) is not self._exact[name]]
        if not todo and self._after is None:
            return None
        values = record.__dict__.copy()
        # As at construction a validator sees, beside its own field, those that have passed.
        self._check_each(values, {name: values.pop(name) for name in todo})
        return self._after_checked(record, values) if self._after is not None else values

    def check_values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Values of some fields of many records, as each field's validation leaves them, in the order given.

        A field's validators see the other values that are given, and no others; the model's own, which need a whole
        record, do not run.
        """
        values = {name: value for name, value in given.items() if type(value) is self._exact[name]}
        self._check_each(values, {name: value for name, value in given.items() if name not in values})
        return {name: values[name] for name in given}

    def _check_each(self, values: dict[str, Any], given: dict[str, Any]) -> None:
        """Put the given values, validated, to the others; ValidationError with all failures."""
        errors: list[Any] = []
        failed: PydanticValidationError | None = None
        for name, value in given.items():
            try:
                checked = self._validated(values, name, value)
                values[name] = value if _says_the_same(value, checked) else checked
            except PydanticValidationError as error:
                raise_own(error)
                errors += _located(error, name)
                failed = error
        if failed is not None:
            raise self._failure(errors) from failed

    def refuse_missing(self, values: dict[str, Any], cause: Exception) -> None:
        """A ValidationError that names the fields that a record does not have at all, if there are any."""
        missing = [name for name in self._exact if name not in values]
        if missing:
            message = "Field required"
            details = [{"type": "missing", "loc": (name,), "msg": message, "input": {}} for name in missing]
            raise self._failure(details) from cause

    def _validated(self, values: dict[str, Any], name: str, value: Any) -> Any:
        alone = self._alone.get(name)
        if alone is not None:
            return alone.validate_python(value)
        checked: dict[str, Any] = self._fields.validate_assignment(values, name, value)[0]  # type: ignore[index]
        return checked[name]

    def _after_checked(self, record: Any, values: dict[str, Any]) -> dict[str, Any]:
        copied = record.model_copy()
        copied.__dict__.update(values)
        assert self._after is not None
        try:
            self._after.validate_python(copied)
        except PydanticValidationError as error:
            raise_own(error)
            raise self._failure(error.errors()) from error
        checked: dict[str, Any] = copied.__dict__
        return checked

    def _failure(self, errors: list[Any]) -> ValidationError:
        lines = "; ".join(f"{'.'.join(map(str, e['loc'])) or self._model.__name__}: {e['msg']}" for e in errors)
        return ValidationError(f"{self._model.__name__} is not valid: {lines}", errors=errors)


def raise_own(error: PydanticValidationError) -> None:
    """Raise the library's ValidationError that a validator raised and Pydantic wrapped, if it is one."""
    for detail in error.errors(include_url=False, include_input=False):
        own = detail.get("ctx", {}).get("error")
        if isinstance(own, ValidationError):
            raise own


def _located(error: PydanticValidationError, name: str) -> list[Any]:
    """The error's details, each with the field's name at the front of its place."""
    return [d if d["loc"][:1] == (name,) else {**d, "loc": (name, *d["loc"])} for d in error.errors()]


_PLAIN_TYPES = {
    "int": int,
    "str": str,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "datetime": datetime,
    "date": date,
    "uuid": UUID,
}
_UNCONSTRAINED = frozenset({"type", "metadata", "ref", "microseconds_precision", "serialization"})


def _plain_type(schema: Any, config: Any) -> type | None:
    """The Python type whose values all pass this schema under the model's settings, where there is one."""
    while schema["type"] in ("default", "nullable") and not schema.get("validate_default"):
        schema = schema["schema"]
    kind = schema["type"]
    if kind == "str" and any(name.startswith("str_") for name in config):
        return None
    if kind == "float" and config.get("allow_inf_nan") is False:
        return None
    return _PLAIN_TYPES.get(kind) if set(schema) <= _UNCONSTRAINED else None


def _thawed(schema: Any) -> Any:
    """The fields without their `frozen` marks: they forbid assignment, which this is not."""
    fields = {name: {k: v for k, v in field.items() if k != "frozen"} for name, field in schema["fields"].items()}
    return {**schema, "fields": fields}


def _validator(schema: Any, config: Any) -> SchemaValidator:
    make: Any = SchemaValidator
    try:
        # The validator that a model inside it has got ready by itself takes instances unseen.
        made: SchemaValidator = make(schema, config, _use_prebuilt=False)
    except TypeError:  # An older Pydantic: there the dumper refuses what does not fit.
        made = make(schema, config)
    return made


def _revalidating(schema: Any) -> Any:
    """The schema with all of its models validating their own instances too."""
    if isinstance(schema, dict):
        made = {key: value if key in _OPAQUE else _revalidating(value) for key, value in schema.items()}
        return made | {"revalidate_instances": "always"} if made.get("type") in _OF_INSTANCES else made
    return [_revalidating(item) for item in schema] if isinstance(schema, list) else schema


# What holds no schemas that validate, and the schemas whose instances pass unless they are told otherwise.
_OPAQUE = frozenset({"metadata", "serialization", "config", "function", "default", "expected"})
_OF_INSTANCES = ("model", "dataclass")


def _says_the_same(value: Any, checked: Any) -> bool:
    """Whether validation has only copied a value that can be edited in place: who holds it goes on editing it."""
    if value is checked or type(value).__hash__ is not None or type(value) is not type(checked):
        return False
    try:
        return bool(value == checked) and to_json(value) == to_json(checked)  # Alone, == has 1 and True for one.
    except (PydanticSerializationError, ValueError):
        return False


def _with_definitions(schema: Any, definitions: list[Any]) -> Any:
    return core_schema.definitions_schema(schema, definitions) if definitions else schema


def _after_chain(functions: list[Any]) -> Any:
    chain: Any = core_schema.any_schema()
    for function in reversed(functions):  # The innermost was met last and runs first.
        chain = {"type": "function-after", "function": function, "schema": chain}
    return chain
