"""What the OpenAPI document and a refusal tell of a request: in words, and true where the framework knows less."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Scope

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_STREAM = "text/event-stream"


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of ``app``: every error is JSON, whatever else a path answers with."""
    # That of the class is asked for: this function stands in for that of the object.
    described = FastAPI.openapi(app)
    for methods in described["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if status in ("4XX", "5XX"):
                    response["content"] = {"application/json": next(iter(content.values()))}
                elif _STREAM in content:
                    # Its events have fields of their own; they are no JSON text.
                    response["content"] = {_STREAM: {}}
    return described


def told(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a request, in words; the field is named, where one is at fault."""
    if problem["type"] == "json_invalid":
        why, place = problem["ctx"]["error"], problem["loc"][-1] + 1
        return f'the body is no JSON ({why}, at character {place}); wanted an object such as {{"question": "…"}}'
    if problem["loc"] == ("body",):
        return 'the body is no JSON object; send one such as {"question": "…"}, as application/json'
    return f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}"


def allowed_methods(app: FastAPI, scope: Scope) -> str:
    """Return the methods that the path of a request takes, as the Allow header has them."""
    # The framework tells those of the first route alone.
    return ", ".join(
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
    )
