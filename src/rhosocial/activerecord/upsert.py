"""Upserts: rows that are inserted, or change the row that is already there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .backend.base import StorageBackend
from .backend.errors import DatabaseError, DataError, IntegrityError, QueryError, UniqueViolation
from .backend.expression import Expression, Raw
from .backend.row_value import Sent
from .backend.statement import Conflict, Proposed
from .backend.typing import QueryResult
from .bulk import BulkInsertion, check_size, dump_rows, insertion_of
from .change import changes_to
from .given import acheck_record, at_row, checked_rows, fields_given, record_of
from .join import as_condition
from .locate import aname_row
from .lookup import aread_by
from .peers import is_awaiting
from .plan import Plan, Row
from .state import get_stored, put_all_back, set_stored, settle
from .table import Columns, Table, TableColumn
from .violation import aexplain

M = TypeVar("M")


@dataclass(slots=True)
class Upserted(Generic[M]):
    """What an upsert did: the number of rows written, and, where the engine tells, inserted and updated ones apart.

    `records` are those of the rows, in their order, as they are stored now; none where they were neither given nor
    asked for.
    """

    affected: int = 0
    inserted: int | None = None
    updated: int | None = None
    records: list[M] = field(default_factory=list)


class ProposedColumns:
    """The columns of the row that would have been inserted."""

    __slots__ = ("_table", "by_field")

    def __init__(self, table: Table) -> None:
        self._table = table
        self.by_field = table.by_field

    def ref(self, name: str) -> Proposed:
        """The column's proposed value."""
        column = self._table.column(name)
        return Proposed(column.name, column.type)


class Target:
    """The columns whose values tell rows apart, with the unique index, key or constraint behind them."""

    __slots__ = ("columns", "fields", "where")

    def __init__(self, table: Table, on: Any) -> None:
        names = [column.field for column in table.key] if on is None else [on] if isinstance(on, str) else list(on)
        self.columns = tuple([table.column(name) for name in names])
        self.fields = tuple([column.field for column in self.columns])
        known = dict(table.unique_sets())
        asked = frozenset(column.name for column in self.columns)
        if asked not in known:
            has = "; ".join(", ".join(sorted(columns)) for columns in known)
            raise QueryError(
                f"upsert on ({', '.join(self.fields)}) needs a unique constraint, a unique index or the key of exactly "
                f"these columns; {table.model.__name__} has: {has}"
            )
        self.where = known[asked]
        if mutable := next((column.field for column in self.columns if column.type.is_mutable), None):
            raise QueryError(f"upsert cannot be on {mutable!r}, whose values are lists or dicts")

    def values_of(self, record: Any) -> tuple[Any, ...]:
        """The record's values of these columns."""
        values = vars(record)
        return tuple([values[name] for name in self.fields])

    def distinct(self, records: Sequence[Any]) -> dict[tuple[Any, ...], Any]:
        """The records by these values; DataError, naming the row, for a missing value or one given before."""
        found: dict[tuple[Any, ...], Any] = {}
        for place, record in enumerate(records):
            values = self.values_of(record)
            if None in values:
                name = self.fields[values.index(None)]
                raise at_row(DataError(f"{type(record).__name__} has no {name}, which upsert goes by"), place)
            if values in found:
                first = next(number for number, other in enumerate(records) if other is found[values])
                names = ", ".join(self.fields)
                raise at_row(DataError(f"{type(record).__name__} has the same {names} as row {first}"), place)
            found[values] = record
        return found


class Upsert:
    """One call: what it is to do, checked; nothing is sent before `arun`."""

    def __init__(self, model: Any, on: Any, update: Any, where: Any, returning: bool, batch_size: int | None) -> None:
        check_size(batch_size)
        self.model = model
        self.backend: StorageBackend
        self.plan: Plan
        self.backend, self.plan = model.__home__
        self.table = self.plan.table
        self.target = Target(self.table, on)
        proposed = Columns(ProposedColumns(self.table))
        if not isinstance(where, Expression) and callable(where):
            where = where(proposed)
        self.where = None if where is None else as_condition(where)
        self.plan.dialect.check_conflict(self.where is not None, self.target.where)
        self.update = self._as_changes(update(proposed) if callable(update) else update)
        self.returning = returning
        self.batch_size = batch_size
        self.done: Upserted[Any] = Upserted(inserted=0)

    def _as_changes(self, update: Any) -> Any:
        """None, a tuple of fields, or pairs of columns and what they are set to."""
        if update is None:
            return None
        if isinstance(update, Mapping):
            return tuple(changes_to(self.plan, update)) if update else ()
        if not isinstance(update, (str, Iterable)) or isinstance(update, bytes):
            raise QueryError(f"update takes names of columns, a dict or a function, got {type(update).__name__}")
        columns = [self.table.column(name) for name in ([update] if isinstance(update, str) else update)]
        computed = next((column.field for column in columns if column.generated_sql is not None), None)
        if computed is not None:
            raise DataError(f"{self.model.__name__}.{computed} is computed by the database and cannot be set")
        if any(column.field == self.model.__discriminator__ for column in columns):
            raise DataError(
                f"{self.model.__name__}.{self.model.__discriminator__} is the kind of a row and stays as it is"
            )
        return tuple([column.field for column in columns])

    async def arun(self, rows: Any) -> Upserted[Any]:
        """Check all rows, then write all or none."""
        given = checked_rows("upsert", self.model, rows)
        records = [record_of(self.model, row, place) for place, row in enumerate(given)]
        for place, record in enumerate(records):
            await acheck_record(record, self.plan, place)
        by_target = self.target.distinct(records)
        # Of classes that share a table, a row must not change that is another one's.
        wants_records = self.returning or self.model.__discriminator__ is not None
        wants_records = wants_records or any(record is row for record, row in zip(records, given, strict=True))
        rows_of = {id(record): row for row, record in zip(given, records, strict=True)}

        async def write(some: list[Any]) -> None:
            for insertion, changes, group in self._groups([rows_of[id(record)] for record in some], some):
                await self._asend(insertion, changes, group, by_target if wants_records else {}, records)

        try:
            async with self.backend.together():
                await write(records)
        except IntegrityError as error:
            raise await aname_row(self.backend, error, records, write) from error
        if wants_records:
            self.done.records = records
            if self.model.__relations__:
                settle(records, is_awaiting())
        return self.done

    # 1 - What is written

    def _groups(
        self, rows: Sequence[Any], records: Sequence[Any]
    ) -> Iterator[tuple[BulkInsertion, tuple[Any, ...], list[Any]]]:
        """The records in groups that give the same columns and change the same, each for one or several statements."""
        groups: dict[Any, list[Any]] = {}
        for place, (row, record) in enumerate(zip(rows, records, strict=True)):
            fields = tuple(self.plan.insertion(vars(record), record.__pydantic_fields_set__).fields)
            given = fields if row is record else tuple(fields_given(self.model, row))
            groups.setdefault((fields, self._changed(place, record, given)), []).append(record)
        for (fields, changes), group in groups.items():
            yield insertion_of(self.plan, fields), self._changes(changes), group

    def _changed(self, place: int, record: Any, given: Sequence[str]) -> tuple[Any, ...]:
        """The fields that a row changes that gives these, or the pairs that all rows change."""
        by_field = self.table.by_field
        if self.update is None:
            left_out = {*self.target.fields, *(column.field for column in self.table.key)}
            left_out.add(self.model.__discriminator__)
            left_out |= {column.field for column in self.table.stamped if _is_left_out(column, record)}
            return tuple([name for name in given if name not in left_out and by_field[name].generated_sql is None])
        for name in self.update:
            if isinstance(name, str) and name not in given:
                raise at_row(QueryError(f"gives no {name!r}, which update names"), place)
        changes: tuple[Any, ...] = self.update
        return changes

    def _changes(self, changed: Iterable[Any]) -> tuple[tuple[str, Expression], ...]:
        columns = {one: self.table.by_field[one] for one in changed if isinstance(one, str)}
        changes = [(columns[c].name, Proposed(columns[c].name)) if c in columns else c for c in changed]
        return (*changes, *self._stamps([name for name, _ in changes])) if changes else ()

    def _stamps(self, names: Sequence[str]) -> Iterator[tuple[str, Expression]]:
        """What saving sets by itself with each UPDATE."""
        for column in self.table.stamped:
            if column.name not in names and (change := _stamp_of(self.plan, column)) is not None:
                yield column.name, change

    def _is_guarded(self, insertion: BulkInsertion) -> bool:
        """Whether the rows could meet others by other columns than those of the target."""
        sent = {column.name for column in insertion.columns}
        target = {column.name for column in self.target.columns}
        return any(columns != target and columns <= sent for columns, _ in self.table.unique_sets())

    # 2 - The statements

    async def _asend(
        self,
        insertion: BulkInsertion,
        changes: tuple[Any, ...],
        group: list[Any],
        by_target: Mapping[Any, Any],
        records: Sequence[Any],
    ) -> None:
        plan, columns = self.plan, [column.name for column in self.target.columns]
        conflict = Conflict(
            self.table.source(), columns, changes, self.where, self.target.where, self._is_guarded(insertion)
        )
        tail, params = plan.compile(conflict)
        returned = list(self.table.select_list) if by_target and plan.returns else []
        flag = plan.dialect.inserted_sql if plan.returns else None
        given_back = [*returned, *([] if flag is None else [Raw(flag).as_("inserted_")])]
        if given_back:
            tail += f" RETURNING {', '.join(map(plan.text_of, given_back))}"
        names = [*(plan.names if returned else ()), *(() if flag is None else ("inserted_",))]
        size = max(1, insertion.size(self.batch_size, len(params)))
        for start in range(0, len(group), size):
            part = group[start : start + size]
            spared = 0 if changes else await self._acount_spared(part)
            sent = (*insertion.sent(dump_rows(insertion, part, records)), *params)
            result = await self._asend_part(insertion.made(len(part)) + tail, sent, bool(names), part, records)
            back = plan.tuples(result, names) if names else None
            self._count(part, changes, back, result.affected_rows, flag is not None, spared)
            if by_target:
                await self._atake(part, by_target, [row[: len(plan.names)] for row in back or ()] if returned else [])

    async def _asend_part(
        self, sql: str, sent: Row, returning: bool, part: list[Any], records: Sequence[Any]
    ) -> QueryResult:
        try:
            return await self.backend.asend(sql, sent, returning)
        except IntegrityError as error:
            await aexplain(error, self.backend, self.plan, part, records)
            raise
        except DatabaseError as error:
            dialect, names = self.plan.dialect, ", ".join(self.target.fields)
            if dialect.upsert_form != "on_duplicate_key" or error.code != dialect.guard_code:
                raise
            what = f"a {self.model.__name__} has unique values of a row with another {names}"
            raise UniqueViolation(what, code=error.code, statement=sql, table=self.table.name) from error

    async def _acount_spared(self, part: list[Any]) -> int:
        """How many rows are there already, where the engine counts a row that was left alone like an inserted one."""
        if self.plan.dialect.upsert_form != "on_duplicate_key":
            return 0
        wanted = [self.target.values_of(record) for record in part]
        return len(await aread_by(self.backend, self.plan, self.target.columns, wanted, lock=False))

    def _count(
        self,
        part: list[Any],
        changes: tuple[Any, ...],
        back: list[Row] | None,
        affected: int,
        tells: bool,
        spared: int,
    ) -> None:
        if self.plan.dialect.upsert_form == "on_duplicate_key":
            affected = len(part) - spared  # The engine counts a changed row twice.
        elif back is not None:
            affected = len(back)
        inserted = None if changes else affected
        if tells and back is not None:
            inserted = sum(bool(row[-1]) for row in back)
        done = self.done
        done.affected += affected
        # Unknown of one part, it is unknown of the whole.
        done.inserted = None if inserted is None or done.inserted is None else done.inserted + inserted
        done.updated = None if done.inserted is None else done.affected - done.inserted

    # 3 - What is stored then

    async def _atake(self, part: list[Any], by_target: Mapping[Any, Any], rows: list[Row]) -> None:
        """Put keys and rows on the records; those that RETURNING has left out are read."""
        transaction = self.backend.current_transaction
        if transaction is not None:
            transaction.undo(put_all_back(part, self.plan))
        missing = {self.target.values_of(record): record for record in part}
        self._put(self.plan.load_untold(rows), by_target, missing)
        if missing:
            found = await aread_by(self.backend, self.plan, self.target.columns, list(missing), self.target.where)
            self._put(found, by_target, missing)
        if missing:
            place = list(by_target).index(next(iter(missing)))
            names = ", ".join(self.target.fields)
            raise at_row(DatabaseError(f"{self.model.__name__} was not found by its {names} after the upsert"), place)

    def _put(self, loaded: Iterable[Any], by_target: Mapping[Any, Any], missing: dict[Any, Any]) -> None:
        for found in loaded:
            values = self.target.values_of(found)
            if missing.pop(values, None) is not None:
                record = by_target[values]
                self._refuse_other_kind(record, found, by_target)
                vars(record).update(vars(found))
                set_stored(record, get_stored(found))
                record._put_aside("accepted", None)

    def _refuse_other_kind(self, record: Any, found: Any, by_target: Mapping[Any, Any]) -> None:
        name = self.model.__discriminator__
        if name is not None and vars(found)[name] not in (vars(record)[name], self.model.__kind__):
            kind, names = vars(found)[name], ", ".join(self.target.fields)
            error = UniqueViolation(f"the {names} is that of a row of the kind {kind!r}", table=self.table.name)
            raise at_row(error, next(place for place, other in enumerate(by_target.values()) if other is record))


def _is_left_out(column: TableColumn, record: Any) -> bool:
    """Whether a column is not changed to what the new row has, since saving sets it by itself."""
    spec = column.spec
    return bool(spec.version_step or spec.at_update) or vars(record)[column.field] is None


def _stamp_of(plan: Plan, column: TableColumn) -> Expression | None:
    """What saving sets a column to by itself with each UPDATE, or None."""
    if column.spec.version_step:
        return plan.table.ref(column.field) + column.spec.version_step
    return None if column.spec.at_update is None else Sent(plan.dump_value(column.spec.at_update(), column.type))
