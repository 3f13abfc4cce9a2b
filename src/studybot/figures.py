"""The report of an evaluation that lies in an index's folder, over HTTP: its figures, and its plots."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from studybot.bot import StudyBot
from studybot.errors import ResultInvalid
from studybot.reply import Shape

FOLDER = "report"
SUMMARY = "report.json"
"""What ``studybot eval --report`` writes beside its page, for this one."""


class FigureJson(Shape):
    """A figure as it is printed: its value, its 95 % interval, how many questions count, and what it says."""

    name: str
    value: str
    interval: str
    n: str
    meaning: str


class PlotJson(Shape):
    """An image, what it shows, and how it is read."""

    file: str
    alt: str
    caption: str


class ReportJson(Shape):
    """What was measured, with what, and what came of it."""

    questions: str
    asked: int
    answerable: int
    environment: dict[str, str]
    figures: list[FigureJson]
    plots: list[PlotJson]


class KeptReportJson(ReportJson):
    """A report as it lies in the index's folder: when it was written, and where its page with every question is."""

    written: datetime
    page: str


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


def kept(folder: Path) -> KeptReportJson | None:
    """Return the report in ``folder``, or None where there is none.

    Raises:
        ResultInvalid: it cannot be read.
    """
    file = folder / SUMMARY
    try:
        content, written = file.read_bytes(), datetime.fromtimestamp(file.stat().st_mtime, UTC)
        report = ReportJson.model_validate_json(content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResultInvalid(f"{file} cannot be read: {error.strerror}; make the report anew") from error
    except ValidationError as error:
        raise ResultInvalid(f"{file} is no report's summary; make the report anew") from error
    return KeptReportJson(**report.model_dump(), written=written, page=str(folder / "report.html"))
