"""The guide era's place for the interfaces that mixins fulfil."""

from .hooks import IUpdateBehavior

__all__ = ["IUpdateBehavior"]
