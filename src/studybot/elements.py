"""What each part of a note is shown as: a token of markdown-it and the note's links in, HTML out."""

import posixpath
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from studybot import markup
from studybot.links import Links

if TYPE_CHECKING:
    from markdown_it.token import Token


def words(token: "Token") -> str:
    """Return what the parts of ``token`` say, without their markup."""
    return "".join(
        " " if part.type in ("softbreak", "hardbreak") else "" if part.type == "html_inline" else part.content
        for part in token.children or []
    )


def _front_matter(token: "Token", _: Links) -> str:
    summary = "<summary>Front matter</summary>"
    return f"<details{_attributes(token)}>{summary}<pre>{escape(token.content)}</pre></details>\n"


def _paragraph(token: "Token", _: Links) -> str:
    # Markdown hides the paragraphs of a list without blank lines; an item's own lines are to be told from its list's.
    tag = "span" if token.hidden else "p"
    return f"<{tag}{_attributes(token)}>" if token.nesting == 1 else f"</{tag}>\n"


def _table(token: "Token", _: Links) -> str:
    return f'<div class="wide"><table{_attributes(token)}>\n' if token.nesting == 1 else "</table></div>\n"


def _cell(token: "Token", _: Links) -> str:
    # markdown-it aligns by a style, which the page's policy forbids.
    side = str(token.attrs.get("style", "")).removeprefix("text-align:")
    align = f' align="{side}"' if side else ""
    return f"<{token.tag}{align}>" if token.nesting == 1 else f"</{token.tag}>\n"


def _code(token: "Token", _: Links) -> str:
    return f"<pre{_attributes(token)}><code>{escape(token.content)}</code></pre>\n"


def _formulas(token: "Token", _: Links) -> str:
    label = f" ({escape(token.info)})" if token.info else ""
    return f"<pre{_attributes(token)}><code>{escape(token.content.strip(chr(10)))}</code>{label}</pre>\n"


def _formula(token: "Token", _: Links) -> str:
    return f"<code>{escape(token.markup + token.content + token.markup)}</code>"


def _html_block(token: "Token", _: Links) -> str:
    return f"<div{_attributes(token)}>{markup.block(token.content)}</div>\n"


def _html_inline(token: "Token", _: Links) -> str:
    return token.content


def _image(token: "Token", _: Links) -> str:
    place = urlsplit(str(token.attrs.get("src", "")))
    name = "" if place.scheme == "data" else posixpath.basename(unquote(place.path))
    said = words(token)
    return _named_image(f"{said} ({name})" if said and name else said or name)


def _named_image(name: str) -> str:
    return f'<span class="image">Image{": " * bool(name)}{escape(name)}</span>'


def _link(token: "Token", links: Links) -> str:
    if token.nesting == -1:
        return "</a>"
    target = str(token.attrs["href"])
    scheme = target.partition(":")[0].lower() if ":" in target.partition("/")[0] else ""
    if scheme in ("http", "https"):
        return f'<a href="{escape(target)}" target="_blank">'
    if scheme:
        return f'<a href="{escape(target)}">'
    address = None if target.startswith("//") else links.of_markdown(target)
    # A file that is no note, or is not there, is named: the server has no page for it.
    return f'<a href="{escape(address)}">' if address else f'<a title="{escape(unquote(target))}">'


def _wikilink(token: "Token", links: Links) -> str:
    address = links.of_wikilink(token.meta["target"])
    if address:
        return f'<a href="{escape(address)}">{escape(token.content)}</a>'
    return _named_image(token.content) if token.meta["is_embedded"] else escape(token.content)


def _attributes(token: "Token") -> str:
    return "".join(f' {name}="{escape(str(value))}"' for name, value in token.attrs.items())


ELEMENTS: dict[str, Callable[["Token", Links], str]] = {
    "front_matter": _front_matter,
    "paragraph_open": _paragraph,
    "paragraph_close": _paragraph,
    "table_open": _table,
    "table_close": _table,
    "th_open": _cell,
    "th_close": _cell,
    "td_open": _cell,
    "td_close": _cell,
    "fence": _code,
    "code_block": _code,
    "math_block": _formulas,
    "math_block_label": _formulas,
    "math_inline": _formula,
    "math_inline_double": _formula,
    "html_block": _html_block,
    "html_inline": _html_inline,
    "image": _image,
    "link_open": _link,
    "link_close": _link,
    "wikilink": _wikilink,
}
"""Token types whose own way of being shown is not markdown-it's."""
