"""The name that the guide's documents use for `relation`."""

from .relation import BelongsTo, HasMany, HasOne, ManyToMany, Members, Relation, loading

__all__ = ["BelongsTo", "HasMany", "HasOne", "ManyToMany", "Members", "Relation", "loading"]
