"""What tests of backends and models use; `plugin` is the pytest side of it."""

from .queries import assert_queries
from .recorder import Recorder, Sent
from .sandbox import Sandbox

__all__ = ["Recorder", "Sandbox", "Sent", "assert_queries"]
