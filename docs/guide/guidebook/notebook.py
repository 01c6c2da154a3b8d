"""The chapters as one notebook, complete in itself: text, code, what the code printed, and the pictures."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from guidebook.chapters import BLOCK, CHAPTERS, GUIDE, path

IMAGE = re.compile(r"!\[([^\]]*)\]\((images/[^)]+)\)")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)")

SET_UP = """\
# Eyespot has to be installed, with what training needs. Where it is not: put a copy of its repository
# beside this notebook, take the # off the next line, run it, and restart the kernel.
# %pip install --quiet "./eyespot[train]"
import eyespot

print(eyespot.__version__)
"""


def notebook() -> str:
    """The notebook file's text, in the format 4.5 of nbformat."""
    cells = [_code(SET_UP, None)]
    for chapter in CHAPTERS:
        cells += _cells(path(chapter).read_text(encoding="utf-8"))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cells(text: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = []
    end = 0
    for found in BLOCK.finditer(text):
        cells += _markdown(text[end : found.start()])
        end = found.end()
        if found["language"] == "text":
            cells[-1]["outputs"] = _outputs(found["body"])
        elif found["language"] == "bash":
            cells.append(_code("".join(f"!{line}\n" for line in found["body"].splitlines()), None))
        else:
            cells.append(_code(found["body"], None))
    return cells + _markdown(text[end:])


def _markdown(text: str) -> list[dict[str, Any]]:
    """A cell of text with the pictures in it; links to files beside the guide become plain words, tables and all else stay."""
    words = LINK.sub(r"\1", text).strip()
    if not words:
        return []
    attachments = {name.removeprefix("images/"): {"image/png": _base64(name)} for _, name in IMAGE.findall(words)}
    words = IMAGE.sub(lambda found: f"![{found[1]}](attachment:{found[2].removeprefix('images/')})", words)
    cell: dict[str, Any] = {"cell_type": "markdown", "id": "", "metadata": {}, "source": words.splitlines(keepends=True)}
    return [{**cell, "attachments": attachments} if attachments else cell]


def _code(code: str, output: str | None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "",
        "metadata": {},
        "outputs": _outputs(output) if output else [],
        "source": code.rstrip("\n").splitlines(keepends=True),
    }


def _outputs(text: str) -> list[dict[str, Any]]:
    return [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}]


def _base64(name: str) -> str:
    return base64.b64encode((GUIDE / name).read_bytes()).decode()
