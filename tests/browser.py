"""What a test of the page needs: a server in a thread, Chromium, and pages that are watched. A plugin of conftest."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, Request, sync_playwright

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.server import web_folder

PATIENCE_S = 10

# Chromium on its own looks for updates and the like; here it must ask for nothing but the page.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True)
class Served:
    """A server that runs in a thread, and the pages that are open there: they are closed before it ends.

    A page that outlives its server may still be reading, and would tell that the server is gone.
    """

    server: uvicorn.Server
    url: str
    pages: ExitStack = field(default_factory=ExitStack)

    def vanish(self) -> None:
        """Break off every connection and take no other, as a server that was killed does."""
        loop = self.server.servers[0].get_loop()
        is_done = threading.Event()

        def break_off() -> None:
            for listener in self.server.servers:
                listener.close()
            for connection in list(self.server.server_state.connections):
                assert connection.transport is not None
                connection.transport.abort()
            is_done.set()

        loop.call_soon_threadsafe(break_off)
        assert is_done.wait(PATIENCE_S)


@contextmanager
def served(bot: StudyBot, config: uvicorn.Config | None = None) -> Iterator[Served]:
    """Serve ``bot`` on a free port, plainly or by ``config``."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config or uvicorn.Config(create_app(bot, web_folder()), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    running = Served(server, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    try:
        with running.pages:
            yield running
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture
def server(bot: StudyBot) -> Iterator[Served]:
    with served(bot) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Return what a page should not have done; a test that expects some of it takes it out."""
    problems: list[str] = []
    yield problems
    assert problems == []


@pytest.fixture
def open_page(browser: Browser, problems: list[str]) -> Callable[..., Page]:
    """Return what opens a server's page at a path in a profile of its own, with options to choose, and watches it."""

    def watch(request: Request) -> None:
        place = urlsplit(request.url)
        if place.scheme != "data" and place.hostname != "127.0.0.1":
            problems.append(f"asked {request.url}")

    def open_there(server: Served, path: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        server.pages.callback(context.close)
        context.set_default_timeout(PATIENCE_S * 1000)
        context.on("request", watch)
        context.on("weberror", lambda error: problems.append(f"threw {error.error}"))
        context.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page = context.new_page()
        page.goto(urljoin(server.url, path))
        return page

    return open_there


@pytest.fixture
def page(open_page: Callable[..., Page], server: Served) -> Page:
    return open_page(server)


def box(page: Page) -> Locator:
    return page.get_by_label("Ask your notes")


def answer(page: Page) -> Locator:
    return page.get_by_role("region", name="Answer")


def passages(page: Page) -> Locator:
    return page.get_by_role("region", name="Passages").get_by_role("listitem")


def state(page: Page) -> Locator:
    return page.locator("#state")


def ask(page: Page, question: str) -> None:
    box(page).fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
