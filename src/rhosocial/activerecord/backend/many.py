"""How one database spells what is done with many rows by one statement: upserts, and updates of differing rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from .cast import Cast
from .expression import ColumnRef, Expression
from .row_value import Sent
from .scope import Scope
from .statement import Conflict, Proposed, UpdateMany
from .writer import SQLWriter


class ManyRows:
    """The part of a `Dialect` that writes an INSERT's conflicts and an UPDATE of differing rows."""

    # How an INSERT says what to do with a row that is there: "on_conflict" (… DO UPDATE SET), "on_duplicate_key"
    # (… UPDATE, which means each unique index of the table), or None where it cannot.
    upsert_form: ClassVar[str | None] = None
    # The code of the error by which "on_duplicate_key" refuses a row that meets another one than it is to change.
    guard_code: ClassVar[Any] = 1242
    # The SQL that is true in RETURNING for a row that an upsert has inserted, and false for an updated one.
    inserted_sql: ClassVar[str | None] = None
    # Does UPDATE have RETURNING too, where INSERT and DELETE have it?
    supports_update_returning: ClassVar[bool] = True
    # How rows get values of their own: "from_values" (UPDATE … FROM, a table of VALUES) or "case", standard SQL.
    update_many_form: ClassVar[str] = "case"
    # Can the columns of a table of VALUES be named?  Without, they are column1, column2 …
    names_values: ClassVar[bool] = True
    # How many rows such an UPDATE takes at most; a CASE is searched from its beginning for each row.
    update_many_rows: ClassVar[int] = 100
    # Must a value in VALUES be told its type?
    types_values: ClassVar[bool] = False
    # Does a block read by a snapshot, in which a row that has just been in the way is only seen by locking it?
    rereads_by_lock: ClassVar[bool] = False

    if TYPE_CHECKING:  # The rest of the dialect.

        def quote(self, name: str) -> str:
            """The name as an identifier."""
            raise NotImplementedError

        def require(self, supported: bool, feature: str) -> None:
            """Refuse a feature that the database does not have."""

    # 1 - Conflicts

    def check_conflict(self, has_where: bool, target_where: str | None) -> None:
        """UnsupportedFeature where the database cannot do such an upsert."""
        self.require(self.upsert_form is not None, "upsert: use update_or_create for each row")
        if self.upsert_form == "on_duplicate_key":
            self.require(not has_where, "condition of an upsert: leave out where")
            self.require(target_where is None, "partial unique indexes: name another one")

    def write_conflict(self, out: SQLWriter, conflict: Conflict) -> None:
        """ON CONFLICT, or ON DUPLICATE KEY."""
        self.check_conflict(conflict.where is not None, conflict.target_where)
        outer = out.qualify, out.scope
        # Both the row that is there and the proposed one have the columns: a bare name would be either's.
        out.qualify, out.scope = True, Scope([conflict.table])
        if self.upsert_form == "on_duplicate_key":
            self._write_on_duplicate(out, conflict)
        else:
            self._write_on_conflict(out, conflict)
        out.qualify, out.scope = outer

    def _write_on_duplicate(self, out: SQLWriter, conflict: Conflict) -> None:
        # It names no index: the first change asks whether it is the right row, and fails where it is another one.
        target = [ColumnRef(conflict.table.known_as, name) for name in conflict.target]
        (name, value), *rest = conflict.changes or [(conflict.target[0], target[0])]
        out.sql(" ON DUPLICATE KEY UPDATE ")
        out.name(name)
        out.sql(" = ")
        if conflict.is_guarded:
            for number, column in enumerate(target):
                out.sql(" AND " if number else "CASE WHEN ")
                out.node(column)
                out.sql(" <=> ")
                out.node(Proposed(column.name))
            out.sql(" THEN ")
        out.node(value)
        out.sql(" ELSE (SELECT 1 UNION SELECT 2) END" if conflict.is_guarded else "")
        out.sql(", " if rest else "")
        self.write_changes(out, rest)

    def _write_on_conflict(self, out: SQLWriter, conflict: Conflict) -> None:
        out.sql(" ON CONFLICT (")
        out.names(conflict.target)
        out.sql(")" if conflict.target_where is None else f") WHERE {conflict.target_where}")
        if not conflict.changes:
            out.sql(" DO NOTHING")
            return
        out.sql(" DO UPDATE SET ")
        self.write_changes(out, conflict.changes)
        if conflict.where is not None:
            out.sql(" WHERE ")
            out.node(conflict.where)

    def write_changes(self, out: SQLWriter, changes: Sequence[tuple[str, Expression]]) -> None:
        """What stands after SET: columns and what they are set to."""
        for number, (name, value) in enumerate(changes):
            out.sql(", " if number else "")
            out.name(name)
            out.sql(" = ")
            out.node(value)

    def write_proposed(self, out: SQLWriter, proposed: Proposed) -> None:
        """What the INSERT would have stored in a column."""
        name = self.quote(proposed.name)
        out.sql(f"VALUES({name})" if self.upsert_form == "on_duplicate_key" else f"EXCLUDED.{name}")

    # 2 - Differing rows

    def params_of_update(self, columns: int, keys: int) -> int:
        """How many values one row of an `UpdateMany` of so many columns binds."""
        return columns + keys if self.update_many_form == "from_values" else columns * (keys + 1) + keys

    def write_update_many(self, out: SQLWriter, update: UpdateMany) -> None:
        """UPDATE of rows by key, each with values of its own."""
        if self.update_many_form == "from_values":
            self._write_from_values(out, update)
        else:
            self._write_cases(out, update)

    def _write_from_values(self, out: SQLWriter, update: UpdateMany) -> None:
        new, width = self.quote("_given"), len(update.columns)
        names = [f"column{place + 1}" for place in range(width + len(update.key))]
        given = [f"{new}.{name}" for name in names]
        table = self.quote(update.table.known_as)
        out.sql("UPDATE ")
        out.node(update.table)
        out.sql(" SET ")
        out.sql(", ".join(f"{self.quote(n)} = {value}" for (n, _), value in zip(update.columns, given, strict=False)))
        self._write_common(out, update)
        out.sql(" FROM (VALUES ")
        self._write_rows(out, update)
        keys = zip(update.key, given[width:], strict=True)
        out.sql(f") AS {new} ({', '.join(names)})" if self.names_values else f") AS {new}")
        out.sql(" WHERE " + " AND ".join(f"{table}.{self.quote(name)} = {value}" for (name, _), value in keys))

    def _write_rows(self, out: SQLWriter, update: UpdateMany) -> None:
        rest = list(update.rows)
        plain = f"({', '.join('?' * (len(update.columns) + len(update.key)))})"
        if self.types_values:
            out.sql("(")  # The first row tells the types of all.
            out.nodes(
                [Cast(Sent(v), kind) for v, (_, kind) in zip(rest[0], (*update.columns, *update.key), strict=True)]
            )
            out.sql(")")
            del rest[0]
            out.sql(", " if rest else "")
        out.sql(", ".join([plain] * len(rest)))
        out.params.extend(chain.from_iterable(rest))

    def _write_common(self, out: SQLWriter, update: UpdateMany) -> None:
        outer = out.qualify, out.scope
        out.qualify, out.scope = True, Scope([update.table])
        if update.changes:
            out.sql(", ")
            self.write_changes(out, update.changes)
        out.qualify, out.scope = outer

    def _write_cases(self, out: SQLWriter, update: UpdateMany) -> None:
        width = len(update.columns)
        condition = " AND ".join(f"{self.quote(name)} = ?" for name, _ in update.key)
        out.sql("UPDATE ")
        out.node(update.table)
        out.sql(" SET ")
        for place, (name, _) in enumerate(update.columns):
            out.sql(", " if place else "")
            out.sql(f"{self.quote(name)} = CASE{f' WHEN {condition} THEN ?' * len(update.rows)} END")
            for row in update.rows:
                out.params.extend((*row[width:], row[place]))
        self._write_common(out, update)
        if len(update.key) == 1:
            out.sql(f" WHERE {self.quote(update.key[0][0])} IN ({', '.join('?' * len(update.rows))})")
        else:
            out.sql(" WHERE " + " OR ".join([f"({condition})"] * len(update.rows)))
        for row in update.rows:
            out.params.extend(row[width:])
