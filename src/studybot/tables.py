"""Tables, read without making more of them than they say."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

_MOST_EMPTY = 5_000
_EMPTY = "empty_cells"


def limit_tables(markdown: "MarkdownIt") -> None:
    """Make ``markdown`` read no more tables in a note once they have 5,000 cells more than they have letters.

    A row of two characters is filled up to the width of its header: 2 KB would become 65,000 cells.
    """
    from markdown_it.rules_block import table

    def within_limit(state: "StateBlock", start_line: int, end_line: int, silent: bool) -> bool:
        if state.env.get(_EMPTY, 0) > _MOST_EMPTY:
            return False
        if not silent and _is_ruled(state, start_line + 1, end_line):
            state.env[_EMPTY] = state.env.get(_EMPTY, 0) + _empty_cells(state, start_line, end_line)
            if state.env[_EMPTY] > _MOST_EMPTY:
                return False
        return table(state, start_line, end_line, silent)

    markdown.block.ruler.at("table", within_limit, {"alt": ["paragraph", "reference"]})


def _is_ruled(state: "StateBlock", line: int, end_line: int) -> bool:
    """Return whether ``line`` may be the rule below a table's header."""
    return line < end_line and not state.src[state.bMarks[line] : state.eMarks[line]].strip(" \t|:->")


def _empty_cells(state: "StateBlock", start_line: int, end_line: int) -> int:
    """Return how many cells more than letters the table in these lines would have."""
    line = start_line
    while line < end_line and not state.isEmpty(line):
        line += 1
    columns = state.src.count("|", state.bMarks[start_line], state.eMarks[start_line]) + 1
    return max(columns * (line - start_line) - (state.eMarks[line - 1] - state.bMarks[start_line]), 0)
