"""The exceptions of the library: one tree under `DatabaseError`, a class for each thing a caller may want to catch."""

from __future__ import annotations

import builtins
import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self


class DatabaseError(Exception):
    """Anything that went wrong between a caller and a database.

    `code` is the engine's own code (SQLSTATE, errno or extended result code), `statement` the SQL that was sent,
    `param_types` the type names of its bound values; values themselves are never kept, they may be secrets.
    `table`, `columns` and `constraint` are set where the engine tells.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: Any = None,
        sqlstate: str | None = None,
        statement: str | None = None,
        params: Sequence[Any] | None = None,
        table: str | None = None,
        columns: Sequence[str] = (),
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = self.errno = code  # `errno` is the name that MySQL users know.
        self.sqlstate = sqlstate
        self.statement = statement
        self.param_types = () if params is None else tuple(type(value).__name__ for value in params)
        self.table = table
        self.columns = tuple(columns)
        self.constraint = constraint


class ConfigurationError(DatabaseError, ValueError):
    """A setting that cannot work: an unknown option or URL scheme, a model without a table."""


class ConnectionError(DatabaseError, builtins.ConnectionError):
    """A connection could not be made, was lost, or was asked of a closed backend."""


class IntegrityError(DatabaseError):
    """The engine refused a row that breaks a constraint; nothing of the statement was kept.

    Where a model's call sent the statement, `model` and the `fields` that the constraint is over say it in the model's
    words, as far as the engine tells; `row` is the place of the record in a call for many, where that can be known.
    """

    kind: ClassVar[str] = "integrity"
    reason: ClassVar[str] = "Value breaks a constraint of the database"

    model: Any = None
    fields: tuple[str, ...] = ()
    row: int | None = None

    def errors(self, given: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """One dict for each field in Pydantic's shape: `type`, `loc`, `msg`, and `ctx` with what else is known.

        `loc` is empty where no field can be named.  The values are not kept, since they may be secrets: who wants
        `input` in the answer gives them, ``errors(body.model_dump())``.
        """
        constraint = {} if self.constraint is None else {"constraint": self.constraint}
        together = {"fields": list(self.fields)} if len(self.fields) > 1 else {}
        place = () if self.row is None else (self.row,)
        found = []
        for field in self.fields or (None,):
            entry: dict[str, Any] = {"type": self.kind, "loc": place if field is None else (*place, field)}
            entry["msg"] = self.reason
            if given is not None and field is not None and field in given:
                entry["input"] = given[field]
            if context := constraint | together:
                entry["ctx"] = context
            found.append(entry)
        return found


class UniqueViolation(IntegrityError):
    """A unique constraint or primary key already holds that value."""

    kind, reason = "unique", "Value is already taken"


class ForeignKeyViolation(IntegrityError):
    """A foreign key points at no row, or a row that others point at was to go."""

    kind, reason = "foreign_key", "Value refers to no existing row"


class NotNullViolation(IntegrityError):
    """A column that must hold a value was given none."""

    kind, reason = "not_null", "Value must not be null"


class CheckViolation(IntegrityError):
    """A CHECK constraint is false for the row."""

    kind, reason = "check", "Value does not meet a condition of the database"


class ExclusionViolation(IntegrityError):
    """An exclusion constraint (PostgreSQL) meets a row already there."""

    kind, reason = "exclusion", "Value conflicts with a row that is already there"


class OperationalError(DatabaseError):
    """The engine could not do it now: busy, out of space, interrupted, read-only."""


class QueryTimeout(OperationalError):
    """A statement ran longer than `query_timeout` and was stopped."""


class QueryCanceled(OperationalError):
    """A statement was stopped from outside."""


class PoolTimeout(OperationalError):
    """No connection became free within `pool_timeout` seconds; the message names who holds them."""


class SerializationFailure(OperationalError):
    """Two transactions could not be put in one order; the whole block may be run again."""


class LockError(OperationalError):
    """A lock stood in the way."""


class DeadlockError(LockError):
    """The engine broke a deadlock by ending this transaction; the whole block may be run again."""


class LockTimeout(LockError):
    """A lock was not free in time."""


class TransactionError(DatabaseError):
    """A transaction was used wrongly, or can no longer do what was asked of it."""


class CommitOutcomeUnknown(TransactionError):
    """The link broke while COMMIT was under way: the rows may be stored or not; never retried by the library."""


class IsolationLevelError(TransactionError):
    """The engine has no such isolation level, or the transaction has already begun."""


class QueryError(DatabaseError):
    """The statement itself is wrong."""


class TableNotFound(QueryError):
    """The statement names a table that is not there."""


class ColumnNotFound(QueryError):
    """The statement names a column that is not there."""


class InvalidCursor(QueryError):
    """A cursor that was not made for this query, in this order, with this secret key; raised before any SQL is sent."""


class DataError(DatabaseError):
    """A value cannot be stored, or not without changing it."""


class TypeConversionError(DataError, ValueError):
    """A value cannot be converted between Python and the database."""


class ValidationError(DatabaseError, ValueError):
    """A record's values do not pass its model; `errors()` lists them in Pydantic's shape."""

    def __init__(self, message: str = "", *, errors: Sequence[Any] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self._errors = list(errors)

    def errors(self) -> list[Any]:
        """One dict for each failure, with `type`, `loc`, `msg` and `input` as Pydantic gives them."""
        return list(self._errors)

    def under(self, *place: str | int) -> Self:
        """The same error of a record that is itself found at that place, which then stands before each `loc`."""
        named = copy.copy(self)
        named._errors = [{**detail, "loc": (*place, *detail["loc"])} for detail in self._errors]
        return named


class RecordNotFound(DatabaseError):
    """No row answers a call that promised one."""


class StaleRecord(DatabaseError):
    """The row was changed or deleted by somebody else since it was read."""


class UnsupportedFeature(DatabaseError):
    """The connected engine cannot do that; raised before any SQL is sent."""


class RelationNotLoaded(DatabaseError):
    """An unloaded relation was read where loading it would have to wait."""
