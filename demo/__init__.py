"""A tour of the library over real data: ``python -m demo``."""
