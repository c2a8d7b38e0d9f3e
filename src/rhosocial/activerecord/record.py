"""ActiveRecord: a class is a table, an instance is a row."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as PydanticValidationError
from pydantic.fields import Field

from .aggregate import Aggregate
from .backend.base import StorageBackend
from .backend.errors import (
    ConfigurationError,
    DatabaseError,
    QueryError,
    RecordNotFound,
)
from .backend.registry import backend_for
from .backend.transaction import Transaction
from .backend.typing import DatabaseType, IsolationLevel
from .blocking import blocking, is_blocking, run
from .bulk import acreate_all, check_batch
from .checks import Checks, raise_own
from .events import derived_from
from .given import acheck_record
from .hydrate import fill
from .inheritance import whole_table
from .model import RecordMeta, bind_relation, forget_table
from .plan import plan_for, tuples_of
from .query import Query
from .relation import Relation
from .relation.counting import slot
from .relation.loading import acount_for, read_count
from .relation.preload import aload_path, check_path
from .saved import SavedRecord
from .schema import Names, derived_schema
from .scope import Condition
from .source import Alias
from .state import (
    RecordState,
    links_of,
    set_aside,
    set_stored,
    settle,
    stored_of,
)
from .table import Table
from .writing import Writing

# A field with this default is set by the database: ``id: int = AUTO`` is what type checkers follow.
AUTO: Any = Field(default=None)


class ActiveRecord(SavedRecord, Writing, metaclass=RecordMeta):
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
    # Conditions that every query carries, by name: ``{"published": lambda c: c.published == True}``.
    __default_scopes__: ClassVar[Mapping[str, Condition | None]] = {}

    # The field that says of which class a record is, where subclasses share the table; what it holds for this class,
    # None for the class's name; and whether a row of a kind that no class has is an error, or of the class asked.
    __discriminator__: ClassVar[str | None] = None
    __discriminator_value__: ClassVar[Any] = None
    __unknown_kinds__: ClassVar[Literal["raise", "base"]] = "raise"
    __kind__: ClassVar[Any] = None

    __reserved__: ClassVar[frozenset[str]] = frozenset()
    # Of the fields that construction may leave out: whether, as written, they accepted None, and were required.
    __made_optional__: ClassVar[dict[str, tuple[bool, bool]]] = {}
    __table_made__: ClassVar[Table | None] = None
    __tables_made__: ClassVar[dict[tuple[str, tuple[str, ...]], Table]] = {}
    __checks_made__: ClassVar[Checks | None] = None
    __custom_init__: ClassVar[bool] = False
    __is_dynamic__: ClassVar[bool] = False
    __finds_plainly__: ClassVar[bool] = True
    __setters__: ClassVar[Any] = None
    # What reading an unloaded relation does: "batch", "one", "warn" or "raise"; None is "batch".
    __load__: ClassVar[str | None] = None
    # What the type columns of relations to several models call this one; None is the class's name.
    __type_name__: ClassVar[str | None] = None

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
        plan = cls.query()._home()[1]
        loaded: list[Self] = plan.load(tuples_of(rows, [column.name for column in plan.table.columns]))
        return loaded

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
        backend = cls.__home__[0]
        plan = plan_for(whole_table(cls), backend)
        await _adefine(backend, plan.create_statements(if_not_exists))

    @classmethod
    def create_table(cls, if_not_exists: bool = True) -> None:
        """Create the table and its indexes as the model describes them."""
        run(cls.acreate_table(if_not_exists))

    @classmethod
    async def adrop_table(cls, if_exists: bool = True) -> None:
        """Drop the table with all its rows."""
        backend, plan = cls.__home__
        await _adefine(backend, plan.drop_statements(if_exists))

    @classmethod
    def drop_table(cls, if_exists: bool = True) -> None:
        """Drop the table with all its rows."""
        run(cls.adrop_table(if_exists))

    @classmethod
    async def async_key_sequence(cls) -> None:
        """Have the next generated key follow the largest stored one: keys given by hand do not move a sequence.

        Nothing is sent where the database counts from the stored keys by itself.
        """
        backend, plan = cls.__home__
        if (text := plan.sync_sequence_sql()) is not None:
            await backend.asend(text, (), True)

    @classmethod
    def sync_key_sequence(cls) -> None:
        """Have the next generated key follow the largest stored one: keys given by hand do not move a sequence.

        Nothing is sent where the database counts from the stored keys by itself.
        """
        run(cls.async_key_sequence())

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

    @classmethod
    def create_schema(cls, *, include: Names = (), exclude: Names = (), name: str | None = None) -> type[BaseModel]:
        """A Pydantic class for what a client sends to make a record: ``User(**body.model_dump())``.

        It lacks what the database or the library sets, which `include` brings in, and what `exclude` names.
        """
        return derived_schema("create", cls, include, exclude, name)

    @classmethod
    def patch_schema(cls, *, include: Names = (), exclude: Names = (), name: str | None = None) -> type[BaseModel]:
        """A Pydantic class for what a client sends to change a record: ``user.update(patch.model_dump())``.

        All its fields may be left out, and what is left out stays out of its dumps.  It lacks what `create_schema`
        does, the key, and frozen fields.
        """
        return derived_schema("patch", cls, include, exclude, name)

    @classmethod
    def read_schema(cls, *, include: Names = (), exclude: Names = (), name: str | None = None) -> type[BaseModel]:
        """A Pydantic class for what a client is shown: ``User.query().into(User.read_schema()).all()``.

        It has all fields but those that `exclude` names, and the relations that `include` names, ``"posts"`` or
        ``"posts.comments"``.
        """
        return derived_schema("read", cls, include, exclude, name)

    # 3 - Finding

    @classmethod
    def query(cls) -> Query[Self]:
        """A question about all rows, to be narrowed: ``User.query().where(User.c.age > 18).all()``."""
        return cls.__query_class__(cls.__table__.reading)

    @classmethod
    def aggregate(cls) -> Aggregate:
        """Numbers about all rows: ``User.aggregate().avg("age", "active = ?", (True,))``, ``.count_by("team")``."""
        return Aggregate(cls.query())

    @classmethod
    def alias(cls, name: str) -> Alias[Query[Self]]:
        """The table under another name in a query, to join it with itself: ``boss = Person.alias("boss")``."""
        return Alias(cls.__table__.reading, name)

    @classmethod
    async def afind_one(cls, key: Any) -> Self | None:
        """The record with that key, or meeting that dict of conditions or condition; None where there is none."""
        if is_blocking() and (found := cls._find_at_once(key)) is not None:
            return found[0] if found else None
        if isinstance(key, dict) or hasattr(key, "write"):
            one: Self | None = await _matching(cls, key).aone()
            return one
        backend, plan = cls.__home__
        if not plan.find_sql:
            return await cls.query().with_keys([key]).aone()
        found = plan.load_result(await backend.asend(plan.find_sql, plan.find_values(key), True))
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
        if (
            type(key) is not plan.plain_key
            or (result := backend.try_send(plan.find_sql, plan.find_values(key), True)) is None
        ):
            return None
        found: list[Self] = plan.load_result(result)
        if plan.is_linked:
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

    # 4 - Many records

    @classmethod
    async def abulk_create(
        cls, records: Iterable[Self | Mapping[str, Any]], batch_size: int | None = None
    ) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records.

        Of dicts records are made.  Values that changed since construction are validated first, and an error names the
        row; handlers are not called.  `batch_size` limits the rows of one statement; the engine's limit on parameters
        does so anyway.
        """
        backend, plan = cls.__home__
        given, baselines = check_batch(cls, records, batch_size)
        has_hooks = bool(cls.__hooks__)
        for place, (record, baseline) in enumerate(zip(given, baselines, strict=True)):
            if has_hooks or baseline is None or not plan.is_untouched(vars(record), baseline):
                await acheck_record(record, plan, place)
        await acreate_all(plan, backend, given, batch_size)
        return given

    @classmethod
    def bulk_create(cls, records: Iterable[Self | Mapping[str, Any]], batch_size: int | None = None) -> list[Self]:
        """Insert new records with few statements, all or none, and set their generated keys; gives the records."""
        return run(cls.abulk_create(records, batch_size))

    # 5 - Relations

    @classmethod
    def register_relation(cls, name: str, relation: Relation[Any]) -> None:
        """Add a relation to the class after its making; its subclasses get it too."""
        for model in (cls, *derived_from(cls)):
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


def _is_loading(record: ActiveRecord) -> bool:
    return stored_of(record).__class__ is tuple


async def _adefine(backend: StorageBackend, texts: Sequence[str]) -> None:
    """Send what makes or drops a table, together: a table without one of its indexes must not stay."""
    if len(texts) == 1 or not backend.dialect.supports_transactional_ddl:
        for sql in texts:
            await backend.asend(sql, (), False)
        return
    async with backend.together():
        for sql in texts:
            await backend.asend(sql, (), False)


def _check_setup(models: Iterable[Any], backend_class: Any) -> None:
    if backend_class is not None and not (
        isinstance(backend_class, type) and issubclass(backend_class, StorageBackend)
    ):
        raise ConfigurationError(f"backend_class must be a StorageBackend class, got {type(backend_class).__name__}")
    wrong = next((model for model in models if not isinstance(model, RecordMeta)), None)
    if wrong is not None:
        raise ConfigurationError(f"models must be ActiveRecord classes, got {type(wrong).__name__}")


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


_names = {
    name for cls in (ActiveRecord, Writing, SavedRecord, RecordState) for name in vars(cls) if not name.startswith("_")
}
ActiveRecord.__reserved__ = frozenset(_names - {"model_config"} | {"c"})
ActiveRecord.__setters__ = (set_stored, set_aside)  # The Plan's loader fills the slots.
