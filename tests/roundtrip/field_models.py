"""A model for each kind of field, and what is asked of its records."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any

import pydantic
from field_kinds import Kind
from pydantic import BaseModel, ConfigDict

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend.errors import DataError, ValidationError
from rhosocial.activerecord.backend.typing import DatabaseType

REFUSALS = (DataError, ValidationError)


class Model(ActiveRecord):
    """A `value` of the kind, the same with None in `maybe`, and a neighbour that no test changes."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    id: int = AUTO
    value: Any
    maybe: Any = None
    note: str = "untouched"


def model_of(kind: Kind, table_name: str, db_type: DatabaseType | None = None, **sizes: Any) -> type[Model]:
    """The model whose fields are of that kind, in columns of that type."""
    annotation = kind.annotation
    if db_type is not None or sizes:
        annotation = Annotated[annotation, Column(type=db_type, **sizes)]
    body: dict[str, Any] = {
        "__annotations__": {"value": annotation, "maybe": annotation | None},
        "__module__": __name__,
        "__table_name__": table_name,
        "maybe": None,
        "model_config": ConfigDict(**kind.settings),
    }
    model: type[Model] = types.new_class("Model", (Model,), exec_body=lambda namespace: namespace.update(body))
    return model


def holds_nul(value: Any) -> bool:
    """Is there a NUL in the text of the value, or of anything in it?  Not all engines can keep it."""
    if isinstance(value, pydantic.SecretStr):
        value = value.get_secret_value()
    if isinstance(value, BaseModel):
        value = vars(value)
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(holds_nul, value))
    return isinstance(value, (str, PurePath)) and "\0" in str(value)


def same(left: Any, right: Any) -> bool:
    """Equal and of one type, and so is all that they hold.

    Moments are compared as such, since Python has them unequal where clocks are changed.
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, datetime) and left.tzinfo is not None:
        return _moment(left) == _moment(right)
    if isinstance(left, BaseModel):
        return same(vars(left), vars(right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _moment(value: datetime) -> tuple[datetime, Any]:
    try:
        return value.astimezone(UTC), None
    except OverflowError:  # Inside of a document even moments that do not exist in UTC can be kept.
        return value.replace(tzinfo=None), value.utcoffset()


async def empty(model: type[Model]) -> None:
    """Delete all rows."""
    await model.backend().aexecute(f"DELETE FROM {model.table_name()}")


async def saved(model: type[Model], value: Any, is_kept: bool = False) -> Model | None:
    """The record of the value, saved; None where it is refused."""
    try:
        record = model(value=value, maybe=value)
    except pydantic.ValidationError:
        assert not is_kept
        return None  # No value of such a field.
    try:
        assert await record.asave() == 1
    except REFUSALS as error:
        is_nul = "NUL" in str(error)  # Which not every engine has.
        assert is_nul or not is_kept  # What is to be refused is the caller's to say.
        assert record.is_new_record and record.id is None
        return None
    assert not record.is_dirty and record.dirty_fields == set()
    return record


async def some_saved(model: type[Model], values: Iterable[Any]) -> list[Model]:
    """The records of those values that are not refused, in a table of nothing else."""
    await empty(model)
    records = [record for value in values if (record := await saved(model, value)) is not None]

    assert await model.query().acount() == len(records)
    return records
