"""What this installation runs on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eyespot import environment


def test_the_memory_is_that_of_the_machine_or_of_its_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        pytest.skip("only Linux tells it in a file")
    found = re.search(r"MemTotal: +(\d+) kB", meminfo.read_text())
    assert found
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(environment, "_MEMORY_LIMITS", (str(limit), str(tmp_path / "absent")))
    for text, expected in (("max\n", int(found[1]) * 1024), ("4096\n", 4096), (f"{2**63 - 4096}\n", int(found[1]) * 1024)):
        limit.write_text(text)
        assert environment.memory() == expected
