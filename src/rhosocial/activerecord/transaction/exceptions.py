"""The guide era's place for the errors of transactions."""

from ..backend.errors import IsolationLevelError, TransactionError

__all__ = ["IsolationLevelError", "TransactionError"]
