"""What a statement does, told by its keywords."""

from __future__ import annotations

import re
from functools import lru_cache

_FIRST = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_CHANGE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE|MERGE)\b", re.IGNORECASE)
_RETURNING = re.compile(r"\bRETURNING\b", re.IGNORECASE)
_TO = re.compile(r"\bTO\b", re.IGNORECASE)
_TRANSACTION = re.compile(r"\bTRANSACTION\b", re.IGNORECASE)
_SCHEMA = frozenset({"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "GRANT", "REVOKE", "LOCK", "ANALYZE", "OPTIMIZE"})
_TEMPORARY = re.compile(r"^\W*(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?TEMPORARY\s+TABLE\b", re.IGNORECASE)
_ENDERS = frozenset({"COMMIT", "END", "ABORT"})
_READERS = frozenset({"SELECT", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE", "DESC", "TABLE", "FROM", "PRAGMA"})


@lru_cache(maxsize=2048)
def first_keyword(sql: str) -> str:
    """The statement's first word in capitals, comments left out; empty where there is none."""
    found = _FIRST.match(sql)
    return "" if found is None else found.group(1).upper()


@lru_cache(maxsize=2048)
def gives_rows(sql: str) -> bool:
    """Whether the statement returns rows."""
    first = first_keyword(sql)
    if first == "WITH":
        return not _CHANGE.search(sql) or bool(_RETURNING.search(sql))
    return first in _READERS or bool(_RETURNING.search(sql))


@lru_cache(maxsize=2048)
def is_read(sql: str) -> bool:
    """Whether the statement surely changes nothing: a WITH that has a word for changing somewhere may change."""
    first = first_keyword(sql)
    if first == "WITH":
        return not _CHANGE.search(sql)
    if first == "PRAGMA":
        return "=" not in sql and "(" not in sql
    return first in _READERS


@lru_cache(maxsize=2048)
def changes_schema(sql: str) -> bool:
    """Whether the statement is DDL, which some engines commit a transaction for; temporary tables stay apart."""
    return first_keyword(sql) in _SCHEMA and not _TEMPORARY.search(sql)


@lru_cache(maxsize=2048)
def ends_transaction(sql: str) -> bool:
    """Whether the statement ends the open transaction, or would begin another in its place."""
    first = first_keyword(sql)
    if first == "ROLLBACK":
        return not _TO.search(sql)
    if first == "START":
        return bool(_TRANSACTION.search(sql))
    if first == "BEGIN":
        # Some engines write a procedure between BEGIN and END.
        return ";" not in sql.rstrip(" \t\n;")
    return first in _ENDERS
