"""A model is a Pydantic class: what its annotations make of it, and what construction does."""

from __future__ import annotations

import copy
from datetime import date
from typing import Annotated, Any, ClassVar, Generic, NewType, Optional, TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, PrivateAttr, computed_field, field_validator
from pydantic import ValidationError as PydanticValidationError

from rhosocial.activerecord import AUTO, ActiveRecord, Column, ForeignKey
from rhosocial.activerecord.backend import ConfigurationError, ValidationError

UserId = NewType("UserId", int)
T = TypeVar("T")


class User(ActiveRecord):
    __table_name__ = "users"
    id: int
    name: str
    age: int = 0


def test_a_generated_key_may_be_left_out_or_none() -> None:
    assert User(name="Ann").id is None
    assert User(id=None, name="Ann").id is None
    assert User(id=7, name="Ann").id == 7


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (int, ...),
        (Optional[int], None),  # noqa: UP045  # An old spelling.
        (int | None, ...),
        (int, AUTO),
        (Annotated[int, Field(gt=0)], ...),
        (PositiveInt | None, None),
        (UserId, ...),
        (Annotated[int, Column(name="ID")], ...),
    ],
)
def test_every_spelling_of_a_generated_key_is_one(annotation: Any, default: Any) -> None:
    namespace: dict[str, Any] = {"__table_name__": "t", "__annotations__": {"id": annotation}, "__module__": __name__}
    if default is not ...:
        namespace["id"] = default
    model = type(ActiveRecord)("Spelled", (ActiveRecord,), namespace)

    assert model().id is None
    assert model.__table__.auto_key.field == "id"
    assert not model.__table__.columns[0].nullable
    with pytest.raises(PydanticValidationError):
        model(id="x")


def test_auto_is_not_shared_between_models() -> None:
    class First(ActiveRecord):
        id: int = AUTO

    class Second(ActiveRecord):
        id: Annotated[int, Field(gt=5)] = AUTO

    assert First(id=1).id == 1
    with pytest.raises(PydanticValidationError):
        Second(id=1)


def test_a_key_that_is_no_plain_int_is_required() -> None:
    class Coded(ActiveRecord):
        __table_name__ = "coded"
        id: str

    with pytest.raises(PydanticValidationError):
        Coded()


def test_a_key_with_a_default_is_not_generated() -> None:
    class Fixed(ActiveRecord):
        __table_name__ = "fixed"
        id: int = 5

    class Made(ActiveRecord):
        __table_name__ = "made"
        id: UUID = Field(default_factory=uuid4)

    assert Fixed.__table__.auto_key is None
    assert Made.__table__.auto_key is None
    assert isinstance(Made().id, UUID)


def test_the_key_of_a_foreign_key_column_is_not_generated() -> None:
    class Profile(ActiveRecord):
        __table_name__ = "profiles"
        __primary_key__ = "user_id"
        user_id: Annotated[int, Column(references="users.id")]

    class ByField(ActiveRecord):
        __table_name__ = "by_field"
        __table_args__ = (ForeignKey("id", references="users.id"),)
        id: int

    class ByColumn(ActiveRecord):
        __table_name__ = "by_column"
        __table_args__ = (ForeignKey("ID", references="users.id"),)
        id: Annotated[int, Column(name="ID")]

    for model in (Profile, ByField, ByColumn):
        assert model.__table__.auto_key is None
        with pytest.raises(PydanticValidationError):
            model()


def test_the_keys_of_a_composite_key_are_required() -> None:
    class Line(ActiveRecord):
        __table_name__ = "lines"
        __primary_key__ = ("order_id", "number")
        order_id: int
        number: int

    with pytest.raises(PydanticValidationError) as caught:
        Line(order_id=1)
    assert caught.value.errors()[0]["loc"] == ("number",)
    assert Line.__table__.auto_key is None


def test_what_the_database_sets_may_be_left_out() -> None:
    class Box(ActiveRecord):
        __table_name__ = "boxes"
        id: int
        width: int
        area: Annotated[int, Column(generated="width * width")]
        made: Annotated[str, Column(default_sql="CURRENT_TIMESTAMP")]

    assert Box(width=2).area is None
    assert [column.nullable for column in Box.__table__.columns] == [False] * 4


def test_a_wrong_value_is_pydantics_error_and_an_unknown_name_too() -> None:
    with pytest.raises(PydanticValidationError):
        User(name="Ann", age="old")
    with pytest.raises(PydanticValidationError, match="nmae"):
        User(nmae="Ann", name="x")


def test_the_librarys_own_error_in_a_validator_comes_out_as_it_is() -> None:
    class Strict(ActiveRecord):
        id: int
        name: str

        @field_validator("name")
        @classmethod
        def check(cls, value: str) -> str:
            raise ValidationError("not this name")

    with pytest.raises(ValidationError, match=r"^not this name$"):
        Strict(name="x")


class Later(ActiveRecord):
    __table_name__ = "later"
    id: int
    address: Address | None = None
    parts: list[Part] = Field(default_factory=list)


def test_forward_references_are_completed_later() -> None:
    assert Later(parts=[{"n": 1}]).parts[0].n == 1
    assert Later(address={"city": "Ulm"}).address == Address(city="Ulm")
    assert Later.__table__.auto_key is not None
    assert Later().id is None


class Address(BaseModel):
    city: str
    country: Country | None = None


class Part(BaseModel):
    n: int


class Housed(ActiveRecord):
    """Its own annotations are complete; those of a part of it are not yet."""

    id: int
    address: Address


class Country(BaseModel):
    name: str


def test_a_part_of_a_part_may_be_defined_later() -> None:
    housed = Housed(address={"city": "Ulm", "country": {"name": "Germany"}})

    assert housed.id is None
    assert housed.address.country == Country(name="Germany")


def test_a_recursive_model_works() -> None:
    class Node(BaseModel):
        children: list[Node] = []

    class Tree(ActiveRecord):
        id: int
        root: Node

    Tree.model_rebuild(_types_namespace={"Node": Node})

    assert Tree(root={"children": [{}]}).root.children == [Node()]


# 2 - Inheritance


class Base(ActiveRecord):
    id: int
    note: str | None = None


class Dog(Base):
    __table_name__ = "dogs"
    breed: str


class Cat(Base):
    __table_name__ = "cats"
    __primary_key__ = "name"
    name: str


def test_an_abstract_parent_has_no_table() -> None:
    assert Base(note="x").note == "x"
    with pytest.raises(ConfigurationError, match="Base has no table: set __table_name__"):
        _ = Base.__table__


def test_children_have_tables_and_keys_of_their_own() -> None:
    assert Dog.__table__.name == "dogs"
    assert Dog(breed="pug").id is None
    assert Cat.__table__.name == "cats"
    assert [column.field for column in Cat.__table__.key] == ["name"]


def test_a_child_with_another_key_asks_for_the_parents_key_again() -> None:
    with pytest.raises(PydanticValidationError):
        Cat(name="Tom")
    assert not Cat.__table__.by_field["id"].nullable


def test_a_child_may_annotate_the_key_anew() -> None:
    class Again(Base):
        __table_name__ = "again"
        id: Annotated[int, Column(name="no")]

    class Text(Base):
        __table_name__ = "text"
        id: str

    assert Again().id is None
    assert Again.__table__.auto_key.name == "no"
    with pytest.raises(PydanticValidationError):
        Text()


def test_settings_are_inherited_and_overridden() -> None:
    class Parent(ActiveRecord):
        __table_name__ = "parents"
        __primary_key__ = "code"
        code: str

    class Child(Parent):
        pass

    class Other(Parent):
        __table_name__ = "others"

    assert (Child.table_name(), Child.primary_key()) == ("parents", "code")
    assert (Other.table_name(), Other.primary_key()) == ("others", "code")
    Parent.__table_name__ = "renamed"
    assert (Child.__table__.name, Other.__table__.name) == ("renamed", "others")


class Named(BaseModel):
    name: str = "?"

    def greet(self) -> str:
        return f"I am {self.name}"


class Dated:
    def today(self) -> date:
        return date(2024, 2, 29)


def test_mixins_bring_fields_and_methods_from_either_side() -> None:
    class Left(Named, Dated, ActiveRecord):
        __table_name__ = "left"
        id: int

    class Right(ActiveRecord, Named):
        __table_name__ = "right"
        id: int

    assert Left(name="Ann").greet() == "I am Ann"
    assert Left().today().year == 2024
    assert Right(name="Bob").greet() == "I am Bob"
    assert {column.field for column in Left.__table__.columns} == {"id", "name"}
    with pytest.raises(PydanticValidationError):
        Left(nmae="x")


class Box(ActiveRecord, Generic[T]):
    __table_name__ = "boxes"
    id: int
    content: T


def test_generic_models_take_the_type_they_are_given() -> None:
    class Numbers(Box[int]):
        __table_name__ = "numbers"

    assert Numbers(content="5").content == 5
    assert Numbers(content=1).id is None
    assert Numbers.__table__.by_field["content"].type.python is int
    assert Box[str](content="x").id is None


# 3 - Names


@pytest.mark.parametrize("name", ["c", "query", "update", "save", "asave", "backend", "dup", "on", "is_dirty"])
def test_a_field_that_would_hide_a_fixed_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name}_: Annotated\[…, Column\(name='{name}'\)\]"):
        type(ActiveRecord)("Hiding", (ActiveRecord,), {"__annotations__": {name: int}})


def test_a_column_as_a_default_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Item\.text has a Column as its default: write text: Annotated"):

        class Item(ActiveRecord):
            text: str = Column(unique=True)


def test_a_mixins_field_that_would_hide_a_fixed_name_is_refused() -> None:
    class Mixin(BaseModel):
        update: int

    with pytest.raises(TypeError, match="update_: Annotated"):

        class Hiding(Mixin, ActiveRecord):
            id: int


def test_the_configuration_may_be_annotated() -> None:
    class Loose(ActiveRecord):
        model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")
        id: int

    assert Loose(other=1).id is None


def test_a_column_description_is_found_inside_an_optional() -> None:
    class Tagged(ActiveRecord):
        __table_name__ = "tagged"
        id: int
        tag: Annotated[str, Column(name="Tag", unique=True)] | None = None

    column = Tagged.__table__.by_field["tag"]
    assert (column.name, column.spec.unique, column.nullable) == ("Tag", True, True)


def test_any_and_optional_aliases_are_nullable() -> None:
    class Wide(ActiveRecord):
        __table_name__ = "wide"
        id: int
        anything: Any = None
        text: Annotated[str | None, Field(max_length=3)] = None
        plain: str = ""

    nullable = {column.field: column.nullable for column in Wide.__table__.columns}
    assert nullable == {"id": False, "anything": True, "text": True, "plain": False}


# 4 - What else Pydantic offers


def test_aliases_are_for_construction() -> None:
    class Aliased(ActiveRecord):
        id: int
        user_name: str = Field(alias="userName")

    assert Aliased(userName="Ann").user_name == "Ann"
    assert Aliased(userName="Ann").model_dump(by_alias=True) == {"id": None, "userName": "Ann"}


def test_private_attributes_and_underscore_attributes_work() -> None:
    class Private(ActiveRecord):
        id: int
        _secret: int = PrivateAttr(default=3)

        def __init__(self, **data: Any) -> None:
            super().__init__(**data)
            self._late = 5

    record = Private()

    assert (record._secret, record._late) == (3, 5)
    assert not record.is_dirty


def test_computed_fields_are_dumped_and_are_no_columns() -> None:
    class Rect(ActiveRecord):
        __table_name__ = "rects"
        id: int
        width: int

        @computed_field
        @property
        def area(self) -> int:
            return self.width**2

    assert Rect(width=3).model_dump() == {"id": None, "width": 3, "area": 9}
    assert [column.field for column in Rect.__table__.columns] == ["id", "width"]


def test_validating_a_dict_or_json_constructs_a_new_clean_record() -> None:
    for made in (User.model_validate({"name": "Ann"}), User.model_validate_json('{"name": "Ann"}')):
        assert made == User(name="Ann")
        assert made.is_new_record
        assert not made.is_dirty


def test_a_deferred_model_is_built_when_first_used() -> None:
    class Deferred(ActiveRecord):
        model_config = ConfigDict(defer_build=True)
        __table_name__ = "deferred"
        id: int
        name: str

    assert Deferred(name="x").id is None


def test_equal_records_are_equal_and_a_frozen_one_is_hashable() -> None:
    class Frozen(ActiveRecord):
        model_config = ConfigDict(frozen=True)
        id: int
        name: str

    assert User(name="Ann") == User(name="Ann")
    assert User(name="Ann") != User(name="Bob")
    assert hash(Frozen(name="x")) == hash(Frozen(name="x"))
    with pytest.raises(PydanticValidationError):
        Frozen(name="x").name = "y"


def test_the_json_schema_does_not_require_what_may_be_left_out() -> None:
    assert User.model_json_schema()["required"] == ["name"]


def test_the_fields_of_a_model_are_not_those_of_its_parent() -> None:
    before = copy.deepcopy(User.model_fields["id"].annotation)

    class Sub(User):
        __primary_key__ = "name"

    assert Sub.model_fields["id"].is_required()
    assert User.model_fields["id"].annotation == before
    assert not User.model_fields["id"].is_required()
