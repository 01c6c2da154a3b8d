"""Makes what the peers run in: stock Keras on TensorFlow and on JAX, pinned in `peers/*.txt`, and two published scripts.

    python benchmarks/peers.py

Each environment lies under `benchmarks/.peers/` and is made again when its list of packages changes. About 2.3 GB in all. The
scripts, `peer_patches.py` says which, come from GitHub at a pinned commit; where EYESPOT_PEERS names a folder of git
repositories, called NAME, NAME.git or OWNER+NAME, from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import venv
from pathlib import Path

from common import HERE, PEERS, peer_python, say
from peer_patches import SCRIPTS, Script, patched

from eyespot.download import fetch_bytes
from eyespot.errors import DownloadError

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


def published(script: Script) -> str:
    """The script as its authors published it, fetched where it is not here already.

    Errors: SystemExit, where it cannot be had, or is another than the one that the patches were written for.
    """
    kept = PEERS / "scripts" / f"{script.name}.py"
    if not kept.exists() or hashlib.sha256(kept.read_bytes()).hexdigest() != script.sha256:
        content = _from_repository(script) or _from_github(script)
        found = hashlib.sha256(content).hexdigest()
        if found != script.sha256:
            raise SystemExit(
                f"{script.path} of {script.repository} at {script.commit} has the SHA-256 sum {found}: another file"
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)
    return kept.read_text(encoding="utf-8")


def on_the_processor(script: Script) -> Path:
    """Where the script lies in the form that runs on the processor; written anew."""
    path = PEERS / "scripts" / f"{script.name}_on_cpu.py"
    source = patched(published(script), script)
    path.write_text(source, encoding="utf-8")
    return path


def _from_repository(script: Script) -> bytes | None:
    named = os.environ.get("EYESPOT_PEERS")
    if not named:
        return None
    owner, name = script.repository.split("/")
    for folder in (name, f"{name}.git", f"{owner}+{name}/repo", f"{owner}+{name}"):
        repository = Path(named) / folder
        if repository.is_dir():
            shown = ["git", "-C", str(repository), "show", f"{script.commit}:{script.path}"]
            done = subprocess.run(shown, capture_output=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"{repository} does not hold {script.path} at {script.commit}: {done.stderr.decode().strip()}")
            return done.stdout
    raise SystemExit(f"EYESPOT_PEERS names {named}, in which there is no repository {name}, {name}.git or {owner}+{name}")


def _from_github(script: Script) -> bytes:
    try:
        return fetch_bytes(f"https://raw.githubusercontent.com/{script.repository}/{script.commit}/{script.path}", 2**20)
    except DownloadError as error:
        raise SystemExit(f"{error}\nEYESPOT_PEERS may name a folder with a clone of {script.repository}") from error


if __name__ == "__main__":
    for backend in BACKENDS:
        make(backend)
    for script in SCRIPTS.values():
        on_the_processor(script)
