"""However many pictures and threads there are, each picture gets its own probabilities, in order."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from eyespot.bundle.runtime import Runtime
from eyespot.errors import ModelError

PICTURES = np.random.default_rng(0).integers(0, 256, (700, 8, 10, 3), dtype=np.uint8)
TASKS = Path("/proc/self/task")


@pytest.fixture(scope="module")
def expected(tiny_model: Path) -> np.ndarray:
    """What plain ONNX Runtime computes, picture by picture."""
    session = onnxruntime.InferenceSession(tiny_model)
    return np.concatenate([session.run(None, {"pixels": picture[None]})[0] for picture in PICTURES])


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 700])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_every_picture_gets_its_own_probabilities_in_order(
    tiny_model: Path, expected: np.ndarray, n: int, threads: int | None
) -> None:
    found = list(Runtime(tiny_model.read_bytes(), threads).batches(PICTURES[:n]))
    np.testing.assert_allclose(np.concatenate([*found, np.empty((0, 3), np.float32)]), expected[:n], atol=1e-6)


def test_pictures_that_do_not_lie_side_by_side_are_read_all_the_same(tiny_model: Path, expected: np.ndarray) -> None:
    mirrored = np.ascontiguousarray(PICTURES[:, :, ::-1])[:, :, ::-1]
    found = np.concatenate(list(Runtime(tiny_model.read_bytes(), 2).batches(mirrored)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_few_pictures_go_together_and_many_are_shared_out_among_the_threads(tiny_model: Path) -> None:
    runtime = Runtime(tiny_model.read_bytes(), 3)
    assert [len(batch) for batch in runtime.batches(PICTURES[:255])] == [255]
    assert [len(batch) for batch in runtime.batches(PICTURES[:300])] == [100, 100, 100]
    assert [len(batch) for batch in Runtime(tiny_model.read_bytes(), 1).batches(PICTURES)] == [256, 256, 188]


def test_many_pictures_are_computed_by_all_threads_at_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(tiny_model.read_bytes(), 3)
    compute, all_at_work = runtime._run, threading.Barrier(3)

    def waiting_for_the_others(session: object, images: np.ndarray) -> np.ndarray:
        all_at_work.wait(timeout=20)
        return compute(session, images)

    monkeypatch.setattr(runtime, "_run", waiting_for_the_others)
    assert sum(len(batch) for batch in runtime.batches(PICTURES[:300])) == 300


@pytest.mark.parametrize("n", [1, 700])
def test_what_goes_wrong_in_any_thread_is_a_model_error(tiny_model: Path, n: int) -> None:
    wrong = np.zeros((n, 9, 10, 3), np.uint8)
    with pytest.raises(ModelError, match="ONNX Runtime fails on the model"):
        list(Runtime(tiny_model.read_bytes(), 2).batches(wrong))


@pytest.mark.skipif(not TASKS.is_dir(), reason="this system does not list a process's threads")
def test_there_are_no_more_threads_than_cores_that_the_process_may_use(tiny_model: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        before = len(list(TASKS.iterdir()))
        runtime = Runtime(tiny_model.read_bytes())
        assert (len(list(TASKS.iterdir())), runtime.outputs[0].name) == (before, "probabilities")
    finally:
        os.sched_setaffinity(0, allowed)
