"""PostgreSQL, through psycopg 3, which is native in both faces."""

from .backend import PostgreSQLBackend
from .config import PostgreSQLConfig
from .dialect import PostgreSQLDialect
from .mapping import PostgreSQLTypeMapper, PostgreSQLValueMapper

__all__ = [
    "PostgreSQLBackend",
    "PostgreSQLConfig",
    "PostgreSQLDialect",
    "PostgreSQLTypeMapper",
    "PostgreSQLValueMapper",
]
