"""What scopes, query classes and soft deletion look like to checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar, assert_type

from rhosocial.activerecord import AUTO, ActiveRecord, HasMany, Query, SoftDeleteMixin, SoftDeleteQuery

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


class Shape(ActiveRecord):
    __table_name__ = "shapes"
    __discriminator__ = "kind"

    id: int = AUTO
    kind: str = AUTO

    notes = HasMany["Note"](foreign_key="shape_id")


class Circle(Shape):
    __discriminator_value__ = "circle"

    radius: float


assert_type(Shape.query().all(), list[Shape])
assert_type(Circle(radius=1.5), Circle)
assert_type(Circle.query().where(Circle.c.radius > 1).one(), Circle | None)
assert_type(Shape.find_one(1), Shape | None)
shapes: Query[Shape] = Circle.query()

assert_type(Task.query().open().unscoped("listed").open().all(), list[Task])
assert_type(Task.alias("t").unscoped().query().one(), Task | None)
assert_type(Note.query().with_deleted().where("id > 1").only_deleted(), SoftDeleteQuery[Note])
assert_type(Note.query_only_deleted().all(), list[Note])
assert_type(Note.query_with_deleted().one(), Note | None)
assert_type(Note.query().hard_delete(), int)
assert_type(Note(id=1).restore(related=True), int)
assert_type(Note().is_deleted, bool)
