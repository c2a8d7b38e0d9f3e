"""A plan: what is compiled once for one table on one backend — SQL texts, dumpers, loaders.  It does no I/O."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from pydantic import PydanticUserError, TypeAdapter
from pydantic import ValidationError as PydanticValidationError

from .backend.base import StorageBackend
from .backend.column_type import ColumnType
from .backend.dialect import names, placeholders
from .backend.errors import DatabaseError, DataError, QueryError, StaleRecord
from .backend.expression import Expression
from .backend.schema import ColumnDefinition, PrimaryKey
from .backend.statement import CreateIndex, CreateTable, DropTable
from .backend.typing import QueryResult
from .hydrate import Load, Stamp, change_finder, dict_loader, dumper, identity_test, record_loader, taker
from .named_row import key_named, naming, telling
from .table import Table, TableColumn
from .violation import explain

Row = tuple[Any, ...]


class Write:
    """One INSERT or UPDATE of one set of columns: its text, how to dump a record for it, what is stored afterwards.

    `dump(values, row)` makes the values to send; `row` is the stored row, whose key an UPDATE needs.  `returning` are
    the columns that the statement gives back.  `take(values, sent, given)` makes the row that is stored then, out of
    what was sent and what the database gave (an UPDATE: the row before), and puts what the database set on the record.
    `fields` are those that it writes.  `is_incomplete` says that the row must be read again, since the database set
    more than it gives back, or since the connection verifies writes.  `text` is `sql` as the driver takes it, once
    `text_for` was asked.
    """

    __slots__ = ("dump", "fields", "is_incomplete", "needs_key", "returning", "sql", "take", "text")

    def __init__(
        self,
        sql: str,
        dump: Callable[..., Row],
        take: Callable[[dict[str, Any], Row, Row], Row],
        fields: Sequence[str],
        *,
        returning: tuple[TableColumn, ...] = (),
        needs_key: bool = False,
        is_incomplete: bool = False,
    ) -> None:
        self.sql = sql
        self.dump = dump
        self.take = take
        self.fields = fields
        self.text = ""
        self.returning = returning
        self.needs_key = needs_key
        self.is_incomplete = is_incomplete

    def text_for(self, backend: StorageBackend, sent: Row) -> str:
        """The text as the backend's driver takes it; a plan and its writes belong to one backend."""
        if not self.text:
            self.text = backend.native(self.sql, sent)
        return self.text


class Plan:
    """Everything that records and queries of one table need from one backend, found by a dictionary hit."""

    def __init__(self, table: Table, backend: StorageBackend) -> None:
        self.table = table
        self.dialect = backend.dialect
        self._values = backend.value_mapper
        self._types = backend.type_mapper
        self._config = backend.config
        # Do its statements have RETURNING?
        self.returns = bool(backend.supports_returning)
        # Is each row that is written read back and compared?
        self.verifies = bool(backend.config.verify_writes)
        self.fields = tuple(column.field for column in table.columns)
        self.names = tuple(column.name for column in table.columns)
        self.loaders = [self.loader(column.type) for column in table.columns]
        self.dumpers = [self.dumper(column.type) for column in table.columns]
        self._comparers = [
            dump if column.type.codec is None else self._comparer(column.type)
            for dump, column in zip(self.dumpers, table.columns, strict=True)
        ]
        few, many = record_loader(table.model, self.fields, self.loaders, *table.model.__setters__)
        self.load_untold = naming(table, table.columns, self.loaders, few, many)
        self._dict_loaders: dict[tuple[str, ...], Load] = {}
        self.load_dicts = self.dicts_of(self.fields)
        mutable = [column.type.is_mutable for column in table.columns]
        self.mutable = frozenset(field for field, is_mutable in zip(self.fields, mutable, strict=True) if is_mutable)
        # Python has moments equal that differ by `fold`, and unequal that are one where clocks are changed.
        as_stored = [m or self.is_moment(column.type) for m, column in zip(mutable, table.columns, strict=True)]
        self._as_stored = as_stored
        # The fields of which `save` writes single members, see `partial`.
        partly = [place for place, column in enumerate(table.columns) if column.spec.partial]
        can = self.dialect.supports_json_changes and not self.verifies
        self.partial_bits = sum(1 << place for place in partly) if can else 0
        self.all_bits = (1 << len(self.fields)) - 1
        self.is_untouched = identity_test(self.fields)
        self._positions = {field: place for place, field in enumerate(self.fields)}
        self.has_computed = any(column.generated_sql is not None for column in table.columns)
        self.key_positions = tuple(table.columns.index(column) for column in table.key)
        self._inserts: dict[tuple[str, ...], Write] = {}
        self.updates: dict[int, Write] = {}
        self.bulk_insertions: dict[tuple[str, ...], Any] = {}  # A class of the layer of records, which builds on this.
        self._adapters: dict[ColumnType, TypeAdapter[Any]] = {}
        self._dumpers: dict[ColumnType, Callable[[Any], Any] | None] = {}
        self._write_texts()
        table.plans.add(self)

    def _write_texts(self) -> None:
        dialect, table = self.dialect, self.table
        self.source = dialect.compile(table.source())[0]
        self.column_list = names(dialect, [column.name for column in table.columns])
        where = " AND ".join(f"{dialect.quote(column.name)} = ?" for column in table.key)
        only = table.key[0].type if len(table.key) == 1 else None
        self._key_type = None if only is None else only.python
        # The type of the keys that `find_one` takes the short way for; a class may find its records otherwise.
        self.plain_key = self._key_type if table.model.__finds_plainly__ else None
        self._key_dump = None if only is None else self.dumper(only)
        self.reload_sql = f"SELECT {self.column_list} FROM {self.source} WHERE {where}"
        self.find_sql, self.find_values = self.reload_sql, self.dump_key
        if table.reading is not table:
            self.find_sql, self.plain_key = "", None  # Which class the row is of, only a question finds out.
        elif table.scopes is not None:
            self._scope_finding(table.scopes)
        self._version = table.version
        if table.version is not None:
            where += f" AND {dialect.quote(table.version.name)} = ?"
            self._dump_version = self.dumper(table.version.type)
        self.delete_sql = f"DELETE FROM {self.source} WHERE {where}"
        self._where_row = where
        optional = [column for column in table.columns if column.server_set]
        self.always_inserted = tuple(column.field for column in table.columns if not column.server_set)
        # The common shapes of a record's insert: only the key may be missing, or nothing at all.
        self.simple_key = table.auto_key.field if len(optional) == 1 and table.auto_key else None
        self.auto_key_field = None if table.auto_key is None else table.auto_key.field
        self.is_simple = not optional or self.simple_key is not None
        self.is_linked = bool(table.model.__relations__)
        # What saving gives fields by itself, and what they hold before: a rollback puts them back.
        self.insert_stamps: dict[str, Stamp] = {
            c.field: (c.spec.at_insert, None, 0) for c in table.stamped if c.spec.at_insert is not None
        }
        self.stamped_fields = tuple(column.field for column in table.stamped)
        self.hear()
        self.takes_many = (
            self.is_simple
            and not self.verifies
            and self.dialect.supports_multirow_insert
            and (self.simple_key is None or self.returns)
        )

    def hear(self) -> None:
        """Learn anew what the model's class is to be told of, when its handlers have changed."""
        model = self.table.model
        # Whether a save may be one statement and what the driver says of it: no hooks, and nothing to be read again.
        self.is_short = self.is_simple and not self.has_computed and not self.verifies and not model.__hooked__
        self.load = self.load_untold if model.__tell_loaded__ is None else telling(self.load_untold, model)

    def _scope_finding(self, scopes: Any) -> None:
        """Have `find_sql` carry the default scopes; it is empty where these have to be asked each time."""
        if not scopes.is_fixed:
            self.find_sql, self.plain_key = "", None
        elif (condition := scopes.condition(self.table)) is not None:
            text, values = self.compile(condition)
            self.find_sql = f"{self.reload_sql} AND ({text})"
            if values:
                self.find_values = lambda key: (*self.dump_key(key), *values)

    # 1 - Values

    def dumper(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """What turns a value of the column's type into the driver's, or None where nothing is to do."""
        if column.codec is None:
            return self._values.dumper(column)
        return column.codec.dumper(self._values.dumper(column.stored), self._config)

    def loader(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """What turns a driver's value into one of the column's type, or None where nothing is to do."""
        if column.codec is None:
            return self._values.loader(column)
        return column.codec.loader(self._values.loader(column.stored), self._config)

    def _comparer(self, column: ColumnType) -> Callable[[Any], Any] | None:
        """What makes of a value that can be edited in place something to compare: what would be stored, or so."""
        if column.codec is None:
            return self._values.dumper(column)
        return column.codec.comparer(self._values.dumper(column.stored), self._config)

    def is_moment(self, column: ColumnType) -> bool:
        """Whether the column holds datetimes with a time zone."""
        return column.kind is datetime and self._values.is_aware(column.stored)

    def dump_value(self, value: Any, column: ColumnType | None) -> Any:
        """A value bound in a query, as the driver takes it.

        Compared with a column it is first made a value of that column's type, as Pydantic would (``"2024-01-01"`` for a
        date); DataError where that cannot be.
        """
        if column is None:
            return self._values.to_database(value, None)
        if type(value) is not column.python:
            value = self._validated(value, column)
        try:
            dump = self._dumpers[column]
        except KeyError:
            dump = self._dumpers[column] = self.dumper(column)
        return value if dump is None or value is None else dump(value)

    def as_type(self, value: Any, column: ColumnType) -> Any:
        """A value as one of a column's Python type, as Pydantic would make it; DataError where that cannot be."""
        return value if value is None or type(value) is column.python else self._validated(value, column)

    def _validated(self, value: Any, column: ColumnType) -> Any:
        adapter = self._adapters.get(column)
        if adapter is None:
            adapter = self._adapters[column] = _adapter_of(column.python)
        try:
            return adapter.validate_python(value)
        except PydanticValidationError as error:
            wanted = getattr(column.python, "__name__", column.python)
            raise DataError(
                f"a value of type {type(value).__name__} cannot be compared with a column of {wanted}: "
                f"{error.errors(include_input=False)[0]['msg']}"
            ) from error

    def dump_key(self, key: Any) -> Row:
        """The values of a key as the driver takes them; a composite key is given as a tuple."""
        columns = self.table.key
        if type(key) is self._key_type:  # Most keys are one value of just the right type.
            return (key if self._key_dump is None else self._key_dump(key),)
        parts = key if isinstance(key, (tuple, list)) and len(columns) > 1 else (key,)
        if len(parts) != len(columns):
            wanted = ", ".join(column.field for column in columns)
            raise DatabaseError(f"the key of {self.table.model.__name__} is ({wanted}), got {len(parts)} value(s)")
        # No row has NULL for a key: asking for None finds nothing.
        given = zip(parts, columns, strict=True)
        return tuple([None if part is None else self.dump_value(part, column.type) for part, column in given])

    def key_of_row(self, row: Row) -> Row:
        """The key's values out of a stored row."""
        return tuple([row[position] for position in self.key_positions])

    @cached_property
    def differences(self) -> Callable[[dict[str, Any], Row], int]:
        """``differences(values, row)``: a bit for each field that differs, see `change_finder`."""
        proving = self.table.model.__checks__.proving
        types = [proving.get(field) for field in self.fields]
        return change_finder(self.fields, self.loaders, self._comparers, self._as_stored, types)

    def changed(self, values: dict[str, Any], row: Row) -> list[str]:
        """The fields whose values are others than the row's."""
        return self.fields_of(self.differences(values, row))

    def bits_of(self, fields: Iterable[str]) -> int:
        """The bits of these fields."""
        return sum(1 << self._positions[field] for field in set(fields))

    def fields_of(self, bits: int) -> list[str]:
        """The fields whose bits are set."""
        return [field for place, field in enumerate(self.fields) if bits >> place & 1]

    # 2 - Statements of records

    def write_at_once(self, values: dict[str, Any], stored: Any, given: set[str]) -> Write | None:
        """The statement for a record of which nothing is to be validated, if its shape has been met; else None."""
        if not self.is_short:
            return None
        if stored.__class__ is tuple:
            return self.updates.get(self.differences(values, stored))
        return self.insertion(values, given) if self.is_untouched(values, stored or {}) else None

    def insertion(self, values: dict[str, Any], given: set[str]) -> Write:
        """The INSERT for a record that holds `values`; columns that the database sets are left to it unless given."""
        if self.is_simple:
            key = self.simple_key
            fields = self.always_inserted if key is None or values[key] is None else self.fields
        else:
            fields = tuple(c.field for c in self.table.columns if not c.server_set or _is_given(c, values, given))
        found = self._inserts.get(fields)
        return found if found is not None else self._inserts.setdefault(fields, self._make_insertion(fields))

    def _make_insertion(self, fields: tuple[str, ...]) -> Write:
        columns = [column for column in self.table.columns if column.field in fields]
        missing = tuple(column for column in self.table.columns if column.field not in fields)
        by_last_id = len(missing) == 1 and missing[0].auto_key and self.dialect.supports_last_insert_id
        returned = missing if self.returns and not by_last_id else ()
        taken = returned or tuple(column for column in missing if column.auto_key)
        return Write(
            self.insert_sql(columns, 1) + self.returning_sql(returned),
            self.dump_of(fields, (), self.insert_stamps),
            self._taker(fields, taken),
            fields,
            returning=returned,
            needs_key=bool(taken) and not returned,
            is_incomplete=self.verifies or len(taken) < len(missing),
        )

    def _taker(
        self, fields: tuple[str, ...], taken: tuple[TableColumn, ...]
    ) -> Callable[[dict[str, Any], Row, Row], Row]:
        positions = {field: place for place, field in enumerate(fields)}
        positions |= {column.field: -1 - place for place, column in enumerate(taken)}
        loads = [(column.field, self.loader(column.type)) for column in taken]
        return taker([positions.get(field) for field in self.fields], loads, self.stamped(fields, self.insert_stamps))

    def stamped(
        self, fields: Sequence[str], stamps: Mapping[str, Stamp]
    ) -> list[tuple[str, int, Callable[[Any], Any] | None, bool]]:
        """For `taker`: of the fields that a statement sends those that it stamps."""
        loaders = dict(zip(self.fields, self.loaders, strict=True))
        return [(f, fields.index(f), loaders[f], s[0] is not None) for f, s in stamps.items() if f in fields]

    def insert_sql(self, columns: Sequence[TableColumn], rows: int, modifier: str = "") -> str:
        """INSERT of so many rows of these columns; `modifier` stands before VALUES."""
        if not columns:
            return f"INSERT INTO {self.source} {self.dialect.default_row}"
        row = f"({placeholders(len(columns))})"
        return f"{self.insert_into(columns)}{modifier} VALUES {', '.join([row] * rows)}"

    def insert_into(self, columns: Sequence[TableColumn]) -> str:
        """The beginning of an INSERT that gives these columns."""
        return f"INSERT INTO {self.source} ({names(self.dialect, [column.name for column in columns])})"

    def returning_sql(self, columns: Sequence[TableColumn]) -> str:
        """The clause that gives these columns back; no text for none."""
        return f" RETURNING {names(self.dialect, [column.name for column in columns])}" if columns else ""

    def given(self, write: Write, result: QueryResult) -> Row:
        """The values that the database gave for an insertion, as the driver hands them over."""
        if write.needs_key:
            if result.last_insert_id is None:
                raise DatabaseError(
                    f"the backend gave no key for the row inserted into {self.table.name}: its execute must return "
                    "last_insert_id, or its supports_returning be true"
                )
            return (result.last_insert_id,)
        if not write.returning:
            return ()
        rows = self.tuples(result, [column.name for column in write.returning])
        if not rows:
            raise DatabaseError(f"the backend gave no row back for an INSERT into {self.table.name} with RETURNING")
        return rows[0]

    def tuples(self, result: QueryResult, columns: Sequence[str]) -> list[Row]:
        """The rows of a result that has these columns, in their order, as tuples."""
        return tuples_of(result.data or [], columns) if result.has_dicts else result.rows or []

    def load_result(self, result: QueryResult) -> list[Any]:
        """The records of a result whose columns are the table's, in its order; rows that are dicts go by name."""
        rows = result.tuples
        return self.load(rows if rows is not None else self.rows_of(result))

    def dicts_of(self, fields: tuple[str, ...]) -> Load:
        """What makes dicts of these fields out of tuples of their columns."""
        load = self._dict_loaders.get(fields)
        if load is None:
            columns = [self.table.by_field[field] for field in fields]
            loaders = [self.loader(column.type) for column in columns]
            to_dicts = dict_loader(fields, loaders)
            load = self._dict_loaders[fields] = naming(self.table, columns, loaders, to_dicts, to_dicts)
        return load

    def rows_of(self, result: QueryResult) -> list[Row]:
        """The rows of such a result as tuples."""
        return self.tuples(result, self.names)

    def snapshot(self, values: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
        """What tells later whether the fields hold the same values still; fields that cannot be stored are left out."""
        taken = {}
        for field in fields:
            try:
                taken[field] = self._fixed(field, values[field])
            except (DataError, ValueError, TypeError, KeyError):
                continue
        return taken

    def differing(self, values: dict[str, Any], snapshot: dict[str, Any]) -> set[str]:
        """The fields that do not hold the values of a snapshot any more."""
        now = self.snapshot(values, snapshot)
        return {f for f in self.fields if f not in now or not same_value(now[f], snapshot[f])}

    def _fixed(self, field: str, value: Any) -> Any:
        """A value that can be edited in place as it would be stored; any other as it is."""
        if value is None or field not in self.mutable:
            return value
        dump = self._comparers[self._positions[field]]
        return copy.deepcopy(value) if dump is None else dump(value)

    def dump_of(
        self, fields: Sequence[str], key: Sequence[int] = (), stamps: Mapping[str, Stamp] | None = None
    ) -> Callable[..., Row]:
        """What makes the tuple of these fields' values, and of the stored row's at the places `key`.

        A value that cannot be stored is named with its column.  `stamps` are given where saving has some, see `dumper`.
        """
        dumpers = self.dumpers_of(fields)

        def name_failure(error: DataError, values: dict[str, Any]) -> DataError:
            return self._name_failure(error, fields, dumpers, values)

        return dumper(fields, dumpers, name_failure, key, stamps or {})

    def dumpers_of(self, fields: Sequence[str]) -> list[Callable[[Any], Any] | None]:
        """The dumpers of these fields."""
        return [self.dumpers[self._positions[field]] for field in fields]

    def _name_failure(
        self, error: DataError, fields: Sequence[str], dumpers: Sequence[Any], values: dict[str, Any]
    ) -> DataError:
        for field, dump in zip(fields, dumpers, strict=True):
            try:
                if dump is not None and values[field] is not None:
                    dump(values[field])
            except DataError as failure:
                name = self.table.by_field[field].name
                return type(failure)(
                    f"{self.table.model.__name__}.{field}: {failure}", table=self.table.name, columns=(name,)
                )
        return error

    def update(self, bits: int) -> Write | None:
        """The UPDATE by key of the fields with these bits, made at its first use and kept in `updates`; None for none.

        DataError where the database computes the fields itself.
        """
        if bits & self.partial_bits:
            return self.update_of(bits)  # Kept, it would be taken where single members are meant.
        if bits and bits not in self.updates:
            self.updates[bits] = self.update_of(bits)
        return self.updates.get(bits)

    def update_of(self, bits: int, texts: Mapping[str, str] = MappingProxyType({})) -> Write:
        """The UPDATE by key of the fields with these bits; `texts` are SQL for what some of them are set to."""
        changed = self.fields_of(bits)
        fields = [field for field in changed if self.table.by_field[field].generated_sql is None]
        if not fields:
            name = f"{self.table.model.__name__}.{changed[0]}"
            raise DataError(f"{name} is computed by the database and cannot be set")
        stamps = self._update_stamps(fields)
        fields += [field for field in stamps if field not in fields]
        changes = ", ".join(f"{self.dialect.quote(self.table.by_field[f].name)} = {texts.get(f, '?')}" for f in fields)
        # What is not sent stays as it was.
        places = [fields.index(f) if f in fields else -1 - place for place, f in enumerate(self.fields)]
        return Write(
            f"UPDATE {self.source} SET {changes} WHERE {self._where_row}",
            self.dump_of(fields, self.key_positions, stamps),
            taker(places, (), self.stamped(fields, stamps)),
            fields,
            is_incomplete=self.verifies or self.has_computed,
        )

    def _update_stamps(self, changed: Sequence[str]) -> dict[str, Stamp]:
        """What an UPDATE stamps; a field that was changed by hand stays as it is, unless it was made None."""
        stamps: dict[str, Stamp] = {}
        for column in self.table.stamped:
            spec, field = column.spec, column.field
            if spec.version_step:
                stamps[field] = None, None, spec.version_step
            elif spec.at_update is not None:
                stamps[field] = (spec.at_update, None, 0) if field in changed else (None, spec.at_update, 0)
        return stamps

    def deletion_values(self, values: dict[str, Any], row: Row) -> Row:
        """What `delete_sql` asks for: the key of the stored row, and the version that the record has."""
        key = self.key_of_row(row)
        if self._version is None:
            return key
        version = values[self._version.field]
        return (*key, version if self._dump_version is None else self._dump_version(version))

    def stale(self, done: str, row: Row) -> StaleRecord:
        """The error for a stored row that a statement has not found so any more; `done` is "saved", "deleted"."""
        name, version = self.table.model.__name__, self._version
        why = "its row is no longer there"
        if version is not None:
            why = f"the record was updated by another process, or deleted: {why} with this {version.field}"
        which = key_named(self.table, self.table.columns, row)
        return StaleRecord(f"this {name} was not {done}: {why}{which and f' ({which})'}", table=self.table.name)

    # 3 - The table itself

    def create_statements(self, if_not_exists: bool) -> list[str]:
        """CREATE TABLE and its indexes; before it the sequence of its key, where the dialect has such."""
        table = self.table
        constraints = list(table.constraints)
        if table.auto_key is None:
            constraints.insert(0, PrimaryKey(*(column.name for column in table.key)))
        columns = [self._definition(column) for column in table.columns]
        create = CreateTable(table.source(), columns, constraints, if_not_exists)
        indexes = [
            CreateIndex(table.source(), index, table.index_name(index), if_not_exists) for index in table.indexes
        ]
        before = [] if self.key_sequence is None else [self.dialect.create_sequence(self.key_sequence)]
        return before + [self.dialect.compile(statement)[0] for statement in (create, *indexes)]

    def drop_statements(self, if_exists: bool) -> list[str]:
        """DROP TABLE, and after it what `create_statements` begins with."""
        after = [] if self.key_sequence is None else [self.dialect.drop_sequence(self.key_sequence)]
        return [self.dialect.compile(DropTable(self.table.source(), if_exists))[0], *after]

    @cached_property
    def key_sequence(self) -> str | None:
        """The quoted name of the sequence that the table's key has of its own; None where it has none."""
        key, dialect = self.table.auto_key, self.dialect
        if key is None or not dialect.has_key_sequences:
            return None
        return dialect.key_sequence(self.table.source(), key.name)

    def sync_sequence_sql(self) -> str | None:
        """What has the sequence of the key count on from the largest stored one; None where there is no sequence."""
        key = self.table.auto_key
        if key is None or self.key_sequence is None:
            return None if key is None else self.dialect.sync_sequence(self.source, key.name)
        return self.dialect.set_sequence(self.key_sequence, self.source, key.name)

    def _definition(self, column: TableColumn) -> ColumnDefinition:
        kind = column.type.stored
        sizes = {"length": kind.length, "precision": kind.precision, "scale": kind.scale}
        given = {name: size for name, size in sizes.items() if size is not None}
        db_type = self._values.database_type(kind)
        keyed = self._types.keyed_names.get(db_type) if self.table.is_keyed(column) else None
        default = column.spec.default_sql
        if column.auto_key and self.key_sequence is not None:
            default = self.dialect.next_of_sequence(self.key_sequence)
        return ColumnDefinition(
            name=column.name,
            type=keyed or self._types.definition(db_type, **given),
            nullable=column.nullable,
            auto_key=column.auto_key,
            unique=column.spec.unique,
            default_sql=default,
            generated_sql=column.generated_sql,
            collation=column.spec.collation,
        )

    # 4 - Statements of queries

    def compile(self, statement: Any) -> tuple[str, Row]:
        """The statement's canonical text and its values, dumped."""
        return self.dialect.compile(statement, self.dump_value)

    def text_of(self, node: Expression) -> str:
        """The SQL of a node, ``?`` for each value."""
        return self.compile(node)[0]


def _adapter_of(python: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(python)  # Models, dataclasses and TypedDicts have settings of their own and take no others.
    except PydanticUserError:
        return TypeAdapter(python, config={"arbitrary_types_allowed": True})


def plan_for(table: Table, backend: StorageBackend) -> Plan:
    """The plan of a table on a backend, made at the first use."""
    try:
        plan: Plan = backend.plans[table]
    except KeyError:
        plan = backend.plans[table] = (table.plan_class or Plan)(table, backend)
        if backend.explain is None:
            backend.explain = partial(explain, backend.plans)
    return plan


def tuples_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Row]:
    """Rows that are dicts as tuples in the order of `columns`; further columns are ignored."""
    try:
        if len(columns) == 1:
            return [(row[columns[0]],) for row in rows]
        return list(map(itemgetter(*columns), rows))
    except KeyError as error:
        raise QueryError(f"the result has no column {error.args[0]!r}; it has {', '.join(rows[0])}") from error


def same_value(value: Any, old: Any) -> bool:
    """Whether two values are one for a column: equal and of one type, or both NaN."""
    try:
        return value is old or (type(value) is type(old) and bool(value == old or (value != value and old != old)))
    except ArithmeticError:  # Decimal's signalling NaN compares with nothing.
        return False


def _is_given(column: TableColumn, values: dict[str, Any], given: set[str]) -> bool:
    if column.generated_sql is not None:
        return False
    return values[column.field] is not None or (column.field in given and not column.auto_key and column.nullable)
