"""What DuckDB's errors mean.

Its driver gives no codes, and one class for many causes; the texts are fixed and not translated
(https://github.com/duckdb/duckdb, `src/common/exception` and where each is thrown).
"""

from __future__ import annotations

import re
from typing import Any

from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    ConnectionError,
    DatabaseError,
    DataError,
    ErrorRule,
    ForeignKeyViolation,
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

_PATTERNS: tuple[tuple[str, type[DatabaseError]], ...] = (
    # Of several columns, ``a: 1, b: 2``, the values may look like names.
    (
        r"Constraint Error: Duplicate key \"(?P<columns>[^:\"]+): (?!.*, .*: ).*\" violates (primary|unique)",
        UniqueViolation,
    ),
    (r"Constraint Error: (Duplicate key|PRIMARY KEY or UNIQUE constraint violation)", UniqueViolation),
    (r"TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE constraint violat", UniqueViolation),
    (r"Constraint Error: NOT NULL constraint failed: (?P<table>.+)\.(?P<columns>[^.]+)$", NotNullViolation),
    (r"Constraint Error: CHECK constraint failed on table \"(?P<table>.+)\" with", CheckViolation),
    (r"Constraint Error: CHECK constraint failed: (?P<table>.+)", CheckViolation),
    (r"Constraint Error: Violates foreign key constraint because key", ForeignKeyViolation),
    (r"Catalog Error: Table with name (?P<table>\S+) does not exist", TableNotFound),
    (r"Binder Error: Referenced (update )?column \"?(?P<columns>[^\"\s]+)\"? not found", ColumnNotFound),
    (r"Binder Error: Table \"[^\"]+\" does not have a column with name \"(?P<columns>[^\"]+)\"", ColumnNotFound),
    (r"Binder Error: (Referenced (update )?column|Table \"[^\"]+\" does not have a column with)", ColumnNotFound),
    (r"TransactionContext Error: (Conflict|Failed to commit|Catalog write-write conflict)", SerializationFailure),
    (r"TransactionContext Error:", TransactionError),
    (r"INTERRUPT Error:", QueryCanceled),
    (r"Invalid Input Error: Cannot execute statement of type", OperationalError),  # On a file opened for reading.
    (r"(Conversion|Out of Range|Invalid Input) Error:", DataError),
    (r"(IO|Connection) Error:", ConnectionError),
    (r"Not implemented Error:", UnsupportedFeature),
    (r"(Catalog|Binder|Parser) Error:", QueryError),
)
_COMPILED = tuple((re.compile(pattern), cls) for pattern, cls in _PATTERNS)


def rule_of(text: str) -> ErrorRule | None:
    """What an error with this text leaves behind: after any of them an open transaction can only be rolled back."""
    found = next((cls for pattern, cls in _COMPILED if pattern.match(text)), None)
    if found is None:
        return None
    return ErrorRule(found, "failed", retry=found is SerializationFailure)


def details_of(text: str) -> dict[str, Any]:
    """The table and the columns that the text names."""
    match = next((match for pattern, _ in _COMPILED if (match := pattern.match(text))), None)
    said = {} if match is None else {name: value.strip('"') for name, value in match.groupdict().items() if value}
    if "columns" in said:
        return said | {"columns": tuple(said["columns"].split(", "))}
    return said
