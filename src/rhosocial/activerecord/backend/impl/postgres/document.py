"""JSON on PostgreSQL, which is JSONB."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rhosocial.activerecord.backend import (
    Cast,
    Constructs,
    JsonChange,
    JsonComparison,
    JsonContains,
    JsonHasKey,
    JsonPath,
    JsonScalar,
    SQLWriter,
    Value,
)

from .mapping import fit_json

ATOM = Value.precedence
_NULL = "'null'::jsonb"
_TYPES = {"text": "text", "number": "numeric", "boolean": "boolean", "json": "jsonb"}


class PostgreSQLJson(Constructs):
    """Values inside JSON.  A path is written step by step: ``->`` takes a name for objects, a number for arrays."""

    def write_json(self, out: SQLWriter, path: JsonPath) -> None:
        """``->``, NULL for null."""
        out.sql("NULLIF(")
        self._write_path(out, path)
        out.sql(f", {_NULL})")

    def write_json_scalar(self, out: SQLWriter, path: JsonPath) -> None:
        """JSONB has an order of its own: numbers as numbers, text as text."""
        self.write_json(out, path)

    def write_json_text(self, out: SQLWriter, path: JsonPath) -> None:
        """``#>>``, which gives text without its quotes, and NULL for null."""
        self._write_path(out, path)
        out.sql(" #>> '{}'")

    def write_cast(self, out: SQLWriter, cast: Cast) -> None:
        """What stands in JSON is cast as text is: JSONB itself casts to few types, and refuses null."""
        if isinstance(cast.item, JsonScalar):
            self._write_json_cast(out, cast.item.path, cast)
        else:
            super().write_cast(out, cast)

    def _write_json_cast(self, out: SQLWriter, path: JsonPath, cast: Cast) -> None:
        kind = self.cast_types.definition(cast.type.db_type)
        is_number = cast.type.kind in (int, float, Decimal)
        if is_number:
            out.sql("CASE JSONB_TYPEOF(")
            self._write_path(out, path)
            out.sql(") WHEN 'boolean' THEN ")
            self._write_path(out, path)
            out.sql(f"::boolean::integer::{kind} ELSE ")
        out.sql("CAST((")
        self.write_json_text(out, path)
        # The text 12.5 is no BIGINT, but it is a NUMERIC.
        out.sql(f")::numeric AS {kind})" if cast.type.kind is int else f") AS {kind})")
        out.sql(" END" if is_number else "")

    def write_json_comparison(self, out: SQLWriter, comparison: JsonComparison) -> None:
        """JSONB compares by kind and value; an order there is between values of one kind only."""
        operator, kind, operand = comparison.operator, comparison.kind, comparison.operand
        is_ordered = operator not in ("=", "<>")
        # What it is compared with may be NULL, which the test of the kind must not hide.
        is_doubtful = is_ordered and not isinstance(operand, Value)
        out.sql("(")
        if is_doubtful:
            out.sql("CASE WHEN ")
            out.node(operand, ATOM)
            out.sql(" IS NOT NULL THEN ")
        if is_ordered:
            out.sql("JSONB_TYPEOF(")
            self.write_json(out, comparison.path)
            out.sql(f") = '{'string' if kind == 'text' else kind}' AND ")
        self.write_json(out, comparison.path)
        out.sql(f" {operator} ")
        self._write_operand(out, operand, kind)
        out.sql(" END)" if is_doubtful else ")")

    def _write_operand(self, out: SQLWriter, operand: Any, kind: str) -> None:
        if isinstance(operand, Value) and kind in ("number", "json"):
            # As text: a float loses digits on its way to NUMERIC.
            out.bind(operand.value if operand.value is None or kind == "json" else str(operand.value))
            out.sql("::jsonb")
        elif kind == "json":
            out.sql("NULLIF(")
            out.node(operand)
            out.sql(f", {_NULL})")
        else:
            out.sql("TO_JSONB(CAST(")
            out.node(operand)
            out.sql(f" AS {_TYPES[kind]}))")

    def write_json_change(self, out: SQLWriter, change: JsonChange) -> None:
        """``||`` sets members and ``-`` removes them; of what is no object they would make an array."""
        out.sql("CASE JSONB_TYPEOF(")
        out.node(change.item)
        out.sql(") WHEN 'object' THEN (")
        out.node(change.item)
        if change.members:
            out.sql(" || ")
            out.bind(fit_json(change.text))
            out.sql("::jsonb")
        out.sql(")")  # Minus binds more tightly.
        for name in change.removed:
            out.sql(" - ")
            out.bind(name)
            out.sql("::text")
        out.sql(" ELSE ")
        if change.otherwise is None:
            out.node(change.item)
        else:
            out.bind(fit_json(change.otherwise))
            out.sql("::jsonb")
        out.sql(" END")

    def write_json_contains(self, out: SQLWriter, contains: JsonContains) -> None:
        """``@>``, which an index on the column can serve; false where the path leads nowhere."""
        path = contains.path
        if path.parts:
            out.sql("CASE WHEN ")
            out.node(path.item, ATOM)
            out.sql(" IS NOT NULL THEN COALESCE(")
        self._write_path(out, path)
        out.sql(" @> ")
        out.bind(contains.text)
        out.sql("::jsonb, FALSE) END" if path.parts else "::jsonb")

    def write_json_has_key(self, out: SQLWriter, has_key: JsonHasKey) -> None:
        """``?`` for objects; it would find texts in arrays too."""
        out.sql("COALESCE(JSONB_TYPEOF(")
        self._write_path(out, has_key.path)
        out.sql(") = 'object' AND ")
        self._write_path(out, has_key.path)
        out.sql(" ?? ")
        out.bind(has_key.name)
        out.sql("::text, FALSE)")

    def write_json_length(self, out: SQLWriter, path: JsonPath) -> None:
        """JSONB_ARRAY_LENGTH for arrays; the members of objects are counted."""
        out.sql("CASE JSONB_TYPEOF(")
        self._write_path(out, path)
        out.sql(") WHEN 'array' THEN JSONB_ARRAY_LENGTH(")
        self._write_path(out, path)
        out.sql(") WHEN 'object' THEN (SELECT COUNT(*) FROM JSONB_OBJECT_KEYS(")
        self._write_path(out, path)
        out.sql(")) END")

    def _write_path(self, out: SQLWriter, path: JsonPath) -> None:
        out.sql("(")
        out.node(path.item, ATOM)
        for part in path.parts:
            out.sql(" -> ")
            out.bind(part)
            out.sql("::integer" if isinstance(part, int) else "::text")
        out.sql(")")
