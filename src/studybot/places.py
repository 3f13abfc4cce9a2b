"""Where something stands in a note, as editors take it."""


def place(note: str, start_line: int | None, end_line: int | None) -> str:
    """Return ``note:line`` or ``note:first-last``; the note alone where no lines are known."""
    return note if start_line is None or end_line is None else f"{note}:{span(start_line, end_line)}"


def span(first: int, last: int) -> str:
    """Return the line, or ``first-last`` where there are several."""
    return str(first) if first == last else f"{first}-{last}"
