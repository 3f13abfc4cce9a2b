"""The server process: a socket, the application behind it, and the encoder warmed up."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.errors import AddressUnavailable


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
    config = uvicorn.Config(create_app(bot, web_folder()), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


def web_folder() -> Path:
    """Return where the browser app lies: beside the package in a wheel, in ``web/`` in a checkout."""
    packed = Path(__file__).parent / "web"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "web"
