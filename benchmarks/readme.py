"""Writes the tables of README.md from results.jsonl.

python benchmarks/readme.py             bring README.md up to date
python benchmarks/readme.py --check     fail where it is not
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from common import HERE, Document, recorded

README = HERE / "README.md"
BENCHMARKS = (
    "training_throughput",
    "tutorial_accuracy",
    "accuracy_speed",
    "peer_forms",
    "quick_against_tutorial",
    "budget_on_time",
    "learning_curves",
    "letters",
    "predict_latency",
    "predict_throughput",
    "evaluate_speed",
    "onnx_equality",
    "few_pictures",
    "pretrained",
    "feature_speed",
    "interval_coverage",
    "heat_map",
    "difference_coverage",
)
"""The scripts that measure, in the order of the page; each defines `show(results) -> text`."""

NAMED_UNMEASURED = ("few_pictures", "pretrained")
"""Those whose tables name what is not measured yet, row by row."""

_BEGIN = "<!-- from here on written by readme.py -->\n"


def section(name: str) -> str:
    """What the page says of one benchmark: its claim, its figures, and where they come from."""
    benchmark = import_module(name)
    claim = (benchmark.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    results = recorded(name)
    if results:
        figures = f"{benchmark.show(results)}\n\n{origin(results)}"
    else:
        figures = benchmark.show([]) if name in NAMED_UNMEASURED else "Not measured yet."
    return f"## `{name}.py`\n{claim}\n\n{figures}\n"


def origin(results: Sequence[Document]) -> str:
    """Date, machine and versions of the latest result."""
    latest = results[-1]
    machine = latest["machine"]
    installed = latest["versions"] | latest.get("peers", {})
    versions = ", ".join(f"{package} {version}" for package, version in installed.items() if version)
    return f"{latest['date']}, {machine['cores']} cores of {machine['processor']}, {machine['system']}; {versions}"


def page() -> str:
    """The whole of README.md: what stands by hand above the mark, then one section a benchmark."""
    head = README.read_text(encoding="utf-8").partition(_BEGIN)[0]
    return "\n".join([f"{head}{_BEGIN}", *(section(name) for name in BENCHMARKS)])


def update() -> None:
    """Write README.md anew."""
    README.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    if "--check" not in sys.argv:
        update()
    elif README.read_text(encoding="utf-8") != page():
        sys.exit("README.md is behind results.jsonl: run python benchmarks/readme.py")
