"""The README keeps its word: its commands run, its paths exist, its tree is the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `reason` says why it is not run, where it is not."""

    line: int
    language: str
    code: str
    reason: str | None


BLOCKS = [
    Block(README.count("\n", 0, found.start("code")), found["language"], found["code"], found["reason"])
    for found in BLOCK.finditer(README)
]


def command(block: Block) -> list[str]:
    if block.language == "python":
        return [sys.executable, "-c", block.code]
    return ["bash", "-euo", "pipefail", "-c", block.code]


def environment(home: Path) -> dict[str, str]:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": programs, "EYESPOT_HOME": str(home), "EYESPOT_OFFLINE": "1"}


def draw_photos(folder: Path) -> None:
    """Two classes that a network tells apart at once: warm and cold pictures of several sizes."""
    random = np.random.default_rng(0)
    for name, color in {"cat": (200, 120, 60), "dog": (60, 100, 190)}.items():
        (folder / name).mkdir(parents=True)
        for number in range(12):
            height, width = random.integers(40, 120, 2)
            pixels = np.clip(random.normal(color, 30, (height, width, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number + 1}.jpg")


def test_a_block_names_its_language() -> None:
    assert README.count("\n```") == 2 * len(BLOCKS)
    assert {block.language for block in BLOCKS} <= {"bash", "python", "text"}


def test_commands_and_code_are_run_in_their_order_unless_marked(tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    draw_photos(tmp_path / "photos")
    blocks = [block for block in BLOCKS if block.language in ("bash", "python") and block.reason is None]
    assert {block.language for block in blocks} == {"bash", "python"}
    for block in blocks:
        outcome = subprocess.run(
            command(block), cwd=tmp_path, env=environment(tmp_path / "home"), capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, f"README.md, line {block.line}:\n{block.code}\n{outcome.stdout}\n{outcome.stderr}"


def test_what_is_not_run_are_the_make_targets_alone() -> None:
    lines = [line for block in BLOCKS if block.reason for line in block.code.splitlines()]
    assert lines
    assert all(line.startswith(("make ", "git clone", "cd ", "python3 -m venv", ".venv/bin/")) for line in lines)


def test_the_tree_shows_every_module_and_no_other() -> None:
    (tree,) = [block.code for block in BLOCKS if block.code.startswith("src/eyespot/")]
    package = ROOT / "src" / "eyespot"
    shown, folders = set(), [package]
    for line in tree.splitlines()[1:]:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [folders[depth - 1] / name]
        if name.endswith(".py"):
            shown.add(folders[depth].relative_to(package).as_posix())
    modules = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.stat().st_size}
    assert shown == {path for path in modules if path.count("/") == 0 or not path.endswith("__init__.py")}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_a_link_leads_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()
