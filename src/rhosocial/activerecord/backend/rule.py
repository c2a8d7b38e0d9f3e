"""What an error code means: the class to raise, and what is left of the transaction and the connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

from .errors import (
    CheckViolation,
    ColumnNotFound,
    ConnectionError,
    DatabaseError,
    DataError,
    DeadlockError,
    ExclusionViolation,
    ForeignKeyViolation,
    IntegrityError,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    QueryCanceled,
    QueryError,
    SerializationFailure,
    TableNotFound,
    TransactionError,
    UniqueViolation,
    UnsupportedFeature,
)


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One row of a backend's `error_classes`.

    `cls` is raised.  `transaction` says what the error leaves of an open transaction: "open" (only the statement was
    undone), "failed" (only a rollback helps) or "gone" (the database has rolled all of it back); None where that is
    not known.  `connection` is "dead" where it cannot be used again.  `retry` is true where running the whole block
    again may succeed.
    """

    cls: type[DatabaseError]
    transaction: Literal["open", "failed", "gone"] | None = None
    connection: Literal["fine", "dead"] = "fine"
    retry: bool = False


ErrorClasses = Mapping[Any, "ErrorRule | type[DatabaseError]"]

# SQLSTATE (ISO/IEC 9075-2:2023, table 43, and PostgreSQL's appendix A); two characters stand for their whole class.
_SQLSTATES: dict[str, ErrorRule] = {
    "08": ErrorRule(ConnectionError, "gone", "dead"),
    "0A": ErrorRule(UnsupportedFeature),
    "22": ErrorRule(DataError),
    "23": ErrorRule(IntegrityError),
    "23502": ErrorRule(NotNullViolation),
    "23503": ErrorRule(ForeignKeyViolation),
    "23505": ErrorRule(UniqueViolation),
    "23514": ErrorRule(CheckViolation),
    "23P01": ErrorRule(ExclusionViolation),
    "25": ErrorRule(TransactionError),
    "28": ErrorRule(ConnectionError, "gone", "dead"),
    "40": ErrorRule(TransactionError, "failed"),
    "40001": ErrorRule(SerializationFailure, "failed", retry=True),
    "40P01": ErrorRule(DeadlockError, "failed", retry=True),
    "42": ErrorRule(QueryError),
    "42703": ErrorRule(ColumnNotFound),
    "42P01": ErrorRule(TableNotFound),
    "42S02": ErrorRule(TableNotFound),
    "42S22": ErrorRule(ColumnNotFound),
    "53": ErrorRule(OperationalError),
    "55P03": ErrorRule(LockTimeout),
    "57014": ErrorRule(QueryCanceled),
    "57P01": ErrorRule(ConnectionError, "gone", "dead"),
    "57P02": ErrorRule(ConnectionError, "gone", "dead"),
    "57P03": ErrorRule(ConnectionError, "gone", "dead"),
}

# The exception names of PEP 249, asked last: they are too coarse to say what became of a transaction.
_PEP249: dict[str, ErrorRule] = {
    "IntegrityError": ErrorRule(IntegrityError),
    "DataError": ErrorRule(DataError),
    "ProgrammingError": ErrorRule(QueryError),
    "NotSupportedError": ErrorRule(UnsupportedFeature),
    "OperationalError": ErrorRule(OperationalError),
    "InternalError": ErrorRule(OperationalError),
    "InterfaceError": ErrorRule(ConnectionError, "gone", "dead"),
}

UNKNOWN = ErrorRule(DatabaseError)


def find_rule(error: BaseException, code: Any, table: ErrorClasses) -> ErrorRule:
    """What `error` means: by its code in `table`, else by SQLSTATE, else by the name of its PEP 249 class."""
    entry = table.get(code) if code is not None else None
    if entry is not None:
        return entry if isinstance(entry, ErrorRule) else ErrorRule(entry)
    if isinstance(code, str) and len(code) == 5:
        rule = _SQLSTATES.get(code) or _SQLSTATES.get(code[:2])
        if rule is not None:
            return rule
    for base in type(error).__mro__:
        if base.__name__ in _PEP249:
            return _PEP249[base.__name__]
    return UNKNOWN


class ErrorHandler:
    """Names the errors of a driver by their codes: what `_error_handler` of a backend may be.

    `error_classes` maps codes to the class to raise, or to a rule; SQLSTATE and the names of PEP 249 are known anyway.
    """

    error_classes: ClassVar[ErrorClasses] = {}

    def handle_error(self, error: Exception) -> NoReturn:
        """Raise the library's error for the driver's, with the driver's as its cause."""
        if isinstance(error, DatabaseError):
            raise error
        code = driver_code(error)
        sqlstate = code if isinstance(code, str) and len(code) == 5 else None
        raise find_rule(error, code, self.error_classes).cls(str(error), code=code, sqlstate=sqlstate) from error


def driver_code(error: BaseException) -> Any:
    """The engine's own code, where the drivers of PEP 249 keep it: SQLSTATE, extended result code or errno."""
    for name in ("sqlstate", "pgcode", "sqlite_errorcode", "extendedresult", "errno"):
        code = getattr(error, name, None)
        if code is not None:
            return code
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None
