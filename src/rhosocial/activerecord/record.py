"""ActiveRecord: a class is a table, an instance is a row."""

from __future__ import annotations

import copy
import logging
import weakref
from collections.abc import Callable, Iterable, Sequence
from operator import is_
from typing import Any, ClassVar, Optional, Self, cast

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as PydanticValidationError
from pydantic._internal._model_construction import ModelMetaclass  # Pydantic offers no public name to derive from.
from pydantic.fields import Field, FieldInfo

from .backend.base import StorageBackend
from .backend.errors import ColumnNotFound, ConfigurationError, DatabaseError, RecordNotFound, StaleRecord, TransactionError
from .backend.registry import backend_for
from .backend.transaction import Transaction
from .backend.typing import DatabaseType, IsolationLevel
from .blocking import blocking, renew_faces, run
from .checks import Checks, raise_own
from .events import Handler, ModelEvent, acall, added, removed
from .hydrate import fill
from .plan import Insertion, Plan, Row, plan_for, tuples_of
from .query import Query
from .table import Columns, Table, column_spec, is_generated_key, key_of, linked_columns, nearest, split_name

# A field with this default is set by the database: ``id: int = AUTO`` is what type checkers follow.
AUTO: Any = Field(default=None)


class RecordMeta(ModelMetaclass):
    """Makes a Pydantic class a table: keys that the database sets become optional, overridden calls keep both faces."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        _refuse_shadowing(name, bases, namespace)
        cls: Any = super().__new__(mcs, name, bases, namespace, **kwargs)
        if any(isinstance(base, RecordMeta) for base in bases):
            _prepare(cls)
        return cls

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _SETTINGS:
            _forget(cast("type[ActiveRecord]", cls))

    @property
    def __table__(cls) -> Table:
        """The table of the class; ConfigurationError where the class has no name for one, or no key."""
        model = cast("type[ActiveRecord]", cls)
        table = model.__table_made__
        return table if table is not None and not model.__is_dynamic__ else _make_table(model)

    @property
    def __home__(cls) -> tuple[StorageBackend, Plan]:
        """The backend of the class and its plan there."""
        model = cast("type[ActiveRecord]", cls)
        home = model.__home_made__
        return home if home is not None else _find_home(model)

    @property
    def c(cls) -> Columns:
        """The columns as expressions: ``User.c.age >= 18``."""
        return Columns(cls.__table__)


# Class attributes that decide where a model is stored: setting one makes the class look again.
_SETTINGS = frozenset({"__table_name__", "__primary_key__", "__table_args__", "__backend__", "__backend_class__", "__connection_config__"})


def _forget(model: type[ActiveRecord]) -> None:
    model.__table_made__ = model.__home_made__ = None
    for derived in model.__subclasses__():
        _forget(derived)


def _find_home(model: type[ActiveRecord]) -> tuple[StorageBackend, Plan]:
    backend = model.backend()
    home = backend, plan_for(model.__table__, backend)
    if not model.__is_dynamic__:
        model.__home_made__ = home
    return home


def _make_table(model: type[ActiveRecord]) -> Table:
    name, made = model.table_name(), model.__table_made__
    key = key_of(model)
    if made is not None and made.model is model and (made.schema, made.name) == split_name(model, name) and made.declared_key == key:
        return made
    if not model.__pydantic_fields_complete__:
        model.model_rebuild()
    model.__table_made__ = table = Table(model, name, key)
    return table


def _refuse_shadowing(name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
    taken: frozenset[str] = next((base.__reserved__ for base in bases if isinstance(base, RecordMeta)), frozenset())
    for field in namespace.get("__annotations__", {}):
        if field in taken:
            raise TypeError(
                f"{name}.{field} would hide ActiveRecord.{field}: give the field another name and the column this one, "
                f"{field}_: Annotated[…, Column(name={field!r})]"
            )


def _prepare(cls: Any) -> None:
    renew_faces(cls)
    cls.__table_made__ = cls.__home_made__ = cls.__checks_made__ = None
    cls.__custom_init__ = cls.__init__ is not ActiveRecord.__init__
    cls.__is_dynamic__ = any(_overrides(cls, name) for name in ("table_name", "primary_key", "backend"))
    cls.__hooked__ = "validate_record" in {name for base in cls.__mro__ for name in vars(base)}
    cls.__made_optional__ = frozenset(cls.__made_optional__) | set(_make_optional(cls))


def _overrides(cls: Any, name: str) -> bool:
    return getattr(cls, name).__func__ is not getattr(ActiveRecord, name).__func__


def _make_optional(cls: Any) -> Iterable[str]:
    """Let construction leave out what the database sets; the annotation stays what it is for readers and checkers."""
    key, linked = key_of(cls), linked_columns(cls)
    made = []
    for name, field in cls.__pydantic_fields__.items():
        if name in cls.__made_optional__:
            continue
        spec = column_spec(field)
        by_server = spec.default_sql is not None or isinstance(spec.generated, str)
        if is_generated_key(name, field, key, linked) or (by_server and field.is_required()):
            cls.__pydantic_fields__[name] = _optional(field)
            made.append(name)
    if made and cls.__pydantic_fields_complete__:
        cls.model_rebuild(force=True)
    return made


def _optional(field: FieldInfo) -> FieldInfo:
    changed = copy.copy(field)
    changed.annotation = Optional[field.annotation]  # type: ignore[assignment]  # noqa: UP045  # Built at run time.
    if changed.is_required():
        changed.default = None
    return changed


class ActiveRecord(BaseModel, metaclass=RecordMeta):
    """A row of a table, as a Pydantic model.

    A subclass with ``__table_name__`` and annotated fields is a table.  Every call that touches the database has an
    awaitable twin whose name begins with ``a``.
    """

    model_config = ConfigDict(extra="forbid")

    # `_stored` is the row as it was loaded or last saved (a tuple), or, while the record is new, a copy of the values
    # that construction validated (a dict).  `_others` holds what few records have: handlers,
    # values that validation has accepted, the doubt after a commit of unknown outcome.
    __slots__ = ("__weakref__", "_others", "_stored")

    __table_name__: ClassVar[str | None] = None
    __primary_key__: ClassVar[str | tuple[str, ...]] = "id"
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __backend__: ClassVar[StorageBackend | None] = None
    __backend_class__: ClassVar[type[StorageBackend] | None] = None
    __connection_config__: ClassVar[Any] = None
    __logger__: ClassVar[logging.Logger] = logging.getLogger("activerecord")
    __query_class__: ClassVar[type[Query[Any]]] = Query

    __reserved__: ClassVar[frozenset[str]] = frozenset()
    __made_optional__: ClassVar[frozenset[str]] = frozenset()
    __table_made__: ClassVar[Table | None] = None
    __home_made__: ClassVar[tuple[StorageBackend, Plan] | None] = None
    __checks_made__: ClassVar[Checks | None] = None
    __custom_init__: ClassVar[bool] = False
    __is_dynamic__: ClassVar[bool] = False
    __hooked__: ClassVar[bool] = False
    __setters__: ClassVar[Any] = None

    # 1 - Construction

    def __init__(self, /, **data: Any) -> None:
        """A new record, validated; nothing is written before `save`.

        Raises Pydantic's ValidationError, or the library's own where a validator raised that.
        """
        if self.__custom_init__ and _is_loading(self):
            fill(self, data)
            return
        try:
            self.__pydantic_validator__.validate_python(data, self_instance=self)
        except PydanticValidationError as error:
            raise_own(error)
            raise
        _set_stored(self, self.__dict__.copy())
        _set_aside(self, None)

    @classmethod
    def create_from_database(cls, row: dict[str, Any]) -> Self:
        """A record made of one row, a dict by column name, unvalidated; columns the model does not have are ignored."""
        return cls.create_collection_from_database([row])[0]

    @classmethod
    def create_collection_from_database(cls, rows: Sequence[dict[str, Any]]) -> list[Self]:
        """Records made of rows, dicts by column name."""
        plan = cls.__home__[1]
        loaded: list[Self] = plan.load(tuples_of(rows, [column.name for column in plan.table.columns]))
        return loaded

    def dup(self) -> Self:
        """A new, unsaved record with the same values, without its generated key."""
        values = dict(self.__dict__)
        if (key := type(self).__table__.auto_key) is not None:
            values[key.field] = None
        copied = self.model_copy()
        copied.__dict__.update(values)
        _set_stored(copied, values)
        return copied

    def __copy__(self) -> Self:
        return _with_state(super().__copy__(), self)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _with_state(super().__deepcopy__(memo), self)

    def __getstate__(self) -> dict[Any, Any]:
        return super().__getstate__() | {"_stored": _stored_of(self)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        _set_stored(self, state.pop("_stored", None))
        _set_aside(self, None)
        super().__setstate__(state)

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were given; a loaded record was given all of its row."""
        own = set(self.__pydantic_fields_set__)
        object.__setattr__(self, "__pydantic_fields_set__", own)  # Loaded records share one set until it is asked for.
        return own

    # 2 - The class as a table

    @classmethod
    def table_name(cls) -> str:
        """The table's name; override for tables that are chosen at run time."""
        if cls.__table_name__ is None:
            raise ConfigurationError(f"{cls.__name__} has no table: set __table_name__ = '…' in the class")
        return cls.__table_name__

    @classmethod
    def primary_key(cls) -> str | tuple[str, ...]:
        """The key's field, or the fields of a composite key."""
        return cls.__primary_key__

    @classmethod
    def configure(
        cls,
        config: Any,
        backend_class: type[StorageBackend] | None = None,
        *,
        models: Iterable[type[ActiveRecord]] = (),
    ) -> StorageBackend:
        """Say where this class, its subclasses and `models` are stored, and return the backend.

        `config` is a `ConnectionConfig` (or any object with its attributes) with a backend class, or a URL such as
        ``sqlite:///app.db``.  The same config object, or the same URL, gives the same backend.  Nothing is opened yet.
        """
        backend = backend_for(config, backend_class)
        for model in (cls, *models):
            model.__backend__ = backend
            model.__backend_class__ = type(backend)
            model.__connection_config__ = backend.config
        return backend

    @classmethod
    def backend(cls) -> StorageBackend:
        """The backend of this class; DatabaseError where none is configured."""
        if cls.__backend__ is not None:
            return cls.__backend__
        if cls.__backend_class__ is None or cls.__connection_config__ is None:
            raise DatabaseError(f"{cls.__name__} has no backend: call {cls.__name__}.configure('sqlite:///app.db') first")
        cls.__backend__ = backend_for(cls.__connection_config__, cls.__backend_class__)
        return cls.__backend__

    @classmethod
    async def acreate_table(cls, if_not_exists: bool = True) -> None:
        """Create the table and its indexes as the model describes them."""
        backend, plan = cls.__home__
        for sql in plan.create_statements(if_not_exists):
            await backend.asend(sql, (), False)

    @classmethod
    def create_table(cls, if_not_exists: bool = True) -> None:
        """Create the table and its indexes as the model describes them."""
        run(cls.acreate_table(if_not_exists))

    @classmethod
    async def adrop_table(cls, if_exists: bool = True) -> None:
        """Drop the table with all its rows."""
        backend, plan = cls.__home__
        await backend.asend(plan.drop_statement(if_exists), (), False)

    @classmethod
    def drop_table(cls, if_exists: bool = True) -> None:
        """Drop the table with all its rows."""
        run(cls.adrop_table(if_exists))

    @classmethod
    def transaction(cls, isolation_level: IsolationLevel | None = None, read_only: bool = False) -> Transaction:
        """A block, for ``with`` or ``async with``, that is kept or undone as a whole; inside another it nests."""
        return cls.backend().transaction(isolation_level, read_only)

    @classmethod
    def column_types(cls) -> dict[str, DatabaseType]:
        """The database type of each field."""
        return {column.field: column.type.db_type for column in cls.__table__.columns}

    @classmethod
    def set_logger(cls, logger: logging.Logger) -> None:
        """Log through this logger instead of ``activerecord``."""
        cls.__logger__ = logger

    @classmethod
    def log(cls, level: int, message: str, *args: Any) -> None:
        """Log a message about this model."""
        cls.__logger__.log(level, message, *args)

    # 3 - Finding

    @classmethod
    def query(cls) -> Query[Self]:
        """A question about all rows, to be narrowed: ``User.query().where(User.c.age > 18).all()``."""
        return cls.__query_class__(cls.__table__)

    @classmethod
    async def afind_one(cls, key: Any) -> Self | None:
        """The record with that key, or meeting that dict of conditions or condition; None where there is none."""
        if isinstance(key, dict) or hasattr(key, "write"):
            return await _matching(cls, key).aone()
        backend, plan = cls.__home__
        result = await backend.asend(plan.find_sql, plan.dump_key(key), True)
        found = plan.load_result(result)
        return found[0] if found else None

    @classmethod
    def find_one(cls, key: Any) -> Self | None:
        """The record with that key, or meeting that dict of conditions or condition; None where there is none."""
        return run(cls.afind_one(key))

    @classmethod
    async def afind_one_or_fail(cls, key: Any) -> Self:
        """Like `find_one`, but RecordNotFound where there is none."""
        found = await cls.afind_one(key)
        if found is None:
            asked = "that key" if not isinstance(key, dict) else f"those {', '.join(key)}"
            raise RecordNotFound(f"no {cls.__name__} with {asked}", table=cls.__table__.name)
        return found

    @classmethod
    def find_one_or_fail(cls, key: Any) -> Self:
        """Like `find_one`, but RecordNotFound where there is none."""
        return run(cls.afind_one_or_fail(key))

    @classmethod
    async def afind_all(cls, which: Any = None) -> list[Self]:
        """All records, or those with the keys of a list, or those that meet a dict of conditions."""
        return await _matching(cls, which).aall()

    @classmethod
    def find_all(cls, which: Any = None) -> list[Self]:
        """All records, or those with the keys of a list, or those that meet a dict of conditions."""
        return run(cls.afind_all(which))

    @classmethod
    async def acreate(cls, **values: Any) -> Self:
        """Construct a record and save it."""
        record = cls(**values)
        await record.asave()
        return record

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Construct a record and save it."""
        return run(cls.acreate(**values))

    # 4 - State

    @property
    def is_new_record(self) -> bool:
        """Whether no row stands behind this record yet, or any more."""
        return _stored_of(self).__class__ is not tuple

    @property
    def is_from_db(self) -> bool:
        """Whether a row stands behind this record."""
        return not self.is_new_record

    @property
    def is_dirty(self) -> bool:
        """Whether a field differs from the row, or, while new, from what construction set."""
        return bool(self.dirty_fields)

    @property
    def dirty_fields(self) -> set[str]:
        """The fields that differ from the row, lists and dicts edited in place among them."""
        stored, values = _stored_of(self), self.__dict__
        if stored.__class__ is tuple:
            return set(_plan_of(self).changed(values, stored))
        if stored is None:
            return set(values)
        return {name for name, value in values.items() if name not in stored or not _same(value, stored[name])}

    def get_old_attribute(self, name: str) -> Any:
        """The value of a field as the row has it, or, while new, as construction set it."""
        column, stored = type(self).__table__.column(name), _stored_of(self)
        if stored.__class__ is not tuple:
            return None if stored is None else stored.get(column.field)
        plan = _plan_of(self)
        position = plan.fields.index(column.field)
        load, value = plan.loaders[position], stored[position]
        return value if load is None or value is None else load(value)

    def reset_tracking(self) -> None:
        """Take the values as they are for the ones that are stored."""
        if self.is_new_record:
            _set_stored(self, self.__dict__.copy())
        else:
            plan = _plan_of(self)
            _set_stored(self, plan.dump_of(plan.fields)(self.__dict__))

    # 5 - Writing

    async def asave(self) -> int:
        """Insert the record, or update its changed columns; gives the number of rows written, 0 if nothing changed.

        What changed is validated before any statement.  Raises ValidationError, an `IntegrityError` of the engine,
        DataError for a value that cannot be stored, StaleRecord where the row has gone.
        """
        backend, plan = type(self).__home__
        is_new = _stored_of(self).__class__ is not tuple
        aside = _aside_of(self)
        is_hooked = self.__hooked__ or (aside is not None and "handlers" in aside)
        if aside is not None and "doubtful" in aside:
            raise TransactionError(f"nobody knows whether this {type(self).__name__} was committed: refresh it first")
        changed = await self._aprepare(plan, is_new) if is_hooked else self._check(plan)
        if is_new:
            written = await self._ainsert(plan, backend)
        else:
            written = await self._aupdate(plan, backend, changed)
        if is_hooked:
            await self._afire(ModelEvent.AFTER_SAVE, is_new=is_new, result=written)
        return written

    save = blocking(asave)

    async def adelete(self) -> int:
        """Delete the row; gives the number of rows deleted.  The record is new afterwards, without a generated key."""
        if self.is_new_record:
            raise DatabaseError(f"this {type(self).__name__} cannot be deleted: it is not stored")
        await self._afire(ModelEvent.BEFORE_DELETE)
        (backend, plan), row = type(self).__home__, _get_stored(self)
        result = await backend.asend(plan.delete_sql, plan.key_of_row(row), False)
        self._enrol(backend, plan)
        if (key := plan.table.auto_key) is not None:
            self.__dict__[key.field] = None
        _set_stored(self, self.__dict__.copy())
        await self._afire(ModelEvent.AFTER_DELETE, result=result.affected_rows)
        return result.affected_rows

    delete = blocking(adelete)

    async def arefresh(self) -> None:
        """Read the row again, dropping unsaved changes; RecordNotFound where it has gone."""
        stored = _stored_of(self)
        if stored.__class__ is not tuple:
            raise DatabaseError(f"this {type(self).__name__} cannot be refreshed: it is not stored")
        backend, plan = type(self).__home__
        await self._areload(plan, backend, plan.key_of_row(stored))

    refresh = blocking(arefresh)

    async def aupdate(self, values: dict[str, Any] | None = None, /, **more: Any) -> int:
        """Assign fields from a dict or keywords and save; ColumnNotFound, and nothing assigned, for an unknown name."""
        given = (values or {}) | more
        fields = type(self).__pydantic_fields__
        for name in given:
            if name not in fields:
                raise ColumnNotFound(f"{type(self).__name__} has no field {name!r}{nearest(name, fields)}")
        for name, value in given.items():
            setattr(self, name, value)
        return await self.asave()

    update = blocking(aupdate)

    @classmethod
    async def abulk_create(cls, records: Iterable[Self], batch_size: int | None = None) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records.

        Values that changed since construction are validated first.  `batch_size` limits the rows of one statement;
        the engine's limit on parameters does so anyway.
        """
        (backend, plan), given = cls.__home__, list(records)
        for record in given:
            if not record.is_new_record:
                raise DatabaseError(f"bulk_create takes new records, but one {cls.__name__} is stored already")
            record._check(plan)
        async with backend.transaction():
            if plan.is_simple and plan.takes_many:
                for fields, group in plan.bulk_groups(given, batch_size):
                    await _insert_group(plan, backend, fields, group)
            else:
                for record in given:
                    await record._ainsert(plan, backend)
        return given

    @classmethod
    def bulk_create(cls, records: Iterable[Self], batch_size: int | None = None) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records."""
        return run(cls.abulk_create(records, batch_size))

    async def avalidate_fields(self) -> None:
        """Validate what changed, with the validate events around it; ValidationError where something does not pass."""
        await self._afire(ModelEvent.BEFORE_VALIDATE)
        self._check(_plan_of(self))
        if self.__hooked__:
            await acall(cast(Any, type(self)).validate_record, self)
        await self._afire(ModelEvent.AFTER_VALIDATE)

    validate_fields = blocking(avalidate_fields)

    # 6 - Events

    def on(self, event: ModelEvent, handler: Handler) -> None:
        """Call ``handler(record, **details)``, plain or async, at this event of this record."""
        self._put_aside("handlers", added(self._aside("handlers"), event, handler))

    def off(self, event: ModelEvent, handler: Handler) -> None:
        """Stop calling a handler that `on` added."""
        self._put_aside("handlers", removed(self._aside("handlers"), event, handler))

    async def _afire(self, event: ModelEvent, **details: Any) -> None:
        for handler in (self._aside("handlers") or {}).get(event, ()):
            await acall(handler, self, **details)

    # 7 - How it is done

    async def _aprepare(self, plan: Plan, is_new: bool) -> list[str]:
        await self.avalidate_fields()
        await self._afire(ModelEvent.BEFORE_SAVE, is_new=is_new)
        return self._check(plan)

    def _check(self, plan: Plan) -> list[str]:
        """Validate what changed and put the validated values on the record; gives the fields that changed."""
        values, stored = self.__dict__, _stored_of(self)
        if stored.__class__ is tuple:
            changed = plan.changed(values, stored)
        elif stored is None:
            changed = list(values)
        elif len(values) == len(stored) and all(map(is_, values.values(), stored.values())):
            return []
        else:
            changed = [name for name in plan.fields if name not in stored or values[name] is not stored[name]]
        if changed and (checked := self._checks().check(self, changed, self._aside("accepted") or {})) is not None:
            values.update(checked)
            # Should the statement fail, these need not pass again; what can be edited in place has to.
            self._put_aside("accepted", {name: values[name] for name in changed if name not in plan.mutable})
        return changed

    def _checks(self) -> Checks:
        cls = type(self)
        if cls.__checks_made__ is None:
            cls.__checks_made__ = Checks(cls)
        return cls.__checks_made__

    async def _ainsert(self, plan: Plan, backend: StorageBackend) -> int:
        values = self.__dict__
        insertion = plan.insertion(values, self.__pydantic_fields_set__)
        sent = insertion.dump(values)
        result = await backend.asend(insertion.sql, sent, bool(insertion.returning))
        returned = plan.returned(insertion, result)
        self._enrol(backend, plan)
        self._take_inserted(plan, insertion, sent, returned)
        if insertion.is_incomplete:
            await self._areload(plan, backend, plan.key_of_row(_get_stored(self)))
        return max(result.affected_rows, 1)

    def _take_inserted(self, plan: Plan, insertion: Insertion, sent: Row, returned: Row) -> None:
        values = self.__dict__
        for (field, load), value in zip(insertion.taken, returned, strict=True):
            values[field] = value if load is None or value is None else load(value)
        _set_stored(self, insertion.row(sent, returned))
        self._put_aside("accepted", None)

    async def _aupdate(self, plan: Plan, backend: StorageBackend, changed: list[str]) -> int:
        row = _get_stored(self)
        fields = tuple(plan.writable(changed))
        if not fields:
            return 0
        sql, dump = plan.update(fields)
        sent = dump(self.__dict__)
        result = await backend.asend(sql, sent + plan.key_of_row(row), False)
        if result.affected_rows == 0:
            raise StaleRecord(f"this {type(self).__name__} was not saved: its row is no longer there", table=plan.table.name)
        self._enrol(backend, plan)
        _set_stored(self, plan.row_with(row, fields, sent))
        self._put_aside("accepted", None)
        if plan.has_computed:
            await self._areload(plan, backend, plan.key_of_row(_get_stored(self)))
        return result.affected_rows

    async def _areload(self, plan: Plan, backend: StorageBackend, key: Row) -> None:
        result = await backend.asend(plan.find_sql, key, True)
        found = plan.load_result(result)
        if not found:
            raise RecordNotFound(f"this {type(self).__name__} has no row any more", table=plan.table.name)
        self.__dict__.update(found[0].__dict__)
        _set_stored(self, _get_stored(found[0]))
        self._put_aside("accepted", None)
        self._put_aside("doubtful", None)

    def _enrol(self, backend: StorageBackend, plan: Plan) -> None:
        """Have key, newness and row put back if the open transaction is rolled back."""
        transaction = backend.current_transaction
        if transaction is not None:
            put_back = _PutBack(self, plan.auto_key_field)
            transaction.undo(put_back, put_back.doubt)

    def _aside(self, name: str) -> Any:
        aside = _aside_of(self)
        return None if aside is None else aside.get(name)

    def _put_aside(self, name: str, value: Any) -> None:
        aside = _aside_of(self)
        if value is not None:
            _set_aside(self, (aside or {}) | {name: value})
        elif aside is not None and name in aside:
            _set_aside(self, {n: v for n, v in aside.items() if n != name} or None)


_set_stored = ActiveRecord.__dict__["_stored"].__set__
_set_aside = ActiveRecord.__dict__["_others"].__set__
_get_stored: Callable[[Any], Any] = ActiveRecord.__dict__["_stored"].__get__
_get_aside: Callable[[Any], Any] = ActiveRecord.__dict__["_others"].__get__


def _stored_of(record: ActiveRecord) -> Any:
    # model_construct leaves the slots unset: such a record is new, and nothing of it has been validated.
    try:
        return _get_stored(record)
    except AttributeError:
        return None


def _aside_of(record: ActiveRecord) -> dict[str, Any] | None:
    try:
        aside: dict[str, Any] | None = _get_aside(record)
        return aside
    except AttributeError:
        return None


def _is_loading(record: ActiveRecord) -> bool:
    return _stored_of(record).__class__ is tuple


def _with_state(copied: Any, original: ActiveRecord) -> Any:
    _set_stored(copied, _stored_of(original))
    _set_aside(copied, None)
    return copied


def _same(value: Any, old: Any) -> bool:
    return value is old or (type(value) is type(old) and (value == old or (value != value and old != old)))


def _plan_of(record: ActiveRecord) -> Plan:
    return type(record).__home__[1]


def _matching(cls: type[Any], which: Any) -> Any:
    query = cls.query()
    if which is None:
        return query
    if isinstance(which, dict):
        return query.query(which)
    if hasattr(which, "write"):
        return query.where(which)
    return query.with_keys(list(which))


async def _insert_group(plan: Plan, backend: StorageBackend, fields: tuple[str, ...], records: list[Any]) -> None:
    sql, sent = plan.bulk_insertion(fields, records)
    result = await backend.asend(sql, sent, plan.simple_key is not None and plan.simple_key not in fields)
    for record, row in zip(records, plan.bulk_rows(fields, sent, len(records), result), strict=True):
        record._enrol(backend, plan)
        if plan.simple_key is not None:
            record.__dict__[plan.simple_key] = row[plan.key_positions[0]]
        _set_stored(record, row)


class _PutBack:
    """Puts one record back as it was, when the transaction that changed it is rolled back; holds it weakly."""

    __slots__ = ("_field", "_key", "_record", "_stored")

    def __init__(self, record: ActiveRecord, key_field: str | None) -> None:
        self._record = weakref.ref(record)
        self._field = key_field
        self._key = None if key_field is None else record.__dict__[key_field]
        self._stored = _stored_of(record)

    def __call__(self) -> None:
        record = self._record()
        if record is not None:
            if self._field is not None:
                record.__dict__[self._field] = self._key
            _set_stored(record, self._stored)

    def doubt(self) -> None:
        """Called instead where nobody knows whether the commit arrived: the record may not be saved until refreshed."""
        record = self._record()
        if record is not None:
            record._put_aside("doubtful", True)


ActiveRecord.__reserved__ = frozenset(name for name in vars(ActiveRecord) if not name.startswith("_")) | {"c"}
ActiveRecord.__setters__ = (_set_stored, _set_aside)  # The Plan's loader fills the slots.
