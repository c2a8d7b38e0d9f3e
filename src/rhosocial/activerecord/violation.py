"""What a broken constraint is in a model's words: the model, its fields, the place of the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .backend.base import StorageBackend
from .backend.dialect import Dialect
from .backend.errors import DatabaseError, ForeignKeyViolation, IntegrityError, NotNullViolation, UniqueViolation
from .backend.schema import Check, Exclude, ForeignKey, Index, PrimaryKey, Unique
from .backend.statement import TableName
from .table import Table

_WRITES = re.compile(
    r"\s*(?P<verb>INSERT|REPLACE|UPDATE|DELETE|MERGE)(?:\s+(?:OR|IGNORE|REPLACE|INTO|FROM|ONLY))*\s+", re.IGNORECASE
)
# So many keys are asked for at a time: SQLite nests ORs, and no deeper than 1,000.
_ASKED = 200
# A literal holds no column; a quoted name is one.
_WORDS = re.compile(r"""'[^']*'|"([^"]+)"|`([^`]+)`|\b([A-Za-z_]\w*)\b""")


def explain(plans: Mapping[Table, Any], error: IntegrityError, sql: str) -> None:
    """Put the model and its fields on an error, as far as the engine told, out of the tables that have `plans`."""
    verb, written = _written(plans, sql)
    if error.model is not None:
        return
    if verb == "DELETE" and isinstance(error, ForeignKeyViolation):
        # Another table has the key; the row of the caller is the one that is still referred to.
        error.reason = "Other rows refer to this one"  # type: ignore[misc]  # Said of this one error.
        error.model = None if written is None else written.model
        return
    table = written if error.table in (None, getattr(written, "name", None)) else _named(plans, error)
    if table is None:
        return
    error.model = table.model
    if error.table is None:
        error.table = table.name
    _explain_columns(error, table, plans[table].dialect, sql)


async def aexplain(
    error: BaseException, backend: StorageBackend, plan: Any, sent: Sequence[Any], records: Sequence[Any] | None = None
) -> None:
    """Make an error more precise by the records of `plan` that were `sent` in one statement; any other is left alone.

    Of a call for many `records` it says the place of the one that broke the constraint.  Where neither the engine nor
    the records tell, the database is asked, if what is left of the transaction lets it.
    """
    table, name = plan.table, getattr(getattr(error, "model", None), "__name__", None)
    if not isinstance(error, IntegrityError) or name is None or error.table not in (None, table.name):
        return
    error.model = table.model  # Several models may share a table.
    place = 0 if len(sent) == 1 else _place(error, sent)
    is_keyed = isinstance(error, (UniqueViolation, ForeignKeyViolation))
    if is_keyed and (place is None or not error.fields) and backend.rule_of(error).transaction == "open":
        with suppress(DatabaseError):  # Then nothing more is known.
            found = await _Asking(backend, plan, sent).afind(error)
            place = found if place is None else place
    if records is not None and place is not None:
        error.row = next(number for number, record in enumerate(records) if record is sent[place])


def _place(error: IntegrityError, sent: Sequence[Any]) -> int | None:
    """Which of the records it was, where they tell it among themselves."""
    rows = [tuple([vars(record).get(field) for field in error.fields]) for record in sent]
    if isinstance(error, NotNullViolation):
        return next((place for place, row in enumerate(rows) if None in row), None)
    if isinstance(error, UniqueViolation) and error.fields:
        return next(_repeated(rows), None)
    return None


def _repeated(rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    """The places of rows that stood before."""
    seen: set[Any] = set()
    for place, row in enumerate(rows):
        try:
            if None not in row and row in seen:
                yield place
            seen.add(row)
        except TypeError:  # Of values that cannot be hashed nothing is known.
            return


class _Asking:
    """Questions to the database about the values of some records: which of them are there."""

    def __init__(self, backend: StorageBackend, plan: Any, sent: Sequence[Any]) -> None:
        self._backend = backend
        self._plan = plan
        self._sent = sent

    async def afind(self, error: IntegrityError) -> int | None:
        """The place of the record that broke a key; puts the columns of a foreign key on the error."""
        table: Table = self._plan.table
        if isinstance(error, UniqueViolation):
            return await self._afirst(table.schema, table.name, error.columns, error.columns, is_there=True)
        for key in table.foreign_keys:
            if error.fields and set(key.columns) != set(error.columns):
                continue
            schema, _, name = key.target.rpartition(".")
            place = await self._afirst(schema or None, name, key.target_columns, key.columns, is_there=False)
            if place is not None:
                _take(error, table, key.columns)
                return place
        return None

    async def _afirst(
        self, schema: str | None, target: str, names: Sequence[str], columns: Sequence[str], *, is_there: bool
    ) -> int | None:
        """The first record whose `columns` hold what `names` of a row of the target hold, or what they hold of none."""
        dump = self._plan.dump_of([self._plan.table.by_name[name].field for name in columns])
        rows = [dump(vars(record)) for record in self._sent]
        # A key with a NULL in it refers to nothing, and is like no other.
        wanted = list(dict.fromkeys(row for row in rows if None not in row))
        found = await self._afound(TableName(target, schema=schema), names, wanted)
        return next((n for n, row in enumerate(rows) if None not in row and (row in found) is is_there), None)

    async def _afound(self, target: TableName, names: Sequence[str], wanted: list[Any]) -> set[Any]:
        dialect = self._plan.dialect
        listed = ", ".join(map(dialect.quote, names))
        one = "(" + " AND ".join(f"{dialect.quote(name)} = ?" for name in names) + ")"
        found: set[Any] = set()
        for start in range(0, len(wanted), _ASKED):
            part = wanted[start : start + _ASKED]
            sql = f"SELECT {listed} FROM {dialect.compile(target)[0]} WHERE {' OR '.join([one] * len(part))}"
            result = await self._backend.asend(sql, [value for row in part for value in row], True)
            found |= set(self._plan.tuples(result, names))
        return found


# 1 - Which table


def _written(plans: Mapping[Table, Any], sql: str) -> tuple[str, Table | None]:
    """The verb of a statement that writes, and the table that it writes to; of several models the basest."""
    begin = _WRITES.match(sql)
    if begin is None:
        return "", None
    rest = sql[begin.end() : begin.end() + 300]
    found = [
        table
        for table, plan in list(plans.items())
        if rest.startswith(plan.source) and not re.match(r"[\w.\"`]", rest[len(plan.source) :])
    ]
    return begin["verb"].upper(), _basest(found)


def _named(plans: Mapping[Table, Any], error: IntegrityError) -> Table | None:
    """The table that the engine named."""
    return _basest([table for table in list(plans) if table.name == error.table])


def _basest(tables: Iterable[Table]) -> Table | None:
    return min(tables, key=lambda table: len(table.model.__mro__), default=None)


# 2 - Which columns


def _explain_columns(error: IntegrityError, table: Table, dialect: Dialect, sql: str) -> None:
    if not error.columns and error.constraint is not None:
        _take(error, table, _columns_of(table, dialect, error.constraint))
    elif error.columns:
        _take(error, table, error.columns)
        if error.constraint is None:
            error.constraint = _name_of(table, error)
    elif isinstance(error, ForeignKeyViolation):
        sent = set(_mentioned(sql.partition(" WHERE ")[0], table))
        possible = [key for key in table.foreign_keys if sent.issuperset(key.columns)]
        if len(possible) == 1:
            _take(error, table, possible[0].columns)


def _take(error: IntegrityError, table: Table, columns: Sequence[str]) -> None:
    error.columns = tuple(columns)
    error.fields = tuple([table.by_name[name].field for name in columns if name in table.by_name])


def _columns_of(table: Table, dialect: Dialect, constraint: str) -> tuple[str, ...]:
    """The columns of the constraint of that name."""
    declared = {name: columns for _, name, columns in _declared(table) if name is not None}
    return declared.get(constraint) or _implied(table, dialect).get(constraint, ())


def _name_of(table: Table, error: IntegrityError) -> str | None:
    """The name that the model gives to the constraint over the error's columns."""
    kind = {UniqueViolation: "unique", ForeignKeyViolation: "foreign_key"}.get(type(error))
    return next((n for k, n, columns in _declared(table) if k == kind and set(columns) == set(error.columns)), None)


def _declared(table: Table) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
    """The kind, the name and the columns of each constraint of the model."""
    for constraint in table.constraints:
        if isinstance(constraint, Check):
            # SQLite calls a nameless condition by its text.
            kind = "exclusion" if isinstance(constraint, Exclude) else "check"
            yield kind, constraint.name or constraint.condition, tuple(_mentioned(constraint.condition, table))
        else:
            yield _KINDS[type(constraint)], constraint.name, tuple(constraint.columns)
    for index in table.indexes:
        if index.unique:
            yield "unique", table.index_name(index), tuple(index.columns)


_KINDS: dict[type, str] = {Unique: "unique", ForeignKey: "foreign_key", PrimaryKey: "primary_key", Index: "unique"}


def _implied(table: Table, dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """The columns of nameless constraints by the names that the engine gives them."""
    nameless = [("primary_key", tuple(column.name for column in table.key))]
    nameless += [("unique", (column.name,)) for column in table.columns if column.spec.unique]
    nameless += [(kind, columns) for kind, name, columns in _declared(table) if name is None]
    nameless += [
        ("check", tuple(_mentioned(arg.condition, table)))
        for arg in table.constraints
        if type(arg) is Check and arg.name is None
    ]
    found: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    for kind, columns in nameless:
        counts[kind] = number = counts.get(kind, 0) + 1
        name = dialect.implied_name(kind, table.name, columns, number)
        if name is not None:
            # The second of one name has a 1 behind it.
            taken = sum(name == known.rstrip("0123456789") for known in found)
            found[f"{name}{taken or ''}"] = columns
    return found


def _mentioned(sql: str, table: Table) -> list[str]:
    """The columns of the table whose names stand in a text, each once."""
    words = [next(filter(None, found.groups()), "") for found in _WORDS.finditer(sql)]
    by_case = {name.casefold(): name for name in table.by_name}
    return list(dict.fromkeys(by_case[word.casefold()] for word in words if word.casefold() in by_case))
