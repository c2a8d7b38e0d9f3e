"""MySQL and MariaDB, through PyMySQL."""

from .backend import MariaDBBackend, MySQLBackend
from .dialect import MariaDBDialect, MySQLDialect
from .mapping import MySQLTypeMapper, MySQLValueMapper

__all__ = [
    "MariaDBBackend",
    "MariaDBDialect",
    "MySQLBackend",
    "MySQLDialect",
    "MySQLTypeMapper",
    "MySQLValueMapper",
]
