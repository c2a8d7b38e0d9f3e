"""UPDATEs that change single members of JSON columns, and leave to other programs what they change beside them."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from .backend.expression import ColumnRef
from .backend.json_change import JsonChange
from .plan import Plan, Row, Write


def partial_update(plan: Plan, bits: int, values: dict[str, Any], stored: Row) -> Write | None:
    """The UPDATE by key of the fields with these bits; of `Column(partial=True)` the members that differ.

    As `Plan.update`, made anew for each record, since what it says depends on the values.
    """
    whole = plan.update_of(bits)
    sent = whole.dump(values, stored)
    count = len(whole.fields)  # After the fields' values stands what finds the row.
    fresh = dict(zip(whole.fields, sent[:count], strict=True))
    texts: dict[str, str] = {}
    params: list[Any] = []
    for field, value in fresh.items():
        change = _changed(plan, field, value, stored)
        if change is None:
            params.append(value)
        else:
            texts[field], bound = plan.dialect.compile(change)
            params += bound
    if not texts:
        return whole
    partly = plan.update_of(bits, texts)
    bound_key = sent[count:]
    partly.dump = lambda values, row: (*params, *bound_key)
    # What others have changed meanwhile is not known here, as with other columns.
    partly.take = lambda values, _, row: whole.take(values, sent, row)
    return partly


def _changed(plan: Plan, field: str, text: Any, stored: Row) -> JsonChange | None:
    """The members in which the column differs from the row; None where it is to be written as a whole."""
    column, place = plan.table.by_field[field], plan.fields.index(field)
    before = stored[place]
    if not column.spec.partial or text is None or before is None:
        return None
    old, new = _members(before), _members(text)
    if old is None or new is None:
        return None
    members = {name: value for name, value in new.items() if old.get(name) != value}
    removed = [name for name in old if name not in new]
    whole = text if isinstance(text, str) else to_json(text).decode()
    return JsonChange(ColumnRef(None, column.name, column.type), members, removed, whole)


def _members(document: Any) -> dict[str, str] | None:
    """The members of a JSON object by name, each as JSON text: 1, 1.0 and true are three values there."""
    parsed = from_json(document) if isinstance(document, (str, bytes)) else document
    return {n: to_json(v).decode() for n, v in parsed.items()} if isinstance(parsed, dict) else None
