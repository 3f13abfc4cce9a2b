"""The server process: a socket, the application behind it, the encoder warmed up, and the notes folder watched."""

import copy
import ipaddress
import logging
import socket
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import DefaultFormatter

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.errors import AddressUnavailable, SettingsInvalid
from studybot.protocol import MAX_CONNECTIONS, PATIENCE_S, Protocol
from studybot.settings import Settings
from studybot.syncing import Syncing
from studybot.watching import Watching


class Formatter(DefaultFormatter):
    """Logs where an error was raised, and its kind; not what it says, which may be words of a question."""

    def formatException(  # noqa: N802
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the lines that led to an error and to those before it, the last one first."""
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            lines += [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


class _Server(uvicorn.Server):
    """Ends without waiting for a sync, which may take minutes, when a page follows it."""

    def __init__(self, config: uvicorn.Config, syncing: Syncing) -> None:
        super().__init__(config)
        self._syncing = syncing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn waits for connections first and tells the application only then.
        self._syncing.stop()
        await super().shutdown(sockets)


def check_address(settings: Settings) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return what to listen on: the kind of address, the address and the port.

    Raises:
        AddressUnavailable: there is no such address.
        SettingsInvalid: other computers reach it, and no token is set that keeps them out.
    """
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise _unavailable(settings, error) from error
    if settings.token is None and not ipaddress.ip_address(str(address[0])).is_loopback:
        raise SettingsInvalid(
            f"other computers reach {host}, and would read your notes; set a token that they must know, of 16 "
            "characters or more, as STUDYBOT_TOKEN, or leave out --host"
        )
    return family, (str(address[0]), port)


def serve(bot: StudyBot, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes; ``announce`` is given the address once the server can answer.

    Meanwhile the notes folder is watched, unless the settings say otherwise.

    Raises:
        NotesFolderMissing: no notes folder is known.
        AddressUnavailable: the address is not this computer's, or its port is taken.
        SettingsInvalid: other computers reach the address, and no token is set.
    """
    family, address = check_address(bot.settings)
    try:
        listener = socket.create_server(address, family=family)
    except OSError as error:
        raise _unavailable(bot.settings, error) from error
    bot.warm_up()
    host = bot.settings.host
    shown = f"[{host}]" if ":" in host else host
    announce(f"http://{shown}:{listener.getsockname()[1]}/")
    app = create_app(bot, web_folder())
    config = configured(app)
    syncing: Syncing = app.state.syncing
    with Watching(bot.notes_folder, syncing.start) if bot.settings.watch else nullcontext():
        _Server(config, syncing).run(sockets=[listener])


def configured(app: FastAPI) -> uvicorn.Config:
    """Return how ``app`` is served: no request is waited for without end, and no log tells what was asked."""
    log_config = copy.deepcopy(LOGGING_CONFIG)
    log_config["formatters"]["default"]["()"] = Formatter
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=PATIENCE_S,
        log_config=log_config,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
    )


def _unavailable(settings: Settings, error: OSError) -> AddressUnavailable:
    return AddressUnavailable(
        f"cannot listen on {settings.host} port {settings.port}: {error}; choose another with --port"
    )


def web_folder() -> Path:
    """Return where the browser app lies: beside the package in a wheel, in ``web/`` in a checkout."""
    packed = Path(__file__).parent / "web"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "web"
