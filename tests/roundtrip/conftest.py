from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from field_kinds import Kind
from field_models import Model, model_of
from hypothesis import currently_in_test_context, reject

from engines import Engine
from rhosocial.activerecord.backend import StorageBackend, UnsupportedFeature
from rhosocial.activerecord.backend.typing import DatabaseType

Table = Callable[..., Any]


@pytest.fixture(scope="session")
def table(engine: Engine) -> Iterator[Table]:
    """`table(kind, db_type=None)`: the model of a kind, its table there; made once, and emptied by each test."""
    backends: dict[str | None, StorageBackend] = {}
    made: dict[Any, type[Model]] = {}

    def make(kind: Kind, db_type: DatabaseType | None = None, **sizes: int) -> type[Model]:
        key = (kind.name, db_type, *sizes.items())
        if key not in made:
            backend = backends.get(kind.timezone)
            if backend is None:
                backend = backends[kind.timezone] = place.open(timezone=kind.timezone)
            model = model_of(kind, f"t{len(made)}", db_type, **sizes)
            model.__backend__ = backend
            try:
                model.create_table()
            except UnsupportedFeature as error:
                if currently_in_test_context():
                    reject()  # Another kind of the family is to be drawn.
                pytest.skip(str(error))
            made[key] = model
        return made[key]

    with engine.place() as place:
        yield make
        for backend in backends.values():
            backend.close()
