"""The guide era's place for transactions; the code lives in `rhosocial.activerecord.backend`."""

from ..backend.errors import IsolationLevelError, TransactionError
from ..backend.manager import TransactionManager
from ..backend.typing import IsolationLevel

__all__ = ["IsolationLevel", "IsolationLevelError", "TransactionError", "TransactionManager"]
