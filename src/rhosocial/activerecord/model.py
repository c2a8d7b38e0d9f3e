"""A Pydantic class becomes a model: what its making prepares, and where its table and backend are found."""

from __future__ import annotations

import copy
from typing import Any, Optional, dataclass_transform

from pydantic import PydanticUndefinedAnnotation

# Pydantic offers no public name to derive a metaclass from.
from pydantic._internal._model_construction import ModelMetaclass, build_lenient_weakvaluedict
from pydantic._internal._typing_extra import parent_frame_namespace
from pydantic.fields import Field, FieldInfo
from pydantic_core import PydanticUndefined

from .backend.base import StorageBackend
from .backend.errors import ConfigurationError
from .backend.schema import Column
from .blocking import renew_faces
from .checks import Checks
from .events import inherit_handlers
from .hooks import hooks_of
from .inheritance import kind_scope, read_as_family, root_of, take_kind
from .plan import Plan, plan_for
from .relation import Relation
from .scope import default_scopes, made_scopes
from .state import LinkedState, join_peers
from .table import Columns, Table, accepts_none, column_spec, is_generated_key, key_of, linked_columns, without_none

# Class attributes that decide where a model is stored: setting one makes the class look again.
_OF_TABLE = frozenset({"__table_name__", "__primary_key__", "__table_args__", "__default_scopes__"})
_OF_BACKEND = frozenset({"__backend__", "__backend_class__", "__connection_config__"})
# What a subclass may annotate although the base has it.
_FREE = frozenset({"model_config"})


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
class RecordMeta(ModelMetaclass):
    """Makes a Pydantic class a table: keys that the database sets become optional, overridden calls keep both faces."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        root = _root_of(bases)
        relations = _take_relations(namespace)
        if relations and not any(issubclass(base, LinkedState) for base in bases):
            bases = (LinkedState, *bases)  # Only models with relations have the slot for what is loaded.
        if "__pydantic_reset_parent_namespace__" not in kwargs:
            # Pydantic resolves local names in the frame that called it, and that is this one.
            namespace["__pydantic_parent_namespace__"] = build_lenient_weakvaluedict(parent_frame_namespace())
            kwargs["__pydantic_reset_parent_namespace__"] = False
        if root is not None:
            _refuse_shadowing(name, root, [*namespace.get("__annotations__", {}), *relations])
        cls: Any = super().__new__(mcs, name, bases, namespace, **kwargs)
        if root is not None:
            _refuse_shadowing(name, root, cls.__pydantic_fields__)
            _bind_relations(cls, relations)
            _prepare(cls, root)
        return cls

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _forget(cls, name)

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        _forget(cls, name)

    @property
    def __table__(cls) -> Table:
        """The table of the class; ConfigurationError where the class has no name for one, or no key."""
        model: Any = cls
        table: Table | None = model.__table_made__
        return table if table is not None and not model.__is_dynamic__ else _make_table(model)

    @property
    def __home__(cls) -> tuple[StorageBackend, Plan]:
        """The backend of the class and its plan there."""
        model: Any = cls
        home: tuple[StorageBackend, Plan] | None = model.__home_made__
        return home if home is not None else _find_home(model)

    @property
    def __checks__(cls) -> Checks:
        """The validators of the class, as `save` uses them."""
        model: Any = cls
        checks: Checks | None = model.__checks_made__
        if checks is None:
            checks = model.__checks_made__ = Checks(model)
        return checks

    @property
    def c(cls) -> Columns:
        """The columns as expressions: ``User.c.age >= 18``."""
        return Columns(cls.__table__)


def _root_of(bases: tuple[type, ...]) -> Any:
    """ActiveRecord, which stands above this module; None while ActiveRecord itself is made."""
    return next((root for base in bases for root in reversed(base.__mro__) if isinstance(root, RecordMeta)), None)


# 1 - Where the model is stored


def _forget(model: Any, name: str) -> None:
    if name in _OF_TABLE:
        _drop(model, table=True)
    elif name in _OF_BACKEND:
        _drop(model, table=False)


def _drop(model: Any, table: bool) -> None:
    if table:
        model.__table_made__ = None
        model.__tables_made__ = {}
        for relation in model.__relations__.values():
            relation.forget_route()
    model.__home_made__ = None
    for derived in model.__subclasses__():
        _drop(derived, table)


def forget_table(model: Any) -> None:
    """Have the table of a model and its subclasses made anew."""
    _drop(model, table=True)


def _find_home(model: Any) -> tuple[StorageBackend, Plan]:
    backend = model.backend()
    home = backend, plan_for(model.__table__, backend)
    if not model.__is_dynamic__:
        model.__home_made__ = home
        if model.backend() is not backend:  # Another thread has configured the model meanwhile.
            model.__home_made__ = None
    return home


def _make_table(model: Any) -> Table:
    name, key = model.table_name(), key_of(model)
    # A model whose table is chosen at run time goes back and forth between a few.
    tables: dict[Any, Table] = model.__tables_made__
    if (name, key) not in tables:
        _complete(model)
        scopes = made_scopes(default_scopes(model), kind_scope(model))
        table = Table(model, name, key, model.__relations__, scopes)
        read_as_family(table)
        tables.setdefault((name, key), table)
    model.__table_made__ = tables[name, key]
    return tables[name, key]


def _complete(model: Any) -> None:
    if not model.__pydantic_fields_complete__:
        try:
            model.model_rebuild(_parent_namespace_depth=0)
        except PydanticUndefinedAnnotation as error:
            raise ConfigurationError(
                f"{model.__name__} is annotated with {error.name!r}, which is not defined: define or import it, "
                f"or call {model.__name__}.model_rebuild() where it is known"
            ) from error


# 2 - Relations


def _take_relations(namespace: dict[str, Any]) -> dict[str, Relation[Any]]:
    """Take the relations out of a class body with their annotations, before Pydantic takes them for fields."""
    taken = {name: value for name, value in namespace.items() if isinstance(value, Relation)}
    annotations = namespace.get("__annotations__", {})
    for name, relation in taken.items():
        del namespace[name]
        relation.annotation = annotations.pop(name, None)
    return taken


def _bind_relations(cls: Any, own: dict[str, Relation[Any]]) -> None:
    inherited = {
        name: r for base in reversed(cls.__mro__[1:]) for name, r in vars(base).get("__relations__", {}).items()
    }
    cls.__relations__ = {}
    for name, relation in (inherited | own).items():
        if name in cls.__pydantic_fields__:
            raise TypeError(f"{cls.__name__}.{name} would hide the relation {relation.label}: give one another name")
        if name in own or getattr(cls, name, None) is relation:
            bind_relation(cls, name, relation)


def bind_relation(cls: Any, name: str, relation: Relation[Any]) -> None:
    """Make a relation an attribute of a model."""
    bound = relation.bound_to(cls, name)
    setattr(cls, name, bound)
    cls.__relations__[name] = bound
    cls.__setters__ = (*cls.__setters__[:2], join_peers)
    if not hasattr(cls, f"{name}_query"):
        setattr(cls, f"{name}_query", _query_method(name))


def _query_method(name: str) -> Any:
    def query(self: Any) -> Any:
        return type(self).__relations__[name].query(self)

    query.__name__, query.__doc__ = f"{name}_query", f"The query for `{name}` of this record, to be narrowed."
    return query


# 3 - What the making of a class prepares


def _refuse_shadowing(name: str, root: Any, fields: Any) -> None:
    for field in fields:
        if field in root.__reserved__ and field not in _FREE:
            raise TypeError(
                f"{name}.{field} would hide ActiveRecord.{field}: give the field another name and the column this one, "
                f"{field}_: Annotated[…, Column(name={field!r})]"
            )


def _prepare(cls: Any, root: Any) -> None:
    renew_faces(cls)
    _refuse_lone_faces(cls, root)
    cls.__table_made__ = cls.__home_made__ = cls.__checks_made__ = None
    cls.__tables_made__ = {}
    cls.__custom_init__ = cls.__init__ not in (root.__init__, LinkedState.__init__)
    cls.__is_dynamic__ = any(_overrides(cls, root, name) for name in ("table_name", "primary_key", "backend"))
    cls.__finds_plainly__ = not _overrides(cls, root, "afind_one")
    if take_kind(cls) and (base := root_of(cls)) is not cls:
        _drop(base, table=True)  # Those above it read its columns too from now on.
    cls.__hooks__ = hooks_of(cls)
    cls.__own_handlers__ = {}
    inherit_handlers(cls)
    _make_optional(cls)


def _overrides(cls: Any, root: Any, name: str) -> bool:
    return getattr(cls, name).__func__ is not getattr(root, name).__func__


def _refuse_lone_faces(cls: Any, root: Any) -> None:
    """Refuse an overridden class method whose awaitable twin would not see the override, as `renew_faces` does."""
    calls = {name: value for base in reversed(root.__mro__) for name, value in vars(base).items()}
    for name, value in calls.items():
        if isinstance(value, classmethod) and f"a{name}" in calls and _overrides(cls, root, name):
            raise TypeError(f"{cls.__name__}.{name} overrides a blocking face: override a{name}; {name} follows")


def _make_optional(cls: Any) -> None:
    """Let construction leave out what the database sets; the annotation stays what it is for readers and checkers."""
    key, linked = key_of(cls), linked_columns(cls)
    inherited = _made_optional_above(cls)
    made: dict[str, tuple[bool, bool]] = {}
    for name, field in cls.__pydantic_fields__.items():
        given = _restored(field, *inherited[name]) if name in inherited else field
        if isinstance(given.default, Column):
            raise TypeError(f"{cls.__name__}.{name} has a Column as its default: write {name}: Annotated[…, Column(…)]")
        spec = column_spec(given)
        by_server = spec.default_sql is not None or isinstance(spec.generated, str)
        if (
            is_generated_key(name, given, key, linked)
            or (by_server and given.is_required())
            or (spec.at_insert is not None and _has_no_value(given))
        ):
            made[name] = accepts_none(given.annotation), given.is_required()
            given = _optional(given)
        if given is not field:
            cls.__pydantic_fields__[name] = given
    cls.__made_optional__ = made
    if (made or inherited) and cls.__pydantic_fields_complete__:
        # A class whose parts are not all defined yet is completed by Pydantic when it is first used.
        cls.model_rebuild(force=True, raise_errors=False, _parent_namespace_depth=0)


def _made_optional_above(cls: Any) -> dict[str, tuple[bool, bool]]:
    """What the bases made optional of the fields that the class has from them, each from one base or another."""
    found: dict[str, tuple[bool, bool]] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get("__annotations__", {})
        found = {name: as_was for name, as_was in found.items() if name not in own}
        found |= vars(base).get("__made_optional__", {}) if base is not cls else {}
    return found


def _has_no_value(field: FieldInfo) -> bool:
    return field.default_factory is None and (field.default is None or field.default is PydanticUndefined)


def _optional(field: FieldInfo) -> FieldInfo:
    changed = copy.copy(field)
    changed.annotation = Optional[field.annotation]  # type: ignore[assignment]  # noqa: UP045  # Built at run time.
    if changed.is_required():
        changed.default = None
    return changed


def _restored(field: FieldInfo, took_none: bool, was_required: bool) -> FieldInfo:
    """An inherited field as it was before it was made optional; the key of the parent need not be the child's."""
    changed = copy.copy(field)
    if not took_none:
        changed.annotation = without_none(field.annotation)
    if was_required:
        changed.default = PydanticUndefined
    return changed
