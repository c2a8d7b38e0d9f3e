"""Many records in few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    for insertion, group in _groups(plan, records, batch_size):
        values = [record.__dict__ for record in group]
        rows = dump_rows(insertion, group, records)
        try:
            result = await backend.asend(insertion.text(len(rows)), insertion.sent(rows), bool(insertion.returned))
        except IntegrityError as error:
            await aexplain(error, backend, plan, group, records)
            raise
        if (transaction := backend.current_transaction) is not None:
            transaction.undo(put_all_back(group, plan))
        each(set_stored, group, insertion.take(values, rows, result))
    if records and plan.table.model.__relations__:
        settle(records, is_awaiting())


def _groups(plan: Plan, records: list[Any], batch_size: int | None) -> Iterator[tuple[BulkInsertion, list[Any]]]:
    """The records in groups that one INSERT can take: the same columns, within the limit on parameters."""
    for has_key, group in _by_key(plan.simple_key, records).items():
        fields = plan.fields if has_key else plan.always_inserted
        insertion = insertion_of(plan, fields)
        size = insertion.size(batch_size)
        for start in range(0, len(group), size):
            yield insertion, group[start : start + size]


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

    `columns` are those of the fields; `returned` is the generated key, where the fields lack it.
    """

    __slots__ = ("_fields", "_plan", "_stamped", "_text", "columns", "dump", "dump_one", "returned")

    def __init__(self, plan: Plan, fields: tuple[str, ...]) -> None:
        key = plan.table.auto_key
        self.returned = (key,) if key is not None and key.field not in fields else ()
        self._plan = plan
        self._fields = fields
        self.columns = [column for column in plan.table.columns if column.field in fields]
        # The rows of many records' values, as the driver takes them, and of one, which says what cannot be stored.
        self.dump = many_dumper(fields, plan.dumpers_of(fields), plan.insert_stamps)
        self.dump_one = plan.dump_of(fields, (), plan.insert_stamps)
        self._stamped = plan.stamped(fields, plan.insert_stamps)
        self._text = (0, "")

    def size(self, wanted: int | None, others: int = 0) -> int:
        """How many rows one statement with `others` values takes; `wanted` says how many it may have at most."""
        if not self._fields or not self._plan.dialect.supports_multirow_insert:
            return 1  # DEFAULT VALUES is one row.
        most = wanted or MAX_ROWS
        dialect = self._plan.dialect
        return most if dialect.binds_columns else max(1, min(most, (dialect.max_params - others) // len(self._fields)))

    def text(self, count: int) -> str:
        """The statement for so many rows."""
        known, text = self._text  # Nearly all groups have one size, and a text of thousands of ? is long to hash.
        if known != count:
            text = self.made(count) + self._plan.returning_sql(self.returned)
            self._text = count, text
        return text

    def made(self, count: int) -> str:
        """The INSERT of so many rows without what may follow."""
        dialect = self._plan.dialect
        if dialect.binds_columns and self._fields:
            return f"{self._plan.insert_into(self.columns)} {dialect.rows_of_lists(len(self._fields))}"
        return self._plan.insert_sql(self.columns, count)

    def sent(self, rows: list[Row]) -> Sequence[Any]:
        """The values of these rows in the order in which the statement has their places."""
        if self._plan.dialect.binds_columns:
            return tuple(map(list, zip(*rows, strict=True)))
        return tuple(chain.from_iterable(rows))

    def take(self, many: list[dict[str, Any]], rows: list[Row], result: QueryResult) -> list[Row]:
        """The rows as they are stored; keys that the database gave are put among the records' values, and stamps."""
        for field, place, load, _ in self._stamped:
            for values, row in zip(many, rows, strict=True):
                if values[field] is None:
                    values[field] = row[place] if load is None else load(row[place])
        if not self.returned:
            return rows
        key, plan = self.returned[0], self._plan
        # RETURNING promises no order; but the keys of one statement grow in the order of its rows.
        numbers = sorted([row[0] for row in plan.tuples(result, [key.name])])
        if len(numbers) != len(rows):
            name = plan.table.name
            raise DatabaseError(f"{len(rows)} rows were inserted into {name}, but {len(numbers)} keys came back")
        load, field, place = plan.loader(key.type), key.field, plan.fields.index(key.field)
        for values, number in zip(many, numbers, strict=True):
            values[field] = number if load is None else load(number)
        return [(*row[:place], number, *row[place:]) for row, number in zip(rows, numbers, strict=True)]
