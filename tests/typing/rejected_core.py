"""Wrong code, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str
    age: int = 0


ann = User(name="Ann")
User(name=1)  # error
User(age=3)  # error
User(name="Ann", agee=3)  # error
ann.nmae  # error
ann.name = 3  # error
ann.save(True)  # error
text: str = ann.age  # error
number: int = User.query().all()  # error
User.query().all()[0].nmae  # error
User.find_one(1).name  # error
User.query().one().name  # error
User.query().limit("10")  # error
User.query().where(18)  # error
User.query().order_by(3)  # error
User.query().wehre("a = 1")  # error
User.c.age.like(3)  # error
User.transaction("SERIALIZABLE", True, 3)  # error


async def awaiting() -> None:
    await ann.save()  # error
    records: list[User] = User.query().aall()  # error
    (await User.afind_one(1)).name  # error
    for record in await User.query().acount():  # error
        print(record)
