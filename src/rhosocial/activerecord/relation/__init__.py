"""Relations between models: attributes that lead from a record to related ones."""

from .kind import BelongsTo, HasMany, HasOne
from .members import Members
from .policy import loading
from .relation import Relation

__all__ = ["BelongsTo", "HasMany", "HasOne", "Members", "Relation", "loading"]
