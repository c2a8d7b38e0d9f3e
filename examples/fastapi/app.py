"""``uvicorn examples.fastapi.app:app``: the blog under /blocking and under /awaiting, over the same models."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from . import awaiting, blocking
from .models import MODELS, Model
from .problems import add_handlers


def create_app(url: str) -> FastAPI:
    """An application whose models are stored at `url`, from its start to its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        backend = Model.configure(url)
        for model in MODELS:
            await model.acreate_table()
        yield
        await backend.aclose()

    app = FastAPI(title="A blog", lifespan=lifespan)
    add_handlers(app)
    app.include_router(blocking.router, prefix="/blocking")
    app.include_router(awaiting.router, prefix="/awaiting")
    return app


app = create_app(os.environ.get("DATABASE_URL", "sqlite:///blog.db"))
