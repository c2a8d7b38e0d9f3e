"""ActiveRecord: a class is a table, an instance is a row."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import ConfigDict
from pydantic import ValidationError as PydanticValidationError
from pydantic.fields import Field

from .aggregate import Aggregate
from .backend.base import StorageBackend
from .backend.errors import (
    ColumnNotFound,
    ConfigurationError,
    DatabaseError,
    QueryError,
    RecordNotFound,
    StaleRecord,
)
from .backend.registry import backend_for
from .backend.transaction import Transaction
from .backend.typing import DatabaseType, IsolationLevel, QueryResult
from .blocking import blocking, is_blocking, run
from .bulk import check_batch, insert_all
from .change import given_values
from .checks import Checks, raise_own
from .events import Handler, ModelEvent, acall, added, removed
from .hydrate import fill
from .model import RecordMeta, bind_relation, forget_table
from .peers import is_awaiting
from .plan import Plan, Row, Write, same_value, tuples_of
from .query import Query
from .relation import Relation
from .relation.cascade import adelete_dependents
from .relation.counting import slot
from .relation.graph import asave_related, take_pending_keys
from .relation.loading import acount_for, read_count
from .relation.preload import aload_path, check_path
from .source import Alias
from .state import (
    RecordState,
    aside_of,
    get_stored,
    links_of,
    put_back,
    set_aside,
    set_stored,
    settle,
    stored_of,
)
from .table import Table, nearest
from .verify import refuse_other

# A field with this default is set by the database: ``id: int = AUTO`` is what type checkers follow.
AUTO: Any = Field(default=None)


class ActiveRecord(RecordState, metaclass=RecordMeta):
    """A row of a table, as a Pydantic model.

    A subclass with ``__table_name__`` and annotated fields is a table.  Every call that touches the database has an
    awaitable twin whose name begins with ``a``.
    """

    model_config = ConfigDict(extra="forbid")

    __table_name__: ClassVar[str | None] = None
    __primary_key__: ClassVar[str | tuple[str, ...]] = "id"
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __backend__: ClassVar[StorageBackend | None] = None
    __backend_class__: ClassVar[type[StorageBackend] | None] = None
    __connection_config__: ClassVar[Any] = None
    __logger__: ClassVar[logging.Logger] = logging.getLogger("activerecord")
    __query_class__: ClassVar[type[Query[Any]]] = Query

    __reserved__: ClassVar[frozenset[str]] = frozenset()
    # Of the fields that construction may leave out: whether, as written, they accepted None, and were required.
    __made_optional__: ClassVar[dict[str, tuple[bool, bool]]] = {}
    __table_made__: ClassVar[Table | None] = None
    __tables_made__: ClassVar[dict[tuple[str, tuple[str, ...]], Table]] = {}
    __home_made__: ClassVar[tuple[StorageBackend, Plan] | None] = None
    __checks_made__: ClassVar[Checks | None] = None
    __custom_init__: ClassVar[bool] = False
    __is_dynamic__: ClassVar[bool] = False
    __hooked__: ClassVar[bool] = False
    __finds_plainly__: ClassVar[bool] = True
    __setters__: ClassVar[Any] = None
    # What reading an unloaded relation does: "batch", "one" or "raise"; None is "batch".
    __load__: ClassVar[str | None] = None
    # What the type columns of relations to several models call this one; None is the class's name.
    __type_name__: ClassVar[str | None] = None
    __relations__: ClassVar[dict[str, Relation[Any]]] = {}

    # 1 - Construction

    if not TYPE_CHECKING:  # Checkers know from the fields, as for all of Pydantic's classes, what may be given.

        def __init__(self, /, **data: Any) -> None:
            """A new record, validated; nothing is written before `save`.

            Raises Pydantic's ValidationError, or the library's own where a validator raised that.
            """
            if self.__custom_init__ and _is_loading(self):
                fill(self, data)
                return
            set_aside(self, None)  # Before `model_post_init`, which may add handlers.
            try:
                self.__pydantic_validator__.validate_python(data, self_instance=self)
            except PydanticValidationError as error:
                raise_own(error)
                raise
            set_stored(self, vars(self).copy())

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
        copied = self.model_copy()
        copied._become_new(self._baseline())
        return copied

    def _baseline(self) -> dict[str, Any] | None:
        """The values that a new record like this one starts from: what has not been saved is not validated either."""
        values, stored = vars(self), stored_of(self)
        if stored.__class__ is not tuple:
            return None if stored is None else dict(stored)
        plan = _plan_of(self)
        try:
            changed: Iterable[str] = plan.changed(values, stored)
        except KeyError:  # A field was deleted from the record.
            changed = plan.fields
        return values | {name: self.get_old_attribute(name) for name in changed}

    def _become_new(self, baseline: dict[str, Any] | None) -> None:
        """Leave the row behind, and the key that the database generated."""
        if (key := type(self).__table__.auto_key) is not None:
            vars(self)[key.field] = None
            if baseline is not None:
                baseline[key.field] = None
        set_stored(self, baseline)
        self._put_aside("doubtful", None)

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
        given = (cls, *models)
        _check_setup(given, backend_class)
        backend = backend_for(config, backend_class)
        for model in given:
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
            name = cls.__name__
            raise DatabaseError(f"{name} has no backend: call {name}.configure('sqlite:///app.db') first")
        cls.__backend__ = backend_for(cls.__connection_config__, cls.__backend_class__)
        return cls.__backend__

    @classmethod
    async def acreate_table(cls, if_not_exists: bool = True) -> None:
        """Create the table and its indexes as the model describes them."""
        backend, plan = cls.__home__
        texts = plan.create_statements(if_not_exists)
        if len(texts) == 1 or not plan.dialect.supports_transactional_ddl:
            for sql in texts:
                await backend.asend(sql, (), False)
            return
        async with backend.transaction():  # A table without one of its indexes must not stay.
            for sql in texts:
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
    def aggregate(cls) -> Aggregate:
        """Numbers about all rows: ``User.aggregate().avg("age", "active = ?", (True,))``, ``.count_by("team")``."""
        return Aggregate(cls.query())

    @classmethod
    def alias(cls, name: str) -> Alias[Query[Self]]:
        """The table under another name in a query, to join it with itself: ``boss = Person.alias("boss")``."""
        return Alias(cls.__table__, name)

    @classmethod
    async def afind_one(cls, key: Any) -> Self | None:
        """The record with that key, or meeting that dict of conditions or condition; None where there is none."""
        if is_blocking() and (found := cls._find_at_once(key)) is not None:
            return found[0] if found else None
        if isinstance(key, dict) or hasattr(key, "write"):
            one: Self | None = await _matching(cls, key).aone()
            return one
        backend, plan = cls.__home__
        found = plan.load_result(await backend.asend(plan.find_sql, plan.dump_key(key), True))
        return found[0] if found else None

    @classmethod
    def find_one(cls, key: Any) -> Self | None:
        """The record with that key, or meeting that dict of conditions or condition; None where there is none."""
        found = cls._find_at_once(key)
        if found is None:
            return run(cls.afind_one(key))
        return found[0] if found else None

    @classmethod
    def _find_at_once(cls, key: Any) -> list[Self] | None:
        """The records with a key of exactly the column's type, for a blocking caller who has to wait for nobody."""
        if (home := cls.__home_made__) is None:
            return None
        backend, plan = home
        if type(key) is not plan.plain_key or (result := backend.try_send(plan.find_sql, plan.dump_key(key))) is None:
            return None
        found: list[Self] = plan.load_result(result)
        if cls.__relations__:
            settle(found, is_awaiting=False)  # This call did not come through `run`, which would have told the face.
        return found

    @classmethod
    async def afind_one_or_fail(cls, key: Any) -> Self:
        """Like `find_one`, but RecordNotFound where there is none."""
        found = await cls.afind_one(key)
        if found is None:
            asked = f"with those {', '.join(key)}" if isinstance(key, dict) else "with that key"
            asked = "meets that condition" if hasattr(key, "write") else asked
            raise RecordNotFound(f"no {cls.__name__} {asked}", table=cls.__table__.name)
        return found

    @classmethod
    def find_one_or_fail(cls, key: Any) -> Self:
        """Like `find_one`, but RecordNotFound where there is none."""
        return run(cls.afind_one_or_fail(key))

    @classmethod
    async def afind_all(cls, which: Any = None) -> list[Self]:
        """All records, or those with the keys of a list, or those that meet a dict of conditions."""
        found: list[Self] = await _matching(cls, which).aall()
        return found

    @classmethod
    def find_all(cls, which: Any = None) -> list[Self]:
        """All records, or those with the keys of a list, or those that meet a dict of conditions."""
        return run(cls.afind_all(which))

    @classmethod
    async def acreate(cls, /, **values: Any) -> Self:
        """Construct a record and save it."""
        record = cls(**values)
        await record.asave()
        return record

    @classmethod
    def create(cls, /, **values: Any) -> Self:
        """Construct a record and save it."""
        return run(cls.acreate(**values))

    # 4 - State

    @property
    def is_dirty(self) -> bool:
        """Whether a field differs from the row, or, while new, from what construction set."""
        return bool(self.dirty_fields)

    @property
    def dirty_fields(self) -> set[str]:
        """The fields that differ from the row, lists and dicts edited in place among them."""
        stored, values = stored_of(self), vars(self)
        if stored.__class__ is tuple:
            return set(_plan_of(self).changed(values, stored))
        fields = type(self).__pydantic_fields__
        if stored is None:
            return set(fields)
        # Private names and cached properties may stand in `__dict__` too.
        return {name for name in fields if name not in stored or not same_value(values.get(name), stored[name])}

    def get_old_attribute(self, name: str) -> Any:
        """The value of a field as the row has it, or, while new, as construction set it."""
        column, stored = type(self).__table__.column(name), stored_of(self)
        if stored.__class__ is not tuple:
            return None if stored is None else stored.get(column.field)
        plan = _plan_of(self)
        position = plan.fields.index(column.field)
        load, value = plan.loaders[position], stored[position]
        return value if load is None or value is None else load(value)

    def reset_tracking(self) -> None:
        """Take the values as they are for the ones that are stored."""
        if self.is_new_record:
            set_stored(self, vars(self).copy())
        else:
            plan = _plan_of(self)
            set_stored(self, plan.dump_of(plan.fields)(vars(self)))

    # 5 - Writing

    async def asave(self, *, related: bool = False) -> int:
        """Insert the record, or update its changed columns; gives the number of rows written, 0 if nothing changed.

        With ``related=True`` the records at hand of its relations are saved too, in the order that their keys ask for.
        What changed is validated before any statement.  Raises ValidationError, an `IntegrityError` of the engine,
        DataError for a value that cannot be stored, StaleRecord where the row has gone.
        """
        if related:
            return await asave_related(self)
        if is_blocking() and (written := self._save_at_once()) is not None:
            return written
        backend, plan = self.__home_made__ or type(self).__home__
        if self.__hooked__ or aside_of(self) is not None:
            self._refuse_doubtful()
            if (pending := self._aside("pending")) is not None:
                take_pending_keys(self, pending)
            if self.__hooked__ or self._aside("handlers") is not None:
                return await self._asave_hooked(backend, plan)
        return await self._awrite(backend, plan)

    def _save_at_once(self, *, related: bool = False) -> int | None:
        """`asave` for a blocking caller inside an open block, where nothing is to be validated, told or waited for.

        None in any other case.  The steps are those of `_awrite`; each call less counts here, so they are written out.
        """
        home = self.__home_made__
        if home is None or related:
            return None
        backend, plan = home
        try:
            values, stored, aside = vars(self), self._stored, self._others
            write = plan.write_at_once(values, stored, self.__pydantic_fields_set__)
        except (AttributeError, LookupError):  # Made by `model_construct`, or a field was deleted.
            return None
        if write is None or aside is not None or (state := backend.open_block()) is None:
            return None
        try:
            sent = write.dump(values, stored)
            result = backend.send_inside(state, write.text or write.text_for(backend, sent), sent)
            written = self._take(state.transaction, plan, write, stored, sent, result, None)
        except BaseException:
            self._remember_accepted(plan)  # Also for KeyboardInterrupt: what has passed need not pass again.
            raise
        if self.__relations__ and stored.__class__ is not tuple:
            settle([self], is_awaiting=False)
        return written

    save = blocking(asave, _save_at_once)

    async def adelete(self) -> int:
        """Delete the row; gives the number of rows deleted.  The record is new afterwards, without a generated key."""
        if self.is_new_record:
            raise DatabaseError(f"this {type(self).__name__} cannot be deleted: it is not stored")
        await self._afire(ModelEvent.BEFORE_DELETE)
        if any(relation.dependent is not None for relation in self.__relations__.values()):
            async with self.backend().transaction():
                await adelete_dependents([self])
                deleted = await self._adelete_row()
        else:
            deleted = await self._adelete_row()
        await self._afire(ModelEvent.AFTER_DELETE, result=deleted)
        return deleted

    delete = blocking(adelete)

    async def _adelete_row(self) -> int:
        (backend, plan), row = type(self).__home__, get_stored(self)
        baseline = self._baseline()
        result = await backend.asend(plan.delete_sql, plan.key_of_row(row), False)
        if (transaction := backend.current_transaction) is not None:
            transaction.undo(put_back(self, plan, vars(self), row, aside_of(self)))
        self._become_new(baseline)
        return result.affected_rows

    async def arefresh(self) -> None:
        """Read the row again, dropping unsaved changes and loaded relations; RecordNotFound where it has gone."""
        stored = stored_of(self)
        if stored.__class__ is not tuple:
            raise DatabaseError(f"this {type(self).__name__} cannot be refreshed: it is not stored")
        backend, plan = type(self).__home__
        try:
            await self._areload(plan, backend, plan.key_of_row(stored))
        except RecordNotFound:
            if self._aside("doubtful") is not None:  # Now it is known: there is no such row.
                self._become_new(self._baseline())
            raise
        self.clear_relation_cache()

    refresh = blocking(arefresh)

    async def aupdate(self, values: dict[str, Any] | None = None, /, **more: Any) -> int:
        """Assign fields from a dict or keywords and save; ColumnNotFound, and nothing assigned, for an unknown name."""
        given = given_values(values, more)
        fields = type(self).__pydantic_fields__
        for name in given:
            if name not in fields:
                raise ColumnNotFound(f"{type(self).__name__} has no field {name!r}{nearest(name, fields)}")
        before = vars(self).copy()
        try:
            for name, value in given.items():
                setattr(self, name, value)
        except BaseException:
            vars(self).update(before)  # The model refused one of them: then none is assigned.
            raise
        return await self.asave()

    update = blocking(aupdate)

    @classmethod
    async def abulk_create(cls, records: Iterable[Self], batch_size: int | None = None) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records.

        Values that changed since construction are validated first; handlers are not called.  `batch_size` limits the
        rows of one statement; the engine's limit on parameters does so anyway.
        """
        (backend, plan), given = cls.__home__, list(records)
        baselines = check_batch(cls, given, batch_size)
        for record, baseline in zip(given, baselines, strict=True):
            if baseline is None or not plan.is_untouched(vars(record), baseline):
                record._check(plan, baseline)
            if cls.__hooked__:
                await acall(cast(Any, cls).validate_record, record)
        async with backend.together():
            if plan.takes_many:
                await insert_all(plan, backend, given, batch_size)
            else:
                for record in given:
                    await record._awrite(backend, plan)
        return given

    @classmethod
    def bulk_create(cls, records: Iterable[Self], batch_size: int | None = None) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records."""
        return run(cls.abulk_create(records, batch_size))

    async def avalidate_fields(self) -> None:
        """Validate what changed, with the validate events around it; ValidationError where something does not pass."""
        await self._afire(ModelEvent.BEFORE_VALIDATE)
        plan = _plan_of(self)
        self._check(plan, stored_of(self))
        self._remember_accepted(plan)
        if self.__hooked__:
            await acall(cast(Any, type(self)).validate_record, self)
        await self._afire(ModelEvent.AFTER_VALIDATE)

    validate_fields = blocking(avalidate_fields)

    # 6 - Relations

    @classmethod
    def register_relation(cls, name: str, relation: Relation[Any]) -> None:
        """Add a relation to the class after its making; its subclasses get it too."""
        for model in (cls, *_derived_from(cls)):
            bind_relation(model, name, relation)
        forget_table(cls)

    @classmethod
    def get_relation(cls, name: str) -> Relation[Any] | None:
        """The relation of that name, or None."""
        return cls.__relations__.get(name)

    @classmethod
    def get_relations(cls) -> dict[str, Relation[Any]]:
        """The relations of the class by name."""
        return dict(cls.__relations__)

    async def aload(self, *paths: str) -> Any:
        """Load relations, ``"posts"`` or ``"posts.comments"``, for this record and those that came with it.

        Gives what the (first) relation then holds, for several paths a tuple of that.  What is loaded stays as it is.
        """
        for path in paths:
            names = path.split(".")
            check_path((type(self),), names, path)
            await aload_path(self, names)
        values = tuple(getattr(self, path.partition(".")[0]) for path in paths)
        return values[0] if len(values) == 1 else values

    load = blocking(aload)

    async def acount_of(self, name: str) -> int:
        """How many records a relation gives: what `with_count` found, or is at hand, else counted for the peers too."""
        check_path((type(self),), [name], name)
        return await acount_for(type(self).__relations__[name], self)

    def count_of(self, name: str) -> int:
        """How many records a relation gives: what `with_count` found, or is at hand, else counted for the peers too.

        RelationNotLoaded where a record of an awaiting call would have to wait for it.
        """
        check_path((type(self),), [name], name)
        return read_count(type(self).__relations__[name], self)

    def clear_relation_cache(self, name: str | None = None) -> None:
        """Forget what a relation, or every relation, of this record has loaded: the next read loads it again."""
        links = links_of(self)
        if name is not None and name not in self.__relations__:
            check_path((type(self),), [name], name)
        if links is not None:
            for known in list(links) if name is None else [name, slot(name)]:
                links.pop(known, None)

    # 7 - Events

    def on(self, event: ModelEvent, handler: Handler) -> None:
        """Call ``handler(record, **details)``, plain or async, at this event of this record."""
        self._put_aside("handlers", added(self._aside("handlers"), ModelEvent(event), handler))

    def off(self, event: ModelEvent, handler: Handler) -> None:
        """Stop calling a handler that `on` added."""
        self._put_aside("handlers", removed(self._aside("handlers"), ModelEvent(event), handler))

    async def _afire(self, event: ModelEvent, **details: Any) -> None:
        for handler in (self._aside("handlers") or {}).get(event, ()):
            await acall(handler, self, **details)

    # 8 - How it is done

    async def _asave_hooked(self, backend: StorageBackend, plan: Plan) -> int:
        is_new = stored_of(self).__class__ is not tuple
        await self.avalidate_fields()
        await self._afire(ModelEvent.BEFORE_SAVE, is_new=is_new)
        written = await self._awrite(backend, plan)
        await self._afire(ModelEvent.AFTER_SAVE, is_new=is_new, result=written)
        return written

    def _to_write(self, plan: Plan, stored: Any) -> Write | None:
        """The statement that stores what changed, which is validated here; None where nothing did."""
        values = vars(self)
        if stored.__class__ is not tuple:
            if stored is None or not plan.is_untouched(values, stored):
                self._check(plan, stored)
            return plan.insertion(values, self.__pydantic_fields_set__)
        try:
            bits = plan.differences(values, stored)
        except KeyError as error:
            self._refuse_missing(error)
            raise
        if bits > plan.all_bits:
            self._check(plan, stored)
            bits = plan.differences(values, stored) & plan.all_bits
        return plan.update(bits)

    def _check(self, plan: Plan, stored: Any) -> None:
        """Validate what changed and put the validated values on the record."""
        todo = self._unproven(plan, self._changed(plan, stored), stored)
        if todo:
            vars(self).update(type(self).__checks__.check(self, todo) or {})

    def _changed(self, plan: Plan, stored: Any) -> list[str]:
        values = vars(self)
        try:
            if stored.__class__ is tuple:
                return plan.changed(values, stored)
            baseline = stored or {}
            return [name for name in plan.fields if values[name] is not baseline.get(name, baseline)]
        except KeyError as error:
            self._refuse_missing(error)
            raise

    def _refuse_missing(self, error: KeyError) -> None:
        type(self).__checks__.refuse_missing(vars(self), error)

    def _unproven(self, plan: Plan, changed: list[str], stored: Any) -> list[str]:
        """Those of the changed fields that have to pass validation."""
        if stored is not None and self.model_config.get("validate_assignment"):
            changed = [name for name in changed if name in plan.mutable]  # The others passed when they were assigned.
        if (accepted := self._aside("accepted")) is not None:
            differing = plan.differing(vars(self), accepted)
            return [name for name in changed if name in differing]
        return changed

    def _remember_accepted(self, plan: Plan) -> None:
        self._put_aside("accepted", plan.snapshot(vars(self), plan.fields))

    async def _awrite(self, backend: StorageBackend, plan: Plan, write: Write | None = None) -> int:
        """Insert a new record, or update what changed, and take note of what is stored then; gives the row count."""
        stored = stored_of(self)
        if write is None:
            write = self._to_write(plan, stored)
            if write is None:
                return 0
            if plan.verifies:
                async with backend.together():
                    return await self._awrite(backend, plan, write)
        sent: Row = ()
        try:
            sent = write.dump(vars(self), stored)
            result = await backend.asend(write.sql, sent, bool(write.returning))
            written = self._take(backend.current_transaction, plan, write, stored, sent, result, aside_of(self))
            if write.is_incomplete:
                await self._areload(plan, backend, plan.key_of_row(get_stored(self)), write)
            if self.__relations__ and stored.__class__ is not tuple:
                settle([self], is_awaiting())
            return written
        except BaseException as error:
            if isinstance(finished := getattr(error, "finished", None), QueryResult):
                # The task was cancelled, but the statement went through: saved again, the record must not be twice.
                self._take(backend.current_transaction, plan, write, stored, sent, finished, aside_of(self))
            self._remember_accepted(plan)  # Also for a cancelled task: what has passed need not pass again.
            raise

    def _take(
        self,
        transaction: Transaction | None,
        plan: Plan,
        write: Write,
        stored: Any,
        sent: Row,
        result: QueryResult,
        aside: dict[str, Any] | None,
    ) -> int:
        """Take note of what a statement has written; gives the number of rows."""
        written = result.affected_rows
        if stored.__class__ is not tuple:
            given, written = plan.given(write, result), 1
        elif written:
            given = stored
        else:
            name = type(self).__name__
            raise StaleRecord(f"this {name} was not saved: its row is no longer there", table=plan.table.name)
        values = vars(self)
        if transaction is not None:
            transaction.undo(put_back(self, plan, values, stored, aside))
        set_stored(self, write.take(values, sent, given))
        if aside is not None:
            self._put_aside("accepted", None)
        return written

    async def _areload(self, plan: Plan, backend: StorageBackend, key: Row, write: Write | None = None) -> None:
        result = await backend.asend(plan.find_sql, key, True)
        found = plan.load_result(result)
        if plan.verifies and write is not None:
            refuse_other(self, plan, write, found)
        if not found:
            raise RecordNotFound(f"this {type(self).__name__} has no row any more", table=plan.table.name)
        vars(self).update(vars(found[0]))
        set_stored(self, get_stored(found[0]))
        self._put_aside("accepted", None)
        self._put_aside("doubtful", None)


def _is_loading(record: ActiveRecord) -> bool:
    return stored_of(record).__class__ is tuple


def _plan_of(record: ActiveRecord) -> Plan:
    return type(record).__home__[1]


def _check_setup(models: Iterable[Any], backend_class: Any) -> None:
    if backend_class is not None and not (
        isinstance(backend_class, type) and issubclass(backend_class, StorageBackend)
    ):
        raise ConfigurationError(f"backend_class must be a StorageBackend class, got {type(backend_class).__name__}")
    wrong = next((model for model in models if not isinstance(model, RecordMeta)), None)
    if wrong is not None:
        raise ConfigurationError(f"models must be ActiveRecord classes, got {type(wrong).__name__}")


def _derived_from(cls: type[Any]) -> list[type[Any]]:
    return [model for derived in cls.__subclasses__() for model in (derived, *_derived_from(derived))]


def _matching(cls: type[Any], which: Any) -> Any:
    query = cls.query()
    if which is None:
        return query
    if isinstance(which, dict):
        return query.query(which)
    if hasattr(which, "write"):
        return query.where(which)
    if isinstance(which, (str, bytes)) or not isinstance(which, Iterable):
        raise QueryError(f"find_all takes a list of keys, a dict or a condition, got {type(which).__name__}")
    return query.with_keys(which)


_names = {name for cls in (ActiveRecord, RecordState) for name in vars(cls) if not name.startswith("_")}
ActiveRecord.__reserved__ = frozenset(_names - {"model_config"} | {"c"})
ActiveRecord.__setters__ = (set_stored, set_aside)  # The Plan's loader fills the slots.
