"""What stands before the application: who may ask, how much a body may hold, and the headers that a browser obeys.

Any page that a student visits can send requests to this computer. DNS rebinding gives such a page a name of its own for
127.0.0.1, so the Host is checked; a page of another site says so in Origin or Sec-Fetch-Site, so these are checked too.
Where other computers are let in, whoever asks must know the token, too.
"""

import ipaddress
import json
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studybot.access import LOGIN, OPEN_PATHS, Access
from studybot.errors import TokenRefused

_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
# Swagger UI, which /docs shows, sets styles on its elements and draws its icons from data: addresses.
_DOCS_POLICY = _POLICY + "; style-src 'self' 'unsafe-inline'; img-src 'self' data:"

_MAX_DIGITS = 20
_WANTS_TOKEN = f"send the token that studybot was started with as Authorization: Bearer, or give it at {LOGIN}"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def security_headers(path: str) -> dict[str, str]:
    """Return the headers that every response to ``path`` carries."""
    headers = {**_HEADERS, "Content-Security-Policy": _DOCS_POLICY if path == "/docs" else _POLICY}
    # A browser asks whether its copy of a page's module is today's, so that those of two versions never meet.
    return {**headers, "Cache-Control": "no-store" if path.startswith("/api/") else "no-cache"}


class Guard:
    """ASGI middleware; refuses with the API's one error shape."""

    def __init__(self, app: ASGIApp, host: str, max_body: int, max_note: int, access: Access | None) -> None:
        self._app = app
        self._access = access
        self._hosts = {"localhost", "127.0.0.1", "::1", host.lower()}
        self._max_body = max_body
        self._max_note = max_note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        limit = self._max_note if path.startswith("/api/notes/") else self._max_body
        refusal = self._refusal(scope, Headers(scope=scope), limit)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(security_headers(path))
            await send(message)

        if refusal is not None:
            await _refuse(send_with_headers, *refusal)
            return
        if self._access and path not in OPEN_PATHS and not self._access.admits(Headers(scope=scope)):
            if path.startswith("/api/") or scope["method"] not in ("GET", "HEAD"):
                await _refuse(send_with_headers, 401, TokenRefused.code, _WANTS_TOKEN, (b"www-authenticate", b"Bearer"))
            else:
                await _refuse(send_with_headers, 303, TokenRefused.code, _WANTS_TOKEN, (b"location", LOGIN.encode()))
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, receive_within_limit, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        # A page that was rebound has a name; and without the token an address alone gets it nowhere.
        if _name(host) not in self._hosts and not (self._access and _is_address(_name(host))):
            return 403, "host_refused", f"the request is for {host[:100]!r}, not for this computer"
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            return 403, "origin_refused", f"the request comes from a page of {origin[:100]!r}"
        path: str = scope["path"]
        if path.startswith("/api/") and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return 403, "origin_refused", "the request comes from a page of another site"
        if scope["method"] in ("PUT", "DELETE") and not _is_loopback(scope):
            return 403, "address_refused", "notes are added and removed from the computer that studybot runs on only"
        length = headers.get("content-length", "0")
        # Python refuses to read numbers of thousands of digits.
        if not length.isdecimal() or len(length) > _MAX_DIGITS or int(length) > limit:
            return 413, "too_large", _too_large(limit)
        return None


async def _refuse(send: Send, status: int, code: str, message: str, *more: tuple[bytes, bytes]) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _too_large(limit: int) -> str:
    return f"the body is too large; at most {limit:,} bytes are taken here"


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _place(origin: str) -> str:
    """Return the name and port in an Origin header."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
