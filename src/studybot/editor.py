"""The link that opens a note in the student's editor."""

from pathlib import Path
from urllib.parse import quote as percent_encoded


def link(template: str, folder: Path, note: str, line: int) -> str:
    """Return the link that opens ``note``, of those in ``folder``, at ``line``, as ``template`` has it."""
    path = (folder / note).as_posix()
    # What begins with a drive follows a host as /C:/…; as a value, ?path=C:/…, it stands as it is.
    slash = "" if path.startswith("/") or "={path}" in template else "/"
    return template.format(path=percent_encoded(slash + path), line=line)
