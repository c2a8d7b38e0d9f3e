"""Hooks that a model's class or a mixin of it has in its body: they are found along its bases, the base's first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .backend.errors import ColumnNotFound
from .backend.expression import Expression, as_operand
from .backend.row_value import Sent
from .backend.statement import Update, and_
from .events import acall
from .join import as_condition
from .plan import Plan, Row, Write
from .table import nearest

# Every class that has one in its body is asked, so that mixins need not know of each other.
_OF_EACH = ("prepare_save_data", "after_save", "prepare_delete", "get_update_conditions", "get_update_expressions")
# Ordinary methods, of which one overrides another.
_OF_ALL = ("validate_record", "validate_custom")


class IUpdateBehavior:
    """What a mixin may add to each UPDATE of a record; deriving from this class is not needed."""

    def get_update_conditions(self) -> list[Any]:
        """Further conditions for the row: expressions, SQL texts, or pairs of a text with ``?`` and its values.

        Where the row does not meet them, `save` raises `StaleRecord`.
        """
        return []

    def get_update_expressions(self) -> dict[str, Any]:
        """What the database is to reckon, by field: ``{"saves": User.c.saves + 1}``."""
        return {}


def hooks_of(model: Any) -> dict[str, tuple[Any, ...]]:
    """By name the hooks of a class as they stand in the bodies of its bases, without those that there are none of."""
    found: dict[str, tuple[Any, ...]] = {}
    for base in reversed(model.__mro__):
        for name in _OF_EACH:
            if name in vars(base) and base is not IUpdateBehavior:
                found[name] = (*found.get(name, ()), vars(base)[name])
        for name in _OF_ALL:
            if name in vars(base):
                found[name] = (vars(base)[name],)
    return found


def _bound(record: Any, name: str) -> list[Callable[..., Any]]:
    return [hook.__get__(record, type(record)) for hook in record.__hooks__.get(name, ())]


async def avalidate(record: Any) -> None:
    """Call ``validate_record(cls, instance)``, then ``validate_custom(self)``, if the class has them."""
    if "validate_record" in record.__hooks__:
        await acall(type(record).validate_record, record)
    for hook in _bound(record, "validate_custom"):
        await acall(hook)


async def aprepare_data(record: Any, fields: Iterable[str], *, is_new: bool) -> None:
    """Let ``prepare_save_data(data, is_new)`` change what is to be written, and put that on the record.

    `data` has the values of these fields; each hook may change it, add to it, or give another dict back.
    """
    hooks = _bound(record, "prepare_save_data")
    if not hooks:
        return
    values = vars(record)
    data = {field: values[field] for field in fields}
    for hook in hooks:
        given = await acall(hook, data, is_new)
        data = data if given is None else dict(given)
    _check_names(record, data)
    values.update(data)


async def aafter_save(record: Any, *, is_new: bool) -> None:
    """Call ``after_save(is_new)``."""
    for hook in _bound(record, "after_save"):
        await acall(hook, is_new)


async def aprepare_delete(record: Any) -> dict[str, Any]:
    """What ``prepare_delete()`` wants to be written in place of deleting the row; nothing where it is to be deleted."""
    values: dict[str, Any] = {}
    for hook in _bound(record, "prepare_delete"):
        values |= await acall(hook) or {}
    _check_names(record, values)
    return values


def _check_names(record: Any, values: Mapping[str, Any]) -> None:
    fields = type(record).__pydantic_fields__
    for name in values:
        if name not in fields:
            raise ColumnNotFound(f"{type(record).__name__} has no field {name!r}{nearest(name, fields)}")


async def aupdate_with(record: Any, plan: Plan, write: Write, row: Row) -> Write:
    """The UPDATE with the conditions and expressions that the hooks of the class add to it."""
    conditions = [each for hook in _bound(record, "get_update_conditions") for each in await acall(hook) or ()]
    expressions: dict[str, Any] = {}
    for hook in _bound(record, "get_update_expressions"):
        expressions |= await acall(hook) or {}
    if not conditions and not expressions:
        return write
    _check_names(record, expressions)
    table, sent = plan.table, write.dump(vars(record), row)
    own = [field for field in write.fields if field not in expressions]
    changed: dict[str, Any] = dict(zip(write.fields, map(Sent, sent), strict=False)) | expressions
    changes = [(table.by_field[field].name, as_operand(value)) for field, value in changed.items()]
    asked = (*table.key, *((table.version,) if table.version is not None else ()))
    rest = zip(asked, sent[len(write.fields) :], strict=True)
    where = and_(*(table.ref(column.field) == Sent(value) for column, value in rest), *map(_condition, conditions))
    sql, params = plan.compile(Update(table.source(), changes, where))
    return Write(
        sql,
        lambda values, row: params,
        lambda values, _, given: write.take(values, sent, given),
        own,
        is_incomplete=bool(expressions) or write.is_incomplete,
    )


def _condition(given: Any) -> Expression:
    return as_condition(*given) if isinstance(given, (tuple, list)) else as_condition(given)
