"""``python -m studybot`` is ``studybot``."""

from studybot.cli import app

app(prog_name="studybot")
