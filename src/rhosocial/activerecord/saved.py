"""A record and the row behind it: what has changed, how that is written, and who is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .backend.base import StorageBackend
from .backend.errors import (
    ColumnNotFound,
    DatabaseError,
    RecordNotFound,
)
from .backend.transaction import Transaction
from .backend.typing import QueryResult
from .blocking import blocking, is_blocking, run
from .change import given_values
from .checks import Checks
from .events import Handler, Handlers, ModelEvent, OfClassAndRecord, Off, On, atell, tell_loaded
from .hooks import avalidate
from .partial import partial_update
from .peers import is_awaiting
from .plan import Plan, Row, Write, same_value
from .relation import Relation
from .relation.cascade import adelete_dependents
from .relation.graph import asave_related, take_pending_keys
from .state import (
    RecordState,
    aside_of,
    get_stored,
    links_of,
    put_back,
    set_stored,
    settle,
    stored_of,
)
from .table import Table, nearest
from .told import adelete_told, asave_told
from .verify import refuse_other
from .violation import aexplain


class SavedRecord(RecordState):
    """What an `ActiveRecord` does with its own row; it has no table before it is one."""

    __home_made__: ClassVar[tuple[StorageBackend, Plan] | None] = None
    # Does a save have to tell somebody, and who is told of loaded rows?
    __hooked__: ClassVar[bool] = False
    __tell_loaded__: ClassVar[Callable[[Iterable[Any]], None] | None] = None
    __handlers__: ClassVar[Handlers] = {}
    __hooks__: ClassVar[dict[str, tuple[Handler, ...]]] = {}
    __relations__: ClassVar[dict[str, Relation[Any]]] = {}

    if TYPE_CHECKING:  # Properties of the metaclass.
        __home__: ClassVar[tuple[StorageBackend, Plan]]
        __table__: ClassVar[Table]
        __checks__: ClassVar[Checks]

    # 1 - State

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

    # 2 - Writing

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
                return await asave_told(self, backend, plan)
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
            written = _take(self, state.transaction, plan, write, values, stored, sent, result, None)
        except BaseException as error:
            run(aexplain(error, backend, plan, [self]))
            self._remember_accepted(plan)  # Also for KeyboardInterrupt: what has passed need not pass again.
            raise
        if plan.is_linked and stored.__class__ is not tuple:
            settle([self], is_awaiting=False)
        return written

    save = blocking(asave, _save_at_once)

    async def adelete(self) -> int:
        """Delete the row; gives the number of rows deleted.  The record is new afterwards, without a generated key."""
        return await self._adelete_by()

    delete = blocking(adelete)

    async def _adelete_by(self, remove: Callable[[], Awaitable[int]] | None = None) -> int:
        """Have `remove` delete the stored record in a way of its own, and tell who wants to know."""
        if self.is_new_record:
            raise DatabaseError(f"this {type(self).__name__} cannot be deleted: it is not stored")
        if self.__hooked__ or self._aside("handlers") is not None:
            return await adelete_told(self, *type(self).__home__, remove)
        return await (remove or self._aremove)()

    async def _aremove(self) -> int:
        if all(relation.dependent is None for relation in self.__relations__.values()):
            return await self._adelete_row()
        async with type(self).__home__[0].together():
            await adelete_dependents([self])
            return await self._adelete_row()

    async def _adelete_for_good(self) -> int:
        """`delete` for a record whose row must go, whatever `delete` does by itself."""
        return await self.adelete()

    async def _adelete_row(self) -> int:
        (backend, plan), row = type(self).__home__, get_stored(self)
        baseline = self._baseline()
        result = await backend.asend(plan.delete_sql, plan.deletion_values(vars(self), row), False)
        if plan.table.version is not None and not result.affected_rows:
            raise plan.stale("deleted", row)
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
        if (links := links_of(self)) is not None:
            links.clear()
        tell_loaded((self,))

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

    async def avalidate_fields(self) -> None:
        """Validate what changed, with the validate events around it; ValidationError where something does not pass."""
        await atell(self, ModelEvent.BEFORE_VALIDATE)
        plan = _plan_of(self)
        self._check(plan, stored_of(self))
        self._remember_accepted(plan)
        await avalidate(self)
        await atell(self, ModelEvent.AFTER_VALIDATE)

    validate_fields = blocking(avalidate_fields)

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
        """Leave the row behind, and the key that the database generated, and what saving has stamped."""
        table, fields = type(self).__table__, type(self).__pydantic_fields__
        fresh: dict[str, Any] = {} if table.auto_key is None else {table.auto_key.field: None}
        for column in table.stamped:
            fresh[column.field] = fields[column.field].get_default(call_default_factory=True, validated_data={})
        vars(self).update(fresh)
        if baseline is not None:
            baseline |= fresh
        set_stored(self, baseline)
        self._put_aside("doubtful", None)

    # 3 - Events

    on: ClassVar[OfClassAndRecord[On]] = OfClassAndRecord(On)
    off: ClassVar[OfClassAndRecord[Off]] = OfClassAndRecord(Off)

    # 4 - How it is done

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
        if bits & plan.partial_bits:
            return partial_update(plan, bits, values, stored)
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
            transaction, values = backend.current_transaction, vars(self)
            written = _take(self, transaction, plan, write, values, stored, sent, result, aside_of(self))
            if write.is_incomplete:
                await self._areload(plan, backend, plan.key_of_row(get_stored(self)), write)
            if self.__relations__ and stored.__class__ is not tuple:
                settle([self], is_awaiting())
            return written
        except BaseException as error:
            if isinstance(finished := getattr(error, "finished", None), QueryResult):
                # The task was cancelled, but the statement went through: saved again, the record must not be twice.
                transaction, values = backend.current_transaction, vars(self)
                _take(self, transaction, plan, write, values, stored, sent, finished, aside_of(self))
            await aexplain(error, backend, plan, [self])
            self._remember_accepted(plan)  # Also for a cancelled task: what has passed need not pass again.
            raise

    async def _areload(self, plan: Plan, backend: StorageBackend, key: Row, write: Write | None = None) -> None:
        result = await backend.asend(plan.reload_sql, key, True)
        found = plan.load_untold(plan.rows_of(result))
        if plan.verifies and write is not None:
            refuse_other(self, plan, write, found)
        if not found:
            raise RecordNotFound(f"this {type(self).__name__} has no row any more", table=plan.table.name)
        vars(self).update(vars(found[0]))
        set_stored(self, get_stored(found[0]))
        self._put_aside("accepted", None)
        self._put_aside("doubtful", None)


def _take(
    record: SavedRecord,
    transaction: Transaction | None,
    plan: Plan,
    write: Write,
    values: dict[str, Any],
    stored: Any,
    sent: Row,
    result: QueryResult,
    aside: dict[str, Any] | None,
) -> int:
    """Have the record take note of what a statement has written; gives the number of rows.

    `values`, `stored` and `aside` are the record's own, as they were when it was sent.
    """
    written = result.affected_rows
    if stored.__class__ is not tuple:
        given, written = plan.given(write, result), 1
    elif written:
        given = stored
    else:
        raise plan.stale("saved", stored)
    if transaction is not None:
        transaction.enrol(put_back(record, plan, values, stored, aside))
    set_stored(record, write.take(values, sent, given))
    if aside is not None:
        record._put_aside("accepted", None)
    return written


def _plan_of(record: SavedRecord) -> Plan:
    return type(record).__home__[1]
