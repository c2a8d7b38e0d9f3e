"""PostgreSQL, under the engine's full name."""

from .postgres import (
    PostgreSQLBackend,
    PostgreSQLConfig,
    PostgreSQLDialect,
    PostgreSQLTypeMapper,
    PostgreSQLValueMapper,
)

__all__ = [
    "PostgreSQLBackend",
    "PostgreSQLConfig",
    "PostgreSQLDialect",
    "PostgreSQLTypeMapper",
    "PostgreSQLValueMapper",
]
