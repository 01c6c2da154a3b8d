"""`eyespot info`: what this installation is made of."""

from __future__ import annotations

from typing import Any

from eyespot.cli.console import answer, answer_json, table
from eyespot.cli.options import Arguments, Subparsers, add_verb

_EXAMPLES = """\
  eyespot info
  eyespot info --json"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    add_verb(subparsers, "info", run, help="show versions, device, threads and where caches lie", examples=_EXAMPLES)


def run(arguments: Arguments) -> int:
    """Show them."""
    facts = _facts()
    if arguments.json:
        answer_json(facts)
    else:
        answer(table(_rows(facts)))
    return 0


def _facts() -> dict[str, Any]:
    import platform

    from eyespot import environment, run_folder, settings

    device, bfloat16 = _device()
    return {
        "eyespot": environment.package_version("eyespot"),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processor": environment.processor(),
        "packages": {name: environment.package_version(name) for name in environment.PACKAGES},
        "device": device,
        "bfloat16": bfloat16,
        "threads": environment.threads(),
        "caches": str(settings.home()),
        "cifar10": None if settings.cifar10_path() is None else str(settings.cifar10_path()),
        "cifar10_fault": _cifar10_fault(),
        "shipped": {
            name: {"path": str(path), "card": str(run_folder.find_card(path) or "") or None}
            for name, path in run_folder.shipped().items()
        },
        "offline": settings.offline(),
        "extras": environment.extras(),
    }


def _device() -> tuple[str | None, bool | None]:
    """What training computes on, and whether it has instructions for bfloat16; None where training is not installed."""
    from eyespot.environment import extras

    if not extras().get("train"):
        return None, None
    from eyespot.training.compute import choose_device, computes_in_bfloat16

    device = choose_device()
    return str(device), computes_in_bfloat16(device)


def _cifar10_fault() -> str | None:
    """What is wrong with the copy of CIFAR-10 that `EYESPOT_CIFAR10` names; None where nothing is, or none is named."""
    from eyespot import settings
    from eyespot.data import cifar10_files

    path = settings.cifar10_path()
    if path is None or cifar10_files.locate(path) is not None:
        return None
    return "no copy of CIFAR-10" if path.exists() else "there is no such file or folder"


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    packages = ", ".join(f"{name} {version or 'not installed'}" for name, version in facts["packages"].items())
    precision = {None: "training is not installed", True: "bfloat16", False: "float32 (no instructions for bfloat16)"}
    cifar10 = facts["cifar10"] or "EYESPOT_CIFAR10 is not set"
    if facts["cifar10_fault"]:
        cifar10 += f" (EYESPOT_CIFAR10: {facts['cifar10_fault']})"
    return [
        ("eyespot", facts["eyespot"]),
        ("python", f"{facts['python']} on {facts['platform']}"),
        ("packages", packages),
        ("processor", facts["processor"]),
        ("device", facts["device"] or "-"),
        ("trains in", precision[facts["bfloat16"]]),
        ("threads", str(facts["threads"])),
        ("caches", facts["caches"] + (" (EYESPOT_OFFLINE: nothing is downloaded)" if facts["offline"] else "")),
        ("CIFAR-10", cifar10),
        ("models", ", ".join(map(_shipped, facts["shipped"].items())) or "none is shipped"),
        ("extras", ", ".join(f"{name} {'installed' if there else 'not installed'}" for name, there in facts["extras"].items())),
    ]


def _shipped(model: tuple[str, dict[str, str | None]]) -> str:
    name, files = model
    return f"{name} ships with Eyespot" + (f"; its model card: {files['card']}" if files["card"] else "")
