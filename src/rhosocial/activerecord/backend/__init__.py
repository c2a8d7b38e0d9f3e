"""All that a backend author imports."""

from .arithmetic import Arithmetic
from .base import StorageBackend
from .case import Case
from .cast import Cast
from .constructs import Constructs
from .dialect import Dialect
from .errors import (
    CheckViolation,
    ColumnNotFound,
    CommitOutcomeUnknown,
    ConfigurationError,
    ConnectionError,
    DatabaseError,
    DataError,
    DeadlockError,
    ExclusionViolation,
    ForeignKeyViolation,
    IntegrityError,
    InvalidCursor,
    IsolationLevelError,
    LockError,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    PoolTimeout,
    QueryCanceled,
    QueryError,
    QueryTimeout,
    RecordNotFound,
    RelationNotLoaded,
    SerializationFailure,
    StaleRecord,
    TableNotFound,
    TransactionError,
    TypeConversionError,
    UniqueViolation,
    UnsupportedFeature,
    ValidationError,
)
from .expression import (
    ColumnRef,
    Comparison,
    Condition,
    Expression,
    Nested,
    Operand,
    Ordering,
    ParameterCountError,
    Value,
    type_of,
)
from .function import Function, Star
from .gate import Gate
from .helpers import (
    array_converter,
    convert_datetime,
    format_decimal,
    format_with_length,
    measure_time,
    parse_date,
    parse_datetime,
    parse_time,
    safe_json_dumps,
    safe_json_loads,
)
from .json_change import JsonChange
from .json_path import JsonComparison, JsonContains, JsonHasKey, JsonPath, JsonScalar, is_json, json_text
from .keyword import is_read
from .manager import TransactionManager
from .mapping import ColumnType, TypeMapper, ValueMapper
from .moment import Extract, Truncation
from .parameter import SQLBuilder
from .pattern import FullText, Like, Match, Regexp
from .pool import ConnectionPool, PooledConnection, create_connection_pool
from .registry import aclose_backends, backend_class_for, backend_for, close_backends, register_backend
from .rule import ErrorHandler, ErrorRule
from .schema import ColumnDefinition
from .setting import did_you_mean
from .statement import Compound, CreateIndex, CreateTable, Delete, IndexHint, Join, Lock, Select, TableName
from .stream import Stream
from .subquery import CommonTable, DerivedTable, Subquery
from .transaction import Transaction
from .typed_path import JsonTyped, TypedPath
from .typing import (
    ColumnTypes,
    ConnectionConfig,
    DatabaseType,
    DatabaseValue,
    IsolationLevel,
    PythonValue,
    QueryResult,
    TypeMapping,
)
from .window import Over, Window
from .writer import SQLWriter

SQLDialectBase = Dialect
SQLExpressionBase = Expression

__all__ = [
    "Arithmetic",
    "Case",
    "Cast",
    "CheckViolation",
    "ColumnDefinition",
    "ColumnNotFound",
    "ColumnRef",
    "ColumnType",
    "ColumnTypes",
    "CommitOutcomeUnknown",
    "CommonTable",
    "Comparison",
    "Compound",
    "Condition",
    "ConfigurationError",
    "ConnectionConfig",
    "ConnectionError",
    "ConnectionPool",
    "Constructs",
    "CreateIndex",
    "CreateTable",
    "DataError",
    "DatabaseError",
    "DatabaseType",
    "DatabaseValue",
    "DeadlockError",
    "Delete",
    "DerivedTable",
    "Dialect",
    "ErrorHandler",
    "ErrorRule",
    "ExclusionViolation",
    "Expression",
    "Extract",
    "ForeignKeyViolation",
    "FullText",
    "Function",
    "Gate",
    "IndexHint",
    "IntegrityError",
    "InvalidCursor",
    "IsolationLevel",
    "IsolationLevelError",
    "Join",
    "JsonChange",
    "JsonComparison",
    "JsonContains",
    "JsonHasKey",
    "JsonPath",
    "JsonScalar",
    "JsonTyped",
    "Like",
    "Lock",
    "LockError",
    "LockTimeout",
    "Match",
    "Nested",
    "NotNullViolation",
    "Operand",
    "OperationalError",
    "Ordering",
    "Over",
    "ParameterCountError",
    "PoolTimeout",
    "PooledConnection",
    "PythonValue",
    "QueryCanceled",
    "QueryError",
    "QueryResult",
    "QueryTimeout",
    "RecordNotFound",
    "Regexp",
    "RelationNotLoaded",
    "SQLBuilder",
    "SQLDialectBase",
    "SQLExpressionBase",
    "SQLWriter",
    "Select",
    "SerializationFailure",
    "StaleRecord",
    "Star",
    "StorageBackend",
    "Stream",
    "Subquery",
    "TableName",
    "TableNotFound",
    "Transaction",
    "TransactionError",
    "TransactionManager",
    "Truncation",
    "TypeConversionError",
    "TypeMapper",
    "TypeMapping",
    "TypedPath",
    "UniqueViolation",
    "UnsupportedFeature",
    "ValidationError",
    "Value",
    "ValueMapper",
    "Window",
    "aclose_backends",
    "array_converter",
    "backend_class_for",
    "backend_for",
    "close_backends",
    "convert_datetime",
    "create_connection_pool",
    "did_you_mean",
    "format_decimal",
    "format_with_length",
    "is_json",
    "is_read",
    "json_text",
    "measure_time",
    "parse_date",
    "parse_datetime",
    "parse_time",
    "register_backend",
    "safe_json_dumps",
    "safe_json_loads",
    "type_of",
]
