"""The summary of a report, which ``studybot eval --report`` writes beside its page, for the page of figures."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from studybot.errors import ResultInvalid
from studybot.shapes import Shape

SUMMARY = "report.json"


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
