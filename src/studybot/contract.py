"""The OpenAPI document, made true where the framework knows less."""

from typing import Any

from fastapi import FastAPI

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
