"""The command line. Heavy parts are imported by the command that needs them, so that ``--help`` is quick."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studybot import __version__
from studybot.errors import StudybotError

if TYPE_CHECKING:
    from studybot.bot import Reply, StudyBot
    from studybot.types import SyncReport

ANSWERED, FAILED, USAGE, REFUSED = 0, 1, 2, 3

app = typer.Typer(
    name="studybot",
    help="Ask your own Markdown notes. Every answer is quoted word for word, with note, heading and lines.",
    epilog="Exit codes: 0 answered or done, 1 an error, 2 wrong usage, 3 not in your notes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Index = Annotated[Path | None, typer.Option("--index", metavar="DIR", help="Where the index lies.")]
Model = Annotated[Path | None, typer.Option("--model", metavar="DIR", help="A sentence-transformers folder to use.")]
Notes = Annotated[Path | None, typer.Argument(metavar="[NOTES]", help="The notes folder; else the last one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Print the version, or go on to the command."""
    if version:
        typer.echo(f"studybot {__version__}")
        raise typer.Exit


@app.command()
def index(notes: Notes = None, index: Index = None, model: Model = None, as_json: AsJson = False) -> None:
    """Bring the index up to date with the notes; only what changed is embedded."""
    with _bot(notes=notes, index=index, model=model) as bot:
        report = _synced(bot)
        if as_json:
            _print_json(report)
        else:
            _print_report(report)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In plain words, up to 1,000 characters.")],
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, max=50, help="How many passages to show.")] = None,
    within: Annotated[
        list[str] | None, typer.Option("--in", metavar="PREFIX", help="Only notes whose path starts so; repeatable.")
    ] = None,
    index: Index = None,
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what POST /api/ask replies.")] = False,
) -> None:
    """Answer a question from the notes."""
    from studybot.types import Answer

    with _bot(index=index, model=model) as bot:
        reply = bot.ask(question, top_k, prefixes=within or None)
        if as_json:
            from studybot.reply import reply_json

            typer.echo(reply_json(reply, bot).model_dump_json(indent=2))
        else:
            _print_reply(reply)
        if not isinstance(reply.outcome, Answer):
            raise typer.Exit(REFUSED)


@app.command()
def serve(
    notes: Notes = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    index: Index = None,
    model: Model = None,
) -> None:
    """Bring the index up to date and serve the page on this computer."""
    with _bot(notes=notes, index=index, model=model, host=host, port=port) as bot:
        from studybot.server import serve as run

        _print_report(_synced(bot))
        run(bot, announce=lambda address: _announce(address, open_browser))


@app.command("eval")
def evaluate(
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS", help="A .jsonl file of questions with evidence.")],
    notes: Annotated[Path | None, typer.Option("--notes", metavar="DIR", help="The notes they are about.")] = None,
    index: Index = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Measure retrieval and answers on questions whose evidence is known."""
    from studybot import evaluation

    with _bot(notes=notes, index=index, model=model) as bot:
        loaded = evaluation.load_questions(questions)
        if notes is not None:
            _synced(bot)
        report = evaluation.evaluate(bot, loaded)
        if as_json:
            _print_json(report)
        else:
            typer.echo(evaluation.table(report))


@app.command()
def cite(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A citation id, from a reply's JSON.")],
    index: Index = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a cited passage: current, moved or changed."""
    from studybot.reply import citation_json

    with _bot(index=index, model=model) as bot:
        found = citation_json(identity, bot)
        if as_json:
            typer.echo(found.model_dump_json(indent=2))
            return
        typer.echo(f"{found.state}: {_place(found.then.note, found.then.start_line, found.then.end_line)}")
        if found.state != "current" and found.now.start_line:
            typer.echo(f"now: {_place(found.now.note, found.now.start_line, found.now.end_line)}")
        if found.text:
            typer.echo(found.text)


@app.command()
def status(index: Index = None, model: Model = None, as_json: AsJson = False) -> None:
    """Tell what is indexed, from where, with which encoder."""
    with _bot(index=index, model=model) as bot:
        now = bot.status()
        if as_json:
            _print_json(now)
            return
        typer.echo(f"notes folder  {now.notes_folder}")
        typer.echo(f"index         {now.index}, generation {now.generation}")
        typer.echo("holds         " + ", ".join(f"{count:,} {name}" for name, count in now.counts.items()))
        typer.echo(f"encoder       {now.model} ({now.language})")
        if not now.is_calibrated:
            typer.echo("confidence    was fitted for another encoder and refuses nothing; set STUDYBOT_MIN_CONFIDENCE")


@app.command()
def doctor(index: Index = None, model: Model = None) -> None:
    """Check that the model is the published one, and that index and notes agree."""
    with _bot(index=index, model=model) as bot:
        findings = bot.examine()
        for name, problem in findings.items():
            typer.echo(
                f"{'ok      ' if problem is None else 'problem '}{name}{'' if problem is None else f': {problem}'}"
            )
        if any(findings.values()):
            raise typer.Exit(FAILED)


@contextmanager
def _bot(**chosen: Any) -> "Iterator[StudyBot]":
    """Give a StudyBot with what was chosen; an error on purpose becomes one line and exit code 1."""
    try:
        from studybot.bot import StudyBot
        from studybot.encoding import SentenceEncoder
        from studybot.settings import load

        settings = load(**chosen)
        yield StudyBot(settings, SentenceEncoder(settings.model))
    except StudybotError as error:
        typer.echo(f"studybot: {error}", err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("studybot: interrupted; the index is as it was before", err=True)
        raise typer.Exit(130) from None


def _synced(bot: "StudyBot") -> "SyncReport":
    """Sync, with a progress bar on a terminal."""
    from studybot.indexing import Progress

    if not sys.stderr.isatty():
        return bot.sync()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(progress.stage)
            bars.update(tasks[progress.stage], completed=progress.done, total=progress.total)

        return bot.sync(show)


def _print_report(report: "SyncReport") -> None:
    typer.echo(
        f"{report.notes:,} notes, {report.passages:,} passages, {report.statements:,} statements"
        f" ({len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} removed;"
        f" {report.embedded:,} texts embedded; {report.seconds:.1f} s)"
    )
    for note, reason in report.unreadable.items():
        typer.echo(f"left out: {_printable(note)}: {_printable(reason)}", err=True)
    for note, encoding in report.decoded.items():
        typer.echo(f"read as {encoding}: {_printable(note)}; save it as UTF-8 to be sure", err=True)


def _print_reply(reply: "Reply") -> None:
    from rich.console import Console
    from rich.text import Text

    from studybot.types import Answer

    # A pipe gets plain text with its lines as they are.
    console = Console(highlight=False, soft_wrap=True)
    if isinstance(reply.outcome, Answer):
        for line in reply.outcome.text.split("\n"):
            console.print(Text(_printable(line), style="bold"))
        console.print(Text(f"confidence {reply.outcome.confidence:.0%}", style="dim"))
    else:
        console.print(Text(f"Not in your notes. {reply.outcome.reason}", style="bold yellow"))
        console.print(Text(f"confidence {reply.outcome.confidence:.0%}; the nearest passages:", style="dim"))
    cited = {quote.citation for quote in reply.outcome.quotes} if isinstance(reply.outcome, Answer) else set()
    for rank, hit in enumerate(reply.hits, 1):
        passage = hit.passage
        place = " › ".join((_place(passage.note, passage.start_line, passage.end_line), *passage.heading))
        console.print(Text(f"\n[{rank}] {_printable(place)}", style="cyan" if rank in cited else "dim"))
        for line in passage.text.split("\n"):
            console.print(Text(f"    {_printable(line)}"))


def _place(note: str, start_line: int | None, end_line: int | None) -> str:
    return f"{note}:{start_line}" if start_line == end_line else f"{note}:{start_line}-{end_line}"


def _printable(text: str) -> str:
    """Return ``text`` without control characters, which could change what the terminal shows."""
    return "".join(letter if letter.isprintable() or letter == "\t" else " " for letter in text)


def _print_json(value: Any) -> None:
    import json
    from dataclasses import asdict

    typer.echo(json.dumps(asdict(value), indent=2, ensure_ascii=False, default=str))


def _announce(address: str, open_browser: bool) -> None:
    typer.echo(f"studybot answers at {address} (stop it with Ctrl-C)")
    if open_browser:
        typer.launch(address)
