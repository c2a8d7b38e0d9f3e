"""Relations between models: attributes that lead from a record to related ones."""

from .kind import BelongsTo, HasMany, HasOne, ManyToMany
from .members import Members
from .policy import loading
from .relation import Relation

__all__ = ["BelongsTo", "HasMany", "HasOne", "ManyToMany", "Members", "Relation", "loading"]
