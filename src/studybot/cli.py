"""The command line. Heavy parts are imported by the command that needs them, so that ``--help`` is quick."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studybot import __version__, terminal
from studybot.places import place

if TYPE_CHECKING:
    from studybot.bot import StudyBot

REFUSED = 3

app = typer.Typer(
    name="studybot",
    help="Ask your own Markdown notes. Every answer is quoted word for word, with note, heading and lines.",
    epilog="Exit codes: 0 answered or done, 1 an error, 2 wrong usage, 3 not in your notes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Index = Annotated[Path | None, typer.Option("--index", metavar="DIR", help="Where the index lies.")]
Model = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="A sentence-transformers folder, or all-MiniLM-L6-v2.")
]
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
def index(
    notes: Notes = None,
    export: Annotated[
        bool, typer.Option("--export", help="Make sure first of what runs the encoder without PyTorch; fail without.")
    ] = False,
    index: Index = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Bring the index up to date with the notes; only what changed is embedded."""
    if export:
        with terminal.failures():
            from studybot.encoding import SentenceEncoder
            from studybot.settings import load

            SentenceEncoder(load(model=model).model).prepare()
    with _bot(notes=notes, index=index, model=model) as bot:
        report = terminal.synced(bot)
        if as_json:
            terminal.print_json(report)
        else:
            terminal.print_report(report)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In plain words, up to 1,000 characters.")],
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, max=50, help="How many passages to show.")] = None,
    within: Annotated[
        list[str] | None, typer.Option("--in", metavar="PREFIX", help="Only notes whose path starts so; repeatable.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", min=0, max=1, help="How sure to be, else refuse.")
    ] = None,
    index: Index = None,
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what POST /api/ask replies.")] = False,
) -> None:
    """Answer a question from the notes."""
    from studybot.types import Answer

    with _bot(index=index, model=model) as bot:
        reply = bot.ask(question, top_k, prefixes=within or None, min_confidence=min_confidence)
        if as_json:
            from studybot.reply import reply_json

            typer.echo(reply_json(reply, bot).model_dump_json(indent=2))
        else:
            terminal.print_reply(reply)
        if not isinstance(reply.outcome, Answer):
            raise typer.Exit(REFUSED)


@app.command()
def serve(
    notes: Notes = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="What other computers must know; as STUDYBOT_TOKEN no other user sees it."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    watch: Annotated[
        bool | None,
        typer.Option("--watch/--no-watch", help="Index what changes in the notes meanwhile; so by default."),
    ] = None,
    index: Index = None,
    model: Model = None,
) -> None:
    """Bring the index up to date and serve the page on this computer."""
    with _bot(notes=notes, index=index, model=model, host=host, port=port, token=token, watch=watch) as bot:
        from studybot.server import check_address
        from studybot.server import serve as run

        check_address(bot.settings)
        terminal.print_report(terminal.synced(bot))
        run(bot, announce=lambda address: terminal.announce(address, bot, open_browser))


@app.command("eval")
def evaluate(
    questions: Annotated[
        list[Path] | None,
        typer.Argument(metavar="QUESTIONS...", help="Files of questions with evidence; --new begins questions.jsonl."),
    ] = None,
    notes: Annotated[
        list[Path] | None,
        typer.Option("--notes", metavar="DIR", help="The notes they are about, one for each file; else the last ones."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Write a page with plots and the worst questions.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep the result as JSON.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="Compare with a result that was kept.")
    ] = None,
    gate: Annotated[Path | None, typer.Option("--gate", metavar="FILE", help="Fail below the floors in FILE.")] = None,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Show what each part of retrieval brings; embeds the passages anew.")
    ] = False,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit weights and confidence to two or more files, for all of studybot.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Write a question of your own into QUESTIONS.")] = False,
    index: Index = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Measure retrieval and answers on questions whose evidence is known."""
    if not questions and not new:
        raise typer.BadParameter("name a file of questions, or begin one: studybot eval --new")
    questions = questions or [Path("questions.jsonl")]
    if notes and len(notes) != len(questions):
        raise typer.BadParameter(f"{len(questions)} question files need as many --notes, found {len(notes)}")
    runs = [name for name, is_wanted in (("--fit", fit), ("--new", new), ("--ablations", ablations)) if is_wanted]
    outputs = {"--report": report, "--save": save, "--against": against, "--gate": gate, "--json": as_json}
    if runs:
        wanted = [name for name, value in outputs.items() if value and (name != "--save" or not ablations)]
        if len(runs) > 1 or wanted:
            raise typer.BadParameter(f"{' and '.join(runs + wanted)} do not go together")
    if len(questions) > 1 and (new or any(value for name, value in outputs.items() if name != "--gate")):
        raise typer.BadParameter("only --gate, --fit and --ablations go with more than one question file")
    with terminal.failures():
        from studybot import measuring, results
        from studybot.encoding import SentenceEncoder
        from studybot.settings import load

        settings = load(index=index, model=model)
        encoder = SentenceEncoder(settings.model)
        # What a file holds is looked at before anything waits for the notes, or for the student.
        asked = [measuring.loaded(file, is_begun=new) for file in questions]
        bots = measuring.bots(notes or [None] * len(questions), settings, encoder, is_own_index=index is None)
        for bot in dict.fromkeys(bots):
            terminal.print_report(terminal.synced(bot), err=True)
        if new:
            terminal.write_question(
                bots[0], questions[0], _options(notes=notes[0] if notes else None, index=index, model=model)
            )
            return
        collections = [measuring.Collection(*pair) for pair in zip(asked, bots, strict=True)]
        say = partial(typer.echo, err=as_json)
        if fit:
            measuring.fit(collections, say)
            return
        made = measuring.Wanted(report, save, against, gate)
        is_good = True
        for collection in collections:
            if ablations:
                measuring.ablate(collection, encoder, save, say)
                continue
            result, is_good_enough = measuring.measure(collection, made, say, terminal.progress)
            is_good = is_good and is_good_enough
            if as_json:
                typer.echo(results.as_json(result), nl=False)
        if not is_good:
            raise typer.Exit(terminal.FAILED)


@app.command()
def cite(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A citation id, from a reply's JSON.")],
    index: Index = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a cited passage: current, moved or changed."""
    from studybot.whereabouts import citation_json

    with _bot(index=index, model=model) as bot:
        found = citation_json(identity, bot)
        if as_json:
            typer.echo(found.model_dump_json(indent=2))
            return
        typer.echo(f"{found.state}: {place(found.then.note, found.then.start_line, found.then.end_line)}")
        if found.state != "current" and found.now.start_line:
            typer.echo(f"now: {place(found.now.note, found.now.start_line, found.now.end_line)}")
        if found.text:
            typer.echo(found.text)


@app.command(epilog="Exit codes: 0 all verified or moved, or a refusal; 1 changed, gone, forged or an error; 2 usage.")
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What ask --json or POST /api/ask replied; - reads standard input.")
    ],
    notes: Annotated[
        Path | None, typer.Option("--notes", metavar="DIR", help="The notes folder; else the one that was indexed.")
    ] = None,
    index: Index = None,
    as_json: AsJson = False,
) -> None:
    """Check every quote of a saved reply, byte for byte, against today's notes.

    Each is verified (at its lines), moved (elsewhere), changed, gone (with its section or note) or forged.
    """
    with terminal.failures():
        from studybot import saved, verification
        from studybot.settings import load

        settings = load(notes=notes, index=index)
        found = verification.verify(saved.load(file), settings.notes or verification.indexed_folder(settings.index))
        if as_json:
            terminal.print_json(found)
        else:
            terminal.print_verification(found)
        if found.quotes and all(quote.state == "gone" for quote in found.quotes):
            typer.echo(f"studybot: none of it is in {found.notes_folder}; other notes are named by --notes", err=True)
        if not found.holds:
            raise typer.Exit(terminal.FAILED)


@app.command()
def status(index: Index = None, model: Model = None, as_json: AsJson = False) -> None:
    """Tell what is indexed, from where, with which encoder."""
    with _bot(index=index, model=model) as bot:
        if as_json:
            terminal.print_json(bot.status())
        else:
            terminal.print_status(bot.status())


@app.command()
def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend the index: a damaged one is kept beside a new one, and read from.")
    ] = False,
    index: Index = None,
    model: Model = None,
) -> None:
    """Check that the model is the published one, that the index is sound, and that it and the notes agree."""
    with _bot(index=index, model=model) as bot:
        if repair:
            terminal.mended(bot)
        if not terminal.examined(bot):
            raise typer.Exit(terminal.FAILED)


@contextmanager
def _bot(**chosen: Any) -> "Iterator[StudyBot]":
    """Give a StudyBot with what was chosen."""
    with terminal.failures():
        from studybot.bot import StudyBot
        from studybot.encoding import SentenceEncoder
        from studybot.settings import load

        settings = load(**chosen)
        yield StudyBot(settings, SentenceEncoder(settings.model))


def _options(**chosen: Path | None) -> str:
    """Return the options that were typed, as they are typed again."""
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in chosen.items() if value is not None)
