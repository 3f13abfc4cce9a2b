import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STUDYBOT = (sys.executable, "-m", "studybot")

# An audit hook sees every connection, whichever library opens it.
NO_NETWORK = """
import ipaddress, sys
def refuse(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not ipaddress.ip_address(address[0]).is_loopback:
            raise SystemExit(f"a connection to {address}")
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost", "::1", None):
        raise SystemExit(f"a look-up of {arguments[0]}")
sys.addaudithook(refuse)
from studybot.cli import app
app()
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare, of Linux, is not here")
def test_index_and_ask_work_without_any_network_interface(notes: Path, tmp_path: Path) -> None:
    alone = ("unshare", "--map-root-user", "--net", *STUDYBOT)
    indexed = run(*alone, "index", str(notes), "--index", str(tmp_path / "index"))
    assert (indexed.returncode, indexed.stderr) == (0, "")
    asked = run(*alone, "ask", "What makes ATP in a cell?", "--index", str(tmp_path / "index"))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "Mitochondria make most of the cell's ATP. [1]" in asked.stdout


def test_no_socket_is_opened_to_another_computer(notes: Path, tmp_path: Path) -> None:
    for words in (("index", str(notes)), ("ask", "What makes ATP in a cell?")):
        done = run(sys.executable, "-c", NO_NETWORK, *words, "--index", str(tmp_path / "index"))
        assert (done.returncode, done.stderr) == (0, "")


def test_an_unchanged_folder_is_synced_without_loading_the_model(notes: Path, tmp_path: Path) -> None:
    index = ("index", str(notes), "--index", str(tmp_path / "index"))
    assert run(*STUDYBOT, *index).returncode == 0
    program = f"import sys; from studybot.cli import app; app({index!r}, standalone_mode=False); "
    program += "print([name for name in ('torch', 'onnxruntime', 'tokenizers') if name in sys.modules])"
    again = run(sys.executable, "-c", program)
    assert again.stdout.split("\n")[1] == "[]"
    assert "0 texts embedded" in again.stdout
