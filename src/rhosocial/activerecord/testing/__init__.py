"""What tests of backends and models use; `plugin` is the pytest side of it."""

from .queries import assert_queries
from .recorder import Recorder, Sent

__all__ = ["Recorder", "Sent", "assert_queries"]
