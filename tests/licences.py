"""The licence of each pinned package, as it says itself: ``python -m tests.licences CONSTRAINTS FILE``."""

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

_TITLE = """# Licences

What studybot is built, tested and measured with, as `constraints.txt` pins it. `make licences` writes this from what
each package says itself.

"""
_LONGEST = 200


def table(constraints: Path) -> str:
    """Return a table of Markdown with the licence of every package that is pinned in ``constraints``.

    Raises:
        PackageNotFoundError: one is not installed.
    """
    rows = ["| package | version | licence |", "| --- | --- | --- |"]
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", constraints.read_text(encoding="utf-8"), re.MULTILINE):
        rows.append(f"| {name} | {version} | {licence(distribution(name))} |")
    return "\n".join(rows) + "\n"


def licence(package: Distribution) -> str:
    """Return the licence that ``package`` names: as an expression, in words, as a classifier, or atop its file."""
    said = package.metadata
    words = next((found[0] for name in ("License-Expression", "License") if (found := said.get_all(name))), "")
    if words and "\n" not in words and len(words) < _LONGEST:
        return words
    classes = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or [] if one.startswith("License :: ")]
    if classes:
        return ", ".join(classes)
    files = [file for file in package.files or [] if "licenses" in file.parts]
    lines = (line.strip() for file in files for line in file.read_text(encoding="utf-8").split("\n"))
    return next(filter(None, lines))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(_TITLE + table(Path(sys.argv[1])), encoding="utf-8")
