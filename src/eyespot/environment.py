"""What this installation is made of and runs on."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

PACKAGES = ("numpy", "pillow", "onnxruntime", "onnx", "keras", "torch")
"""The packages whose versions a result may depend on."""

_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much memory a container may take, in its two versions of control groups."""


def package_version(package: str) -> str | None:
    """The version of an installed package, or None."""
    from importlib.metadata import PackageNotFoundError, version  # slow, and a prediction needs only `threads`

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def extras() -> dict[str, bool]:
    """The optional parts of Eyespot, and whether all that each needs is installed."""
    from importlib.metadata import requires

    installed: dict[str, bool] = {}
    for requirement in requires("eyespot") or []:
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", requirement)
        package = re.match(r"[\w.-]+", requirement)
        if extra and package:
            installed[extra[1]] = installed.get(extra[1], True) and package_version(package[0]) is not None
    return installed


def threads() -> int:
    """How many of the processor's cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows do not tell
        return os.cpu_count() or 1


def memory() -> int | None:
    """How many bytes of memory the machine has, or its container may take; None where the system does not tell."""
    amounts = []
    with suppress(OSError, ValueError, AttributeError):  # Windows does not tell
        amounts.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in _MEMORY_LIMITS:
        with suppress(OSError, ValueError):  # no control groups, or no limit: `max`
            amounts.append(int(Path(limit).read_text(encoding="ascii")))
    return min((amount for amount in amounts if amount > 0), default=None)


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def summary() -> dict[str, str]:
    """Versions and machine, by name, for a report: `eyespot`, `python`, each of `PACKAGES`, `processor`, `system`."""
    versions = {name: package_version(name) or "not installed" for name in ("eyespot", *PACKAGES)}
    return {
        **versions,
        "python": platform.python_version(),
        "processor": f"{processor()}, {threads()} cores",
        "system": platform.platform(terse=True),
    }
