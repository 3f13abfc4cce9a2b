"""What fails, over HTTP: each error with its status, all in the one shape."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from studybot.errors import (
    CitationInvalid,
    ConversationNotFound,
    IndexBusy,
    IndexUnusable,
    NoteExists,
    NoteNameInvalid,
    NoteNotFound,
    NotesFolderMissing,
    NoteUnreadable,
    QuestionInvalid,
    StudybotError,
    TokenRefused,
)
from studybot.guard import security_headers

_STATUS_CODES: dict[type[StudybotError], int] = {
    QuestionInvalid: 422,
    CitationInvalid: 422,
    NoteNameInvalid: 422,
    NoteUnreadable: 422,
    ConversationNotFound: 404,
    NoteNotFound: 404,
    NotesFolderMissing: 409,
    NoteExists: 412,
    IndexBusy: 409,
    IndexUnusable: 503,
    TokenRefused: 401,
}
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def _on_studybot_error(_: Request, error: Exception) -> JSONResponse:
    codes = [_STATUS_CODES[kind] for kind in type(error).__mro__ if kind in _STATUS_CODES]
    return _error(codes[0] if codes else 500, getattr(error, "code", "error"), str(error))


def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    return _error(422, "invalid", "; ".join(map(_told, problems)))


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 405:
        headers = {"Allow": _allowed_methods(request.app, request.scope)}
    return _error(status, _CODES.get(status, "error"), detail, headers)


def _on_failure(request: Request, error: Exception) -> JSONResponse:
    # The server logs the traceback; the page has no use for it. Starlette answers this one outside of the guard.
    message = f"studybot failed ({type(error).__name__}); the server's log says where"
    return _error(500, "internal", message, security_headers(request.url.path))


def _told(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a request, in words; the field is named, where one is at fault."""
    if problem["type"] == "json_invalid":
        why, place = problem["ctx"]["error"], problem["loc"][-1] + 1
        return f'the body is no JSON ({why}, at character {place}); wanted an object such as {{"question": "…"}}'
    if problem["loc"] == ("body",):
        return 'the body is no JSON object; send one such as {"question": "…"}, as application/json'
    return f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}"


def _allowed_methods(app: FastAPI, scope: Scope) -> str:
    """Return the methods that the path of a request takes, as the Allow header has them."""
    # The framework tells those of the first route alone.
    return ", ".join(
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
    )


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


HANDLERS: dict[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
    StudybotError: _on_studybot_error,
    RequestValidationError: _on_invalid_request,
    HTTPException: _on_http_error,
    Exception: _on_failure,
}
"""What answers for which exception."""
