"""What a broken constraint is in a model's words: the model, its fields, the place of the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .backend.dialect import Dialect
from .backend.errors import ForeignKeyViolation, IntegrityError, NotNullViolation, UniqueViolation
from .backend.schema import Check, ForeignKey, Index, PrimaryKey, Unique
from .table import Table

_WRITES = re.compile(
    r"\s*(?P<verb>INSERT|REPLACE|UPDATE|DELETE|MERGE)(?:\s+(?:OR|IGNORE|REPLACE|INTO|FROM|ONLY))*\s+", re.IGNORECASE
)
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


def explain_record(error: BaseException, record: Any) -> None:
    """Make the error more precise by the record that was being saved."""
    if not isinstance(error, IntegrityError) or error.model is None:
        return
    table = type(record).__table__
    if error.model.__table__.name == table.name:
        error.model = type(record)  # Several models may share a table.
    if isinstance(error, ForeignKeyViolation) and not error.fields and error.model is type(record):
        # A key with a NULL in it refers to nothing, and so breaks nothing.
        possible = [k for k in table.foreign_keys if None not in [_value(record, table, name) for name in k.columns]]
        if len(possible) == 1:
            _take(error, table, possible[0].columns)


def explain_batch(error: IntegrityError, sent: Sequence[Any], records: Sequence[Any]) -> None:
    """Say which of the `records` of a call broke the constraint, where those `sent` together tell it themselves."""
    if len(sent) == 1:
        explain_record(error, sent[0])
    rows = [tuple([vars(record).get(field) for field in error.fields]) for record in sent]
    place: int | None = None
    if len(sent) == 1:
        place = 0
    elif isinstance(error, NotNullViolation):
        place = next((place for place, row in enumerate(rows) if None in row), None)
    elif isinstance(error, UniqueViolation) and error.fields:
        place = next(_repeated(rows), None)
    if place is not None:
        error.row = next(number for number, record in enumerate(records) if record is sent[place])


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


def _value(record: Any, table: Table, column: str) -> Any:
    return vars(record).get(table.by_name[column].field)


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
            yield "check", constraint.name or constraint.condition, tuple(_mentioned(constraint.condition, table))
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
        if isinstance(arg, Check) and arg.name is None
    ]
    found: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    for kind, columns in nameless:
        counts[kind] = number = counts.get(kind, 0) + 1
        name = dialect.implied_name(kind, table.name, columns, number)
        if name is not None:
            found.setdefault(name, columns)
    return found


def _mentioned(sql: str, table: Table) -> list[str]:
    """The columns of the table whose names stand in a text, each once."""
    words = [next(filter(None, found.groups()), "") for found in _WORDS.finditer(sql)]
    by_case = {name.casefold(): name for name in table.by_name}
    return list(dict.fromkeys(by_case[word.casefold()] for word in words if word.casefold() in by_case))
