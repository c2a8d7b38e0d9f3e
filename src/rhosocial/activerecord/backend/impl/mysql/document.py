"""JSON on MySQL and MariaDB, which keep it as text here: paths, comparisons by kind, containment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from rhosocial.activerecord.backend import (
    Comparison,
    Constructs,
    JsonChange,
    JsonComparison,
    JsonContains,
    JsonHasKey,
    JsonPath,
    JsonTyped,
    SQLWriter,
    Value,
    is_json,
)

ATOM = Value.precedence
_NUMBERS = ("INTEGER", "UNSIGNED INTEGER", "DOUBLE", "DECIMAL")
_KINDS = {"text": ("STRING",), "number": _NUMBERS, "boolean": ("BOOLEAN",)}


class JsonConstructs(Constructs):
    """Values inside JSON, by functions that both servers have; what one of them lacks is in the other's class."""

    supports_json = True
    supports_json_changes = True
    # Does JSON_EXTRACT find members whose names begin with a minus?
    extracts_all_names: ClassVar[bool] = True
    # Comments that only one of the two servers reads: one text for both.
    exact_collation: ClassVar[str] = "/*!80017 utf8mb4_0900_bin */ /*M! utf8mb4_nopad_bin */"

    # 1 - A value at a path

    def write_json(self, out: SQLWriter, path: JsonPath) -> None:
        """Its JSON text; NULL for null."""
        out.sql("NULLIF(CAST(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(" AS CHAR), 'null')")

    def write_json_text(self, out: SQLWriter, path: JsonPath) -> None:
        """A string without its quotes."""
        out.sql("CASE ")
        self.write_type(out, path)
        out.sql(" WHEN 'NULL' THEN NULL WHEN 'STRING' THEN ")
        self._write_unquoted(out, path)
        out.sql(" ELSE ")
        self.write_compact(out, path)
        out.sql(" END")

    def write_json_scalar(self, out: SQLWriter, path: JsonPath) -> None:
        """The text of a string or number, and 1 and 0 for true and false: what casts and functions can read."""
        out.sql("CASE ")
        self.write_type(out, path)
        out.sql(" WHEN 'NULL' THEN NULL WHEN 'BOOLEAN' THEN ")
        self._write_as_char(out, path)
        out.sql(" = 'true' ELSE ")
        self._write_unquoted(out, path)
        out.sql(" END")

    def write_json_order(self, out: SQLWriter, path: JsonPath, direction: str) -> None:
        """Items of ORDER BY: NULL, numbers, texts, numbers among themselves by value."""
        numbers = ", ".join(f"'{name}'" for name in _NUMBERS)
        out.sql("CASE WHEN ")
        self.write_type(out, path)
        out.sql(f" IN ({numbers}, 'BOOLEAN') THEN 1 WHEN ")
        self.write_type(out, path)
        out.sql(f" <> 'NULL' THEN 2 END{direction}, CASE WHEN ")
        self.write_type(out, path)
        out.sql(f" IN ({numbers}, 'BOOLEAN') THEN CAST(")
        self.write_json_scalar(out, path)
        out.sql(f" AS DOUBLE) END{direction}, CASE ")
        self.write_type(out, path)
        out.sql(" WHEN 'STRING' THEN ")
        self._write_unquoted(out, path)
        out.sql(f" END{direction}")

    def write_json_typed(self, out: SQLWriter, typed: JsonTyped) -> None:
        """Decimals by CAST; of a moment's text the offset is taken away and reckoned in."""
        if typed.type.kind is not datetime:
            super().write_json_typed(out, typed)
            return
        text = typed.path.text_form
        out.sql("SUBTIME(CAST(REGEXP_REPLACE(")
        out.node(text)
        out.sql(", '(Z|[+-][0-9]{2}:[0-9]{2})$', '') AS DATETIME(6)), COALESCE(NULLIF(REPLACE(REGEXP_SUBSTR(")
        out.node(text)
        out.sql(", '[+-][0-9]{2}:[0-9]{2}$'), '+', ''), ''), '00:00'))")

    def write_json_change(self, out: SQLWriter, change: JsonChange) -> None:
        """Merges: one that takes the members away, and one that puts in the new ones.

        MariaDB's JSON_REMOVE overlooks names that begin with a minus, and some that follow others.
        """
        gone = json.dumps(dict.fromkeys((*change.members, *change.removed)), ensure_ascii=False)
        out.sql("CASE JSON_TYPE(")
        out.node(change.item)
        out.sql(") WHEN 'OBJECT' THEN ")
        out.sql("JSON_MERGE_PRESERVE(" if change.members else "")
        out.sql("JSON_MERGE_PATCH(")
        out.node(change.item)
        out.sql(", ")
        out.bind(gone)
        out.sql(")")
        if change.members:
            out.sql(", ")
            out.bind(change.text)
            out.sql(")")
        out.sql(" ELSE ")
        if change.otherwise is None:
            out.node(change.item)
        else:
            out.bind(change.otherwise)
        out.sql(" END")

    def write_json_length(self, out: SQLWriter, path: JsonPath) -> None:
        """JSON_LENGTH, which is 1 for what has no parts."""
        out.sql("CASE WHEN ")
        self.write_type(out, path)
        out.sql(" IN ('ARRAY', 'OBJECT') THEN JSON_LENGTH(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(") END")

    def write_json_has_key(self, out: SQLWriter, has_key: JsonHasKey) -> None:
        """Whether something is at the member's path."""
        path = JsonPath(has_key.path, has_key.name)
        self._write_exists(out, path.item, path.parts)

    def write_extracted(self, out: SQLWriter, item: Any, parts: Sequence[str | int]) -> None:
        """The JSON at a path, null as JSON's own; a scalar is no array of one, as the servers would have it."""
        if not parts:
            out.node(item)
            return
        places = [place for place, part in enumerate(parts) if part in (0, -1) and not isinstance(part, str)]
        out.sql("CASE WHEN " if places else "")
        for number, place in enumerate(places):
            out.sql(" AND JSON_TYPE(" if number else "JSON_TYPE(")
            self._write_call(out, "JSON_EXTRACT", item, parts[:place])
            out.sql(") = 'ARRAY'")
        out.sql(" THEN " if places else "")
        self._write_call(out, "JSON_EXTRACT", item, parts)
        out.sql(" END" if places else "")

    def write_type(self, out: SQLWriter, path: JsonPath) -> None:
        """The name of the kind of value at a path."""
        out.sql("JSON_TYPE(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(")")

    def write_compact(self, out: SQLWriter, path: JsonPath) -> None:
        """The JSON at a path as text; MySQL puts spaces into it."""
        self._write_as_char(out, path)

    def _write_as_char(self, out: SQLWriter, path: JsonPath) -> None:
        out.sql("CAST(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(" AS CHAR)")

    def _write_unquoted(self, out: SQLWriter, path: JsonPath) -> None:
        # The servers would have it in a collation that takes no notice of spaces at the end.
        out.sql("JSON_UNQUOTE(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(f") COLLATE {self.exact_collation}")

    def _write_call(self, out: SQLWriter, name: str, item: Any, parts: Sequence[str | int], between: str = "") -> None:
        if name == "JSON_EXTRACT":
            is_read = self.extracts_all_names or not any(isinstance(part, str) and part[:1] == "-" for part in parts)
            self.require(is_read, "path to a JSON member whose name begins with a minus: read the whole document")
        out.sql(f"{name}(")
        out.node(item)
        out.sql(f", {between}")
        out.bind(path_text(parts))
        out.sql(")")

    def _write_exists(self, out: SQLWriter, item: Any, parts: Sequence[str | int]) -> None:
        out.sql("COALESCE(")
        self._write_call(out, "JSON_CONTAINS_PATH", item, parts, "'one', ")
        out.sql(", 0) = 1")

    # 2 - Comparisons

    def write_json_comparison(self, out: SQLWriter, comparison: JsonComparison) -> None:
        """CASE by the kind of value: other kinds are unequal, and neither before nor after."""
        path, operand, kind, operator = comparison.path, comparison.operand, comparison.kind, comparison.operator
        out.sql("(CASE WHEN ")
        if not isinstance(operand, Value):
            out.node(operand, ATOM)
            out.sql(" IS NULL OR ")
        out.sql("COALESCE(")
        self.write_type(out, path)
        out.sql(", 'NULL') = 'NULL' THEN NULL ")
        if kind == "json":
            self._write_json_compared(out, path, operand, operator)
        else:
            out.sql("WHEN ")
            self.write_type(out, path)
            out.sql(f" IN ({', '.join(repr(name) for name in _KINDS[kind])}) THEN ")
            self._write_scalar_compared(out, path, comparison)
            out.sql(f" ELSE {'TRUE' if operator == '<>' else 'FALSE'}")
        out.sql(" END)")

    def _write_json_compared(self, out: SQLWriter, path: JsonPath, operand: Any, operator: str) -> None:
        # Only = and <> get here.  The other side may be JSON's null.
        if not isinstance(operand, Value):
            out.sql("WHEN JSON_TYPE(")
            out.node(operand)
            out.sql(") = 'NULL' THEN NULL ")
        out.sql("ELSE NOT " if operator == "<>" else "ELSE ")
        self.write_same_json(out, lambda: self.write_extracted(out, path.item, path.parts), lambda: out.node(operand))

    def _write_scalar_compared(self, out: SQLWriter, path: JsonPath, comparison: JsonComparison) -> None:
        if comparison.kind == "text":
            self._write_unquoted(out, path)
        elif comparison.kind == "boolean":
            out.sql("(")
            self._write_as_char(out, path)
            out.sql(" = 'true')")
        else:
            # By the type of the other side: a text is compared with a number as a double.
            out.sql("CASE ")
            self.write_type(out, path)
            out.sql(" WHEN 'INTEGER' THEN CAST(")
            self._write_unquoted(out, path)
            out.sql(f" AS DECIMAL(65)) {comparison.operator} ")
            out.node(comparison.operand, ATOM)
            out.sql(" ELSE CAST(")
            self._write_unquoted(out, path)
            out.sql(f" AS DOUBLE) {comparison.operator} ")
            out.node(comparison.operand, ATOM)
            out.sql(" END")
            return
        out.sql(f" {comparison.operator} ")
        out.node(comparison.operand, ATOM)

    def write_same_json(self, out: SQLWriter, left: Any, right: Any) -> None:
        """Whether two JSON texts say the same; each side is called to write itself."""
        out.sql("(CAST(")
        left()
        out.sql(" AS JSON) = CAST(")
        right()
        out.sql(" AS JSON))")

    def write_comparison(self, out: SQLWriter, comparison: Comparison) -> None:
        """``<=>`` takes NULL for a value; JSON, which is text here, is compared by what it says."""
        left, operator, right = comparison.left, comparison.operator, comparison.right
        if operator in _SAME and (is_json(left) or is_json(right)) and not (_is_plain(left) or _is_plain(right)):
            self._write_whole_json(out, left, operator, right)
            return
        precedence = comparison.precedence
        negated = operator == "IS DISTINCT FROM"
        out.sql("(NOT (" if negated else "")
        out.node(left, precedence + 1)
        out.sql(f" {'<=>' if 'DISTINCT' in operator else operator} ")
        out.node(right, precedence + 1)
        out.sql("))" if negated else "")

    def _write_whole_json(self, out: SQLWriter, left: Any, operator: str, right: Any) -> None:
        out.sql("(NOT " if operator in ("<>", "IS DISTINCT FROM") else "(")
        out.sql("COALESCE(" if "DISTINCT" in operator else "")
        self.write_same_json(out, lambda: out.node(left), lambda: out.node(right))
        if "DISTINCT" in operator:
            out.sql(", ")
            out.nodes((left, right), " <=> ", ATOM)
            out.sql(")")
        out.sql(")")

    # 3 - Containment

    def write_json_contains(self, out: SQLWriter, contains: JsonContains) -> None:
        """What is wanted is taken apart here: JSON_CONTAINS finds a scalar in arrays of arrays, too."""
        path = contains.path
        wanted = json.loads(contains.text)
        out.sql("(CASE WHEN ")
        out.node(path.item, ATOM)
        out.sql(" IS NOT NULL THEN COALESCE(")
        is_scalar = not isinstance(wanted, (list, dict))
        if is_scalar:
            out.sql("CASE ")
            self.write_type(out, path)
            out.sql(" WHEN 'ARRAY' THEN ")
            self._write_element(out, path, wanted)
            out.sql(" ELSE ")
        self._write_within(out, path, wanted)
        out.sql(" END" if is_scalar else "")
        out.sql(", FALSE) END)")

    def _write_within(self, out: SQLWriter, path: JsonPath, wanted: Any) -> None:
        if isinstance(wanted, dict):
            self.write_type(out, path)
            out.sql(" = 'OBJECT'")
            for name, value in wanted.items():
                out.sql(" AND ")
                self._write_within(out, JsonPath(path, name), value)
        elif isinstance(wanted, list):
            self.write_type(out, path)
            out.sql(" = 'ARRAY'")
            for value in wanted:
                out.sql(" AND ")
                self._write_element(out, path, value)
        elif wanted is None:
            self.write_type(out, path)
            out.sql(" = 'NULL'")
        else:
            self.write_same_json(
                out, lambda: self.write_extracted(out, path.item, path.parts), lambda: out.bind(_text(wanted))
            )

    def _write_element(self, out: SQLWriter, path: JsonPath, value: Any) -> None:
        name = "JSON_CONTAINS" if isinstance(value, (list, dict)) else "JSON_OVERLAPS"
        out.sql(f"{name}(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(", ")
        out.bind(_text([value]))
        out.sql(")")


_SAME = ("=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")


def path_text(parts: Sequence[str | int]) -> str:
    """The servers' spelling of a path: ``$."a"[0]``, and ``[last]`` for the last element."""
    text = ["$"]
    for part in parts:
        if isinstance(part, str):
            # MariaDB cannot read a minus at the beginning of a name, in quotes neither.
            name = json.dumps(part, ensure_ascii=False)
            text.append("." + ('"\\u002d' + name[2:] if name.startswith('"-') else name))
        elif part >= 0:
            text.append(f"[{part}]")
        else:
            text.append("[last]" if part == -1 else f"[last{part + 1}]")
    return "".join(text)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_plain(node: Any) -> bool:
    # Neither JSON nor a bound value, which beside JSON is converted to it.
    return not isinstance(node, Value) and not is_json(node)
