"""Wrong uses of cards, of which checkers must refuse each marked line."""

from __future__ import annotations

from pydantic import BaseModel

from rhosocial.activerecord import AUTO, ActiveRecord


class User(ActiveRecord):
    __table_name__ = "users"

    id: int = AUTO
    name: str


class UserCard(BaseModel):
    name: str


User.query().into(UserCard).all()[0].nmae  # error
User.query().into(UserCard).one().name  # error
User.query().into(UserCard(name="Ann"))  # error
User.query().into("UserCard")  # error
users: list[User] = User.query().into(UserCard).all()  # error


async def awaiting() -> None:
    for card in User.query().into(UserCard).aall():  # error
        print(card)
