"""The server process: a socket, the application behind it, and the encoder warmed up."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.errors import AddressUnavailable
from studybot.syncing import Syncing


class _Server(uvicorn.Server):
    """Ends without waiting for a sync, which may take minutes, when a page follows it."""

    def __init__(self, config: uvicorn.Config, syncing: Syncing) -> None:
        super().__init__(config)
        self._syncing = syncing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn waits for connections first and tells the application only then.
        self._syncing.stop()
        await super().shutdown(sockets)


def serve(bot: StudyBot, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes; ``announce`` is given the address once the server can answer.

    Raises:
        AddressUnavailable: the address is not this computer's, or its port is taken.
    """
    host, port = bot.settings.host, bot.settings.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {host} port {port}: {error}; choose another with --port") from error
    bot.warm_up()
    shown = f"[{host}]" if ":" in host else host
    announce(f"http://{shown}:{listener.getsockname()[1]}/")
    app = create_app(bot, web_folder())
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    _Server(config, app.state.syncing).run(sockets=[listener])


def web_folder() -> Path:
    """Return where the browser app lies: beside the package in a wheel, in ``web/`` in a checkout."""
    packed = Path(__file__).parent / "web"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "web"
