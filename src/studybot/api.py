"""The HTTP interface: the verbs of a StudyBot as JSON, the browser app, and a guard before both.

Each noun has a module whose router answers for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from studybot import (
    __version__,
    access,
    asking,
    contract,
    failures,
    figures,
    inventory,
    pages,
    reader,
    status,
    suggestions,
    syncing,
    transcript,
)
from studybot.access import Access
from studybot.bot import StudyBot
from studybot.guard import Guard
from studybot.notes import MAX_BYTES
from studybot.shapes import ErrorJson
from studybot.syncing import Syncing

_MAX_BODY = 64 * 1024


def create_app(bot: StudyBot, web: Path) -> FastAPI:
    """Return the application that answers with ``bot`` and serves the browser app in ``web``.

    It answers only requests whose Host is this computer, and refuses those that another site's page sends. Where a
    token is set, it answers only those who know it.
    """
    sync = Syncing(bot)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        sync.stop()

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
    app.state.syncing = sync
    app.openapi = partial(contract.document, app)  # type: ignore[method-assign]
    token = bot.settings.token
    entry = Access(token.get_secret_value()) if token else None
    app.add_middleware(Guard, host=bot.settings.host, max_body=_MAX_BODY, max_note=MAX_BYTES, access=entry)
    for kind, answer in failures.HANDLERS.items():
        app.add_exception_handler(kind, answer)
    for part in (
        asking.router(bot),
        transcript.router(bot),
        suggestions.router(bot),
        reader.router(bot),
        figures.router(bot),
        inventory.router(bot, sync),
        syncing.router(sync),
        status.router(bot, sync),
        pages.router(web),
    ):
        app.include_router(part)
    if entry:
        app.include_router(access.router(entry, web))
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.mount("/web", StaticFiles(directory=web))
    return app
