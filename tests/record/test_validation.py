"""What save validates: what changed, once, before any statement, and nothing is changed where it fails."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import ValidationError as PydanticValidationError

from rhosocial.activerecord import AUTO, ActiveRecord, Column
from rhosocial.activerecord.backend import DatabaseError, DataError, UniqueViolation, ValidationError

calls: list[str] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


def hashed(value: str) -> str:
    """Not idempotent: a value that passes twice shows it."""
    calls.append("hashed")
    return f"#{value}"


def all_hashed(values: list[str]) -> list[str]:
    return [hashed(value) for value in values]


class User(ActiveRecord):
    __table_name__ = "users"
    id: int = AUTO
    name: Annotated[str, Field(min_length=2), Column(unique=True)]
    age: Annotated[int, Field(ge=0)] = 0
    password: Annotated[str, AfterValidator(hashed)] = ""
    tags: Annotated[list[str], AfterValidator(all_hashed)] = Field(default_factory=list)


class Span(ActiveRecord):
    __table_name__ = "spans"
    id: int = AUTO
    low: int
    high: int
    width: int = 0

    @field_validator("high")
    @classmethod
    def not_below(cls, value: int, info: ValidationInfo) -> int:
        calls.append(f"high sees {sorted(info.data)}")
        if "low" in info.data and value < info.data["low"]:
            raise ValueError("high is below low")
        return value

    @model_validator(mode="before")
    @classmethod
    def before(cls, data: Any) -> Any:
        calls.append("before")
        return data

    @model_validator(mode="wrap")
    @classmethod
    def wrap(cls, data: Any, handler: Any) -> Any:
        calls.append("wrap")
        return handler(data)

    @model_validator(mode="after")
    def after(self) -> Span:
        calls.append("after")
        if self.high - self.low > 100:
            raise ValueError("too wide")
        self.width = self.high - self.low
        return self


async def test_failures_are_gathered_and_nothing_is_changed(home: Any, sent: list[str]) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    sent.clear()
    user.name, user.age, user.password = "x", -1, "secret"

    with pytest.raises(ValidationError) as caught:
        await user.asave()
    assert [error["loc"] for error in caught.value.errors()] == [("name",), ("age",)]
    assert "User is not valid: name: String should have at least 2 characters; age: " in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value.__cause__, PydanticValidationError)
    assert "secret" not in str(caught.value)
    assert (user.name, user.age, user.password, sent) == ("x", -1, "secret", [])
    assert (await User.afind_one_or_fail(1)).name == "Ann"


async def test_assignment_is_not_validated_and_save_is(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    user.age = "7"
    assert user.age == "7"

    await user.asave()

    assert user.age == 7


async def test_what_construction_validated_is_not_validated_again(home: Any) -> None:
    home(User)
    user = User(name="Ann", password="secret", tags=["a"])
    assert calls == ["hashed"] * 2

    await user.asave()
    await user.asave()

    assert (calls, user.password, user.tags) == (["hashed"] * 2, "#secret", ["#a"])


async def test_rows_are_not_validated(home: Any, backend: Any) -> None:
    home(User)
    await backend.aexecute("INSERT INTO users (name, age, password, tags) VALUES ('x', -1, 'p', '[\"a\"]')")

    user = await User.afind_one_or_fail(1)
    await user.aupdate(name="Bob")

    assert (user.age, user.password, user.tags, calls) == (-1, "p", ["a"], [])


async def test_only_what_changed_is_validated(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann", password="p")
    calls.clear()

    await user.aupdate(name="Bob")

    assert calls == []
    assert user.password == "#p"


async def test_nothing_is_validated_twice_after_a_failed_statement(home: Any) -> None:
    home(User)
    await User.acreate(name="Ann")
    for user in (await User.acreate(name="Bob"), User(name="Ben")):
        calls.clear()
        user.name, user.password, user.tags = "Ann", "secret", ["t"]

        with pytest.raises(UniqueViolation):
            await user.asave()
        assert (user.password, user.tags) == ("#secret", ["#t"])
        user.name = f"Other {user.is_new_record}"
        await user.asave()

        assert (user.password, user.tags, calls) == ("#secret", ["#t"], ["hashed"] * 2)
        await user.arefresh()
        assert user.password == "#secret"


async def test_nothing_is_validated_twice_after_a_value_that_cannot_be_stored(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    user.password, user.age = "secret", 2**70

    with pytest.raises(DataError, match=r"User.age"):
        await user.asave()
    user.age = 2
    await user.asave()

    assert user.password == "#secret"


async def test_nothing_is_validated_twice_after_a_rollback(home: Any) -> None:
    home(User)
    user = await User.acreate(name="Ann")
    user.password, user.tags = "secret", ["t"]
    new = User(name="Bob")
    new.password = "other"

    with pytest.raises(RuntimeError):
        async with User.transaction():
            await user.asave()
            await new.asave()
            raise RuntimeError
    await user.asave()
    await new.asave()

    assert (user.password, user.tags, new.password) == ("#secret", ["#t"], "#other")


async def test_what_changes_after_a_failed_statement_is_validated(home: Any) -> None:
    home(User)
    await User.acreate(name="Ann")
    user = await User.acreate(name="Bob")
    user.name, user.tags = "Ann", ["t"]
    with pytest.raises(UniqueViolation):
        await user.asave()

    user.name = "x"
    with pytest.raises(ValidationError):
        await user.asave()
    user.name = "Ben"
    user.tags.append("u")
    await user.asave()

    assert user.tags == ["##t", "#u"]  # A list edited in place is validated as a whole.


async def test_a_field_validator_sees_the_other_fields(home: Any) -> None:
    home(Span)
    span = await Span.acreate(low=1, high=5)
    calls.clear()
    span.high = 0

    with pytest.raises(ValidationError, match="high is below low") as caught:
        await span.asave()
    assert caught.value.errors()[0]["loc"] == ("high",)
    assert calls == ["high sees ['id', 'low', 'width']"]


async def test_a_field_validator_does_not_see_what_has_not_passed(home: Any) -> None:
    home(Span)
    span = await Span.acreate(low=1, high=5)
    calls.clear()
    span.low, span.high = "many", 0

    with pytest.raises(ValidationError) as caught:
        await span.asave()
    assert [error["loc"] for error in caught.value.errors()] == [("low",)]
    assert calls == ["high sees ['id', 'width']"]


async def test_after_validators_run_once_on_a_copy_and_before_and_wrap_do_not(home: Any, sent: list[str]) -> None:
    home(Span)
    span = Span(low=1, high=5)
    assert calls == ["wrap", "before", "high sees ['id', 'low']", "after"]
    calls.clear()
    await span.asave()
    assert calls == []

    span.high = 200
    sent.clear()
    with pytest.raises(ValidationError, match="Span: Value error, too wide"):
        await span.asave()
    assert (span.width, sent) == (4, [])
    calls.clear()
    span.high = 9
    assert await span.asave() == 1

    assert calls == ["high sees ['id', 'low', 'width']", "after"]
    assert span.width == 8


async def test_what_an_after_validator_sets_is_saved_too(home: Any, sent: list[str]) -> None:
    home(Span)
    span = await Span.acreate(low=1, high=5)
    sent.clear()
    span.low = 2

    await span.asave()

    assert sent == ['UPDATE "spans" SET "low" = ?, "width" = ? WHERE "id" = ?']
    assert (await Span.afind_one_or_fail(1)).width == 3
    assert not span.is_dirty


async def test_after_validators_run_once_with_handlers_too(home: Any) -> None:
    from rhosocial.activerecord import ModelEvent

    home(Span)
    span = await Span.acreate(low=1, high=5)
    span.on(ModelEvent.BEFORE_SAVE, lambda record, **kw: None)
    calls.clear()
    span.high = 6

    await span.asave()

    assert calls == ["high sees ['id', 'low', 'width']", "after"]


async def test_the_models_settings_hold_at_save_too(home: Any) -> None:
    class Stripped(ActiveRecord):
        model_config = ConfigDict(str_strip_whitespace=True, str_to_upper=True, allow_inf_nan=False)
        __table_name__ = "stripped"
        id: int
        name: str
        size: float | None = None

    class Exact(ActiveRecord):
        model_config = ConfigDict(strict=True)
        __table_name__ = "exact"
        id: int
        age: int | None = None

    home(Stripped, Exact)
    record, exact = await Stripped.acreate(name=" a "), await Exact.acreate()
    await record.aupdate(name=" b ")

    assert record.name == "B"
    with pytest.raises(ValidationError, match="finite"):
        await record.aupdate(size=float("inf"))
    with pytest.raises(ValidationError, match="valid integer"):
        await exact.aupdate(age="5")


async def test_validate_assignment_validates_then_and_not_again(home: Any) -> None:
    class Eager(ActiveRecord):
        model_config = ConfigDict(validate_assignment=True)
        __table_name__ = "eager"
        id: int
        password: Annotated[str, AfterValidator(hashed)] = ""
        age: Annotated[int, Field(ge=0)] = 0
        tags: list[int] = Field(default_factory=list)

    home(Eager)
    record = await Eager.acreate()
    with pytest.raises(PydanticValidationError):
        record.age = -1
    with pytest.raises(PydanticValidationError):
        await record.aupdate(password="a", age=-1)
    assert (record.password, record.age) == ("", 0)
    calls.clear()
    record.password = "secret"
    await record.asave()

    assert (record.password, calls) == ("#secret", ["hashed"])
    record.tags.append("x")
    with pytest.raises(ValidationError, match=r"tags.0"):
        await record.asave()


async def test_a_library_error_in_a_validator_comes_out_as_it_is(home: Any) -> None:
    class Named(ActiveRecord):
        __table_name__ = "named"
        id: int
        name: str

        @field_validator("name")
        @classmethod
        def check(cls, value: str) -> str:
            if value == "bad":
                raise ValidationError("never this name", columns=("name",))
            return value

        @model_validator(mode="after")
        def whole(self) -> Named:
            if self.name == "worse":
                raise ValidationError("nor that one")
            return self

    home(Named)
    record = await Named.acreate(name="Ann")

    with pytest.raises(ValidationError, match=r"^never this name$") as caught:
        await record.aupdate(name="bad")
    assert caught.value.columns == ("name",)
    with pytest.raises(ValidationError, match=r"^nor that one$"):
        await record.aupdate(name="worse")


async def test_before_validators_of_fields_run_at_save(home: Any) -> None:
    class Split(ActiveRecord):
        __table_name__ = "split"
        id: int
        words: Annotated[list[str], BeforeValidator(lambda v: v.split() if isinstance(v, str) else v)]

    home(Split)
    record = await Split.acreate(words="a b")
    await record.aupdate(words="c d e")

    assert record.words == ["c", "d", "e"]
    assert (await Split.afind_one_or_fail(1)).words == ["c", "d", "e"]


async def test_parts_edited_in_place_are_validated(home: Any) -> None:
    class Part(BaseModel):
        model_config = ConfigDict(revalidate_instances="always")
        size: Annotated[int, Field(ge=0)]

    class Whole(ActiveRecord):
        __table_name__ = "wholes"
        id: int
        parts: list[Part]

    home(Whole)
    whole = await Whole.acreate(parts=[{"size": 1}])
    whole.parts[0].size = -1

    with pytest.raises(ValidationError, match=r"parts.0.size"):
        await whole.asave()
    assert (await Whole.afind_one_or_fail(1)).parts[0].size == 1


async def test_a_record_made_without_validation_is_validated_as_a_whole(home: Any, sent: list[str]) -> None:
    home(User)
    user = User.model_construct(name="x", age="3")
    sent.clear()

    with pytest.raises(ValidationError, match="name"):
        await user.asave()
    user.name = "Ann"
    await user.asave()

    assert (user.id, user.age) == (1, 3)


async def test_a_record_made_without_a_required_field_is_not_saved(home: Any, sent: list[str]) -> None:
    home(User)
    user = User.model_construct(age=3)
    stored = await User.acreate(name="Ann")
    del stored.name
    sent.clear()

    for record in (user, stored):
        with pytest.raises(ValidationError, match="User is not valid: name: Field required"):
            await record.asave()
    assert sent == []
    await stored.arefresh()
    assert stored.name == "Ann"


async def test_frozen_fields_pass_at_save(home: Any) -> None:
    class Frozen(ActiveRecord):
        __table_name__ = "frozen"
        id: int
        code: Annotated[str, Field(frozen=True)]

        @field_validator("code")
        @classmethod
        def check(cls, value: str, info: ValidationInfo) -> str:
            return value

    home(Frozen)
    record = Frozen.model_construct(code="a")

    assert await record.asave() == 1


async def test_the_class_hook_validates_at_save_and_in_bulk(home: Any, sent: list[str]) -> None:
    class Hooked(ActiveRecord):
        __table_name__ = "hooked"
        id: int
        name: str

        @classmethod
        def validate_record(cls, instance: Hooked) -> None:
            calls.append(f"{cls.__name__} {instance.name}")
            if instance.name == "bad":
                raise ValidationError("refused")

    home(Hooked)
    sent.clear()
    with pytest.raises(ValidationError, match=r"^refused$"):
        await Hooked.acreate(name="bad")
    with pytest.raises(ValidationError, match=r"^row 1: refused$"):
        await Hooked.abulk_create([Hooked(name="good"), Hooked(name="bad")])
    assert sent == []
    record = await Hooked.acreate(name="fine")
    await record.asave()

    assert calls == ["Hooked bad", "Hooked good", "Hooked bad", "Hooked fine", "Hooked fine"]


async def test_validate_fields_can_be_called_by_hand(home: Any) -> None:
    home(User)
    user = User(name="Ann")
    user.password = "p"
    await user.avalidate_fields()
    assert user.password == "#p"
    await user.asave()
    assert user.password == "#p"
    user.age = -1
    with pytest.raises(DatabaseError):
        await user.avalidate_fields()
