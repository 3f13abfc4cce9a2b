"""A sync in the background, whose progress any number of listeners can follow; and both over HTTP."""

import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from studybot.bot import StudyBot
from studybot.errors import StudybotError
from studybot.indexing import Progress
from studybot.shapes import Shape

_PATIENCE_S = 15

_LOG = logging.getLogger(__name__)


class Syncing:
    """Runs at most one sync at a time. A sync asked for while one is running is run after it."""

    def __init__(self, bot: StudyBot) -> None:
        self._bot = bot
        self._news = threading.Condition()
        self._is_running = False
        self._is_wanted_again = False
        self._is_stopped = False
        self._events: list[tuple[str, dict[str, Any]]] = []
        """What the sync that is running, or the last one, had to say: its latest progress, and its outcome."""
        self._failure = ""
        """What the last sync failed of, which nobody may have asked for who would be told."""

    @property
    def is_running(self) -> bool:
        """Whether a sync is running."""
        return self._is_running

    def start(self) -> bool:
        """Start a sync; when one is running, let another follow it and return False."""
        with self._news:
            if self._is_running:
                self._is_wanted_again = True
                return False
            self._is_running = True
            self._events = []
        threading.Thread(target=self._run, name="sync", daemon=True).start()
        return True

    def stop(self) -> None:
        """Let the listeners go."""
        with self._news:
            self._is_stopped = True
            self._news.notify_all()

    def events(self) -> Iterator[str]:
        """Yield server-sent events: ``progress`` while a sync runs, then ``done`` or ``failed``; else ``idle``."""
        seen: tuple[str, dict[str, Any]] | None = None
        with self._news:
            is_idle = not self._events and not self._is_running
        # Outside of the lock: the server takes each event in whatever thread is free, and may leave off in between.
        if is_idle:
            yield _event("idle", {})
            return
        while True:
            with self._news:
                if not self._is_stopped and (not self._events or self._events[-1] is seen):
                    self._news.wait(_PATIENCE_S)
                latest = self._events[-1] if self._events else None
                is_over = not self._is_running or self._is_stopped
            if latest is not None and latest is not seen:
                seen = latest
                yield _event(*latest)
            elif not is_over:
                # A comment: it keeps the connection, and finds out that a listener has gone.
                yield ": waiting\n\n"
            if is_over:
                return

    async def stream(self) -> AsyncIterator[str]:
        """Yield the same events to the server, which stays free for other requests while it waits for the next one."""
        events = self.events()
        # A thread of its own: those of the server are few, and as many listeners would keep all questions waiting.
        own = CapacityLimiter(1)
        while (event := await to_thread.run_sync(next, events, None, limiter=own)) is not None:
            yield event

    def _run(self) -> None:
        again = True
        while again:
            # What a sync that died of a bug leaves to tell; its traceback goes to the log, and no other follows it.
            broke_off: tuple[str, dict[str, Any]] = ("failed", {"code": "internal", "message": "the sync broke off"})
            outcome = broke_off
            try:
                outcome = ("done", asdict(self._bot.sync(self._on_progress)))
                self._failure = ""
            except StudybotError as error:
                outcome = ("failed", {"code": error.code, "message": str(error)})
                # Once: a watched folder that is not there is looked for again and again.
                if str(error) != self._failure:
                    self._failure = str(error)
                    _LOG.warning("a sync failed: %s", error)
            finally:
                with self._news:
                    self._events.append(outcome)
                    self._is_running = again = self._is_wanted_again and outcome is not broke_off
                    self._is_wanted_again = False
                    self._news.notify_all()

    def _on_progress(self, progress: Progress) -> None:
        with self._news:
            self._events = [("progress", asdict(progress))]
            self._news.notify_all()


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


class StartedJson(Shape):
    """Whether a sync was started; false means that one is running already."""

    started: bool


def router(syncing: Syncing) -> APIRouter:
    """Return what answers /api/index with ``syncing``."""
    made = APIRouter(prefix="/api/index")

    @made.post("", status_code=202)
    def index() -> StartedJson:
        """Start a sync, unless one is running; its progress is at /api/index/events."""
        return StartedJson(started=syncing.start())

    @made.get("/events", response_class=EventStream)
    def events() -> EventStream:
        """Stream the progress of the sync that is running, or the outcome of the last one, as server-sent events."""
        return EventStream(syncing.stream(), headers={"Cache-Control": "no-store"})

    return made


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
