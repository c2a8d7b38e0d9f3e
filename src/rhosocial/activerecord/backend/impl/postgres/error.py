"""What psycopg's errors mean, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

import re
from typing import Any

import psycopg

from rhosocial.activerecord.backend import (
    CheckViolation,
    ConnectionError,
    DataError,
    ErrorRule,
    IntegrityError,
    OperationalError,
    QueryError,
    QueryTimeout,
    TransactionError,
    UnsupportedFeature,
)

_LOST = ErrorRule(ConnectionError, "gone", "dead")
_NOT_NOW = ErrorRule(OperationalError)

# Where the base has no row, or another: a code of five characters, or the two of its class.
ERROR_CLASSES: dict[str, ErrorRule] = {
    "2201B": ErrorRule(QueryError),  # INVALID REGULAR EXPRESSION
    "23001": ErrorRule(IntegrityError),
    "25006": _NOT_NOW,  # READ ONLY: a replica, or a block that said so.
    "25P02": ErrorRule(TransactionError, "failed"),
    "25P03": _LOST,  # IDLE IN TRANSACTION SESSION TIMEOUT
    "25P04": _LOST,  # TRANSACTION TIMEOUT
    "53300": _LOST,  # TOO MANY CONNECTIONS
    "57P04": _LOST,  # DATABASE DROPPED
    "57P05": _LOST,  # IDLE SESSION TIMEOUT
    "44000": ErrorRule(CheckViolation),  # WITH CHECK OPTION
}
_CLASSES: dict[str, ErrorRule] = {
    "21": ErrorRule(QueryError),  # CARDINALITY VIOLATION
    "26": _NOT_NOW,
    "2B": ErrorRule(QueryError),  # DEPENDENT OBJECTS STILL EXIST
    "34": ErrorRule(QueryError),
    "3D": ErrorRule(ConnectionError, "gone", "dead"),
    "3F": ErrorRule(QueryError),
    "54": _NOT_NOW,
    "55": _NOT_NOW,
    "57": _NOT_NOW,
    "58": _NOT_NOW,
    "P0": ErrorRule(QueryError),
    "XX": _NOT_NOW,
}
_STALE_PLAN = ErrorRule(OperationalError, "failed", retry=True)
_VALUE = ErrorRule(DataError)
_UNADAPTABLE = re.compile(r"cannot (?:adapt|dump|convert)\b")
# A statement that was prepared in another session: there is a pooler between.
_POOLED = frozenset({"26000", "42P05"})


def classify(error: BaseException) -> ErrorRule | None:
    """The rule for an error that its code alone does not tell; None leaves it to the tables."""
    if isinstance(error, (OverflowError, UnicodeEncodeError)):
        return _VALUE
    code = getattr(error, "sqlstate", None)
    if code is None:
        return _without_code(error)
    if code == "57014" and getattr(error, "is_late", False):
        return ErrorRule(QueryTimeout)
    if code == "0A000" and is_stale_plan(error):
        return _STALE_PLAN
    return None if code in ERROR_CLASSES else _CLASSES.get(code[:2]) if code not in _IN_BASE else None


# Codes of those classes that the base knows better.
_IN_BASE = frozenset({"55P03", "57014", "57P01", "57P02", "57P03"})


def _without_code(error: BaseException) -> ErrorRule | None:
    """What psycopg or libpq raised by itself: the server said nothing."""
    if isinstance(error, psycopg.DataError):
        return _VALUE
    if isinstance(error, psycopg.ProgrammingError):
        return _VALUE if _UNADAPTABLE.match(str(error)) else ErrorRule(QueryError)
    if isinstance(error, psycopg.NotSupportedError):
        return ErrorRule(UnsupportedFeature)
    return _LOST if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) else None


def is_stale_plan(error: BaseException) -> bool:
    """Whether a prepared statement gives other columns by now than when it was prepared.

    The code means other things too, and the text is translated; the name of the server's own function is not.
    """
    diag = getattr(error, "diag", None)
    return diag is not None and diag.source_function == "RevalidateCachedQuery"


def details(error: BaseException) -> dict[str, Any]:
    """The table, columns and constraint that the server names."""
    diag = getattr(error, "diag", None)
    if diag is None or diag.sqlstate is None:
        return {}
    table = diag.table_name
    columns: tuple[str, ...] = () if diag.column_name is None else (diag.column_name,)
    if diag.sqlstate.startswith("23") and not columns:
        columns = _columns_of(diag.message_detail)
    elif diag.sqlstate in _MISSING and (found := _QUOTED.search(diag.message_primary or "")) is not None:
        name = found[1] or found[2]
        if diag.sqlstate == "42P01":
            table = name.rpartition(".")[2]
        else:
            columns = (name.rpartition(".")[2],)
    return {"table": table, "constraint": diag.constraint_name, "columns": columns}


_MISSING = ("42P01", "42703")
# A name in the quotes of whichever language, or the bare one of English.
_QUOTED = re.compile(r"""["«»„「]\s*([^"«»“”」]+?)\s*["«»“”」]|^column ([^\s"]+) does not exist$""")
# ``Key (a, "b c")=(1, 2) …``: in every language the columns stand so, before any value.
_KEY = re.compile(r"^[^(]*\(((?:[^()\"]|\"(?:[^\"]|\"\")*\")+)\)=\(")
_COLUMN = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')


def _columns_of(detail: str | None) -> tuple[str, ...]:
    """The columns of the key that a detail is about; none where it is an expression."""
    found = _KEY.match(detail or "")
    if found is None:
        return ()
    return tuple([bare or quoted.replace('""', '"') for quoted, bare in _COLUMN.findall(found[1])])


def message_of(error: BaseException) -> str:
    """What the server says, without its DETAIL and CONTEXT: those repeat values."""
    diag = getattr(error, "diag", None)
    text = (diag.message_primary if diag is not None else None) or str(error) or type(error).__name__
    if getattr(error, "sqlstate", None) in _POOLED:
        text += " (behind a pooler that hands out sessions by transaction, set the option prepare_threshold=none)"
    return text
