"""What the errors of the library are to a client: 404, 409, 422 and the like, in the shape of FastAPI's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pydantic
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from rhosocial.activerecord.backend import (
    CheckViolation,
    IntegrityError,
    InvalidCursor,
    NotNullViolation,
    PoolTimeout,
    RecordNotFound,
    StaleRecord,
    ValidationError,
)


def add_handlers(app: FastAPI) -> None:
    """Have the application answer errors; the nearest class of an error decides."""
    app.add_exception_handler(RecordNotFound, _saying(404, "Not found"))
    app.add_exception_handler(IntegrityError, _listing(409))
    app.add_exception_handler(CheckViolation, _listing(422))
    app.add_exception_handler(NotNullViolation, _listing(422))
    app.add_exception_handler(ValidationError, _listing(422))
    app.add_exception_handler(pydantic.ValidationError, _listing(422))
    app.add_exception_handler(StaleRecord, _saying(409, "Changed by somebody else: read it again"))
    app.add_exception_handler(InvalidCursor, _saying(400, "This cursor is no longer valid: begin with the first page"))
    app.add_exception_handler(PoolTimeout, _saying(503, "Too busy: try again"))


def _saying(status: int, text: str) -> Any:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": text}, status)

    return answer


def _listing(status: int) -> Any:
    async def answer(request: Request, error: Any) -> JSONResponse:
        return JSONResponse({"detail": _told(error.errors())}, status)

    return answer


def _told(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries without `input`: what was refused may be a secret, and the client knows it."""
    return [{"type": e["type"], "loc": ("body", *e["loc"]), "msg": e["msg"]} for e in errors]
