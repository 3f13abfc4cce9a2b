from pathlib import Path

import pytest

from studybot import benchmark
from studybot.errors import ResultInvalid


@pytest.mark.parametrize("content", [b"", b"{}", b'{"warm": 1}'])
def test_what_is_no_benchmark_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bench.json"
    file.write_bytes(content)
    with pytest.raises(ResultInvalid, match=r"bench\.json is no benchmark"):
        benchmark.read(file)


def test_a_benchmark_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultInvalid, match="make bench"):
        benchmark.read(tmp_path / "bench.json")
