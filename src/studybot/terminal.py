"""What the command line shows: replies, reports, progress, and errors as one line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from studybot.errors import StudybotError
from studybot.places import place

if TYPE_CHECKING:
    from pathlib import Path

    from studybot.bot import Reply, Status, StudyBot
    from studybot.types import Place, SyncReport
    from studybot.verification import Verification

FAILED, INTERRUPTED = 1, 130


@contextmanager
def failures() -> Iterator[None]:
    """Make an error on purpose one line and exit code 1, an interrupt one line and 130."""
    try:
        yield
    except StudybotError as error:
        typer.echo(f"studybot: {error}", err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("studybot: interrupted; nothing is half done, the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give what draws a bar for each stage that it is told of: its name, how much is done, of how much.

    Nothing is drawn when the error stream is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def synced(bot: "StudyBot") -> "SyncReport":
    """Sync with progress bars and return the report."""
    with progress() as show:
        return bot.sync(lambda step: show(step.stage, step.done, step.total))


def mended(bot: "StudyBot") -> None:
    """Repair with progress bars, and print what a damaged store was rebuilt from."""
    with progress() as show:
        rebuilt = bot.repair(lambda step: show(step.stage, step.done, step.total))
    if rebuilt is None:
        return
    carried = ", ".join(f"{count:,} {name}" for name, count in rebuilt.carried.items())
    typer.echo(f"rebuilt from the notes; carried over: {carried}")
    if rebuilt.lost or not rebuilt.is_whole:
        lost = f"{rebuilt.lost:,} rows were damaged" if rebuilt.lost else "no row that could be read was damaged"
        typer.echo(f"{lost}{'' if rebuilt.is_whole else '; a part of the file could not be read'}")
    typer.echo(f"the damaged file is kept in {rebuilt.damaged}")


def examined(bot: "StudyBot") -> bool:
    """Print what was checked of the index, each with what is wrong with it, and return whether nothing is.

    Notes that no sync can read are named; there is nothing wrong with an index that has left them out.
    """
    from studybot import checkup

    findings = bot.examine()
    for name, problem in findings.items():
        typer.echo(f"ok      {name}" if problem is None else f"problem {name}: {problem}")
    if "notes" in findings:
        for path, why in checkup.left_out(bot.settings.index, bot.settings.notes).items():
            typer.echo(f"left out: {printable(path)}: {printable(why)}")
    return not any(findings.values())


def print_status(now: "Status") -> None:
    """Print what is indexed, from where, with which encoder."""
    typer.echo(f"notes folder  {now.notes_folder}")
    typer.echo(f"index         {now.index}, generation {now.generation}")
    typer.echo("holds         " + ", ".join(f"{count:,} {name}" for name, count in now.counts.items()))
    typer.echo(f"encoder       {now.model} ({now.language})")
    if not now.is_calibrated:
        typer.echo("confidence    was fitted for another encoder and refuses nothing; set STUDYBOT_MIN_CONFIDENCE")


def print_report(report: "SyncReport", *, err: bool = False) -> None:
    """Print what a sync did, and what it could not read, the latter on the error stream."""
    typer.echo(
        f"{report.notes:,} notes, {report.passages:,} passages, {report.statements:,} statements"
        f" ({len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} removed;"
        f" {report.embedded:,} texts embedded; {report.seconds:.1f} s)",
        err=err,
    )
    for note, reason in report.unreadable.items():
        typer.echo(f"left out: {printable(note)}: {printable(reason)}", err=True)
    for note, encoding in report.decoded.items():
        typer.echo(f"read as {encoding}: {printable(note)}; save it as UTF-8 to be sure", err=True)


def print_reply(reply: "Reply") -> None:
    """Print the answer or the refusal, then the passages with their places."""
    from rich.console import Console
    from rich.text import Text

    from studybot.types import Answer

    # A pipe gets plain text with its lines as they are.
    console = Console(highlight=False, soft_wrap=True)
    if isinstance(reply.outcome, Answer):
        for line in reply.outcome.text.split("\n"):
            console.print(Text(printable(line), style="bold"))
        console.print(Text(f"confidence {reply.outcome.confidence:.0%}", style="dim"))
    else:
        console.print(Text(f"Not in your notes. {reply.outcome.reason}", style="bold yellow"))
        console.print(Text(f"confidence {reply.outcome.confidence:.0%}; the nearest passages:", style="dim"))
    cited = {quote.citation for quote in reply.outcome.quotes} if isinstance(reply.outcome, Answer) else set()
    for rank, hit in enumerate(reply.hits, 1):
        passage = hit.passage
        where = " › ".join((place(passage.note, passage.start_line, passage.end_line), *passage.heading))
        console.print(Text(f"\n[{rank}] {printable(where)}", style="cyan" if rank in cited else "dim"))
        for line in passage.text.split("\n"):
            console.print(Text(f"    {printable(line)}"))
        for other in hit.also_at:
            where = " › ".join((place(other.note, other.start_line, other.end_line), *other.heading))
            console.print(Text(f"    also in {printable(where)}", style="dim"))


def print_verification(found: "Verification") -> None:
    """Print what became of each quote, with its places then and now, and how many of each there are."""
    from collections import Counter

    from rich.console import Console
    from rich.text import Text

    def where(at: "Place") -> str:
        return printable(" › ".join((place(at.note, at.start_line, at.end_line), *at.heading)))

    console = Console(highlight=False, soft_wrap=True)
    if not found.quotes:
        console.print(Text("Nothing to verify: the reply is that it is not in the notes."))
        return
    styles = {"verified": "green", "moved": "cyan"}
    if found.forgery:
        console.print(Text(f"forged: {found.forgery}", style="bold red"))
    for quote in found.quotes:
        head = f"{quote.state}: {where(quote.then) if quote.then else f'[{quote.citation}]'}"
        console.print(Text(head, style=styles.get(quote.state, "bold red")))
        if quote.now and quote.now != quote.then:
            console.print(Text(f"  {'its section' if quote.state == 'changed' else 'now'}: {where(quote.now)}"))
        if quote.reason:
            console.print(Text(f"  {printable(quote.reason)}"))
        for line in quote.text.split("\n"):
            console.print(Text(f"    {printable(line)}", style="dim"))
    counts = Counter(quote.state for quote in found.quotes)
    total = f"{len(found.quotes)} quote{'s' if len(found.quotes) > 1 else ''}"
    console.print(Text(f"{total}: {', '.join(f'{n} {state}' for state, n in counts.items())}"))


def write_question(bot: "StudyBot", file: "Path", options: str) -> None:
    """Let the student write a question into ``file``; ended early, nothing is written.

    ``options`` are those that the command to ask it needs.
    """
    from studybot import authoring

    try:
        authoring.write_question(
            bot,
            file,
            options,
            ask=lambda prompt: str(typer.prompt(prompt, default="", show_default=False, prompt_suffix="")),
            say=lambda line: typer.echo(printable(line)),
        )
    except (EOFError, KeyboardInterrupt, typer.Abort):
        typer.echo("\nNothing was saved.")


def announce(address: str, bot: "StudyBot", open_browser: bool) -> None:
    """Tell where the server answers, and what it gives to whom, where it is not for this computer alone."""
    typer.echo(f"studybot answers at {address} (stop it with Ctrl-C)")
    if bot.settings.token:
        typer.echo(
            f"Whoever reaches it and knows the token can read all notes in {bot.notes_folder}, ask, and see, rename "
            "and export conversations. Nothing is encrypted on the way: use it only in a network that you trust."
        )
    if open_browser:
        typer.launch(address)


def print_json(value: Any) -> None:
    """Print a dataclass as JSON."""
    import json
    from dataclasses import asdict

    typer.echo(json.dumps(asdict(value), indent=2, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """Return ``text`` without control characters, which could change what the terminal shows."""
    return "".join(letter if letter.isprintable() or letter == "\t" else " " for letter in text)
