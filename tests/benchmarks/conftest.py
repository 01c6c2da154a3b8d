"""The benchmarks import each other as scripts beside each other do; so do their tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

Results = Callable[..., None]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Makes a results file that holds just the documents that it is given, and has the benchmarks read that one."""
    import common

    path = tmp_path / "results.jsonl"
    monkeypatch.setattr(common, "RESULTS", path)

    def write(*documents: dict[str, Any]) -> None:
        path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")

    return write
