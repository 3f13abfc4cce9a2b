"""The HTTP interface: the verbs of a StudyBot as JSON, the browser app, and a guard before both."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.exceptions import HTTPException

from studybot import __version__, contract, figures, reader, suggestions, transcript
from studybot.access import Access
from studybot.access import router as login_router
from studybot.bot import MAX_QUESTION, MAX_TOP_K, StudyBot
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
from studybot.guard import Guard, security_headers
from studybot.inventory import NoteJson, notes_json
from studybot.notes import MAX_BYTES, MAX_NAME_BYTES, delete_note, write_note
from studybot.reply import CitationJson, ErrorJson, ReplyJson, citation_json, reply_json
from studybot.syncing import Syncing

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
_NOTE_BODY = {"requestBody": {"required": True, "content": {"text/markdown": {"schema": {"type": "string"}}}}}
_MAX_BODY = 64 * 1024


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


class Question(BaseModel):
    """What is asked. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    # To JSON 5.0 is a whole number, too.
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, strict=True), BeforeValidator(_whole)] = 5
    # A bound on its length is also what makes pydantic refuse half of a surrogate pair, which JSON can hold.
    conversation: Annotated[str, Field(max_length=100)] | None = None
    notes: Annotated[list[Annotated[str, Field(max_length=MAX_NAME_BYTES)]], Field(max_length=100)] | None = None
    as_typed: Annotated[bool, Field(strict=True)] = False
    min_confidence: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None


class SectionJson(BaseModel):
    """A heading path with the lines of its section, the heading's own included."""

    heading: list[str]
    start_line: int
    end_line: int


class NoteTextJson(BaseModel):
    """A note, whole."""

    note: str
    text: str
    sections: list[SectionJson]


class StartedJson(BaseModel):
    """Whether a sync was started; false means that one is running already."""

    started: bool


class StatusJson(BaseModel):
    """What is indexed, from where, with which encoder; and the confidence below which an answer is withheld."""

    version: str
    notes_folder: str | None
    index: str
    generation: int
    notes: int
    passages: int
    statements: int
    model: str
    language: str
    is_calibrated: bool
    least_confidence: float
    syncing: bool


def create_app(bot: StudyBot, web: Path) -> FastAPI:
    """Return the application that answers with ``bot`` and serves the browser app in ``web``.

    It answers only requests whose Host is this computer, and refuses those that another site's page sends. Where a
    token is set, it answers only those who know it.
    """
    syncing = Syncing(bot)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        syncing.stop()

    app = FastAPI(
        title="studybot",
        version=__version__,
        summary="Answers from your own notes, word for word, with citations.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        responses={"4XX": {"model": ErrorJson}, "5XX": {"model": ErrorJson}},
    )
    app.state.syncing = syncing
    app.openapi = partial(contract.document, app)  # type: ignore[method-assign]
    token = bot.settings.token
    access = Access(token.get_secret_value()) if token else None
    app.add_middleware(Guard, host=bot.settings.host, max_body=_MAX_BODY, max_note=MAX_BYTES, access=access)
    app.add_exception_handler(StudybotError, _on_studybot_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_failure)

    @app.post("/api/ask")
    def ask(asked: Question) -> ReplyJson:
        """Answer a question from the notes, or refuse.

        In a conversation a follow-up is completed, as ``interpreted_as`` tells, unless it is meant ``as_typed``. An
        answer whose confidence is below ``min_confidence`` is withheld; null is what was set or fitted.
        """
        reply = bot.ask(
            asked.question,
            asked.top_k,
            asked.conversation,
            asked.notes,
            as_typed=asked.as_typed,
            min_confidence=asked.min_confidence,
            remember=True,
        )
        return reply_json(reply, bot)

    for part in (transcript, suggestions, reader, figures):
        app.include_router(part.router(bot))
    if access:
        app.include_router(login_router(access, web))

    @app.get("/api/citations/{identity}")
    def cite(identity: str) -> CitationJson:
        """Tell what became of a cited passage: current, moved or changed, with the lines then and now."""
        return citation_json(identity, bot)

    @app.get("/api/notes")
    def notes() -> list[NoteJson]:
        """List the notes in the folder and in the index, each with how the two agree."""
        return notes_json(bot)

    @app.get("/api/notes/{path:path}")
    def note(path: str) -> NoteTextJson:
        """Return a note and its sections."""
        found, document = bot.note(path)
        sections = [
            SectionJson(heading=list(s.heading), start_line=s.start_line, end_line=s.end_line)
            for s in document.sections
        ]
        return NoteTextJson(note=found.path, text=found.text, sections=sections)

    @app.put("/api/notes/{path:path}", status_code=204, openapi_extra=_NOTE_BODY, responses={201: {}})
    async def put_note(path: str, request: Request, if_none_match: Annotated[str, Header()] = "") -> Response:
        """Add a note (201) or replace it (204; 412 with ``If-None-Match: *``); the body is its text. A sync follows."""
        content = await request.body()
        replaces = if_none_match != "*"
        is_new = await run_in_threadpool(lambda: write_note(bot.notes_folder, path, content, replaces=replaces))
        syncing.start()
        return Response(status_code=201 if is_new else 204)

    @app.delete("/api/notes/{path:path}", status_code=204)
    def remove_note(path: str) -> None:
        """Delete a note from the folder."""
        delete_note(bot.notes_folder, path)
        syncing.start()

    @app.post("/api/index", status_code=202)
    def index() -> StartedJson:
        """Start a sync, unless one is running; its progress is at /api/index/events."""
        return StartedJson(started=syncing.start())

    @app.get("/api/index/events", response_class=EventStream)
    def events() -> EventStream:
        """Stream the progress of the sync that is running, or the outcome of the last one, as server-sent events."""
        return EventStream(syncing.stream(), headers={"Cache-Control": "no-store"})

    @app.get("/api/status")
    def status() -> StatusJson:
        """Tell what is indexed, from where, with which encoder."""
        now = bot.status()
        return StatusJson(
            version=__version__,
            notes_folder=str(now.notes_folder) if now.notes_folder else None,
            index=str(now.index),
            generation=now.generation,
            notes=now.counts["notes"],
            passages=now.counts["passages"],
            statements=now.counts["statements"],
            model=now.model,
            language=now.language,
            is_calibrated=now.is_calibrated,
            least_confidence=now.least_confidence,
            syncing=syncing.is_running,
        )

    @app.get("/healthz")
    def health() -> dict[str, str]:
        """Answer as long as the server runs."""
        return {"status": "ok"}

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(web / "index.html")

    @app.get("/notes", include_in_schema=False)
    def notes_page() -> FileResponse:
        return FileResponse(web / "notes.html")

    @app.get("/read", include_in_schema=False)
    def reader_page() -> FileResponse:
        return FileResponse(web / "reader.html")

    @app.get("/figures", include_in_schema=False)
    def figures_page() -> FileResponse:
        return FileResponse(web / "figures.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(web / "docs.html")

    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.mount("/web", StaticFiles(directory=web))
    return app


def _on_studybot_error(_: Request, error: Exception) -> JSONResponse:
    codes = [_STATUS_CODES[kind] for kind in type(error).__mro__ if kind in _STATUS_CODES]
    return _error(codes[0] if codes else 500, getattr(error, "code", "error"), str(error))


def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    return _error(422, "invalid", "; ".join(map(contract.told, problems)))


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 405:
        headers = {"Allow": contract.allowed_methods(request.app, request.scope)}
    return _error(status, _CODES.get(status, "error"), detail, headers)


def _on_failure(request: Request, error: Exception) -> JSONResponse:
    # The server logs the traceback; the page has no use for it. Starlette answers this one outside of the guard.
    message = f"studybot failed ({type(error).__name__}); the server's log says where"
    return _error(500, "internal", message, security_headers(request.url.path))


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
