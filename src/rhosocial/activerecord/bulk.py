"""Many records in few statements."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from .backend.base import StorageBackend
from .backend.errors import DatabaseError, DataError, IntegrityError
from .backend.typing import QueryResult
from .given import at_row, checked_rows, record_of
from .hydrate import each, many_dumper
from .locate import aname_row
from .peers import is_awaiting
from .plan import Plan, Row
from .state import put_all_back, set_stored, settle, stored_of
from .table import TableColumn
from .violation import aexplain

# Larger statements save no more round trips than they cost in parsing.
MAX_ROWS = 1_000


def check_size(batch_size: Any) -> None:
    """DatabaseError for what is no size of a batch."""
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise DatabaseError(f"batch_size must be a whole number of at least 1, got {batch_size!r}")


def check_batch(cls: type[Any], rows: Any, batch_size: Any) -> tuple[list[Any], list[Any]]:
    """New records of the class, made of rows that are dicts, and what each was constructed with.

    DatabaseError, before anything is sent, for a wrong batch: one with something else than dicts and new records of the
    class, or with one of them twice.  An error of one row names its place.
    """
    check_size(batch_size)
    records = checked_rows("bulk_create", cls, rows)
    if set(map(type, records)) - {cls}:
        records = [record_of(cls, row, place) for place, row in enumerate(records)]
    baselines = list(map(stored_of, records))
    if tuple in map(type, baselines):
        error = DatabaseError(f"bulk_create takes new records, but this {cls.__name__} is stored already")
        raise at_row(error, list(map(type, baselines)).index(tuple))
    return records, baselines


async def acreate_all(plan: Plan, backend: StorageBackend, records: list[Any], batch_size: int | None) -> None:
    """Insert records, all or none; an IntegrityError names the row."""

    async def write(some: list[Any]) -> None:
        if plan.takes_many:
            await insert_all(plan, backend, some, batch_size)
        else:
            for record in some:
                await record._awrite(backend, plan)

    try:
        async with backend.together():
            await write(records)
    except IntegrityError as error:
        raise await aname_row(backend, error, records, write) from error


async def insert_all(plan: Plan, backend: StorageBackend, records: list[Any], batch_size: int | None) -> None:
    """Insert records with as few statements as the engine allows, and put keys and rows on them."""
    for has_key, together in _by_key(plan.simple_key, records).items():
        insertion = insertion_of(plan, plan.fields if has_key else plan.always_inserted)
        size = insertion.size(batch_size)
        keys: list[Any] | None = None
        for start in range(0, len(together), size):
            group = together[start : start + size]
            rows = dump_rows(insertion, group, records)
            if keys is None:  # Not before a value that cannot be stored would have been found.
                keys = await insertion.areserve(backend, len(together))
            try:
                await _ainsert(plan, backend, insertion, group, rows, keys[start : start + size])
            except IntegrityError as error:
                await aexplain(error, backend, plan, group, records)
                raise
    if records and plan.table.model.__relations__:
        settle(records, is_awaiting())


async def _ainsert(
    plan: Plan, backend: StorageBackend, insertion: BulkInsertion, group: list[Any], rows: list[Row], keys: list[Any]
) -> None:
    """Insert a group that one statement takes, with the keys that are reserved for it, if any."""
    sent = insertion.sent(insertion.keyed(rows, keys) if keys else rows)
    result = await backend.asend(insertion.text(len(rows), bool(keys)), sent, bool(insertion.returned))
    if (transaction := backend.current_transaction) is not None:
        transaction.undo(put_all_back(group, plan))
    each(set_stored, group, insertion.take([record.__dict__ for record in group], rows, result, keys))


def insertion_of(plan: Plan, fields: tuple[str, ...]) -> BulkInsertion:
    """The INSERT of many records that give these fields, made at its first use."""
    insertion: BulkInsertion | None = plan.bulk_insertions.get(fields)
    if insertion is None:
        insertion = plan.bulk_insertions[fields] = BulkInsertion(plan, fields)
    return insertion


def dump_rows(insertion: BulkInsertion, group: list[Any], records: Sequence[Any]) -> list[Row]:
    """The rows of a group out of the records of a call; DataError, naming record and column, for a value too many."""
    try:
        return insertion.dump([record.__dict__ for record in group])
    except DataError:
        for record in group:
            try:
                insertion.dump_one(record.__dict__)
            except DataError as error:
                place = next(place for place, other in enumerate(records) if other is record)
                raise at_row(error, place) from error
        raise


def _by_key(key: str | None, records: list[Any]) -> dict[bool, list[Any]]:
    """The records by whether they give their key; with nothing to generate, all of them do."""
    given = [True] if key is None else [record.__dict__[key] is not None for record in records]
    if len(set(given)) == 1:
        return {given[0]: records}
    groups: dict[bool, list[Any]] = {}
    for has_key, record in zip(given, records, strict=True):
        groups.setdefault(has_key, []).append(record)
    return groups


class BulkInsertion:
    """The INSERT of many records that give the same `fields`, on one plan.

    `columns` are those of the fields; `returned` is the generated key, where the fields lack it.  On engines whose
    sequences can be asked, such keys are reserved first and then sent with the rows.
    """

    __slots__ = ("_fields", "_plan", "_reserve", "_stamped", "_text", "columns", "dump", "dump_one", "returned")

    def __init__(self, plan: Plan, fields: tuple[str, ...]) -> None:
        key = plan.table.auto_key
        self.returned: tuple[TableColumn, ...] = (key,) if key is not None and key.field not in fields else ()
        self._plan = plan
        self._fields = fields
        self.columns = [column for column in plan.table.columns if column.field in fields]
        # The rows of many records' values, as the driver takes them, and of one, which says what cannot be stored.
        self.dump = many_dumper(fields, plan.dumpers_of(fields), plan.insert_stamps)
        self.dump_one = plan.dump_of(fields, (), plan.insert_stamps)
        self._stamped = plan.stamped(fields, plan.insert_stamps)
        # The query that reserves keys; None where keys can only be had from the INSERT.
        self._reserve = plan.dialect.reserve_keys(plan.source, self.returned[0].name) if self.returned else None
        self._text = (0, False, "")

    async def areserve(self, backend: StorageBackend, count: int) -> list[Any]:
        """Keys for so many rows, which nobody else will be given; none where the INSERT must generate them."""
        if self._reserve is None or count < 2 or not self._fields:
            return []  # One row has one key.
        keys = [row[0] for row in self._plan.tuples(await backend.asend(self._reserve, (count,), True), ["key"])]
        if len(keys) == count and None not in keys:
            return keys
        self._reserve = None  # No sequence belongs to the column, or this user may not ask it.
        return []

    def keyed(self, rows: list[Row], keys: Sequence[Any]) -> list[Row]:
        """The rows with their keys."""
        place = self._place
        return [(*row[:place], key, *row[place:]) for row, key in zip(rows, keys, strict=True)]

    @property
    def _place(self) -> int:
        return self._plan.fields.index(self.returned[0].field)

    def size(self, wanted: int | None, others: int = 0) -> int:
        """How many rows one statement with `others` values takes; `wanted` says how many it may have at most."""
        if not self._fields or not self._plan.dialect.supports_multirow_insert:
            return 1  # DEFAULT VALUES is one row.
        most = wanted or MAX_ROWS
        dialect, width = self._plan.dialect, len(self._fields) + (self._reserve is not None)
        return most if dialect.binds_columns else max(1, min(most, (dialect.max_params - others) // width))

    def text(self, count: int, with_keys: bool = False) -> str:
        """The statement for so many rows; `with_keys`: of which each has a reserved key."""
        # Nearly all groups have one size, and a text of thousands of ? is long to hash.
        known, had_keys, text = self._text
        if known != count or had_keys != with_keys:
            text = self.made(count, with_keys) + self._plan.returning_sql(self.returned)
            self._text = count, with_keys, text
        return text

    def made(self, count: int, with_keys: bool = False) -> str:
        """The INSERT of so many rows without what may follow."""
        plan, columns, modifier = self._plan, list(self.columns), ""
        if with_keys:
            columns.insert(self._place, self.returned[0])
            modifier = plan.dialect.given_keys
        if plan.dialect.binds_columns and columns:
            return f"{plan.insert_into(columns)}{modifier} {plan.dialect.rows_of_lists(len(columns))}"
        return plan.insert_sql(columns, count, modifier)

    def sent(self, rows: list[Row]) -> Sequence[Any]:
        """The values of these rows in the order in which the statement has their places."""
        if self._plan.dialect.binds_columns:
            return tuple(map(list, zip(*rows, strict=True)))
        return tuple(chain.from_iterable(rows))

    def take(
        self, many: list[dict[str, Any]], rows: list[Row], result: QueryResult, keys: Sequence[Any] = ()
    ) -> list[Row]:
        """The rows as they are stored; keys that the database gave are put among the records' values, and stamps.

        `rows` are as they were dumped, without the keys; `keys` are those that were reserved for them, if any.
        """
        for field, place, load, _ in self._stamped:
            for values, row in zip(many, rows, strict=True):
                if values[field] is None:
                    values[field] = row[place] if load is None else load(row[place])
        if not self.returned:
            return rows
        key, plan = self.returned[0], self._plan
        # RETURNING promises no order; but the keys of one statement grow in the order of its rows.
        numbers = sorted([row[0] for row in plan.tuples(result, [key.name])])
        name = plan.table.name
        if len(numbers) != len(rows):
            raise DatabaseError(f"{len(rows)} rows were inserted into {name}, but {len(numbers)} keys came back")
        if keys and numbers != sorted(keys):
            raise DatabaseError(f"{name} gives its rows other keys than those they are inserted with: a trigger?")
        load, field = plan.loader(key.type), key.field
        for values, number in zip(many, keys or numbers, strict=True):
            values[field] = number if load is None else load(number)
        return self.keyed(rows, keys or numbers)
