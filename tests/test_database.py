import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import LOG
from studybot.errors import IndexUnusable

# In a process that may mount: on a disk of its own, which nobody can write to.
ON_A_DISK = """
import shutil, subprocess, sys
from pathlib import Path
from tests.crashes import make_bot

disk, index, notes = (Path(word) for word in sys.argv[1:])
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
shutil.copytree(index, disk / "index")
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
reply = make_bot(notes, disk / "index").ask("How do ferns spread?")
print(reply.hits[0].passage.text)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare, of Linux, is not here")
def test_where_nothing_can_be_written_what_was_committed_last_is_read(
    bot: StudyBot, notes: Path, tmp_path: Path
) -> None:
    # As it is open, its log is not played into the file.
    bot.ask("Who was executed in 1793?")
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    bot.sync()
    assert (bot.settings.index / LOG).stat().st_size > 0
    (tmp_path / "disk").mkdir()
    alone = ("unshare", "--map-root-user", "--mount")
    done = subprocess.run(
        [*alone, sys.executable, "-c", ON_A_DISK, tmp_path / "disk", bot.settings.index, notes],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("Ferns spread by spores.\n", "")


def test_what_cannot_be_read_is_not_said_to_be_unwritable(bot: StudyBot, make_bot: Callable[..., StudyBot]) -> None:
    bot.close()
    # Which SQLite cannot open as its log, whoever asks.
    (bot.settings.index / LOG).mkdir()
    with pytest.raises(
        IndexUnusable, match=r"studybot\.sqlite cannot be read \(unable to open database file\)"
    ) as found:
        make_bot().ask("Who was executed in 1793?")
    assert found.value.code == "index_unusable"
