"""The peers' scripts: what is changed in them, and what they run with."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import peer_support
import pytest
import torch
from numpy.typing import NDArray
from peer_patches import MAIN, SCRIPTS, Replacement, Script, patched
from peers import published
from views import six_views

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

needs_peers = pytest.mark.skipif(
    "EYESPOT_PEERS" not in os.environ, reason="EYESPOT_PEERS names no folder of the peers' scripts"
)


def script(*replacements: Replacement) -> Script:
    return Script("made_up", "owner/name", "0", "made_up.py", "0", replacements)


def numbers(source: str) -> Counter[float]:
    nodes = ast.walk(ast.parse(source))
    return Counter(node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) in (int, float))


# ------------------------------------------------------------------------------------------------ changes


def test_all_places_change_and_the_main_block_becomes_one_run() -> None:
    changed = patched(f"a.half()\nb.half()\n{MAIN}    forever()\n", script(Replacement("half", "bfloat16", times=2)))
    assert changed == f"a.bfloat16()\nb.bfloat16()\n{MAIN}    T.run(CifarNet, CifarLoader, main)\n"


@pytest.mark.parametrize("source", ["", "a.half()\n", "a.half()\n" * 3])
def test_a_text_that_is_not_there_as_often_as_expected_is_an_error(source: str) -> None:
    with pytest.raises(SystemExit, match=f"expected 2 times, found {source.count('half')} times"):
        patched(source + MAIN, script(Replacement("half", "bfloat16", times=2)))


def test_what_stands_in_the_main_block_is_not_looked_at() -> None:
    with pytest.raises(SystemExit, match="found 0 times"):
        patched(f"{MAIN}    half()\n", script(Replacement("half", "bfloat16")))


@needs_peers
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_published_script_keeps_every_number_of_its_training(name: str) -> None:
    source = published(SCRIPTS[name])
    before, after = numbers(source.partition(MAIN)[0]), numbers(patched(source, SCRIPTS[name]).partition(MAIN)[0])
    assert after - before == Counter({4: 1, 2: 1})  # the steps of a warm-up
    assert set(before - after) <= {0}  # the views of an evaluation that only logs


@needs_peers
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_published_script_no_longer_asks_for_a_gpu_or_torchvision(name: str) -> None:
    changed = patched(published(SCRIPTS[name]), SCRIPTS[name])
    assert "cuda" not in changed
    assert "pin_memory" not in changed
    imported = {alias.name for node in ast.walk(ast.parse(changed)) if isinstance(node, ast.Import) for alias in node.names}
    assert "torchvision" not in imported
    assert "peer_support" in imported


# ------------------------------------------------------------------------------------------------ support


class Loader:
    """As the peers' own: pictures as (n, 3, height, width)."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self.images = torch.from_numpy(pictures).permute(0, 3, 1, 2)

    def normalize(self, images: torch.Tensor) -> torch.Tensor:
        return images.float()


def test_peers_see_the_same_six_views_as_eyespot() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    seen = peer_support.view_logits(torch.nn.Flatten(), Loader(pictures))
    expected = np.stack([view.transpose(0, 3, 1, 2).reshape(5, -1) for view in six_views(pictures)])
    assert np.array_equal(seen, expected)


def test_pixels_are_normalized_before_they_are_rounded() -> None:
    mean, std = torch.tensor((0.4914, 0.4822, 0.4465)), torch.tensor((0.2470, 0.2435, 0.2616))
    pixels = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    exact = (pixels.double() - mean.double()[:, None, None]) / std.double()[:, None, None]
    found = peer_support.Normalize(mean, std)(pixels)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, exact.bfloat16())


STUB = """
import torch
import peer_support as T

class Network(torch.nn.Linear):
    def __init__(self):
        super().__init__(3 * 32 * 32, 4, bias=False)

    def forward(self, x):
        return super().forward(x.flatten(1).to(self.weight.dtype))

class Loader:
    def __init__(self, path, train):
        self.images = torch.zeros(6, 3, 32, 32)

    def normalize(self, images):
        return images + 1

@T.compile
def plain(x):
    return x

@T.compile(fullgraph=True)
def with_settings(x):
    return x

def main(run, model):
    assert plain(1) == with_settings(1) == 1
    first = model(torch.ones(1, 3, 32, 32)).abs().max()
    model.weight.data.zero_()
    assert first > 0 and T.steps(run, 9, 4) == 9
    return float(model(torch.ones(1, 3, 32, 32)).abs().max()), 1.5

T.run(Network, Loader, main)
"""


@pytest.mark.parametrize("options", [[], ["--float32-weights"]])
def test_a_script_runs_once_and_sees_its_weights_as_they_are(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "stub.py").write_text(STUB)
    command = [sys.executable, "stub.py", "--seed", "3", "--threads", "1", "--out", ".", *options]
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["own_accuracy"] == 0  # nothing remembers what the weights were
    assert figures["train_seconds"] == 1.5
    assert figures["warm_up_seconds"] is None
    assert figures["peak_bytes"] > 50e6
    assert np.array_equal(np.load(tmp_path / "logits.npy"), np.zeros((6, 6, 4)))
