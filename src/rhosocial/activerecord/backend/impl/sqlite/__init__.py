"""SQLite, through the standard library's driver."""

from .backend import SQLiteBackend, SQLiteTransactionManager
from .dialect import SQLiteDialect
from .mapping import SQLiteTypeMapper, SQLiteValueMapper

__all__ = ["SQLiteBackend", "SQLiteDialect", "SQLiteTransactionManager", "SQLiteTypeMapper", "SQLiteValueMapper"]
