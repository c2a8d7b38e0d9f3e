"""What scopes, query classes and soft deletion look like to checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, Query, SoftDeleteMixin, SoftDeleteQuery

M = TypeVar("M")


class TaskQuery(Query[M]):
    def open(self) -> Self:
        return self.where("done = ?", (False,))


class Task(ActiveRecord):
    __table_name__ = "tasks"
    __query_class__ = TaskQuery
    __default_scopes__ = {
        "listed": lambda c: c.is_listed == True,  # noqa: E712
        "short": None,
    }

    id: int = AUTO
    is_listed: bool = True

    if TYPE_CHECKING:

        @classmethod
        def query(cls) -> TaskQuery[Self]: ...


class Note(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "notes"

    id: int = AUTO


assert_type(Task.query().open().unscoped("listed").open().all(), list[Task])
assert_type(Task.alias("t").unscoped().query().one(), Task | None)
assert_type(Note.query().with_deleted().where("id > 1").only_deleted(), SoftDeleteQuery[Note])
assert_type(Note.query_only_deleted().all(), list[Note])
assert_type(Note.query_with_deleted().one(), Note | None)
assert_type(Note.query().hard_delete(), int)
assert_type(Note(id=1).restore(related=True), int)
assert_type(Note().is_deleted, bool)
