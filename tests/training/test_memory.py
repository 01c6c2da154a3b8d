"""Freed memory stays with the process: counted in page faults, in a process of its own, as the setting cannot be undone."""

import ctypes
import json
import os
import subprocess
import sys

import pytest

from eyespot.training import memory

GLIBC = sys.platform == "linux" and (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")

FAULTS = """
import json, resource, torch
from eyespot.training.compute import torch_set_up

torch.set_num_threads(1)
pixels = torch.ones(10 * 2**20)  # 40 MiB, which glibc would map by itself

def page_faults_per_repeat():
    for _ in range(20):  # what is freed is split at first, so that a few blocks are needed before one fits
        torch.relu(pixels)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.relu(pixels)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10

before = page_faults_per_repeat()
with torch_set_up(None):
    within = page_faults_per_repeat()
print(json.dumps([before, within, page_faults_per_repeat()]))
"""


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch):
    """The function without the memory of having been called; what mallopt is told is not real."""
    monkeypatch.setattr(memory, "keep_freed_memory", memory.keep_freed_memory.__wrapped__)


class Library:
    """A C library whose mallopt takes what `accepts` says, and remembers."""

    def __init__(self, accepts):
        self.told = []
        self.mallopt = lambda *told: self.told.append(told) or int(accepts(*told))


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_a_large_tensor_is_faulted_in_page_by_page_each_time_before_and_never_after():
    # Whoever has set the allocator otherwise is not measured.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", "LD_PRE"))}
    outcome = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, env=environment)
    before, within, after = json.loads(outcome.stdout)
    # 20 huge pages where the system hands them out, else 10,240 pages of 4 KiB.
    assert before >= 20
    assert within <= 1
    assert after <= 1


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_what_was_kept_is_given_back_when_it_is_released():
    script = """
import os, torch
from eyespot.training.memory import keep_freed_memory, release_freed_memory

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

keep_freed_memory()
before = megabytes()
pixels = torch.ones(50 * 2**20)
del pixels
kept = megabytes()
print(before, kept, release_freed_memory(), megabytes())
"""
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, kept, released, after = outcome.stdout.split()
    assert float(kept) > float(before) + 190
    assert released == "True"
    assert float(after) < float(before) + 50


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_an_older_glibc_that_refuses_a_high_threshold_is_told_to_map_nothing(monkeypatch):
    library = Library(lambda parameter, value: not (parameter == -3 and value > 2**25))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert memory.keep_freed_memory()
    assert library.told == [(-3, 2**30), (-4, 0), (-1, 2**31 - 1)]


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_what_the_library_refuses_is_said(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library(lambda parameter, value: False))
    assert not memory.keep_freed_memory()


def fail(*arguments):
    raise AssertionError("the C library was asked")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_than_on_linux_nothing_happens(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert not memory.keep_freed_memory()
    assert not memory.release_freed_memory()


def test_with_musl_nothing_happens(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "confstr", unknown, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert not memory.keep_freed_memory()


def test_without_mallopt_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not memory.keep_freed_memory()
