"""What tests of backends and models use; `plugin` is the pytest side of it."""

from .queries import assert_queries

__all__ = ["assert_queries"]
