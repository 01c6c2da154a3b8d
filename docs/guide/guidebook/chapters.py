"""The chapters as text and code: read, run, and their outputs put in place.

A ```python block is run; the ```text block right after it is what it prints. Code that is not run, and outputs that differ from
machine to machine, say so in a comment on the line before: `<!-- not run: why -->`, `<!-- differs: why -->`.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[1]

CHAPTERS = (
    "README",
    "picture",
    "convolution",
    "receptive-field",
    "activation-maps",
    "pooling",
    "relu-and-softmax",
    "fully-connected",
    "dropout",
    "loss",
    "training",
    "quick",
)
"""Their names, in order."""

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>not run|differs): [^\n]+ -->\n)?```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: `python`, `bash` or `text`.
        body: what lies between the fences.
        mark: `not run`, `differs` or None.
        start, end: where the body lies in the chapter.
        line: its first line's number, from 1.
    """

    language: str
    body: str
    mark: str | None
    start: int
    end: int
    line: int


def path(chapter: str) -> Path:
    """Where a chapter lies."""
    return GUIDE / f"{chapter}.md"


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a chapter, in order."""
    return [
        Block(
            found["language"],
            found["body"],
            found["mark"],
            found.start("body"),
            found.end("body"),
            text.count("\n", 0, found.start("body")) + 1,
        )
        for found in BLOCK.finditer(text)
    ]


@dataclass(frozen=True)
class Printed:
    """What a python block printed, and the text block that shows it; None where none does."""

    code: Block
    output: str
    shown: Block | None


def run(
    text: str, name: str, folder: Path, *, names: dict[str, Any] | None = None, changes: Mapping[str, str] | None = None
) -> Iterator[Printed]:
    """Run the python and bash blocks of a chapter in order, in `folder`, which is the working directory already.

    Args:
        text: the chapter.
        name: what errors call it.
        folder: where commands run; it holds `runs/letters`.
        names: what the code binds is found here afterwards.
        changes: lines of code to replace with others, such as a number of epochs.
    """
    names = {} if names is None else names
    names["__name__"] = "__main__"
    every = blocks(text)
    for block, following in zip(every, [*every[1:], None], strict=True):
        if block.mark == "not run":
            continue
        if block.language == "bash":
            command = ["bash", "-euo", "pipefail", "-c", block.body]
            subprocess.run(command, cwd=folder, env=_environment(), check=True, capture_output=True)
        if block.language == "python":
            lines = [(changes or {}).get(line, line) for line in block.body.splitlines()]
            # Errors then name the chapter's own line.
            code = compile("\n" * (block.line - 1) + "\n".join(lines), f"{name}.md", "exec")
            with redirect_stdout(io.StringIO()) as printed:
                exec(code, names)
            is_shown = following is not None and following.language == "text"
            yield Printed(block, printed.getvalue(), following if is_shown else None)


def _environment() -> dict[str, str]:
    """In which `eyespot` is the one of this Python."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def with_outputs(text: str, outputs: list[Printed]) -> str:
    """The chapter with what its code printed in its text blocks."""
    for printed in reversed(outputs):
        if printed.shown is not None:
            text = text[: printed.shown.start] + printed.output + text[printed.shown.end :]
    return text
