"""`make docs`: runs the chapters' code, puts what it prints into them, draws their pictures, writes the notebook.

The network of the guide is trained once and kept in `build/guide`; remove that folder to train it anew.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import eyespot
from guidebook import drawings
from guidebook.chapters import CHAPTERS, GUIDE, path, run, with_outputs
from guidebook.notebook import notebook

WORK = GUIDE.parents[1] / "build" / "guide"


def main() -> None:
    """Make all of the guide anew."""
    WORK.mkdir(parents=True, exist_ok=True)
    os.chdir(WORK)
    if not (WORK / "runs" / "letters" / "report.html").is_file():
        _say("training the network of the guide: a minute or two, once")
        eyespot.train("letters", "tutorial", settings={"epochs": 6, "learning_rate": 0.001}, out="runs/letters")
    names: dict[str, dict[str, Any]] = {}
    for chapter in CHAPTERS:
        began, text = time.monotonic(), path(chapter).read_text(encoding="utf-8")
        names[chapter] = {}
        path(chapter).write_text(with_outputs(text, list(run(text, chapter, WORK, names=names[chapter]))), encoding="utf-8")
        _say(f"{chapter}.md: its code ran in {time.monotonic() - began:.1f} s")
    for draw in drawings.ALL:
        draw(names)
    _say("the pictures are drawn")
    (GUIDE / "guide.ipynb").write_text(notebook(), encoding="utf-8")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
