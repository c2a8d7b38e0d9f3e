"""How PostgreSQL (12 and later) differs from standard SQL."""

from __future__ import annotations

from functools import lru_cache

from rhosocial.activerecord.backend import Dialect, IsolationLevel, QueryError

from .constructs import PostgreSQLConstructs

LONGEST_NAME = 63


@lru_cache(maxsize=4096)
def check_length(name: str) -> None:
    """Refuse a name of more than 63 bytes."""
    if len(name.encode(errors="replace")) > LONGEST_NAME:
        raise QueryError(f"{name[:20]!r}… is longer than PostgreSQL's names are: {LONGEST_NAME} bytes")


def literal(text: str) -> str:
    """The text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


class PostgreSQLDialect(PostgreSQLConstructs, Dialect):
    """PostgreSQL's SQL."""

    name = "PostgreSQL"
    paramstyle = "dollar"
    max_params = 65_535
    supports_returning = True
    supports_last_insert_id = False
    supports_distinct_on = True
    supports_partial_indexes = True
    supports_exclusion = True
    supports_materialized_cte = True
    supports_row_locks = True
    nulls_sort = "high"
    upsert_form = "on_conflict"
    inserted_sql = "(xmax = 0)"  # No transaction has locked or replaced the row that an INSERT made.
    update_many_form = "from_values"
    update_many_rows = 1_000
    types_values = True
    given_keys = " OVERRIDING SYSTEM VALUE"  # Also for columns that are GENERATED ALWAYS.

    def implied_name(self, kind: str, table: str, columns: tuple[str, ...], number: int) -> str | None:
        """As ChooseConstraintName and ChooseIndexName of the server's source make it, save what they cut off."""
        if kind == "primary_key":
            return f"{table}_pkey"
        ending = {"unique": "key", "foreign_key": "fkey"}.get(kind, kind)
        named = columns if kind != "check" or len(columns) == 1 else ()
        return "_".join((table, *named, ending))

    def quote(self, name: str) -> str:
        """The name as an identifier; QueryError for one that PostgreSQL would cut off without a word."""
        check_length(name)
        return super().quote(name)

    def sync_sequence(self, table: str, column: str) -> str:
        """SETVAL of the sequence that belongs to the column."""
        table_name, name, quoted = literal(table), literal(column), self.quote(column)
        sequence = f"pg_get_serial_sequence({table_name}, {name})"
        return f"SELECT setval({sequence}, (SELECT COALESCE(MAX({quoted}), 0) + 1 FROM {table}), false)"

    def reserve_keys(self, table: str, column: str) -> str:
        """NEXTVAL for each, if this user may: who inserts into an identity column needs no right to its sequence."""
        name = f"CAST(pg_get_serial_sequence({literal(table)}, {literal(column)}) AS regclass)"
        may = "has_sequence_privilege(s.name, 'USAGE, UPDATE')"
        # OFFSET 0: the name is looked up once, and not for each number.
        numbers = f"(SELECT {name} AS name OFFSET 0) AS s, generate_series(1, CAST(? AS integer))"
        return f"SELECT CASE WHEN {may} THEN nextval(s.name) END AS key FROM {numbers}"

    def begin_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """BEGIN with its modes, in one statement."""
        self.check_isolation(isolation)
        modes = [f"ISOLATION LEVEL {isolation.sql}"] if isolation is not None else []
        return [" ".join(["BEGIN", ", ".join(modes + ["READ ONLY"] * read_only)]).strip()]
