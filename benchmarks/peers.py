"""Makes the environments in which the peers run: stock Keras on TensorFlow and on JAX, pinned in `peers/*.txt`.

    python benchmarks/peers.py

Each lies under `benchmarks/.peers/` and is made again when its list of packages changes. About 2.3 GB in all.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import venv
from pathlib import Path

from common import HERE, PEERS, peer_python, say

BACKENDS = ("tensorflow", "jax")


def make(backend: str) -> None:
    """Make the environment of `backend`, unless it is there with just these packages."""
    requirements = HERE / "peers" / f"{backend}.txt"
    folder = PEERS / f".venv-{backend}"
    made_from = folder / "made-from.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if made_from.exists() and made_from.read_text() == wanted:
        return
    say(f"making {folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = peer_python(backend)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)], check=True)
    made_from.write_text(wanted)


if __name__ == "__main__":
    for backend in BACKENDS:
        make(backend)
