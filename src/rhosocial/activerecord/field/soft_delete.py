"""Deleting that keeps the row: it is marked with the moment, and questions do not see it any more."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import AwareDatetime

from ..backend.expression import ColumnRef, Comparison
from ..backend.row_value import Sent
from ..backend.statement import Update, and_
from ..blocking import blocking
from ..hooks import aprepare_delete
from ..query import Query
from ..record import ActiveRecord
from ..relation import ManyToMany
from ..relation.cascade import arelated, arestrict, dependents
from ..relation.members import row_key
from ..relation.undo import PutKeysBack
from ..scope import Fixed, made_scopes
from ..state import aside_of, get_stored, put_back, set_stored
from ..told import awrite_only
from .timestamp import utc_now

M = TypeVar("M", covariant=True)

# The default scope that hides what is deleted, and the field that says when it was.
SCOPE = "deleted"
FIELD = "deleted_at"


class SoftDeleteQuery(Query[M]):
    """A question about the rows of a model with `SoftDeleteMixin`; a query class of such a model derives from this."""

    __slots__ = ()

    def with_deleted(self) -> Self:
        """Ask for deleted rows too."""
        return self.unscoped(SCOPE)

    def only_deleted(self) -> Self:
        """Ask for deleted rows alone."""
        made = self._with()
        scopes, deleted = self._scopes, Fixed(lambda c: c[FIELD].is_not_null())
        made._scopes = made_scopes({SCOPE: deleted}) if scopes is None else scopes.replacing(SCOPE, deleted)
        return made

    async def adelete(self) -> int:
        """Mark all rows that the query asks for as deleted; gives the number of those that were not.

        No handlers are called, no dependent records are looked after, and loaded records stay as they are.
        """
        asked, values = self._marking()
        return await asked.aupdate(values)

    def _marking(self) -> tuple[Query[M], dict[str, Any]]:
        return self.where(self._deleted_at.is_null()), {FIELD: utc_now()}

    async def ahard_delete(self) -> int:
        """Delete all rows that the query asks for, so that they are gone; gives their number."""
        return await super().adelete()

    hard_delete = blocking(ahard_delete)

    async def arestore(self) -> int:
        """Take back the deletion of all rows that the query would ask for, were they not deleted; gives the number."""
        return await self.only_deleted().aupdate({FIELD: None})

    restore = blocking(arestore)

    @property
    def _deleted_at(self) -> ColumnRef:
        ref: ColumnRef = self._table.ref(FIELD)
        return ref


class SoftDeleteMixin(ActiveRecord):
    """Gives a model `deleted_at`, the moment at which a record was deleted; its row stays, out of sight."""

    __default_scopes__: ClassVar = {SCOPE: Fixed(lambda c: c[FIELD].is_null())}
    __query_class__: ClassVar[type[Query[Any]]] = SoftDeleteQuery

    deleted_at: AwareDatetime | None = None

    if TYPE_CHECKING:

        @classmethod
        def query(cls) -> SoftDeleteQuery[Self]: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not issubclass(cls.__query_class__, SoftDeleteQuery):
            raise TypeError(
                f"{cls.__name__}.__query_class__ would delete rows for good: derive {cls.__query_class__.__name__} "
                "from SoftDeleteQuery"
            )

    @property
    def is_deleted(self) -> bool:
        """Whether the record is marked as deleted."""
        return self.deleted_at is not None

    @classmethod
    def query_with_deleted(cls) -> SoftDeleteQuery[Self]:
        """A question about all rows, deleted ones among them."""
        return cls.query().with_deleted()

    @classmethod
    def query_only_deleted(cls) -> SoftDeleteQuery[Self]:
        """A question about the deleted rows alone."""
        return cls.query().only_deleted()

    # 1 - Deleting

    async def adelete(self) -> int:
        """Mark the row as deleted; gives the number of rows marked, 0 where it was already.  The record stays stored.

        What relations with ``dependent="delete"`` lead to is marked with the same moment where its model has the mixin,
        and left alone where it has not; ``"restrict"`` holds.
        """
        return 0 if self._deleted_since is not None else await self._adelete_by(self._amark)

    async def ahard_delete(self) -> int:
        """Delete the row, so that it is gone, and what depends on it; gives the number of rows deleted."""
        return await self._adelete_by(self._aremove)

    hard_delete = blocking(ahard_delete)

    async def _adelete_for_good(self) -> int:
        return await self.ahard_delete()

    async def _amark(self) -> int:
        if not dependents(type(self)) and "prepare_delete" not in self.__hooks__:
            return await self._aset_deleted_at(utc_now())
        async with type(self).__home__[0].together():
            return await self._amark_at(utc_now(), set())

    async def _amark_at(self, moment: datetime, seen: set[Any]) -> int:
        seen.add(row_key(self))
        for relation in dependents(type(self)):
            if relation.dependent == "restrict":
                await arestrict(relation, [self], seen)
            elif _is_marked_along(relation):
                for other in await arelated(relation, [self], seen):
                    await other._adelete_by(partial(other._amark_at, moment, seen))
        if given := await aprepare_delete(self):
            await awrite_only(self, *type(self).__home__, given)
        return await self._aset_deleted_at(moment)

    # 2 - Restoring

    async def arestore(self, *, related: bool = False) -> int:
        """Take back the deletion; gives the number of rows that are seen again: 1, or 0 where it was not deleted.

        With ``related=True`` what was deleted along with it, at the same moment, comes back too.
        """
        moment = self._deleted_since
        if moment is None:
            return 0
        if not related:
            return await self._aset_deleted_at(None)
        async with type(self).__home__[0].together():
            return await self._arestore_from(moment, {row_key(self)})

    restore = blocking(arestore)

    async def _arestore_from(self, moment: datetime, seen: set[Any]) -> int:
        restored = await self._aset_deleted_at(None)
        for relation in dependents(type(self)):
            if not _is_marked_along(relation):
                continue
            for other in await arelated(relation, [self], seen, lambda q: q.only_deleted().query({FIELD: moment})):
                seen.add(row_key(other))
                await other._arestore_from(moment, seen)
        return restored

    # 3 - How it is done

    @property
    def _deleted_since(self) -> datetime | None:
        """The moment that the row has, whatever the record says."""
        since: datetime | None = self.get_old_attribute(FIELD)
        return since

    async def _aset_deleted_at(self, moment: datetime | None) -> int:
        """Write the moment alone, where the row has none yet, or None where it has one."""
        (backend, plan), stored = type(self).__home__, get_stored(self)
        table, place = plan.table, plan.fields.index(FIELD)
        column, ref = table.columns[place], table.ref(FIELD)
        sent = plan.dump_of((FIELD,))({FIELD: moment})
        known = table.key if table.version is None else (*table.key, table.version)
        parts = zip(known, plan.deletion_values(vars(self), stored), strict=True)
        where = [Comparison(table.ref(part.field), "=", Sent(value)) for part, value in parts]
        unchanged = ref.is_not_null() if moment is None else ref.is_null()
        update = Update(table.source(), [(column.name, Sent(sent[0]))], and_(*where, unchanged))
        sql, params = plan.compile(update)
        result = await backend.asend(sql, params, False)
        if table.version is not None and not result.affected_rows:
            raise plan.stale("deleted" if moment else "restored", stored)
        if result.affected_rows:
            undo = PutKeysBack(self, [FIELD], None)
            if (block := backend.current_transaction) is not None:
                block.undo(put_back(self, plan, vars(self), stored, aside_of(self)))
                block.undo(undo)
            vars(self)[FIELD] = moment
            set_stored(self, (*stored[:place], *sent, *stored[place + 1 :]))
            undo.note()
        return result.affected_rows


def _is_marked_along(relation: Any) -> bool:
    if relation.dependent != "delete" or isinstance(relation, ManyToMany):
        return False
    return issubclass(relation.target, SoftDeleteMixin)
