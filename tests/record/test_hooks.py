"""The hooks in the bodies of a class and its mixins: how they are found, what they change, what stops a save."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import PrivateAttr

from rhosocial.activerecord import AUTO, ActiveRecord, ModelEvent, OptimisticLockMixin
from rhosocial.activerecord.backend import ColumnNotFound, StaleRecord, ValidationError
from rhosocial.activerecord.interface import IUpdateBehavior

order: list[str] = []


@pytest.fixture(autouse=True)
def emptied() -> None:
    order.clear()


class Slugged(ActiveRecord):
    slug: str = ""

    def prepare_save_data(self, data: dict[str, Any], is_new: bool) -> dict[str, Any]:
        order.append(f"slug {sorted(data)} {is_new}")
        return data | {"slug": str(data.get("title", self.slug)).lower()}

    def after_save(self, is_new: bool) -> None:
        order.append(f"slugged {is_new}")


class Counted:
    """A mixin that is no model."""

    async def prepare_save_data(self, data: dict[str, Any], is_new: bool) -> None:
        order.append("count")
        data["saves"] = data.get("saves", self.saves) + 1

    async def after_save(self, is_new: bool) -> None:
        order.append("counted")


class Post(Counted, Slugged):
    __table_name__ = "posts"
    id: int = AUTO
    title: str = ""
    saves: int = 0


class Checked(ActiveRecord):
    __table_name__ = "checked"
    id: int = AUTO
    age: int = 0

    @classmethod
    def validate_record(cls, instance: Checked) -> None:
        order.append("record")

    async def validate_custom(self) -> None:
        order.append("custom")
        if self.age > 9:
            raise ValidationError("too old")


class Hidden(OptimisticLockMixin):
    __table_name__ = "hiddens"
    id: int = AUTO
    name: str = ""
    is_hidden: bool = False

    def prepare_delete(self) -> dict[str, Any]:
        return {"is_hidden": True}


class Account(IUpdateBehavior, ActiveRecord):
    __table_name__ = "accounts"
    id: int = AUTO
    balance: int = 0
    changes: int = 0
    is_open: bool = True

    def get_update_conditions(self) -> list[Any]:
        return [Account.c.is_open, ("balance < ?", (1_000,))]

    async def get_update_expressions(self) -> dict[str, Any]:
        return {"changes": Account.c.changes + 1}


async def test_every_class_with_a_hook_is_asked_base_first(home: Any, sent: list[str]) -> None:
    home(Post)
    post = Post(title="ABC")
    post.on(ModelEvent.BEFORE_INSERT, lambda record, **details: order.append("before_insert"))
    post.on(ModelEvent.AFTER_INSERT, lambda record, **details: order.append("after_insert"))
    await post.asave()

    assert order == [
        "before_insert",
        "slug ['id', 'saves', 'slug', 'title'] True",
        "count",
        "slugged True",
        "counted",
        "after_insert",
    ]
    assert await Post.afind_one(post.id) == post
    assert (post.slug, post.saves) == ("abc", 1)
    order.clear()
    sent.clear()
    await post.aupdate(title="DEF")
    assert order == ["slug ['title'] False", "count", "slugged False", "counted"]
    assert sent == ['UPDATE "posts" SET "slug" = ?, "title" = ?, "saves" = ? WHERE "id" = ?']
    assert (post.slug, post.saves, post.is_dirty) == ("def", 2, False)
    order.clear()
    assert await post.asave() == 0
    assert order == []


async def test_what_a_hook_gives_is_validated(home: Any, sent: list[str]) -> None:
    class Wrong(ActiveRecord):
        __table_name__ = "wrongs"
        id: int = AUTO
        age: int = 0

        def prepare_save_data(self, data: dict[str, Any], is_new: bool) -> dict[str, Any]:
            return data | self.__pydantic_private__["_given"]

        _given: dict[str, Any] = PrivateAttr({})

    home(Wrong)
    sent.clear()
    for given, error in (({"age": "old"}, ValidationError), ({"agee": 1}, ColumnNotFound)):
        record = Wrong(age=1)
        record._given = given
        with pytest.raises(error, match="age"):
            await record.asave()
    assert sent == []
    record._given = {"age": "7"}
    await record.asave()
    assert record.age == 7


async def test_both_validation_hooks_are_called_and_may_refuse(home: Any, sent: list[str]) -> None:
    home(Checked)
    record = Checked(age=10)
    sent.clear()
    with pytest.raises(ValidationError, match="too old"):
        await record.asave()
    with pytest.raises(ValidationError, match="too old"):
        await record.avalidate_fields()
    with pytest.raises(ValidationError, match="too old"):
        await Checked.abulk_create([record])
    assert sent == []
    assert order == ["record", "custom"] * 3
    record.age = 9
    assert await record.asave() == 1


async def test_a_delete_may_become_an_update(home: Any, sent: list[str]) -> None:
    home(Hidden)
    record = await Hidden.acreate(name="a")
    fired: list[Any] = []
    for event in (ModelEvent.BEFORE_DELETE, ModelEvent.BEFORE_UPDATE, ModelEvent.AFTER_DELETE):
        record.on(event, lambda record, event=event, **details: fired.append((event.name, details)))
    record.name = "unsaved"
    sent.clear()
    assert await record.adelete() == 1

    assert sent == ['UPDATE "hiddens" SET "is_hidden" = ?, "version" = ? WHERE "id" = ? AND "version" = ?']
    assert fired == [("BEFORE_DELETE", {}), ("AFTER_DELETE", {"result": 1})]
    assert (record.is_hidden, record.version, record.is_new_record, record.dirty_fields) == (True, 2, False, {"name"})
    stale = await Hidden.afind_one_or_fail(record.id)
    await record.asave()
    stale.is_hidden = False
    with pytest.raises(StaleRecord):
        await stale.adelete()
    assert stale.is_hidden is False


async def test_conditions_and_expressions_go_into_each_update(home: Any, sent: list[str]) -> None:
    home(Account)
    account = await Account.acreate(balance=5)
    sent.clear()
    assert await account.aupdate(balance=6) == 1
    assert sent == [
        'UPDATE "accounts" SET "balance" = ?, "changes" = "changes" + ? WHERE "id" = ? AND "is_open" AND (balance < ?)',
        'SELECT "id", "balance", "changes", "is_open" FROM "accounts" WHERE "id" = ?',
    ]
    assert (account.balance, account.changes, account.is_dirty) == (6, 1, False)
    assert await account.asave() == 0

    await Account.query().aupdate(is_open=False)
    with pytest.raises(StaleRecord, match="this Account was not saved"):
        await account.aupdate(balance=7)
    assert account.dirty_fields == {"balance"}
    assert (await Account.afind_one_or_fail(account.id)).balance == 6
