"""How MySQL (8.0.17 and later) differs from standard SQL, and how MariaDB (10.5 and later) differs from MySQL."""

from __future__ import annotations

from dataclasses import replace

from rhosocial.activerecord.backend import (
    ColumnDefinition,
    CreateIndex,
    CreateTable,
    Delete,
    Dialect,
    IsolationLevel,
    Lock,
    Select,
    SQLWriter,
)

from .constructs import MariaDBConstructs, MySQLConstructs


class MySQLDialect(MySQLConstructs, Dialect):
    """MySQL's SQL, written so that MariaDB understands it too."""

    name = "MySQL"
    paramstyle = "format"
    quote_open = quote_close = "`"
    # What limits a statement is its length; no more rows go into one than this gives place to.
    max_params = 60_000
    upsert_form = "on_duplicate_key"
    rereads_by_lock = True
    supports_transactional_ddl = False
    supports_limited_subqueries = False
    supports_row_locks = True
    supports_index_hints = True
    supports_set_all = False
    supports_full_join = False
    nulls_sort = "low"
    default_row = "() VALUES ()"

    def implied_name(self, kind: str, table: str, columns: tuple[str, ...], number: int) -> str | None:
        """What the servers make of the first column's name and of numbers."""
        names = {"primary_key": "PRIMARY", "unique": columns[0] if columns else None}
        return names.get(kind) or f"{table}_{'ibfk' if kind == 'foreign_key' else 'chk'}_{number}"

    def begin_statements(self, isolation: IsolationLevel | None, read_only: bool) -> list[str]:
        """SET TRANSACTION is for the next transaction, and START TRANSACTION begins it."""
        self.check_isolation(isolation)
        level = [f"SET TRANSACTION ISOLATION LEVEL {isolation.sql}"] if isolation is not None else []
        return [*level, "START TRANSACTION READ ONLY" if read_only else "START TRANSACTION"]

    def write_auto_key(self, out: SQLWriter) -> None:
        """AUTO_INCREMENT."""
        out.sql(" NOT NULL AUTO_INCREMENT PRIMARY KEY")

    create_table_clauses = ("name", "body", "options")

    def write_create_table_options(self, out: SQLWriter, create: CreateTable) -> None:
        """Text is compared by code point, spaces at its end included, and rows are transactional."""
        out.sql(f" ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {self.exact_collation}")

    def write_create_index_name(self, out: SQLWriter, create: CreateIndex) -> None:
        """CREATE INDEX; only MariaDB knows IF NOT EXISTS there."""
        out.sql("CREATE UNIQUE INDEX " if create.index.unique else "CREATE INDEX ")
        out.sql("/*M! IF NOT EXISTS */ " if create.if_not_exists else "")
        out.node(self.index_names(create)[0])

    def write_create_index_where(self, out: SQLWriter, create: CreateIndex) -> None:
        """There are no partial indexes."""
        self.require(create.index.where is None, "partial indexes: leave out where=")

    def write_column(self, out: SQLWriter, column: ColumnDefinition) -> None:
        """JSON is text that is checked to be JSON; a column that the server computes cannot be said to be NOT NULL."""
        is_json = column.type == "JSON"
        made = replace(column, type="LONGTEXT") if is_json else column
        super().write_column(out, replace(made, nullable=True) if column.generated_sql is not None else made)
        if is_json:
            out.sql(" CHECK (JSON_VALID(")
            out.name(column.name)
            out.sql("))")

    def write_delete_from(self, out: SQLWriter, delete: Delete) -> None:
        """DELETE FROM; under another name the table is named before."""
        alias = getattr(delete.table, "alias", None)
        if alias is not None:
            out.sql("DELETE ")
            out.name(alias)
            out.sql(" FROM ")
            out.node(delete.table)
        else:
            super().write_delete_from(out, delete)

    def write_select_limit(self, out: SQLWriter, select: Select) -> None:
        """OFFSET needs a LIMIT: the largest one there is."""
        if select.limit is None and select.offset is not None:
            select = select.replace(limit=9223372036854775807)
        super().write_select_limit(out, select)

    write_compound_limit = write_select_limit

    def write_select_lock(self, out: SQLWriter, select: Select) -> None:
        """FOR UPDATE, or for sharing the form that both servers know, where it need not be said of which table."""
        lock = select.lock
        if lock is not None:
            self.write_lock(out, lock)

    def write_lock(self, out: SQLWriter, lock: Lock) -> None:
        """The row lock; what a comment beginning with ``/*M!`` holds is MariaDB's, with ``/*!80000`` MySQL's."""
        shares = lock.mode == "SHARE"
        out.sql(" /*M! LOCK IN SHARE MODE */ /*!80000 FOR SHARE */" if shares else f" FOR {lock.mode}")
        if lock.of:
            out.sql(" OF ")
            out.names(lock.of)
        out.sql(" NOWAIT" if lock.nowait else " SKIP LOCKED" if lock.skip_locked else "")


class MariaDBDialect(MariaDBConstructs, MySQLDialect):
    """MariaDB's SQL."""

    name = "MariaDB"
    supports_returning = True
    supports_update_returning = False
    supports_set_all = True
    supports_lateral = False

    def implied_name(self, kind: str, table: str, columns: tuple[str, ...], number: int) -> str | None:
        """The same, save that checks have names without the table's."""
        return f"CONSTRAINT_{number}" if kind == "check" else super().implied_name(kind, table, columns, number)

    def write_lock(self, out: SQLWriter, lock: Lock) -> None:
        """All rows of all tables, or nothing: there is no OF."""
        self.require(not lock.of, "locks of one table of several: leave out of=")
        out.sql(" LOCK IN SHARE MODE" if lock.mode == "SHARE" else f" FOR {lock.mode}")
        out.sql(" NOWAIT" if lock.nowait else " SKIP LOCKED" if lock.skip_locked else "")
