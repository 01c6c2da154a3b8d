"""The benchmarks' page shows what the results file holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from readme import BENCHMARKS as NAMES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_every_benchmark_on_the_page_has_a_make_target() -> None:
    targets = (BENCHMARKS / "Makefile.inc").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"benchmarks/{name}.py" not in targets] == []


def test_the_page_is_up_to_date() -> None:
    checked = subprocess.run([sys.executable, BENCHMARKS / "readme.py", "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
