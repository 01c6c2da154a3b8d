"""The direction of imports, which package is imported where, and what the light part of Eyespot does without."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "eyespot"
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST = 400
"""Lines after which a module surely has two subjects; most stay under 300."""

PLACES = {
    "torch": ("training", "exporting"),
    "keras": ("models/backend.py",),
    "eyespot.models.backend": ("models", "recipes", "training", "exporting"),
    "onnx": ("bundle", "explanation", "exporting"),
    "onnxruntime": ("bundle", "explanation", "exporting"),
    "scipy": ("training", "data/graphs.py"),
    "sklearn": (),
    "sqlite3": ("backbones/cache.py",),
}
"""A module -> the only places of the package that import it."""

ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv")

HEAVY = ("torch", "keras", "onnx", "matplotlib", "rich", "requests", "jinja2", "yaml", "platformdirs", "h5py")


def imports(source: str) -> Iterator[str]:
    """Every module that `source` imports, and every `module.name` that it imports from one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            yield from (constant.value for constant in node.args if isinstance(constant, ast.Constant))


def uses(source: str, module: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in imports(source))


def reads_environment(source: str) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT)
        or (isinstance(node, ast.alias) and node.name in ENVIRONMENT)
        for node in ast.walk(ast.parse(source))
    )


def path_in_package(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    "line",
    [
        "import torch",
        "import torch.nn as nn",
        "from torch import nn",
        "from torch.nn import functional",
        "def f():\n    import torch",
        "torch = import_module('torch')",
    ],
)
def test_an_import_is_seen_in_whatever_form_it_is_written(line: str) -> None:
    assert uses(line, "torch")
    assert not uses(line, "torchvision")
    assert not uses(line, "tor")


@pytest.mark.parametrize("module", PLACES)
def test_a_package_is_imported_only_where_it_belongs(module: str) -> None:
    elsewhere = [path for path in MODULES if not path_in_package(path).startswith(PLACES[module])]
    assert [path_in_package(path) for path in elsewhere if uses(path.read_text(encoding="utf-8"), module)] == []


@pytest.mark.parametrize(
    "line", ["home = os.environ['HOME']", "home = os.getenv('HOME')", "from os import environ as variables"]
)
def test_a_reading_of_the_environment_is_seen(line: str) -> None:
    assert reads_environment(line)


def test_the_environment_is_read_in_one_place() -> None:
    readers = [path_in_package(path) for path in MODULES if reads_environment(path.read_text(encoding="utf-8"))]
    assert readers == ["settings.py"]


def test_imports_run_one_way() -> None:
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    outcome = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("module", MODULES, ids=path_in_package)
def test_a_module_has_one_subject(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST


@pytest.mark.parametrize("module", ["eyespot", "eyespot.cli", "eyespot.prediction", "eyespot.run_folder", "eyespot.data"])
def test_importing_is_light(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (outcome.stdout.strip(), outcome.stderr) == ("[]", "")
