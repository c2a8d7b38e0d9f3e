"""Pydantic classes for a program's borders, derived from a model: for what is sent, changed and shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Annotated, Any, Optional

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    StringConstraints,
    WrapValidator,
    create_model,
    field_serializer,
)
from pydantic.fields import FieldInfo

from .backend.errors import ConfigurationError
from .table import TableColumn, nearest, without_none

Names = str | Collection[str]

# What is said of a field beside its type and its default.
_SAID = (
    *("title", "description", "examples", "deprecated", "json_schema_extra", "discriminator", "repr"),
    *("alias", "alias_priority", "validation_alias", "serialization_alias"),
)
_VALIDATORS = {"before": BeforeValidator, "after": AfterValidator, "wrap": WrapValidator, "plain": PlainValidator}
_ASKS = (*_VALIDATORS.values(), BaseMetadata, GroupedMetadata, Strict, StringConstraints)
# Settings that mean the model alone, and those that would refuse or change what is stored.
_OWN = (
    "title",
    "extra",
    "frozen",
    "from_attributes",
    "validate_assignment",
    "revalidate_instances",
    "validate_default",
)
_ASKING = ("strict", "allow_inf_nan", "str_")


class Patch(BaseModel):
    """What a change says: fields that were not given stay out of its dumps, unless asked for."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The fields that were given: ``user.update(patch.model_dump())``."""
        return super().model_dump(**{"exclude_unset": True, **options})

    def model_dump_json(self, **options: Any) -> str:
        """The fields that were given, as JSON."""
        return super().model_dump_json(**{"exclude_unset": True, **options})


def derived_schema(kind: str, model: Any, include: Names, exclude: Names, name: str | None) -> type[BaseModel]:
    """The schema of that kind ("create", "patch" or "read") for a model, made once for the same arguments."""
    wanted = frozenset([include] if isinstance(include, str) else include)
    wanted = frozenset(path for path in wanted if not any(other.startswith(f"{path}.") for other in wanted))
    unwanted = frozenset([exclude] if isinstance(exclude, str) else exclude)
    if "__schemas_made__" not in vars(model):
        type.__setattr__(model, "__schemas_made__", {})
    made: dict[Any, type[BaseModel]] = vars(model)["__schemas_made__"]
    key = kind, wanted, unwanted, name
    if key not in made:
        make = Reading(model, wanted, unwanted) if kind == "read" else Sending(model, wanted, unwanted, kind)
        made.setdefault(key, make.schema(name or _name_of(model, kind, wanted, unwanted)))
    return made[key]


class Sending:
    """The making of a schema for what is sent in: a new record, or a change of one."""

    def __init__(self, model: Any, include: frozenset[str], exclude: frozenset[str], kind: str) -> None:
        self._model = model
        self._table = model.__table__
        self._is_patch = kind == "patch"
        _refuse_unknown(model, include | exclude, self._table.by_field)
        self._columns = [c for c in self._table.columns if c.field in include or self._is_open(c)]
        self._columns = [c for c in self._columns if c.field not in exclude]
        computed = next((c.field for c in self._columns if c.generated_sql is not None), None)
        if computed is not None:
            raise ConfigurationError(f"{model.__name__}.{computed} is computed by the database and cannot be sent")

    def schema(self, name: str) -> type[BaseModel]:
        """The class."""
        fields = {column.field: self._field(column.field) for column in self._columns}
        extra = self._model.model_config.get("extra") or "forbid"
        config = {**_config(self._model), "extra": extra}
        return _made(self._model, name, Patch if self._is_patch else BaseModel, config, fields, {})

    def _is_open(self, column: TableColumn) -> bool:
        """Whether it is for the sender to say: not set by the database or the library, and not fixed once it is."""
        field = self._model.__pydantic_fields__[column.field]
        if column.server_set or column.is_stamped or column.spec.read_only:
            return False
        is_key = column in self._table.key
        if self._is_patch:
            return not (is_key or field.frozen)
        return not (is_key and not field.is_required())  # A key with a default is made by the library.

    def _field(self, name: str) -> tuple[Any, FieldInfo]:
        field = self._model.__pydantic_fields__[name]
        marks = [*field.metadata, *self._validators(name)]
        said = _said(field)
        if self._is_patch:
            # A factory, since JSON Schema would show a default, which this is none.
            said["default_factory"] = _unset
        elif field.default_factory is not None:
            said["default_factory"] = field.default_factory
        elif not field.is_required():
            said["default"] = field.default
        if not self._is_patch and field.validate_default is not None:
            said["validate_default"] = field.validate_default
        return _annotated(field.annotation, marks), Field(**said)

    def _validators(self, name: str) -> Iterator[Any]:
        """The model's validators of a field.

        What an `after` validator makes of a value is dropped: the record's own construction makes it, and a password
        must not be hashed twice.  In a patch those that look at other fields stay away: they run when the record is
        saved, with its other values at hand.
        """
        checks = []
        for decorator in self._model.__pydantic_decorators__.field_validators.values():
            function, mode, fields = decorator.func, decorator.info.mode, decorator.info.fields
            if name not in fields and "*" not in fields:
                continue
            takes_info = _arguments_of(function) > (2 if mode == "wrap" else 1)
            if takes_info and self._is_patch:
                continue
            if mode == "after":
                checks.append(function if takes_info else _without_info(function))
            else:
                yield _VALIDATORS[mode](function)
        if checks:
            yield AfterValidator(partial(_passing, checks))


class Reading:
    """The making of a schema for what is shown: fields as they are stored, relations where they are asked for."""

    def __init__(self, model: Any, include: frozenset[str], exclude: frozenset[str]) -> None:
        self._model = model
        self._table = model.__table__
        self._relations = model.get_relations()
        self._nested = _by_head(include)
        # What is hidden of a model is hidden too where a relation leads back to it.
        hidden = [name for name in exclude if "." not in name]
        self._left_out = _by_head(
            exclude | {f"{path}.{name}" for path in _ways_back(model, include) for name in hidden}
        )
        _refuse_unknown(model, self._nested, self._relations, what="relation")
        _refuse_unknown(model, self._left_out, {**self._table.by_field, **self._relations})
        for name, rest in self._left_out.items():
            if rest and name not in self._nested:
                raise ConfigurationError(f"exclude names {name}.{sorted(rest)[0]}, but include does not name {name!r}")

    def schema(self, name: str) -> type[BaseModel]:
        """The class."""
        fields: dict[str, Any] = {}
        for column in self._table.columns:
            field = self._model.__pydantic_fields__[column.field]
            if column.field not in self._left_out and not field.exclude:
                fields[column.field] = self._field(column.field, field)
        for relation in self._relations:
            if relation in self._nested:
                fields[relation] = (self._nested_type(relation), ...)
        config = {**_config(self._model, for_reading=True), "from_attributes": True, "extra": "ignore"}
        by_name = {"validate_by_name": True, "validate_by_alias": True}
        return _made(self._model, name, BaseModel, config | by_name, fields, _serializers(self._model, fields))

    def _field(self, name: str, field: FieldInfo) -> tuple[Any, FieldInfo]:
        annotation = field.annotation
        took_none, _ = self._model.__made_optional__.get(name, (True, False))
        if not took_none:  # A row has what the database sets, so None is no value of it.
            annotation = without_none(annotation)
        # What is stored is shown, also where a rule of today would not let it in.
        return _annotated(annotation, [m for m in field.metadata if not isinstance(m, _ASKS)]), Field(**_said(field))

    def _nested_type(self, name: str) -> Any:
        relation = self._relations[name]
        if len(relation.targets()) > 1:
            raise ConfigurationError(f"{relation.label} leads to several models, which no one schema can show")
        left_out = self._left_out.get(name, frozenset())
        inner: Any = derived_schema("read", relation.target, self._nested[name], left_out, None)
        return list[inner] if relation.is_many else Optional[inner]  # noqa: UP045  # Built at run time.


def _made(
    model: Any, name: str, base: type[BaseModel], config: dict[str, Any], fields: Any, more: dict[str, Any]
) -> type[BaseModel]:
    doc = vars(model).get("__doc__")
    make: Any = create_model  # Its overloads know no mixed fields.
    made: type[BaseModel] = make(
        name,
        __base__=base,
        __cls_kwargs__=config,
        __module__=model.__module__,
        __doc__=doc,
        __validators__=more,
        **fields,
    )
    return made


def _config(model: Any, for_reading: bool = False) -> dict[str, Any]:
    left_out = (*_OWN, *(_ASKING if for_reading else ()))
    settings: ConfigDict = model.model_config
    return {name: value for name, value in settings.items() if not name.startswith(left_out)}


def _annotated(annotation: Any, marks: Iterable[Any]) -> Any:
    for mark in marks:
        annotation = Annotated[annotation, mark]
    return annotation


def _said(field: FieldInfo) -> dict[str, Any]:
    """What was said of a field that a new one can be told."""
    return {name: value for name in _SAID if (value := getattr(field, name)) is not None}


def _serializers(model: Any, fields: Collection[str]) -> dict[str, Any]:
    """The model's own serializers of the fields."""
    found = {}
    for name, decorator in model.__pydantic_decorators__.field_serializers.items():
        info = decorator.info
        named = [field for field in info.fields if field in fields or field == "*"]
        if named:
            options = {"mode": info.mode, "return_type": info.return_type, "when_used": info.when_used}
            serializer: Any = field_serializer
            found[name] = serializer(*named, check_fields=False, **options)(decorator.func)
    return found


def _unset() -> None:
    return None


def _arguments_of(function: Callable[..., Any]) -> int:
    """How many arguments a validator must be given."""
    given = inspect.signature(function).parameters.values()
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in given)


def _without_info(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, info: function(value)


def _passing(checks: list[Callable[[Any, Any], Any]], value: Any, info: Any) -> Any:
    """The value as it came, where it passes the checks one after the other."""
    checked = value
    for check in checks:
        checked = check(checked, info)
    return value


def _by_head(paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """The paths by their first name: what follows it."""
    found: dict[str, set[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        found.setdefault(head, set()).update([rest] if rest else [])
    return {head: frozenset(rest) for head, rest in found.items()}


def _ways_back(model: Any, paths: Iterable[str]) -> Iterator[str]:
    """The paths, or their beginnings, that lead from a model to itself."""
    for path in paths:
        found, names = model, path.split(".")
        for length, name in enumerate(names, start=1):
            relation = found.get_relation(name)
            if relation is None or len(relation.targets()) > 1:
                break  # Refused by name later.
            found = relation.target
            if found is model:
                yield ".".join(names[:length])


def _refuse_unknown(model: Any, names: Iterable[str], known: Collection[str], what: str = "field") -> None:
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{model.__name__} has no {what} {name!r}{nearest(name, known)}")


def _name_of(model: Any, kind: str, include: frozenset[str], exclude: frozenset[str]) -> str:
    """``UserRead``, ``UserReadWithPosts``, ``UserReadWithoutPassword``: a name of its own for each choice."""
    parts = [model.__name__, kind.capitalize()]
    for word, names in (("With", include), ("Without", exclude)):
        if names:
            parts += [word, *("".join(map(str.capitalize, n.replace(".", "_").split("_"))) for n in sorted(names))]
    return "".join(parts)
