"""What tests of backends and models use; `plugin` is the pytest side of it."""

from .queries import assert_queries
from .sandbox import Sandbox

__all__ = ["Sandbox", "assert_queries"]
