"""DuckDB as a database for `rhosocial.activerecord`."""

from .backend import DuckDBBackend

__all__ = ["DuckDBBackend"]
