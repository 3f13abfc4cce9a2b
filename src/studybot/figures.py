"""The report of an evaluation that lies in an index's folder, over HTTP: its figures, and its plots."""

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from studybot.bot import StudyBot
from studybot.summary import KeptReportJson, kept

FOLDER = "report"


def router(bot: StudyBot) -> APIRouter:
    """Return what answers /api/report with the report that lies in the folder of the index of ``bot``."""
    made = APIRouter(prefix="/api/report")
    folder = bot.settings.index / FOLDER

    @made.get("")
    def report() -> KeptReportJson | None:
        """Return the figures of the report that lies in the index's folder; null where there is none."""
        return kept(folder)

    @made.get("/{file}", response_class=FileResponse, responses={200: {"content": {"image/png": {}}}})
    def plot(file: str) -> FileResponse:
        """Return a plot of the report, by its file's name."""
        found = kept(folder)
        if found is None or file not in {one.file for one in found.plots} or not (folder / file).is_file():
            raise HTTPException(404, f"the report in {folder} has no plot {file!r}")
        return FileResponse(folder / file, media_type="image/png")

    return made
