"""A note's text, parsed into sections, blocks and statements that know their exact lines.

markdown-it-py says which lines each block takes; what a line says within its block is read from the line itself, so
that every statement is a slice of the note. Lines that markdown-it gives to no block (link definitions, what is nested
too deep) become blocks of their own: no line is lost.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, count
from typing import TYPE_CHECKING

from studybot.sentences import paragraph_spans
from studybot.tables import limit_tables
from studybot.types import Block, Document, Section, Statement, StatementKind

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

# What stands before a line's own words: quote marks, and, where an item begins, its bullet or number and task box.
_QUOTE_MARKS = re.compile(r"(?:[ \t]*>)*[ \t]*")
_ITEM_MARKS = re.compile(r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*(?:\[[ xX]\][ \t]+)?")
_CALLOUT = re.compile(r"\[![\w-]+\][+-]?[ \t]*")
_WORD = re.compile(r"\w")
_TAG = re.compile(r"<!--.*?(?:-->|$)|</?[A-Za-z][^<>]*(?:>|$)")
# [Regions](#regions), [[#Regions]] and [[#Regions|the regions]]
_LINK_TO_HEADING = re.compile(r"\[[^\n]{0,200}?\]\(#[^)\s\[]{0,300}\)|\[\[#[^\]\n\[]*\]\]")
_MARKUP = re.compile(r"[*_`\[\]\\<&!~$]")
_LEAST_CONTENTS = 3
# Any line may be a heading, which each of its passages repeats; what reads its markup takes the square of its length.
_MAX_TITLE = 1_000

LINK_DEFINITION = re.compile(r"[\s>]*\[[^\]]+\]:")
"""How a line begins that says where a link leads, within quotes too: it says nothing to a reader."""


def parse(text: str) -> Document:
    """Return the sections of a note's ``text``, in order; a section before the first heading has an empty heading path.

    A table of contents, that is a list or a paragraph of nothing but links to headings of the same note, is left out,
    and so is front matter.
    """
    return _Parser(text).document()


class _Parser:
    """The state of one parse: the lines, where each starts, and what was found so far in the section at hand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = list(accumulate((len(line) + 1 for line in self.lines), initial=0))
        self.statements: list[Statement] = []
        self.lead: int | None = None

    def document(self) -> Document:
        # markdown-it also ends a line at a lone carriage return, which would shift every line below it.
        tree = _tree("\n".join(line.replace("\r", " ") for line in self.lines))
        sections: list[Section] = []
        left_out: list[tuple[int, int]] = []
        path: list[tuple[int, str]] = []
        blocks: list[Block] = []
        # Lines below the section's heading that are in a block, or left out.
        taken: list[tuple[int, int]] = []
        start_line = body_line = 1

        def close(end_line: int) -> None:
            for block in self._gaps(taken, body_line, end_line):
                blocks.append(block)
            if blocks or body_line > start_line:
                blocks.sort(key=lambda block: block.start_line)
                statements = tuple(sorted(self.statements, key=lambda statement: statement.start))
                heading = tuple(title for _, title in path if title)
                sections.append(Section(heading, tuple(blocks), statements, start_line, body_line, end_line))

        for node in self._children(tree):
            start, end = self._trim(node)
            if node.type == "heading":
                close(start - 1)
                level = int(node.tag[1])
                while path and path[-1][0] >= level:
                    path.pop()
                path.append((level, _plain(node.children[0].content)))
                blocks, taken, self.statements, self.lead = [], [], [], None
                start_line, body_line = start, end + 1
                continue
            taken.append((start, end))
            if node.type == "front_matter" or _is_table_of_contents(node):
                left_out.append((start, end))
            else:
                blocks.append(self._block(node, parent=None))
        # What follows the last newline is a line only if something stands there.
        close(len(self.lines) - (not self.lines[-1]))
        return Document(tuple(sections), tuple(left_out))

    def _block(self, node: "SyntaxTreeNode", parent: int | None) -> Block:
        start, end = self._trim(node)
        lead, self.lead = self.lead, None
        match node.type:
            case "bullet_list" | "ordered_list":
                parent = parent if lead is None else lead
                return Block(start, end, tuple(self._item(child, parent) for child in self._children(node)))
            case "blockquote":
                return Block(start, end, tuple(self._block(child, parent) for child in self._children(node)))
            case "table":
                return self._table(node, start, end, parent if lead is None else lead)
            case "fence":
                closed = end > start and self.lines[end - 1].strip(" \t>")[:2] in ("``", "~~")
                self._whole("code", start + 1, end - closed, parent if lead is None else lead)
            case "math_block" | "math_block_label":
                self._formula(start, end, parent if lead is None else lead)
            case "code_block":
                self._whole("code", start, end, parent if lead is None else lead)
            case "html_block":
                self._markup(start, end)
            case "hr":
                pass
            case _:
                self._paragraph(start, end, parent, first_of_item=False)
        return Block(start, end)

    def _item(self, node: "SyntaxTreeNode", parent: int | None) -> Block:
        start, end = self._trim(node)
        self.lead = None
        children: list[Block] = []
        for position, child in enumerate(self._children(node)):
            if position == 0 and child.type in ("paragraph", "heading"):
                first, last = self._trim(child)
                found = len(self.statements)
                self._paragraph(first, last, parent, first_of_item=True)
                if len(self.statements) > found:
                    parent = self.statements[found].start
                self.lead = None
                children.append(Block(first, last))
            else:
                children.append(self._block(child, parent))
        self.lead = None
        return Block(start, end, tuple(children))

    def _table(self, node: "SyntaxTreeNode", start: int, end: int, parent: int | None) -> Block:
        header = self._row("header", start, parent)
        rows = [Block(start, min(start + 1, end))]
        for line in range(start + 2, end + 1):
            self._row("row", line, parent if header is None else header)
            rows.append(Block(line, line))
        return Block(start, end, tuple(rows), header=(start, min(start + 1, end)))

    def _row(self, kind: StatementKind, line: int, parent: int | None) -> int | None:
        """Add the statement of a table's line and return where it starts, or None for a line without words."""
        text = self.lines[line - 1]
        skipped = _ITEM_MARKS.match(text)
        return self._add(kind, line, skipped.end() if skipped else 0, line, len(text.rstrip()), parent)

    def _paragraph(self, start: int, end: int, parent: int | None, *, first_of_item: bool) -> None:
        """Add the statements of a paragraph's lines; one that ends with a colon leads what follows it."""
        contents = []
        title = 0
        for line in range(start, end + 1):
            text = self.lines[line - 1]
            marks = (_ITEM_MARKS if first_of_item and line == start else _QUOTE_MARKS).match(text)
            begin = marks.end() if marks else 0
            callout = _CALLOUT.match(text, begin) if line == start else None
            if callout:
                title, begin = 1, callout.end()
            contents.append((line, begin, max(begin, len(text.rstrip().removesuffix("\\")))))
        kind: StatementKind = "item" if first_of_item else "sentence"
        last: int | None = None
        # A callout's title is no part of the sentence below it.
        for part in filter(None, (contents[:title], contents[title:])):
            for (line, column), (end_line, end_column) in paragraph_spans(self.lines, part, whole=first_of_item):
                added = self._add(kind, line, column, end_line, end_column, parent)
                last = added if added is not None else last
                if first_of_item and parent is None:
                    parent = added
        if last is not None and self.statements[-1].text.rstrip("*_ ").endswith((":", "\uff1a")):
            self.lead = last

    def _formula(self, start: int, end: int, parent: int | None) -> None:
        """Add the statement of a formula's lines; those of nothing but its dollar signs are no part of it."""
        column = self.lines[start - 1].index("$$")
        closed = self.lines[end - 1].lstrip(" \t>").rstrip() == "$$"
        if self.lines[start - 1][column:].rstrip() == "$$":
            start, column = start + 1, 0
        self._whole("math", start, end - closed, parent, column)

    def _whole(self, kind: StatementKind, start: int, end: int, parent: int | None, column: int = 0) -> None:
        """Add one statement for lines ``start``, from ``column`` on, to ``end``, but blank ones at either end."""
        while start <= end and not self.lines[start - 1].strip():
            start += 1
        while end >= start and not self.lines[end - 1].strip():
            end -= 1
        if start <= end:
            self._add(kind, start, column, end, len(self.lines[end - 1].rstrip()), parent)

    def _markup(self, start: int, end: int) -> None:
        """Add a statement for each line of HTML that says something outside of its tags."""
        within_comment = False
        for line in range(start, end + 1):
            text = self.lines[line - 1]
            said = _TAG.sub("", text if not within_comment else "<!--" + text)
            opened = text.rfind("<!--")
            within_comment = "-->" not in text[max(opened, 0) :] and (within_comment or opened >= 0)
            if _WORD.search(said):
                self._add("sentence", line, len(text) - len(text.lstrip()), line, len(text.rstrip()), None)

    def _add(
        self, kind: StatementKind, line: int, column: int, end_line: int, end_column: int, parent: int | None
    ) -> int | None:
        start = self.starts[line - 1] + column
        text = self.text[start : self.starts[end_line - 1] + end_column]
        if not _WORD.search(text):
            return None
        self.statements.append(Statement(kind, text, start, line, end_line, parent))
        return start

    def _gaps(self, taken: Sequence[tuple[int, int]], first: int, last: int) -> Iterator[Block]:
        """Yield a block for each run of lines from ``first`` to ``last`` that are not blank and not ``taken``."""
        line = first
        for start, end in [*taken, (last + 1, last)]:
            free = {number: None for number in range(line, start) if self.lines[number - 1].strip()}
            line = max(line, end + 1)
            for number in free:
                if not LINK_DEFINITION.match(self.lines[number - 1]):
                    self._paragraph(number, number, None, first_of_item=False)
                    self.lead = None
            for begin in [number for number in free if number - 1 not in free]:
                yield Block(begin, next(number for number in count(begin) if number + 1 not in free))

    def _children(self, node: "SyntaxTreeNode") -> "list[SyntaxTreeNode]":
        """Return the blocks within ``node`` that have lines; some have only what Markdown, unlike us, calls text."""
        return [child for child in node.children if child.map and any(map(str.strip, self.lines[slice(*child.map)]))]

    def _trim(self, node: "SyntaxTreeNode") -> tuple[int, int]:
        """Return the lines of ``node`` without blank ones at either end."""
        first, behind = node.map or (0, 0)
        while behind > first and not self.lines[behind - 1].strip():
            behind -= 1
        while first < behind and not self.lines[first].strip():
            first += 1
        return first + 1, behind


def _tree(text: str) -> "SyntaxTreeNode":
    from markdown_it.tree import SyntaxTreeNode

    return SyntaxTreeNode(_blocks().parse(text))


def dialect() -> "MarkdownIt":
    """Return a new parser of the Markdown that notes are written in, with which they are also shown."""
    # Imported when a note is parsed: a question, for which none is, would wait a tenth of a second.
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    # markdown-it's own limit of 20 swallows what follows a list of 12 levels; 250 overflows Python's stack.
    notes = MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").use(front_matter_plugin)
    limit_tables(notes)
    # Of prices, "$5 and $10", there are more than of formulas with space within the dollar signs.
    return notes.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)


@cache
def _blocks() -> "MarkdownIt":
    return dialect().disable("inline")


@cache
def _inline() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


def _is_table_of_contents(node: "SyntaxTreeNode") -> bool:
    if node.type not in ("bullet_list", "ordered_list", "paragraph"):
        return False
    inlines = [part.content for part in node.walk() if part.type == "inline"]
    # Most lists have no such link at all; the expression below is slow to find that out.
    if sum(content.count("](#") + content.count("[[#") for content in inlines) < _LEAST_CONTENTS:
        return False
    links = 0
    for content in inlines:
        rest, found = _LINK_TO_HEADING.subn("", content)
        if not found or _WORD.search(rest):
            return False
        links += found
    return links >= _LEAST_CONTENTS


def _plain(content: str) -> str:
    """Return a heading's words without their markup."""
    if len(content) > _MAX_TITLE or not _MARKUP.search(content):
        return " ".join(content[:_MAX_TITLE].split())
    children = _inline().parseInline(content)[0].children or []
    return " ".join("".join(child.content or " " * (child.type == "softbreak") for child in children).split())
