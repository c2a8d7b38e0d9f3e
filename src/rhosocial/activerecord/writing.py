"""The calls of models and records that write in few statements, or so that callers at once do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from .blocking import blocking, run
from .bulk_update import aupdate_all
from .counter import aincrement, atouch
from .finding import afind_or_make, aupdate_or_make
from .retrying import arun_block
from .taken import arefuse_taken
from .upsert import Upsert, Upserted

if TYPE_CHECKING:
    from .backend.expression import Expression
    from .backend.typing import IsolationLevel
    from .table import Columns

R = TypeVar("R")
Changes = Sequence[str] | Mapping[str, Any] | str


class Writing:
    """What an `ActiveRecord` can do with rows beside saving them one by one."""

    __slots__ = ()

    # 1 - One record, whoever else makes it

    @classmethod
    async def afind_or_create(cls, defaults: Mapping[str, Any] | None = None, /, **match: Any) -> Self:
        """The first record whose fields match, or a new one of those and `defaults`, saved; `was_created` tells which.

        Callers at once get one record, if a unique constraint or the key covers what matches.  Names are those of
        fields, columns or relations to one record.  UniqueViolation where the new row meets another one than it would
        find.
        """
        record: Self = await afind_or_make(cls, defaults, match)
        return record

    @classmethod
    def find_or_create(cls, defaults: Mapping[str, Any] | None = None, /, **match: Any) -> Self:
        """The first record whose fields match, or a new one of those and `defaults`; `was_created` tells which."""
        return run(cls.afind_or_create(defaults, **match))

    @classmethod
    async def aupdate_or_create(cls, values: Mapping[str, Any], /, **match: Any) -> Self:
        """The first record whose fields match, with `values` saved, or a new one of both; `was_created` tells which."""
        record: Self = await aupdate_or_make(cls, values, match)
        return record

    @classmethod
    def update_or_create(cls, values: Mapping[str, Any], /, **match: Any) -> Self:
        """The first record whose fields match, with `values` saved, or a new one of both; `was_created` tells which."""
        return run(cls.aupdate_or_create(values, **match))

    @property
    def was_created(self) -> bool:
        """Whether the `find_or_create` or `update_or_create` that gave this record has inserted its row."""
        return bool(cast(Any, self)._aside("created"))

    # 2 - Many records

    @classmethod
    async def abulk_update(
        cls, records: Iterable[Self], fields: Sequence[str] | None = None, batch_size: int | None = None
    ) -> int:
        """Write what has changed on stored records with few statements, all or none; gives the number of rows.

        `fields` limits it to those.  Changed values are validated first; handlers are not called.  StaleRecord, naming
        the record, where a row has gone.
        """
        return await aupdate_all(cls, records, fields, batch_size)

    @classmethod
    def bulk_update(
        cls, records: Iterable[Self], fields: Sequence[str] | None = None, batch_size: int | None = None
    ) -> int:
        """Write what has changed on stored records with few statements, all or none; gives the number of rows."""
        return run(cls.abulk_update(records, fields, batch_size))

    @classmethod
    async def aupsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        on: str | Sequence[str] | None = None,
        update: Changes | Callable[[Columns], Changes] | None = None,
        *,
        where: Expression | str | Callable[[Columns], Expression] | None = None,
        returning: bool = False,
        batch_size: int | None = None,
    ) -> Upserted[Self]:
        """Insert rows, dicts or records; where one meets a stored row with the same values in `on`, change that.

        `on` names the columns of a unique index or constraint; None means the key.  `update` names the columns that get
        the new row's values, none for ``[]``, all that are given for None; or it is a dict of values and expressions,
        or a function that makes one of the new row's columns: ``lambda new: {"hits": Page.c.hits + new.hits}``.  Only
        stored rows that meet `where` are changed.

        All rows or none are written; they are validated first, handlers are not called.  Records, and with `returning`
        those made of dicts, hold afterwards what is stored.  UnsupportedFeature where the engine has no upsert.
        """
        call = Upsert(cls, on, update, where, returning, batch_size)
        done: Upserted[Self] = await call.arun(rows)
        return done

    @classmethod
    def upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        on: str | Sequence[str] | None = None,
        update: Changes | Callable[[Columns], Changes] | None = None,
        *,
        where: Expression | str | Callable[[Columns], Expression] | None = None,
        returning: bool = False,
        batch_size: int | None = None,
    ) -> Upserted[Self]:
        """Insert rows, dicts or records; where one meets a stored row with the same values in `on`, change that."""
        return run(cls.aupsert(rows, on, update, where=where, returning=returning, batch_size=batch_size))

    # 3 - Work that may have to be done again, and what would be in the way

    @classmethod
    async def arun_in_transaction(
        cls,
        work: Callable[..., Any],
        retries: int = 3,
        *,
        isolation_level: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> Any:
        """What `work`, plain or async, gives, done in a block; done again where the database says that may help.

        That is after a deadlock, a failure to serialise, or a lock that was not to be had; at most `retries` times, and
        never inside an open block, nor after `CommitOutcomeUnknown`.  `work` gets the block if it takes an argument.
        It has to read what it changes itself: records made outside keep the values that were assigned to them.
        """
        return await arun_block(cast(Any, cls).backend(), work, retries, isolation_level, read_only)

    @classmethod
    def run_in_transaction(
        cls,
        work: Callable[..., R],
        retries: int = 3,
        *,
        isolation_level: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> R:
        """What `work` gives, done in a block; done again where the database says that may help."""
        done: R = run(cls.arun_in_transaction(work, retries, isolation_level=isolation_level, read_only=read_only))
        return done

    async def avalidate_unique(self) -> None:
        """Ask, one statement for each unique constraint, whether another row has these values; write nothing.

        ValidationError that names all fields whose values are taken, deleted rows counted where the constraint counts
        them.  Somebody else may still be faster before the record is saved: that is a `UniqueViolation`.
        """
        await arefuse_taken(self)

    validate_unique = blocking(avalidate_unique)

    # 4 - One column of one row

    async def aincrement(self, field: str, by: Any = 1) -> Any:
        """Add to a column in the database, so that callers at once all count; gives what is stored then.

        NULL counts as 0.  Other changes of the record stay unsaved.  Handlers and validators are not called.
        StaleRecord where the row has gone.
        """
        return await aincrement(self, field, by)

    increment = blocking(aincrement)

    async def adecrement(self, field: str, by: Any = 1) -> Any:
        """Subtract from a column in the database; gives what is stored then.  See `increment`."""
        return await aincrement(self, field, by, -1)

    decrement = blocking(adecrement)

    async def atouch(self, *fields: str) -> None:
        """Set dates and datetimes to now, by default those that saving sets by itself, and write nothing else.

        Handlers and validators are not called; StaleRecord where the row has gone.
        """
        await atouch(self, fields)

    touch = blocking(atouch)
