"""Create, patch and read schemas that a model derives for its borders."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Annotated, Any, Optional
from uuid import UUID, uuid4

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer, field_validator
from pydantic import ValidationError as PydanticValidationError

from rhosocial.activerecord import (
    AUTO,
    ActiveRecord,
    BelongsTo,
    Column,
    HasMany,
    HasOne,
    OptimisticLockMixin,
    TimestampMixin,
    UUIDMixin,
)
from rhosocial.activerecord.backend import ConfigurationError, ValidationError
from rhosocial.activerecord.testing import assert_queries


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Address(BaseModel):
    city: str


class User(ActiveRecord):
    """Somebody with an account."""

    __table_name__ = "users"

    id: int = AUTO
    name: Annotated[str, Field(min_length=2, max_length=20, description="as it is shown")]
    password: str
    email: Annotated[str | None, Column(name="email_address")] = None
    level: Level = Level.LOW
    address: Address | None = None
    tags: list[str] = Field(default_factory=list)
    invited_by: Annotated[str | None, Field(frozen=True)] = None
    made: Annotated[str, Column(default_sql="'now'")]
    shout: Annotated[str, Column(generated="upper(name)")]
    seen: Annotated[int, Column(read_only=True)] = 0
    first: int = 0
    last: int = 9

    posts = HasMany["Post"](foreign_key="user_id", inverse_of="author", order_by="id")
    profile = HasOne["Profile"](foreign_key="user_id")

    @field_validator("password")
    @classmethod
    def hash_it(cls, value: str) -> str:
        if len(value) < 4:
            raise ValueError("too short")
        return f"hash of {value}"

    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("last")
    @classmethod
    def not_before_the_first(cls, value: int, info: Any) -> int:
        if value < info.data["first"]:
            raise ValueError("before the first")
        return value

    @field_serializer("level")
    def as_word(self, value: Level) -> str:
        return value.name


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int
    user_id: Annotated[int, Column(references="users.id")]
    title: str

    author = BelongsTo["User"](foreign_key="user_id")
    comments = HasMany["Comment"](foreign_key="post_id")


class Comment(ActiveRecord):
    __table_name__ = "comments"

    id: int
    post_id: int
    text: str

    post = BelongsTo["Post"](foreign_key="post_id")


class Profile(ActiveRecord):
    __table_name__ = "profiles"

    id: int
    user_id: int
    bio: Annotated[str, Field(exclude=True)] = "private"
    motto: str = "!"


@pytest.fixture(autouse=True)
def tables(home: Any) -> None:
    home(User, Post, Comment, Profile)


def names(schema: type[BaseModel]) -> set[str]:
    return set(schema.model_fields)


SENT = {"name", "password", "email", "level", "address", "tags", "first", "last"}


def test_what_the_database_or_the_library_sets_is_not_for_clients() -> None:
    assert SENT | {"invited_by"} == names(User.create_schema())
    assert SENT == names(User.patch_schema())
    assert {"id", "made", "shout", "seen", "invited_by"} | SENT == names(User.read_schema())
    some = User.create_schema(include=("made", "seen"), exclude="email")
    assert (SENT | {"invited_by", "made", "seen"}) - {"email"} == names(some)
    assert {"id", *SENT} == names(User.patch_schema(include={"id"}))


def test_a_key_is_sent_where_nobody_makes_it() -> None:
    class Country(ActiveRecord):
        __table_name__ = "countries"
        __primary_key__ = "code"

        code: str
        name: str

    class Token(ActiveRecord):
        __table_name__ = "tokens"

        id: UUID = Field(default_factory=uuid4)
        text: str

    assert ({"code", "name"}, {"name"}) == (names(Country.create_schema()), names(Country.patch_schema()))
    assert ({"text"}, {"text"}) == (names(Token.create_schema()), names(Token.patch_schema()))


def test_what_the_mixins_set_is_not_for_clients() -> None:
    class Page(UUIDMixin, TimestampMixin, OptimisticLockMixin, ActiveRecord):
        __table_name__ = "pages"

        text: str
        stamp: Annotated[int | None, Column(at_insert=lambda: 7)] = None

    assert {"text"} == names(Page.create_schema()) == names(Page.patch_schema())
    assert {"text", "version"} == names(Page.patch_schema(include="version"))
    assert {"id", "created_at", "updated_at", "version", "text", "stamp"} == names(Page.read_schema())


def test_names_are_stable_and_classes_made_once() -> None:
    assert ["UserCreate", "UserPatch", "UserRead"] == [
        schema.__name__ for schema in (User.create_schema(), User.patch_schema(), User.read_schema())
    ]
    with_posts = User.read_schema(include=("posts", "posts.comments"), exclude=["password"])
    assert "UserReadWithPostsCommentsWithoutPassword" == with_posts.__name__
    assert with_posts is User.read_schema(exclude=("password",), include={"posts.comments"})
    assert "UserCard" == User.read_schema(name="UserCard").__name__
    assert User.read_schema(name="UserCard") is not User.read_schema()
    assert __name__ == User.create_schema().__module__


def test_a_subclass_has_schemas_of_its_own() -> None:
    User.create_schema()

    class Admin(User):
        rights: int = 1

    assert {"rights"} == names(Admin.create_schema()) - names(User.create_schema())
    assert "AdminCreate" == Admin.create_schema().__name__


@pytest.mark.parametrize(
    ("values", "place", "kind"),
    [
        ({"name": "A"}, "name", "string_too_short"),
        ({"password": "abc"}, "password", "value_error"),
        ({"level": "middle"}, "level", "enum"),
        ({"address": {}}, "address", "missing"),
        ({"first": 5, "last": 3}, "last", "value_error"),
        ({"id": 7}, "id", "extra_forbidden"),
        ({"nmae": "Ann"}, "nmae", "extra_forbidden"),
    ],
)
def test_a_create_schema_asks_what_the_model_asks(values: dict[str, Any], place: str, kind: str) -> None:
    with pytest.raises(PydanticValidationError) as caught:
        User.create_schema().model_validate({"name": "Ann", "password": "secret", **values})

    (error,) = caught.value.errors()
    assert (place, kind) == (error["loc"][0], error["type"])


def test_validators_of_every_kind_are_asked() -> None:
    class Word(ActiveRecord):
        __table_name__ = "words"

        id: int
        stripped: str
        plain: int
        wrapped: int
        both: Annotated[str, AfterValidator(str.title)]

        strip = field_validator("stripped", mode="before")(lambda value, chars=None: value.strip(chars))

        @field_validator("plain", mode="plain")
        @staticmethod
        def counted(value: Any) -> int:
            return len(value)

        @field_validator("wrapped", mode="wrap")
        @classmethod
        def doubled(cls, value: Any, handler: Any, info: Any) -> int:
            return 2 * handler(value)

        @field_validator("stripped", "both")
        @classmethod
        def not_empty(cls, value: Any) -> Any:
            assert value
            return value

    values = {"stripped": " ab ", "plain": "abc", "wrapped": "4", "both": "x"}
    sent: Any = Word.create_schema().model_validate(values)
    assert ("ab", 3, 8, "X") == (sent.stripped, sent.plain, sent.wrapped, sent.both)

    patch: Any = Word.patch_schema().model_validate(values)
    assert ("ab", 3, 4, "X") == (patch.stripped, patch.plain, patch.wrapped, patch.both)
    with pytest.raises(PydanticValidationError):
        Word.create_schema().model_validate({**values, "stripped": "  "})
    with pytest.raises(PydanticValidationError):
        Word.patch_schema().model_validate({"both": ""})


async def test_a_record_is_made_of_what_was_sent_and_each_value_made_once() -> None:
    body: Any = User.create_schema().model_validate(
        {"name": "Ann", "password": "secret", "tags": "a,b", "level": "high"}
    )
    assert ("secret", ["a", "b"], Level.HIGH) == (body.password, body.tags, body.level)

    user = await User.acreate(**body.model_dump(exclude_unset=True))

    assert "hash of secret" == user.password
    assert ("now", "ANN", 1) == (user.made, user.shout, user.id)


async def test_what_a_patch_leaves_out_stays_as_it_is() -> None:
    user = await User.acreate(name="Ann", password="secret", email="ann@example.org", tags=["x"])
    patch: Any = User.patch_schema().model_validate({"email": None, "last": 4})
    assert {"email": None, "last": 4} == patch.model_dump()
    assert '{"email":null,"last":4}' == patch.model_dump_json()
    assert set(User.patch_schema().model_fields) == set(patch.model_dump(exclude_unset=False))

    assert 1 == await user.aupdate(patch.model_dump())

    again = await User.afind_one(user.id)
    assert (None, 4, ["x"], "Ann", "hash of secret") == (
        again.email,
        again.last,
        again.tags,
        again.name,
        again.password,
    )
    assert 0 == await user.aupdate(User.patch_schema()().model_dump())


def test_a_patch_refuses_null_where_a_value_is_needed() -> None:
    with pytest.raises(PydanticValidationError) as caught:
        User.patch_schema().model_validate({"name": None, "password": "x", "seen": 3})

    assert ["name", "password", "seen"] == sorted(str(error["loc"][0]) for error in caught.value.errors())
    assert "required" not in User.patch_schema().model_json_schema()
    assert "default" not in User.patch_schema().model_json_schema()["properties"]["name"]


async def test_what_looks_at_other_fields_is_asked_when_a_patched_record_is_saved() -> None:
    user = await User.acreate(name="Ann", password="secret", first=5)
    patch = User.patch_schema().model_validate({"last": 3})

    with pytest.raises(ValidationError) as caught:
        await user.aupdate(patch.model_dump())

    assert ("last",) == caught.value.errors()[0]["loc"]


async def test_a_read_schema_is_the_plan_of_a_query() -> None:
    user = await User.acreate(name="Ann", password="secret", level=Level.HIGH)
    post = await Post.acreate(user_id=user.id, title="tea")
    await Comment.acreate(post_id=post.id, text="yes")
    await Profile.acreate(user_id=user.id)
    schema = User.read_schema(include=("posts.comments", "posts.author", "profile"), exclude="password")

    async with assert_queries(5, User):
        cards = await User.query().into(schema).aall()

    (shown,) = [card.model_dump() for card in cards]
    assert "HIGH" == shown["level"] and "password" not in shown
    assert [{"id": 1, "post_id": 1, "text": "yes"}] == shown["posts"][0]["comments"]
    assert {"id": 1, "user_id": 1, "motto": "!"} == shown["profile"]
    # What is hidden of a model stays hidden where a relation leads back to it.
    assert "Ann" == shown["posts"][0]["author"]["name"] and "password" not in shown["posts"][0]["author"]


async def test_a_read_schema_shows_what_is_stored() -> None:
    await User.acreate(name="Ann", password="secret")
    await User.query().aupdate(name="Bo")
    await User.backend().aexecute("UPDATE users SET name = 'B', password = 'x'")  # No rule of today lets these in.

    (shown,) = await User.query().into(User.read_schema()).aall()

    assert ("B", "x") == (shown.name, shown.password)
    assert "as it is shown" == User.read_schema().model_json_schema()["properties"]["name"]["description"]
    assert "Somebody with an account." == User.read_schema().model_json_schema()["description"]
    assert set(User.read_schema().model_fields) == set(User.read_schema().model_json_schema()["required"])


async def test_a_read_schema_takes_a_record() -> None:
    user = await User.acreate(name="Ann", password="secret")
    await Post.acreate(user_id=user.id, title="tea")
    user = await User.query().with_("posts").aone()

    shown: Any = User.read_schema(include="posts", exclude="posts.title").model_validate(user)

    assert [{"id": 1, "user_id": 1}] == [post.model_dump() for post in shown.posts]
    assert 1 == shown.id


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: User.create_schema(include="nmae"), "User has no field 'nmae'; did you mean 'name'?"),
        (lambda: User.patch_schema(exclude=("posts",)), "User has no field 'posts'"),
        (lambda: User.create_schema(include="shout"), "User.shout is computed by the database"),
        (lambda: User.read_schema(include="psots"), "User has no relation 'psots'; did you mean 'posts'?"),
        (lambda: User.read_schema(include="name"), "User has no relation 'name'"),
        (lambda: User.read_schema(include="posts.x"), "Post has no relation 'x'"),
        (lambda: User.read_schema(exclude="pasword"), "User has no field 'pasword'; did you mean 'password'?"),
        (lambda: User.read_schema(exclude="posts.title"), "include does not name 'posts'"),
    ],
)
def test_unknown_names_are_refused(call: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call()

    assert words in str(caught.value)


def test_aliases_and_settings_are_the_models() -> None:
    class Car(ActiveRecord):
        model_config = ConfigDict(
            alias_generator=str.upper, populate_by_name=True, str_strip_whitespace=True, str_max_length=9, frozen=False
        )
        __table_name__ = "cars"

        id: int
        plate: Annotated[str, AfterValidator(str.lower)]
        price: Decimal = Field(default=Decimal(1), serialization_alias="cost", max_digits=5)
        owner: Optional[int] = None  # noqa: UP045  # The old spelling.

    sent: Any = Car.create_schema().model_validate({"PLATE": " Ab "})
    assert "ab" == sent.plate and {"plate": "ab"} == sent.model_dump(exclude_unset=True)
    with pytest.raises(PydanticValidationError):
        Car.create_schema().model_validate({"PLATE": "a" * 10})

    shown: Any = Car.read_schema().model_validate(
        Car(plate="Xy").model_copy(update={"id": 3, "plate": " LONGER THAN THAT"})
    )
    assert " LONGER THAN THAT" == shown.plate
    assert {"ID", "PLATE", "cost", "OWNER"} == set(shown.model_dump(by_alias=True))
