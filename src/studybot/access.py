"""Who may in where the server is reached by other computers: those who know its token.

A program sends the token with each request; a browser is asked for it once, and keeps a cookie that is made from it.
"""

import hashlib
import hmac
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from studybot.errors import TokenRefused

LOGIN = "/login"
OPEN_PATHS = frozenset(
    {LOGIN, "/healthz", *(f"/web/{name}" for name in ("login.js", "api.js", "dom.js", "style.css", "icon.svg"))}
)
"""What is answered without the token: the page that asks for it, and that the server runs."""

COOKIE = "studybot"
# As long as browsers keep any, so that the token is asked for once; with another token it is worth nothing.
_COOKIE_DAYS = 400


class Login(BaseModel):
    """The token. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    token: str


class Access:
    """Knows one token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # Cookies go to every server of the same name, whatever its port: those are not told the token itself.
        self.cookie = hmac.new(self._token, b"studybot cookie", hashlib.sha256).hexdigest()

    def is_token(self, text: str) -> bool:
        """Return whether ``text`` is the token; how long that takes does not tell how much of it is right."""
        return hmac.compare_digest(text.encode(errors="replace"), self._token)

    def admits(self, headers: Headers) -> bool:
        """Return whether a request with these ``headers`` brings the token, or the cookie made from it."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(token.strip())
        # Python's own SimpleCookie reads nothing behind a cookie of another server that it finds odd.
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(errors="replace"), self.cookie.encode())


def router(access: Access, web: Path) -> APIRouter:
    """Return what asks a browser for the token and gives it the cookie."""
    made = APIRouter(include_in_schema=False)

    @made.get(LOGIN)
    def page() -> FileResponse:
        return FileResponse(web / "login.html")

    @made.post(LOGIN, status_code=204)
    def login(wanted: Login, response: Response) -> None:
        if not access.is_token(wanted.token):
            raise TokenRefused("this is not the token that studybot was started with")
        max_age = _COOKIE_DAYS * 24 * 60 * 60
        response.set_cookie(COOKIE, access.cookie, max_age=max_age, httponly=True, samesite="strict")

    return made
