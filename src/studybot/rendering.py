"""A note as HTML for the reader: the Markdown that is indexed, shown harmlessly, each block with its lines."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from studybot import markup
from studybot.elements import ELEMENTS, words
from studybot.links import ADDRESS, Links, anchor
from studybot.markdown import LINK_DEFINITION, dialect
from studybot.sentences import runs

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_CALLOUT = re.compile(r"\[!([\w-]+)\][+-]?[ \t]*([^\n]*)\n?")
_WIKILINK = re.compile(r"(!?)\[\[([^\[\]\n]+)\]\]")
_TASK = re.compile(r"^\[([ xX])\](?=[ \t])")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a note: its words, the id of its element, and the line where it stands."""

    level: int
    title: str
    id: str
    line: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A note as HTML that went through the gate, and its headings in order.

    Every block has ``data-lines="start-end"``: its lines of the note, 1-based and inclusive, as sections have them.
    """

    html: str
    outline: tuple[Heading, ...]


def render(text: str, links: Links) -> Rendered:
    """Return a note's ``text`` as HTML, its ``links`` leading to other notes where these are there.

    Nothing in it runs or loads anything: images are named, HTML that a note may not bring is shown as its source.
    """
    lines = text.split("\n")
    markdown = _markdown()
    env = {"links": links}
    # As in parsing: a lone carriage return would end a line and shift every line below it.
    tokens = markdown.parse(text.replace("\r", " "), env)
    outline = tuple(_named(tokens))
    _close_tags(tokens)
    for token in tokens:
        if token.map is not None and token.nesting != -1 and token.type != "inline":
            token.attrSet("data-lines", _lines(lines, *token.map))
            if token.type == "front_matter":
                token.content = "\n".join(lines[slice(*token.map)])
    if any(token.level >= markdown.options.maxNesting - 1 for token in tokens):
        tokens = list(_with_swallowed(tokens, lines))
    html = markdown.renderer.render(tokens, markdown.options, env)
    return Rendered(markup.gate(html, ADDRESS), outline)


@cache
def _markdown() -> "MarkdownIt":
    markdown = dialect().enable("strikethrough")
    # Each is put in before those above it.
    markdown.core.ruler.after("block", "lines", _keep_lines)
    markdown.core.ruler.after("block", "task", _tick_tasks)
    markdown.core.ruler.after("block", "callout", _title_callouts)
    markdown.inline.ruler.before("link", "wikilink", _read_wikilink)
    for name, element in ELEMENTS.items():
        markdown.add_render_rule(name, _rule(element))
    return markdown


def _rule(element: Callable[["Token", Links], str]) -> Callable[..., str]:
    def rule(_: object, tokens: Sequence["Token"], at: int, __: object, env: Mapping[str, Links]) -> str:
        return element(tokens[at], env["links"])

    return rule


def _lines(lines: Sequence[str], first: int, behind: int) -> str:
    """Return the range of lines without blank ones at its end."""
    while behind > first + 1 and not lines[behind - 1].strip():
        behind -= 1
    return f"{first + 1}-{behind}"


def _named(tokens: Sequence["Token"]) -> Iterator[Heading]:
    """Give every heading an id, and yield those that begin a section: none within a list or a quote does."""
    used: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            title = " ".join(words(inline).split())
            identity = name = anchor(title)
            while identity in used:
                used[name] += 1
                identity = f"{name}-{used[name]}"
            used[identity] = 0
            opening.attrSet("id", identity)
            if opening.level == 0 and opening.map:
                yield Heading(int(opening.tag[1]), title, identity, opening.map[0] + 1)


def _close_tags(tokens: Iterable["Token"]) -> None:
    """Make each paragraph's own HTML harmless, and close it there: a tag left open would go on to the note's end."""
    from markdown_it.token import Token

    for token in tokens:
        tags = [child for child in token.children or [] if child.type == "html_inline"]
        if tags:
            shown, closing = markup.inline(tag.content for tag in tags)
            for tag, html in zip(tags, shown, strict=True):
                tag.content = html
            (token.children or []).append(Token("html_inline", "", 0, content=closing))


def _with_swallowed(tokens: Sequence["Token"], lines: Sequence[str]) -> Iterator["Token"]:
    """Yield the ``tokens``, and what markdown-it leaves out because it is nested too deep, as the note has it."""
    from markdown_it.token import Token

    shown: set[int] = set()
    top: Sequence[int] = (0, 0)
    for token in tokens:
        yield token
        if token.map and token.level == 0:
            top = token.map
        if token.map and token.nesting == 0:
            shown.update(range(*token.map))
        if token.level == 0 and token.nesting != 1:
            for number in range(*top):
                if number not in shown and lines[number].strip() and not LINK_DEFINITION.match(lines[number]):
                    source = Token("code_block", "code", 0, content=lines[number].strip())
                    source.attrSet("data-lines", f"{number + 1}-{number + 1}")
                    yield source
            top = (0, 0)


def _title_callouts(state: "StateCore") -> None:
    """Make ``> [!tip] Title`` a title, which is the kind of the callout where it has none of its own."""
    from markdown_it.token import Token

    tokens: list[Token] = []
    for token in state.tokens:
        is_first = [one.type for one in tokens[-2:]] == ["blockquote_open", "paragraph_open"]
        found = _CALLOUT.match(token.content) if token.type == "inline" and is_first else None
        if found and token.map:
            kind, title = found[1].replace("-", " ").capitalize(), found[2].strip()
            tokens[-2].attrSet("class", "callout")
            tokens[-1].attrSet("class", "title")
            line, behind = token.map
            said = kind if title.casefold() in ("", kind.casefold()) else f"{kind}: {title}"
            tokens[-1].map = [line, line + 1]
            tokens.append(Token("inline", "", 0, content=said, children=[], level=token.level, map=[line, line + 1]))
            rest = token.content[found.end() :]
            if rest:
                level = tokens[-2].level
                tokens.append(Token("paragraph_close", "p", -1, block=True, level=level))
                opening = Token("paragraph_open", "p", 1, block=True, level=level, map=[line + 1, behind])
                token.content, token.map = rest, [line + 1, behind]
                tokens += [opening, token]
        else:
            tokens.append(token)
    state.tokens = tokens


def _tick_tasks(state: "StateCore") -> None:
    """Show the task boxes of a list as boxes."""
    for item, _, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type == "list_item_open" and inline.type == "inline":
            inline.content = _TASK.sub(lambda box: "☐" if box[1] == " " else "☑", inline.content, count=1)


def _keep_lines(state: "StateCore") -> None:
    """Leave each line its own where the writer broke it by choice: many write a fact a line."""
    for token in state.tokens:
        if token.type == "inline" and "\n" in token.content:
            lines = token.content.split("\n")
            contents = [(number, 0, len(line)) for number, line in enumerate(lines, 1)]
            kept = ["\n".join(lines[number - 1] for number, _, _ in run) for run in runs(lines, contents)]
            # Markdown's own signs for it: two spaces, in place of the backslash that some write.
            token.content = "  \n".join(run.removesuffix("\\") for run in kept)


def _read_wikilink(state: "StateInline", silent: bool) -> bool:
    found = _WIKILINK.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        token = state.push("wikilink", "", 0)
        target, _, words = found[2].partition("|")
        shown = target.strip().lstrip("#").replace("#", " › ")
        # ![[diagram.png|300]] says how wide the image is.
        token.content = shown if found[1] else words.strip() or shown
        token.meta = {"target": target, "is_embedded": bool(found[1])}
    state.pos = found.end()
    return True
