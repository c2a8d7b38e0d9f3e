"""What happens when a relation is read that is not loaded: load for all peers, for the one record, or raise."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Literal, get_args

from ..backend.errors import ConfigurationError
from ..backend.names import shown

Policy = Literal["batch", "one", "warn", "raise"]
POLICIES: tuple[str, ...] = get_args(Policy)

_of_block: ContextVar[str | None] = ContextVar("activerecord_loading", default=None)


class loading:
    """A block in which relations are loaded by one policy on reading, whatever models and queries say.

    ``with loading("raise"):`` makes every read of an unloaded relation raise RelationNotLoaded; explicit `load` calls
    go on loading.  "warn" warns (UserWarning, of the line that reads) and loads as "batch" does.  It holds for the
    thread or the task, and for the tasks that are started in it.
    """

    __slots__ = ("_policy", "_token")

    def __init__(self, policy: Policy) -> None:
        self._policy = checked(policy)
        self._token: Token[str | None] | None = None

    def __enter__(self) -> None:
        self._token = _of_block.set(self._policy)

    def __exit__(self, *error: object) -> None:
        if self._token is not None:
            _of_block.reset(self._token)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        self.__exit__()


def checked(policy: Any) -> str:
    """The policy; ConfigurationError where it is none."""
    if policy not in POLICIES:
        raise ConfigurationError(f"a loading policy is one of {', '.join(POLICIES)}, got {shown(policy)}")
    return str(policy)


def policy_for(relation: Any, record: Any, of_query: str | None) -> str:
    """The policy that holds for a read: the block's, else the query's, the relation's, the model's, else batch."""
    return _of_block.get() or of_query or relation.policy or checked(type(record).__load__ or "batch")
