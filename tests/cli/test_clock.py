"""When this process began."""

from __future__ import annotations

import builtins
import subprocess
import sys
import time
from typing import Any

import pytest

from eyespot.cli.clock import process_began


def test_the_beginning_of_the_process_is_before_its_first_line_but_not_long() -> None:
    code = "import time; now = time.monotonic(); from eyespot.cli.clock import process_began; print(now - process_began())"
    before = time.monotonic()
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ran = time.monotonic() - before
    # The system counts in hundredths of a second.
    assert -0.02 <= float(outcome.stdout) <= ran + 0.02


def test_a_shell_that_waited_and_then_became_this_process_does_not_count() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("told on Linux only")
    code = (
        "import time; from eyespot.cli import clock; clock._LONGEST_START = 0.9; "
        "now = time.monotonic(); print(clock.process_began() - now)"
    )
    shell = ["bash", "-c", f"sleep 1; exec {sys.executable} -c '{code}'"]
    outcome = subprocess.run(shell, capture_output=True, text=True, check=True)
    assert 0 <= float(outcome.stdout) < 0.1


def test_where_the_system_does_not_tell_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: Any, **options: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr(builtins, "open", missing)
    before = time.monotonic()
    assert before <= process_began() <= time.monotonic()
