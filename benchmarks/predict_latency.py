"""Seconds from process start to answer: `eyespot predict` of one picture against a script in stock Keras; `eyespot --help`.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/predict_latency.py

Both sides classify the same photograph-sized JPEG with the same network, the tutorial's, trained for one epoch on drawn
pictures: what the weights are does not matter here. The script, `stock_predict.py`, calls the model directly, which is faster
than `model.predict`, and is run on all three backends. The commands take turns, after one turn that is not counted (it fills
the disk cache). Takes about 4 minutes on 2 cores.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, document, eyespot, finish, parser, peer_environment, peer_python, run_json, say, spread, table
from PIL import Image

Command = tuple[Sequence[str], Mapping[str, str]]

PREDICT = "eyespot predict, one picture"
HELP = "eyespot --help"


def drawn_pictures(folder: Path) -> Path:
    """Two classes of 40 drawn pictures to train on in seconds."""
    rng = np.random.default_rng(0)
    for color, name in enumerate(("red", "green")):
        (folder / name).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(0, 128, (32, 32, 3), dtype=np.uint8)
            pixels[..., color] += 127
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def photograph(path: Path) -> Path:
    """A JPEG of 1024x768, smooth as photographs are."""
    coarse = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def commands(run: Path, picture: Path) -> dict[str, Command]:
    """What is timed, by name."""
    found: dict[str, Command] = {
        HELP: (eyespot("--help"), os.environ),
        PREDICT: (eyespot("predict", picture, "--model", run), os.environ),
    }
    for backend in ("torch", "tensorflow", "jax"):
        python = peer_python(backend)
        if python is None:
            raise SystemExit(f"no environment for Keras on {backend}: run python benchmarks/peers.py first")
        script = [str(python), str(HERE / "stock_predict.py"), str(run / "model.keras"), str(picture)]
        found[f"stock Keras on {backend}, one picture"] = (script, peer_environment(backend))
    return found


def seconds(command: Command) -> float:
    """How long the command takes, process start to end.

    Errors: SystemExit, where it fails.
    """
    started = time.perf_counter()
    done = subprocess.run(command[0], env=command[1], capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[0])}\nfailed with exit code {done.returncode}:\n{done.stderr[-4000:]}")
    return elapsed


def compare(times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """One row a command: its time, and how many times that of `eyespot predict` (medians)."""
    rows = [{"command": name, **spread(values)} for name, values in times.items()]
    own = next(row["median"] for row in rows if row["command"] == PREDICT)
    for row in rows:
        row["times_eyespot_predict"] = row["median"] / own
    return rows


def show(results: Sequence[dict[str, Any]]) -> str:
    """The table of the latest result."""
    return table(
        ["process start to answer", "seconds", "lowest to highest", "n", "times eyespot predict"],
        [
            [
                row["command"],
                f"{row['median']:.3f}",
                f"{row['lowest']:.3f} to {row['highest']:.3f}",
                str(row["n"]),
                f"{row['times_eyespot_predict']:.1f}",
            ]
            for row in results[-1]["rows"]
        ],
    )


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--repeats", type=int, default=15, help="how often each command is timed (default: 15)")
    arguments = flags.parse_args()
    repeats = 2 if arguments.quick else arguments.repeats
    with tempfile.TemporaryDirectory() as scratch:
        data = drawn_pictures(Path(scratch) / "pictures")
        train = ["train", data, "--recipe", "tutorial", "--epochs", 1, "--out", Path(scratch) / "run"]
        run = Path(run_json(eyespot(*map(str, train), "--json"))["run"]).absolute()
        timed = commands(run, photograph(Path(scratch) / "photograph.jpg"))
        times: dict[str, list[float]] = {name: [] for name in timed}
        for turn in range(repeats + 1):
            for name, command in timed.items():
                elapsed = seconds(command)
                if turn > 0:
                    times[name].append(elapsed)
            say(f"turn {turn} of {repeats} done")
    finish(document("predict_latency", rows=compare(times)), show, arguments)


if __name__ == "__main__":
    main()
