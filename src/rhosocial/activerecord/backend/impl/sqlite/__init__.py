"""SQLite, through the standard library's driver."""

from rhosocial.activerecord.backend import Expression

from .backend import SQLiteBackend, SQLiteTransactionManager
from .dialect import SQLiteDialect
from .mapping import SQLITE_TYPE_MAPPINGS, SQLiteColumnType, SQLiteTypeMapper, SQLiteTypes, SQLiteValueMapper

SQLiteExpression = Expression

__all__ = [
    "SQLITE_TYPE_MAPPINGS",
    "SQLiteBackend",
    "SQLiteColumnType",
    "SQLiteDialect",
    "SQLiteExpression",
    "SQLiteTransactionManager",
    "SQLiteTypeMapper",
    "SQLiteTypes",
    "SQLiteValueMapper",
]
