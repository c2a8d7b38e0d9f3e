"""Wrong uses of scopes and soft deletion, of which checkers must refuse each marked line."""

from __future__ import annotations

from rhosocial.activerecord import AUTO, ActiveRecord, SoftDeleteMixin


class Task(ActiveRecord):
    __table_name__ = "tasks"
    __default_scopes__ = {"listed": "is_listed"}  # error

    id: int = AUTO


class Note(SoftDeleteMixin, ActiveRecord):
    __table_name__ = "notes"

    id: int = AUTO


Task.query().with_deleted()  # error
Task.query().unscoped(1)  # error
Task(id=1).restore()  # error
Note(id=1).restore(True)  # error
Note(id=1, deleted_at="yesterday")  # error
