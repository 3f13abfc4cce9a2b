"""The HTML within a note: what of it is shown as such, what as its source; and the gate that all HTML passes.

A tag that a note may not bring (script, style, svg, iframe, img, …) is shown as it is written: nothing runs, and no
word of the note disappears.
"""

import re
from collections.abc import Iterable
from html import escape

import nh3

_INLINE = frozenset(
    "a abbr b bdi bdo br cite code del dfn em i ins kbd mark q s samp small span strong sub sup u var wbr".split()
)
_BLOCK = frozenset(
    "blockquote caption dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td tfoot th thead tr ul".split()
)
# They change how something looks, or hide it: what is within them is shown, and they are not.
_DROPPED = frozenset(
    "article aside big center details figcaption figure font footer header main nav section summary tt".split()
)
_EMPTY = frozenset({"br", "wbr"})
_ATTRIBUTES = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}, "*": {"title", "dir", "lang"}}
_SCHEMES = {"http", "https", "mailto"}

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")

_OWN_TAGS = _INLINE | _BLOCK | {"details", "summary"}
_OWN_ATTRIBUTES = {
    **_ATTRIBUTES,
    "a": {"href", "target"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
    "*": {*_ATTRIBUTES["*"], "class", "data-lines"},
}


def gate(html: str, place: re.Pattern[str]) -> str:
    """Return ``html`` with nothing in it that runs, loads or looks like the page; links stay that match ``place``.

    Links to other sites stay, too, and tell them nothing about where they were followed.
    """
    return nh3.clean(
        html,
        tags=set(_OWN_TAGS),
        attributes=_OWN_ATTRIBUTES,
        url_schemes=_SCHEMES,
        url_relative=lambda url: url if place.match(url) else None,
    )


def block(source: str) -> str:
    """Return the HTML for a block of HTML: cleaned, and closed within itself, or its source."""
    # Nothing behind the last end of a comment is searched for one: that would take the square of its length.
    end = source.rfind("-->") + 3
    said = _COMMENT.sub("", source[:end]) + source[end:] if end > 2 else source
    names = {name.lower() for _, name in _TAG.findall(said)}
    # A comment that is left open, and what begins like it, would hide the rest of the note.
    if names <= _INLINE | _BLOCK | _DROPPED and "<!" not in said and "<?" not in said:
        return _clean(said)
    return f"<pre>{escape(source)}</pre>"


def inline(tags: Iterable[str]) -> tuple[list[str], str]:
    """Return the HTML for each of the ``tags`` and comments within a paragraph, and what closes those left open."""
    shown: list[str] = []
    opened: list[str] = []
    for source in tags:
        found = _TAG.match(source)
        name = found[2].lower() if found else ""
        if source.startswith("<!--") or name in _DROPPED:
            shown.append("")
        elif not found or name not in _INLINE:
            shown.append(escape(source))
        elif name in _EMPTY:
            shown.append(f"<{name}>")
        elif not found[1]:
            opened.append(name)
            shown.append(_clean(source).removesuffix(f"</{name}>"))
        elif name in opened:
            last = len(opened) - opened[::-1].index(name) - 1
            shown.append(_closing(opened[last:]))
            del opened[last:]
        else:
            shown.append("")
    return shown, _closing(opened)


def _closing(names: list[str]) -> str:
    return "".join(f"</{name}>" for name in reversed(names))


def _clean(html: str) -> str:
    """Return ``html`` as a note may have it; where a relative address leads is looked up for Markdown's links only."""
    return nh3.clean(
        html, tags=set(_INLINE | _BLOCK), attributes=_ATTRIBUTES, url_schemes=_SCHEMES, url_relative="deny"
    )
