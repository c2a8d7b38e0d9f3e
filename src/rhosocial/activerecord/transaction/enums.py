"""The guide era's place for `IsolationLevel`."""

from ..backend.typing import IsolationLevel

__all__ = ["IsolationLevel"]
