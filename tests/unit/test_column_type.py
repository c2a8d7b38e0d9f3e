"""Columns read from the annotations of fields."""

# ruff: noqa: UP006, UP007, UP035, UP045  # Users still write the old spellings, so they are tested.

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Union
from uuid import UUID

import annotated_types
import pytest
from pydantic import (
    UUID4,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    EmailStr,
    Field,
    FutureDate,
    Json,
    NaiveDatetime,
    PastDatetime,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    RootModel,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    conlist,
    constr,
)
from typing_extensions import TypeAliasType

from rhosocial.activerecord.backend.errors import ConfigurationError
from rhosocial.activerecord.backend.mapping import ColumnType, column_type
from rhosocial.activerecord.backend.typing import DatabaseType

D = DatabaseType


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Price(Enum):
    LOW = Decimal("1.50")


class Mixed(Enum):
    ONE = 1
    TWO = "2"


class Slug(str):
    __slots__ = ()


class Doc(BaseModel):
    name: str


@dataclass
class Data:
    name: str


class Money:
    """A type with neither a schema nor a scalar base."""


Key = NewType("Key", int)
Alias = TypeAliasType("Alias", Annotated[str, Field(max_length=7)])
Foreign = Annotated[
    Money,
    PlainValidator(lambda value: value),
    PlainSerializer(lambda value: "text"),
    WithJsonSchema({"type": "string"}),
]


# Annotations


@pytest.mark.parametrize(
    ("annotation", "python", "db_type"),
    [
        (int, int, D.BIGINT),
        (bool, bool, D.BOOLEAN),
        (float, float, D.DOUBLE),
        (Decimal, Decimal, D.DECIMAL),
        (str, str, D.TEXT),
        (bytes, bytes, D.BLOB),
        (datetime, datetime, D.TIMESTAMP),
        (date, date, D.DATE),
        (time, time, D.TIME),
        (timedelta, timedelta, D.INTERVAL),
        (UUID, UUID, D.UUID),
        (int | None, int, D.BIGINT),
        (Optional[int], int, D.BIGINT),
        (Union[None, Annotated[Optional[int], Field(gt=0)]], int, D.BIGINT),
        (Annotated[int, "note"], int, D.BIGINT),
        (PositiveInt, int, D.BIGINT),
        (Key, int, D.BIGINT),
        (UUID4, UUID, D.UUID),
        (EmailStr, str, D.TEXT),
        (PastDatetime, datetime, D.TIMESTAMP),
        (NaiveDatetime, datetime, D.TIMESTAMP),
        (AwareDatetime, datetime, D.TIMESTAMPTZ),
        (FutureDate, date, D.DATE),
        (Literal["a", "b"], str, D.TEXT),
        (Literal[1, 2, None], int, D.BIGINT),
        (Literal[True], bool, D.BOOLEAN),
        (Literal[Color.RED], Color, D.TEXT),
        (Literal[1, "a"], Literal[1, "a"], D.JSON),
        (Color, Color, D.TEXT),
        (Level, Level, D.BIGINT),
        (Price, Price, D.DECIMAL),
        (Mixed, Mixed, D.JSON),
        (Slug, Slug, D.TEXT),
        (SecretStr, SecretStr, D.TEXT),
        (AnyUrl, AnyUrl, D.TEXT),
        (Path, Path, D.TEXT),
        (dict, dict, D.JSON),
        (Dict[str, int], Dict[str, int], D.JSON),
        (list[int] | None, list[int], D.JSON),
        (List[int], List[int], D.JSON),
        (set[str], set[str], D.JSON),
        (tuple[int, ...], tuple[int, ...], D.JSON),
        (conlist(int, max_length=3), list[int], D.JSON),
        (Json[dict[str, int]], dict[str, int], D.JSON),
        (Any, Any, D.JSON),
        (object, object, D.JSON),
        (int | str | None, int | str, D.JSON),
        (Doc, Doc, D.JSON),
        (RootModel[int], RootModel[int], D.JSON),
        (Data, Data, D.JSON),
        (Alias, str, D.VARCHAR),
        (constr(max_length=7) | None, str, D.VARCHAR),
    ],
)
def test_an_annotation_names_its_column(annotation: Any, python: Any, db_type: DatabaseType) -> None:
    found = column_type(annotation)

    assert (found.python, found.db_type) == (python, db_type)


@pytest.mark.parametrize(
    ("annotation", "limits"),
    [
        (Annotated[str, Field(max_length=5)], (5, None, None)),
        (Annotated[str, StringConstraints(max_length=5)], (5, None, None)),
        (Annotated[str, annotated_types.MaxLen(5)], (5, None, None)),
        (Annotated[Optional[Annotated[str, Field(max_length=5)]], Field(max_length=4)], (4, None, None)),
        (Alias, (7, None, None)),
        (Annotated[Decimal, Field(max_digits=10, decimal_places=2)], (None, 10, 2)),
        (Annotated[Decimal, Field(decimal_places=2)], (None, None, 2)),
        (Annotated[list[int], Field(max_length=5)], (None, None, None)),
    ],
)
def test_limits_come_from_pydantics_constraints(annotation: Any, limits: tuple[int | None, ...]) -> None:
    class Model(BaseModel):
        field: annotation = Field(default=None)

    info = Model.model_fields["field"]
    for found in (column_type(annotation), column_type(info.annotation, info.metadata)):
        assert (found.length, found.precision, found.scale) == limits


def test_what_is_given_wins_over_the_annotation() -> None:
    found = column_type(
        Annotated[Decimal, Field(max_digits=10, decimal_places=2)], precision=20, scale=4, db_type=D.TEXT
    )

    assert found == ColumnType(Decimal, D.TEXT, None, 20, 4)
    assert column_type(int, db_type=D.SMALLINT).db_type is D.SMALLINT
    assert column_type(str, length=9) == ColumnType(str, D.VARCHAR, 9)


@pytest.mark.parametrize(
    ("annotation", "given", "aware"),
    [
        (datetime, None, None),
        (AwareDatetime, None, True),
        (NaiveDatetime, None, False),
        (Annotated[datetime, annotated_types.Timezone(None)], None, False),
        (Annotated[datetime, annotated_types.Timezone(...)], None, True),
        (datetime, D.TIMESTAMPTZ, True),
        (datetime, D.TIMESTAMP, False),
        (datetime, D.DATETIME, False),
        (date, None, None),
    ],
)
def test_a_datetimes_kind_comes_from_the_annotation_or_the_named_type(annotation: Any, given: Any, aware: Any) -> None:
    assert column_type(annotation, db_type=given).aware is aware


@pytest.mark.parametrize(
    ("annotation", "given", "message"),
    [
        (Money, None, "no column type fits Money.*Column\\(type=DatabaseType.CUSTOM\\)"),
        (Callable[[int], int], None, "no column type fits"),
        (None, None, "only be None"),
        (type(None), None, "only be None"),
        (Decimal, D.DOUBLE, "a DOUBLE column cannot hold Decimal without loss"),
        (datetime, D.DATE, "a DATE column cannot hold datetime"),
        (str, D.UUID, "a UUID column cannot hold str"),
        (float, D.BIGINT, "a BIGINT column cannot hold float"),
        (NaiveDatetime, D.TIMESTAMPTZ, "without time zone"),
    ],
)
def test_a_type_that_no_column_holds_is_refused_with_advice(annotation: Any, given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        column_type(annotation, db_type=given)


def test_a_foreign_type_is_mapped_by_its_schema_or_handed_over_as_it_is() -> None:
    assert column_type(Foreign).db_type is D.TEXT
    assert column_type(Money, db_type=D.CUSTOM) == ColumnType(Money, D.CUSTOM)


def test_a_model_that_keeps_enum_values_has_columns_of_their_type() -> None:
    assert column_type(Color, use_enum_values=True).python is str
    assert column_type(Mixed, use_enum_values=True).python is Mixed


@pytest.mark.parametrize("annotation", [list, dict[str, int], Any, Doc, Mixed, int | str, Path, set[int]])
def test_values_that_may_change_in_place_are_known(annotation: Any) -> None:
    assert column_type(annotation).is_mutable


@pytest.mark.parametrize("annotation", [int, str, bytes, datetime, Color, SecretStr, Slug, EmailStr, Literal["a"]])
def test_values_that_never_change_are_known_too(annotation: Any) -> None:
    assert not column_type(annotation).is_mutable


def test_columns_of_one_type_are_one_key() -> None:
    assert {column_type(list[int]): 1}[column_type(list[int])] == 1
    assert column_type(list[int]) != column_type(list[str])
    assert hash(column_type(Foreign)) == hash(column_type(Foreign))
    assert pickle.loads(pickle.dumps(column_type(Color))) == column_type(Color)
