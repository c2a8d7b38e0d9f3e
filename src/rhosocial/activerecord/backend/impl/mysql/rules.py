"""What the numbers of MySQL's and MariaDB's errors mean.

https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html, https://mariadb.com/kb/en/mariadb-error-codes/
"""

from __future__ import annotations

import re
from typing import Any

from rhosocial.activerecord.backend import (
    CheckViolation,
    ColumnNotFound,
    CommitOutcomeUnknown,
    ConnectionError,
    DatabaseError,
    DataError,
    DeadlockError,
    ErrorRule,
    ForeignKeyViolation,
    IntegrityError,
    LockTimeout,
    NotNullViolation,
    OperationalError,
    QueryCanceled,
    QueryError,
    QueryTimeout,
    SerializationFailure,
    TableNotFound,
    TransactionError,
    UniqueViolation,
    UnsupportedFeature,
)


def _open(cls: type[DatabaseError], *codes: int) -> dict[int, ErrorRule]:
    """Only the statement was undone."""
    return dict.fromkeys(codes, ErrorRule(cls, "open"))


_DEAD = ErrorRule(ConnectionError, "gone", "dead")

ERROR_CLASSES: dict[int, ErrorRule] = {
    **_open(UniqueViolation, 1022, 1062, 1169, 1586, 1859),
    **_open(ForeignKeyViolation, 1216, 1217, 1451, 1452, 1761, 1762, 1834),
    **_open(NotNullViolation, 1048, 1263, 1364, 3673),
    **_open(CheckViolation, 3819, 4025),
    **_open(IntegrityError, 1557),
    **_open(DataError, 1118, 1230, 1264, 1265, 1292, 1366, 1367, 1406, 1411, 1416, 1425, 1426, 1441, 1525, 1690),
    **_open(DataError, 1365, 3140, 3141, 3143, 3144, 3146, 3147, 3156, 3157, 3158, 3692, 4037, 4038, 4042, 4079, 4161),
    **_open(DataError, 1300, 1301, 3854, 3988, 1977),
    **_open(TableNotFound, 1051, 1109, 1146, 1932),
    **_open(ColumnNotFound, 1054, 1072),
    **_open(QueryError, 1049, 1052, 1055, 1056, 1058, 1060, 1061, 1064, 1065, 1066, 1068, 1069, 1091, 1093, 1096, 1111),
    **_open(QueryError, 1050, 1063, 1070, 1071, 1075, 1101, 1103, 1110, 1136, 1139, 1140, 1142, 1143, 1149, 1166, 1170),
    **_open(QueryError, 1191, 1193, 1210, 1222, 1231, 1241, 1242, 1247, 1248, 1267, 1271, 1273, 1305, 1353, 1582, 1630),
    **_open(QueryError, 1901, 1906, 3105, 3685, 3695, 3699, 4078, 4100),
    **_open(QueryError, 1005, 1215, 1822, 1824, 1826, 1176, 1059),
    **_open(UnsupportedFeature, 4022, 1235, 1112, 1286),
    **_open(OperationalError, 1021, 1037, 1038, 1041, 1114, 1206, 1227, 1290),
    **_open(QueryCanceled, 1317),
    **_open(QueryTimeout, 1907, 1969, 3024),
    **_open(LockTimeout, 3572),
    **_open(TransactionError, 1568, 1792, 1179),
    # A wait for a lock that took too long undoes the statement alone, unless innodb_rollback_on_timeout says otherwise:
    # the server is asked after each error.
    1205: ErrorRule(LockTimeout, "open", retry=True),
    # A deadlock, or another Galera node's conflicting write, undoes the whole transaction with its savepoints.
    1213: ErrorRule(DeadlockError, "gone", retry=True),
    1614: ErrorRule(DeadlockError, "gone", retry=True),
    1020: ErrorRule(SerializationFailure, "gone", retry=True),
    # A packet beyond max_allowed_packet: the server hangs up right after it has said so.
    1153: ErrorRule(DataError, "gone", "dead"),
    # Galera without a quorum: a COMMIT that says so may have been kept.
    1180: ErrorRule(CommitOutcomeUnknown, "gone", "dead"),
    1047: ErrorRule(OperationalError, "gone", "dead"),
    **dict.fromkeys((1040, 1044, 1045, 1129, 1130, 1131, 1203, 1226, 1251, 1698, 1862, 1873, 3118, 3159, 3955), _DEAD),
    # The link: the client's own numbers, and what a server says before it hangs up.
    **dict.fromkeys((0, 2001, 2002, 2003, 2004, 2005, 2006, 2012, 2013, 2014, 2026, 2027, 2045, 2055, 2061), _DEAD),
    **dict.fromkeys((1042, 1043, 1053, 1077, 1079, 1080, 1152, 1156, 1158, 1159, 1160, 1161, 1184, 1927, 4031), _DEAD),
}

# The texts are fixed: the session has the server write them in English, and what they quote is taken from between
# their fixed words, so that a value with quotes in it cannot pass for a name.
# Names stand in the quotes of the session's mode in some messages, and in backticks in others.
_NAME = r"""[`"]((?:[^`"]|``|"")+)[`"]"""
_UNIQUE = re.compile(r"Duplicate entry '.*' for key '(?:([^']+)\.)?([^'.]+)'", re.DOTALL)
_FOREIGN = re.compile(
    rf".*\({_NAME}\.{_NAME}, CONSTRAINT {_NAME} FOREIGN KEY \(({_NAME}(?:, {_NAME})*)\) REFERENCES .*", re.DOTALL
)
_CHECK_MARIADB = re.compile(rf"CONSTRAINT (?:{_NAME}\.)?{_NAME} failed for {_NAME}\.{_NAME}")
_CHECK_MYSQL = re.compile(r"Check constraint '(.+)' is violated\.")
_NULL = re.compile(r"Column '(.+)' cannot be null|Field '(.+)' doesn't have a default value")
_VALUE = re.compile(
    r"(?:Data too long for|Out of range value for|Data truncated for|Incorrect .* value: '.*' for) column "
    r"(?:`[^`]*`\.`([^`]*)`\.)?[`']([^`']+)[`'] at row \d+",
    re.DOTALL,
)
_NO_TABLE = re.compile(r"Table '(?:[^']*?)\.([^'.]+)' doesn't exist|Unknown table '(?:[^']*?\.)?([^'.]+)'.*")
_NO_COLUMN = re.compile(r"Unknown column '(?:([^'.]+)\.)?([^'.]+)' in '.*'|Key column '()(.+)' doesn't exist.*")


# Where messages quote values, or the SQL around a mistake, which has values in it.
_WORDS_BEFORE_VALUES = re.compile(r" entry '.*'(?= for key)|: '.*'(?= for | at row |$)| (?:near|in) '.*", re.DOTALL)
_QUOTING = frozenset(
    {1062, 1064, 1292, 1300, 1366, 1367, 1411, 1416, 1425, 1426, 1525, 1586, 1690, 1977, 3140, 3141, 3143, 3854, 4038}
)


def text_of(code: Any, text: str) -> str:
    """The message without what it quotes of values."""
    if code not in _QUOTING:
        return text
    return _WORDS_BEFORE_VALUES.sub(lambda found: " entry" if found[0].startswith(" entry") else "", text)


_TARGET = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE)(?:\s+(?:IGNORE|INTO|LOW_PRIORITY|DELAYED|HIGH_PRIORITY))*\s+"
    r"(?:[`\"]?[^`\".\s(]+[`\"]?\.)?(?:`((?:[^`]|``)+)`|\"([^\"]+)\"|([^`\".\s(]+))",
    re.IGNORECASE,
)


def target_of(sql: str) -> str | None:
    """The table that a statement writes to, where that can be told from its beginning."""
    found = _TARGET.match(sql)
    return None if found is None else (found[1] or found[2] or found[3]).replace("``", "`")


def details(code: Any, text: str) -> dict[str, Any]:
    """What an error tells of table, columns and constraint."""
    found = _find(code, text)
    return {name: value for name, value in found.items() if value}


def _find(code: Any, text: str) -> dict[str, Any]:
    if code in (1062, 1586) and (match := _UNIQUE.fullmatch(text)):
        return {"table": match[1], "constraint": match[2]}
    if code in (1451, 1452) and (match := _FOREIGN.fullmatch(text)):
        return {"table": match[2], "constraint": match[3], "columns": tuple(re.findall(_NAME, match[4]))}
    if code == 4025 and (match := _CHECK_MARIADB.fullmatch(text)):
        # MariaDB names a column's own check `table`.`column`.
        return {"table": match[4], "constraint": match[2], "columns": (match[2],) if match[1] else ()}
    if code == 3819 and (match := _CHECK_MYSQL.fullmatch(text)):
        return {"constraint": match[1]}
    if code in (1048, 1364) and (match := _NULL.fullmatch(text)):
        return {"columns": (match[1] or match[2],)}
    if code in (1406, 1264, 1265, 1366, 1292) and (match := _VALUE.fullmatch(text)):
        return {"table": match[1], "columns": (match[2],)}
    if code in (1146, 1051, 1109) and (match := _NO_TABLE.fullmatch(text)):
        return {"table": match[1] or match[2]}
    if code in (1054, 1072) and (match := _NO_COLUMN.fullmatch(text)):
        return {"table": match[1], "columns": (match[2] or match[4],)}
    return {}
