"""The guide era's place for what mixins fulfil, and for events."""

from .events import ModelEvent
from .hooks import IUpdateBehavior

__all__ = ["IUpdateBehavior", "ModelEvent"]
