"""Models, columns, records and queries as checkers see them."""

from __future__ import annotations

from typing import Annotated, Any, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, Column, F, Query
from rhosocial.activerecord.backend import ColumnRef, Condition, QueryResult, StorageBackend
from rhosocial.activerecord.rows import Row


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str
    email: Annotated[str | None, Column(unique=True)] = None
    age: int = 0


class Adults(Query[User]):
    def adults(self) -> Adults:
        return self.where(User.c.age >= 18)


# Records
ann = User(name="Ann", age=30)
assert_type(ann.id, int)
assert_type(ann.email, str | None)
assert_type(ann.save(), int)
assert_type(ann.delete(), int)
assert_type(ann.update(name="Bea"), int)
assert_type(ann.update({"name": "Bea"}), int)
assert_type(ann.refresh(), None)
assert_type(ann.is_new_record, bool)
assert_type(ann.dirty_fields, set[str])
assert_type(ann.dup(), User)

# Classes
assert_type(User.create(name="Ann"), User)
assert_type(User.find_one(1), User | None)
assert_type(User.find_one_or_fail({"name": "Ann"}), User)
assert_type(User.find_all([1, 2]), list[User])
assert_type(User.bulk_create([ann]), list[User])
assert_type(User.configure("sqlite:///:memory:"), StorageBackend)
assert_type(User.query(), Query[User])

# Columns and conditions
assert_type(User.c.age, ColumnRef)
assert_type(User.c.age >= 18, Condition)
assert_type(User.c.name == "Ann", Condition)
assert_type(User.c.email.is_null(), Condition)
assert_type((User.c.age > 18) & ~User.c.name.like("A%"), Condition)
assert_type(User.c.age.in_([1, 2]), Condition)

# Queries
adults = User.query().where(User.c.age >= 18).where("name LIKE ?", ("A%",)).order_by("name").limit(10)
assert_type(adults, Query[User])
assert_type(adults.all(), list[User])
assert_type(adults.one(), User | None)
assert_type(adults.one_or_fail(), User)
assert_type(adults.first(), User | None)
assert_type(adults.count(), int)
assert_type(adults.exists(), bool)
assert_type(adults.dicts(), list[dict[str, Any]])
assert_type(adults.tuples(), list[tuple[Any, ...]])
assert_type(adults.to_sql(), tuple[str, tuple[Any, ...]])
assert_type(Adults(User.__table__).adults().all(), list[User])

rows = User.query().select("age", F.count().as_("n")).group_by("age")
assert_type(rows.all(), list[Row])
assert_type(rows.one(), Row | None)
assert_type(rows.dicts(), list[dict[str, Any]])
assert_type(rows.scalars(), list[Any])

for user in adults.iterator():
    assert_type(user, User)

backend = User.backend()
assert_type(backend.execute("SELECT 1"), QueryResult)
assert_type(backend.fetch_one("SELECT 1"), dict[str, Any] | None)
with User.transaction() as tx:
    assert_type(tx.create_savepoint(), str)


async def awaiting() -> None:
    assert_type(await ann.asave(), int)
    assert_type(await User.afind_one(1), User | None)
    assert_type(await User.acreate(name="Ann"), User)
    assert_type(await adults.aall(), list[User])
    assert_type(await adults.aone_or_fail(), User)
    assert_type(await adults.acount(), int)
    assert_type(await rows.aall(), list[Row])
    assert_type(await adults.adicts(), list[dict[str, Any]])
    async for record in adults.iterator():
        assert_type(record, User)
    async with User.transaction() as block:
        assert_type(await block.acreate_savepoint(), str)
