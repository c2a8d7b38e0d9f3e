"""Wrong uses of mixins and handlers, which checkers must refuse."""

from __future__ import annotations

from rhosocial.activerecord import ActiveRecord, IntegerPKMixin, ModelEvent, TimestampMixin


class User(IntegerPKMixin, TimestampMixin, ActiveRecord):
    __table_name__ = "users"

    name: str = ""


user = User()
user.created_at = "yesterday"  # error
user.on(1, print)  # error
User.on(ModelEvent.BEFORE_SAVE, "told")  # error
User.off(ModelEvent.BEFORE_SAVE)  # error
