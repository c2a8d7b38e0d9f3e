"""The backend: where DuckDB differs from standard SQL, and the hooks that reach its driver."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import duckdb

import rhosocial.activerecord.backend as ar
from rhosocial.activerecord.backend import DatabaseType as Kind

from . import errors


@dataclass(kw_only=True)
class DuckDBConfig(ar.ConnectionConfig):
    """`database` is a file, or ``:memory:``; `read_only` opens it for reading only."""

    read_only: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.options:
            raise ar.ConfigurationError(f"unknown options of DuckDB: {', '.join(sorted(self.options))}")


class DuckDBTypeMapper(ar.TypeMapper):
    """Text has no length that DuckDB would check, and a DECIMAL has at most 38 digits."""

    names: ClassVar = {
        **ar.TypeMapper.names,
        Kind.TINYINT: "TINYINT",
        Kind.FLOAT: "DOUBLE",
        Kind.DOUBLE: "DOUBLE",
        Kind.INTERVAL: "BIGINT",
        Kind.JSONB: "JSON",
        **dict.fromkeys((Kind.CHAR, Kind.VARCHAR, Kind.TEXT, Kind.ENUM), "VARCHAR"),
    }
    defaults: ClassVar = {Kind.DECIMAL: {"precision": 38, "scale": 10}}
    max_digits = 38


class DuckDBValueMapper(ar.ValueMapper):
    """The driver takes and gives Python's values, spans and JSON apart."""

    native = ar.ValueMapper.native | {bool}
    encode: ClassVar = {kind: encode for kind, encode in ar.ValueMapper.encode.items() if kind.__name__ == "timedelta"}
    pads_char = False
    decimal_default = (38, 10)


class DuckDBDialect(ar.Dialect):
    """Where DuckDB's SQL is not the standard's."""

    name = "DuckDB"
    isolation_levels = frozenset({ar.IsolationLevel.REPEATABLE_READ})  # It has snapshots, and no other level.
    binds_columns = True  # DuckDB plans each value of a statement by itself, which takes longer than inserting it.
    has_key_sequences = supports_returning = supports_distinct_on = supports_materialized_cte = True
    supports_regexp = supports_date_differences = True
    supports_savepoints = supports_last_insert_id = stores_generated = averages_booleans = False
    matches_only_texts = fails_by_zero = greatest_skips_null = True
    whole_division = "//"
    # The standard's names would be taken for columns of the result that are called so.
    current_timestamp, current_date = "get_current_timestamp()", "today()"
    nulls_sort = "last"
    upsert_form = "on_conflict"
    update_many_form = "from_values"
    update_many_rows = 1_000
    cast_types = DuckDBTypeMapper()
    function_names: ClassVar = {"JSON_AGG": "json_group_array"}

    def begin_statements(self, isolation: ar.IsolationLevel | None, read_only: bool) -> list[str]:
        """BEGIN, which takes no modes but READ ONLY."""
        self.check_isolation(isolation)
        return ["BEGIN TRANSACTION READ ONLY" if read_only else "BEGIN TRANSACTION"]

    def write_regexp(self, out: ar.SQLWriter, regexp: ar.Regexp) -> None:
        """`regexp_matches`, which finds the pattern anywhere."""
        out.sql("NOT regexp_matches(" if regexp.negated else "regexp_matches(")
        out.nodes((self.as_text(regexp.item), regexp.pattern))
        out.sql(", 'i')" if regexp.ignore_case else ")")

    def write_difference(self, out: ar.SQLWriter, difference: Any) -> None:
        """The microseconds between two dates or datetimes."""
        out.sql("date_diff('microsecond', ")
        out.nodes((difference.right, difference.left))
        out.sql(")")

    def write_extract(self, out: ar.SQLWriter, extract: Any) -> None:
        """EXTRACT, whose microseconds have the seconds with them."""
        super().write_extract(out, extract)
        out.sql(" % 1000000" if extract.part == "microsecond" else "")

    def write_shift(self, out: ar.SQLWriter, shift: Any) -> None:
        """A date or datetime and a span of microseconds."""
        out.sql("CAST(" if (is_date := shift.type is not None and shift.type.db_type is Kind.DATE) else "")
        out.node(shift.left, shift.precedence)
        out.sql(f" {shift.operator} to_microseconds(CAST(")
        out.node(shift.right)
        out.sql(" AS BIGINT))" + (" AS DATE)" if is_date else ""))


class DuckDBBackend(ar.StorageBackend):
    """One DuckDB database; each thread and task that uses it has a cursor of the one handle."""

    config_class = DuckDBConfig
    dialect_class = DuckDBDialect
    type_mapper_class = DuckDBTypeMapper
    value_mapper_class = DuckDBValueMapper
    driver_errors = (duckdb.Error,)

    def __init__(self, config: Any = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self._lock = threading.Lock()
        self._handle: duckdb.DuckDBPyConnection | None = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._handle is None:
                self._handle = duckdb.connect(self.config.database, read_only=self.config.read_only)
            cursor = self._handle.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    def _perform(self, connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any]) -> ar.QueryResult:
        cursor = connection.execute(sql, params)
        columns, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
        if columns in (["Count"], ["Success"]) and not ar.is_read(sql):
            return ar.QueryResult(None, int(rows[0][0]) if rows else -1)
        return ar.QueryResult(None, len(rows), columns=columns, rows=rows)

    def _interrupt(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.interrupt()

    def _classify(self, error: BaseException) -> ar.ErrorRule | None:
        return errors.rule_of(str(error))

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        return errors.details_of(str(error))

    async def aclose(self) -> None:
        """Close every connection, and the database."""
        await super().aclose()
        if self._handle is not None:
            self._handle.close()
