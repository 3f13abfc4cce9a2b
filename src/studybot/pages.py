"""The pages of the browser app, each at its address."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse


def router(web: Path) -> APIRouter:
    """Return what answers with the pages that lie in the folder ``web``."""
    made = APIRouter(include_in_schema=False)

    @made.get("/")
    def page() -> FileResponse:
        return FileResponse(web / "index.html")

    @made.get("/notes")
    def notes_page() -> FileResponse:
        return FileResponse(web / "notes.html")

    @made.get("/read")
    def reader_page() -> FileResponse:
        return FileResponse(web / "reader.html")

    @made.get("/figures")
    def figures_page() -> FileResponse:
        return FileResponse(web / "figures.html")

    @made.get("/docs")
    def docs() -> FileResponse:
        return FileResponse(web / "docs.html")

    return made
