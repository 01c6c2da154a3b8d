"""What `import eyespot` offers: every name is there, and nothing is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import eyespot


@pytest.mark.parametrize("name", eyespot.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(eyespot, name) is not None
    assert name in dir(eyespot)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'eyespot' has no attribute 'trian'"):
        eyespot.trian  # type: ignore[attr-defined] # noqa: B018


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, eyespot; print(sorted(name for name in sys.modules if name.startswith('eyespot.')))"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert eyespot.__version__ == project["version"]
