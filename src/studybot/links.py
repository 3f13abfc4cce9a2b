"""Where the links of a note lead: to a place in the reader, where the note is there that they name."""

import posixpath
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

READER = "/read"
ADDRESS = re.compile(r"/read\?note=|#to-")
"""How every address in the reader begins; no other page of the server is linked by a note."""

_NO_ANCHOR = re.compile(r"[^\w\- ]")


class Links:
    """The links of the note ``source``; ``notes`` lists the notes there are and is called only if there is a link."""

    def __init__(self, source: str, notes: Callable[[], Iterable[str]]) -> None:
        self._source = source
        self._list = notes

    def of_markdown(self, target: str) -> str | None:
        """Return the address of the note that ``[…](target)`` names by its path, or None if none is there."""
        path, _, heading = target.partition("#")
        path = unquote(path)
        if not path:
            return _address("", unquote(heading))
        folder = "" if path.startswith("/") else posixpath.dirname(self._source)
        found = self._at(posixpath.normpath(posixpath.join(folder, path.lstrip("/"))))
        return found and _address(found, unquote(heading))

    def of_wikilink(self, target: str) -> str | None:
        """Return the address of the note that ``[[target]]`` names, or None if none is there.

        As in Obsidian a note is named by its path, or by the end of its path, with or without its suffix; of several
        that one comes first which is next to this one, and then the one in fewest folders.
        """
        name, _, heading = target.partition("#")
        name = name.strip().strip("/")
        # [[note#Chapter#Heading]] names the last; [[note#^block]] a place that only Obsidian knows.
        heading = heading.rpartition("#")[2].lstrip("^")
        if not name:
            return _address("", heading)
        found = self._at(name) or self._ending_with(name)
        return found and _address(found, heading)

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        """The paths of all notes by their file's name, with and without its suffix, in small letters."""
        paths: dict[str, list[str]] = {}
        for path in self._list():
            file = PurePosixPath(path.casefold())
            for name in {file.name, file.stem}:
                paths.setdefault(name, []).append(path)
        return paths

    def _at(self, path: str) -> str | None:
        named = self._named(path)
        return next((one for one in named if one == path or str(PurePosixPath(one).with_suffix("")) == path), None)

    def _ending_with(self, name: str) -> str | None:
        wanted = name.casefold().split("/")
        folder = posixpath.dirname(self._source)

        def ends_so(path: str) -> bool:
            file = PurePosixPath(path.casefold())
            return any(list(one.parts[-len(wanted) :]) == wanted for one in (file, file.with_suffix("")))

        found = filter(ends_so, self._named(name))
        return min(found, key=lambda one: (posixpath.dirname(one) != folder, one.count("/"), one), default=None)

    def _named(self, path: str) -> list[str]:
        return self._paths.get(posixpath.basename(path).casefold(), [])


def anchor(heading: str) -> str:
    """Return the id of the element that ``heading`` is shown as; GitHub's rule, behind what no other id begins with."""
    return "to-" + _NO_ANCHOR.sub("", heading.strip().lower()).replace(" ", "-")


def _address(note: str, heading: str) -> str:
    fragment = f"#{quote(anchor(heading))}" if heading else ""
    return f"{READER}?note={quote(note)}{fragment}" if note else fragment or "#to-"
