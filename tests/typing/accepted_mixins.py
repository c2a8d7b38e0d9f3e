"""Mixins, handlers of classes and records, and versions as checkers see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, assert_type
from uuid import UUID

from rhosocial.activerecord import (
    AUTO,
    ActiveRecord,
    Column,
    HasMany,
    IntegerPKMixin,
    ModelEvent,
    OptimisticLockMixin,
    SoftDeleteMixin,
    TimestampMixin,
    ULIDMixin,
    UUID7Mixin,
    UUIDMixin,
    Version,
)
from rhosocial.activerecord.field import ulid, utc_now, uuid7


class User(SoftDeleteMixin, IntegerPKMixin, TimestampMixin, OptimisticLockMixin, ActiveRecord):
    __table_name__ = "users"

    name: str
    posts = HasMany["Post"](foreign_key="user_id")


class Post(UUID7Mixin, TimestampMixin):
    __table_name__ = "posts"

    user_id: int
    seen_at: Annotated[datetime | None, Column(at_update=utc_now)] = None
    revision: Annotated[int, Version(increment_by=2, db_column="rev")] = AUTO


class Token(UUIDMixin):
    __table_name__ = "tokens"


class Letter(ULIDMixin):
    __table_name__ = "letters"


user = User(name="Ann")
assert_type(user.id, int)
assert_type(user.created_at, datetime)
assert_type(user.updated_at, datetime)
assert_type(user.version, int)
assert_type(user.deleted_at, datetime | None)
assert_type(list(user.posts), list[Post])
assert_type(User.find_one(1), User | None)
assert_type(User(id=1, name="Ann", created_at=utc_now()).dup(), User)
assert_type(Post(user_id=1).id, UUID)
assert_type(Post(user_id=1).revision, int)
assert_type(Token().id, UUID)
assert_type(Letter().id, str)
assert_type(uuid7(), UUID)
assert_type(ulid(), str)


# Handlers
@User.on(ModelEvent.BEFORE_SAVE)
def check(record: User, **details: Any) -> int:
    return record.id


@user.on("after_commit")
async def told(record: User, *, action: str, key: int) -> None: ...


assert_type(check(user), int)
assert_type(User.on(ModelEvent.AFTER_SAVE, check)(user), int)
assert_type(user.on(ModelEvent.AFTER_SAVE, check)(user), int)
assert_type(User.off(ModelEvent.AFTER_SAVE, check), None)
assert_type(user.off(ModelEvent.AFTER_SAVE, check), None)
