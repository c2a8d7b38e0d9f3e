"""What tests of backends and models use; `plugin` is the pytest side of it."""
