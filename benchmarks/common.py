"""What every benchmark shares: its flags, the machine and versions, medians, tables, and the file of results."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results.jsonl"
PEERS = HERE / ".peers"
"""Where `peers.py` makes the environments of the peers; not committed."""
RUNS = HERE / "runs"
"""Where benchmarks leave the runs they train; not committed."""

Document = dict[str, Any]


def parser(docstring: str | None) -> argparse.ArgumentParser:
    """The flags that every benchmark takes; its docstring is the help."""
    flags = argparse.ArgumentParser(description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--json", action="store_true", help="print the figures as one JSON document instead of a table")
    flags.add_argument("--quick", action="store_true", help="a smoke check: little data, few repeats, nothing recorded")
    return flags


def say(line: str) -> None:
    """A line on the way, to stderr: stdout is for the result."""
    print(line, file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------------- figures


def spread(values: Sequence[float]) -> Document:
    """What is kept of repeated measurements: n, median, lowest, highest, and the values themselves in order."""
    return {
        "n": len(values),
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
        "values": [round(value, 4) for value in values],
    }


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, padded so that it also reads well in a terminal; all columns but the first are right-aligned."""
    widths = [max(3, *(len(row[column]) for row in (heads, *rows))) for column in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(heads), line(rule), *(line(row) for row in rows)])


# ---------------------------------------------------------------------------------------- machine and file


def machine() -> Document:
    """The processor, how many cores this process may use, and the operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "system": f"{platform.system()} {platform.machine()}"}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or "unknown"
    first = cpuinfo.read_text().split("\n\n")[0]
    fields = dict(map(str.strip, line.split(":", 1)) for line in first.splitlines() if ":" in line)
    name = fields.get("model name", "unknown")
    flags = fields.get("flags", "").split()
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name}, family {fields.get('cpu family')} model {fields.get('model')} ({', '.join(known)})"


def versions(*packages: str) -> Document:
    """The installed versions of `packages`, and Python's."""
    found: Document = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def document(benchmark: str, **figures: Any) -> Document:
    """One result: the benchmark's name, the date, machine and versions, then its figures."""
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions("eyespot", "keras", "torch", "numpy", "onnxruntime"),
        **figures,
    }


def record(result: Document) -> None:
    """Append one result to the committed file and bring README.md up to date."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    import readme  # it imports every benchmark, so not before it is needed

    readme.update()


def recorded(benchmark: str) -> list[Document]:
    """The results of `benchmark` kept so far, oldest first."""
    if not RESULTS.exists():
        return []
    results = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return [result for result in results if result["benchmark"] == benchmark]


def finish(result: Document, show: Callable[[Sequence[Document]], str], arguments: argparse.Namespace) -> None:
    """Record the result unless the run was a quick one, and print it as the flags ask."""
    if not arguments.quick:
        record(result)
    print(json.dumps(result, indent=2) if arguments.json else show([result]))


def finish_study(results: Sequence[Document], show: Callable[[Sequence[Document]], str], arguments: argparse.Namespace) -> None:
    """Print the results of a study, which were recorded one by one, as the flags ask."""
    print(json.dumps(results, indent=2) if arguments.json else show(results))


# ---------------------------------------------------------------------------------------------- processes


def eyespot(*arguments: str | Path) -> list[str]:
    """The command line that runs this checkout's `eyespot` as a user would."""
    return [str(Path(sys.executable).with_name("eyespot")), *(str(argument) for argument in arguments)]


def frozen_alone(backbone: str | Path, folder: Path) -> list[str]:
    """The flags with which `eyespot train` fits a head on a backbone's features and trains no network from scratch as well.

    Args:
        backbone: as of `--backbone`.
        folder: where a file is left that says so.
    """
    file = folder / "frozen_alone.yaml"
    file.write_text("from_scratch: false\n", encoding="utf-8")
    return ["--backbone", str(backbone), "--config", str(file)]


def peer_python(backend: str) -> Path | None:
    """The Python in which Keras runs on `backend`; None where `peers.py` has not made it."""
    if backend == "torch":
        return Path(sys.executable)
    folder = PEERS / f".venv-{backend}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return python if python.exists() else None


def peer_environment(backend: str) -> Mapping[str, str]:
    """The environment for Keras on `backend`, with this checkout on the path, so that the same lines build the network."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **quiet, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT / "src")}


def run_json(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Any:
    """Run `command` and read its standard output as one JSON document.

    Errors: SystemExit with what it wrote to stderr, where it fails.
    """
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed with exit code {done.returncode}:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Measured:
    """What a process took.

    Attributes:
        seconds: from its start to its exit.
        peak_bytes: the most memory that it held at once, or a process that it started and waited for, whichever is more.
        output: what it wrote to standard output.
    """

    seconds: float
    peak_bytes: int
    output: str


def measure(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Measured:
    """Run `command` in `folder` and measure it; on Linux and macOS.

    The system counts what this process itself ever held as the child's least: so keep pictures and models out of it.

    Errors: SystemExit with what it wrote to stderr, where it fails.
    """
    words = [str(part) for part in command]
    # Files, not pipes: nobody has to empty them while the process is waited for.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with subprocess.Popen(words, env=environment, cwd=folder, stdout=output, stderr=errors) as process:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(words)}\nfailed with exit code {process.returncode}:\n{errors.read()[-4000:]}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Measured(seconds, usage.ru_maxrss * unit, output.read())
