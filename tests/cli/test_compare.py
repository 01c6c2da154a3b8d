"""`eyespot compare`: which runs are meant, what is printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]
CLASSES = ("cat", "dog", "frog")


@pytest.fixture
def judge(write_run: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunFolder]:
    """A run `name` in runs, of the working folder, that takes the pictures at some positions, of 60, for another class."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, wrong: Sequence[int] = (), **settings: Any) -> RunFolder:
        labels = [CLASSES[i % 3] for i in range(60)]
        answers = [CLASSES[(i + (i in set(wrong))) % 3] for i in range(60)]
        return write_run(Path("runs") / name, labels, answers, **{"has_model": True, **settings})

    return run


def test_two_models_are_compared_in_words_and_tables(eyespot: Eyespot, judge: Callable[..., RunFolder]) -> None:
    judge("new", [3])
    judge("old", range(20))

    outcome = eyespot("compare", "new", "--against", "runs/old")

    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[:3] == ["A  98.3 %  runs/new", "B  66.7 %  runs/old", "on the same 60 pictures"]
    text = " ".join(outcome.out.split())
    assert "A is better than B, by 31.7 points (95 % interval of A - B: +" in text
    assert "less than once in 1,000 times (McNemar's test, mid-p)" in text
    assert "claim: about these two models, and no others" in text
    assert "19 pictures that only A told right" in text
    assert "and 14 more; --json has all" in text
    assert "0 pictures that only B told right" in text
    assert "test/000 cat A: cat 90.0 % B: dog 90.0 %" in text
    weights = next(line for line in lines if line.startswith("weights"))
    assert weights.split() == ["weights", "127", "127"]
    assert any(line.startswith("one picture") and line.endswith("ms") for line in lines)


def test_two_runs_alone_are_one_against_the_other(eyespot: Eyespot, judge: Callable[..., RunFolder]) -> None:
    judge("new", [3])
    judge("old", [4, 5])

    assert eyespot("compare", "new", "old", "--no-speed").out == eyespot("compare", "new", "--against", "old", "--no-speed").out
    assert "Which is better cannot be told: A is ahead by 1.7 points" in eyespot("compare", "new", "old", "--no-speed").out


def test_the_document_holds_every_flip_and_the_costs(eyespot: Eyespot, judge: Callable[..., RunFolder]) -> None:
    judge("new", [3])
    judge("old", range(20), has_model=False)

    document = eyespot("compare", "new", "--against", "old", "--json").json

    assert (document["claim"], document["better"], len(document["flips"])) == ("models", "first", 19)
    assert document["first"]["runs"] == [str(Path("runs/new"))]
    assert document["cost"]["first"]["parameters"] == 127
    assert set(document["cost"]["first"]["speed"]) == {"seconds", "images_per_second", "batch"}
    assert document["cost"]["second"] is None
    assert eyespot("compare", "new", "old", "--json", "--no-speed").json["cost"]["first"]["speed"] is None


def test_several_seeds_a_side_are_a_claim_about_recipes(eyespot: Eyespot, judge: Callable[..., RunFolder]) -> None:
    for seed in range(3):
        judge(f"new-seed{seed}", [seed], seed=seed)
        judge(f"old-seed{seed}", range(10 + seed), seed=seed)

    # As where a shell does not expand patterns.
    outcome = eyespot("compare", "runs/new-seed*", "--against", "runs/old-seed*", "--no-speed")

    text = " ".join(outcome.out.split())
    assert "A 98.3 % on average over 3 runs, standard deviation 0.00 points" in text
    assert "98.3 % runs/new-seed1 seed 1" in text
    assert "claim: about two recipes, whatever their seeds the interval counts other seeds and other test pictures" in text
    assert "(Student's t)" in text
    assert "pictures that most runs of A told right and most of the other side did not" in text
    assert "3 : 0 runs right" in text
    assert "each the first run's of its side" in text


def test_more_runs_are_put_in_order(eyespot: Eyespot, judge: Callable[..., RunFolder]) -> None:
    judge("worst", range(30))
    judge("best")
    judge("close", [1])

    outcome = eyespot("compare", "worst", "best", "close", "--no-speed")

    lines = outcome.out.splitlines()
    assert lines[0] == "3 models on the same 60 pictures, the best first"
    assert [line.split()[0] for line in lines[3:6]] == ["best", "close", "worst"]
    assert lines[4].endswith("may be as good")
    assert lines[5].endswith("behind")
    document = eyespot("compare", "worst", "best", "close", "--json", "--no-speed").json
    assert [place["run"] for place in document["ranking"]] == [str(Path("runs") / name) for name in ("best", "close", "worst")]
    assert document["ranking"][0]["cost"]["parameters"] == 127


def test_runs_on_other_pictures_fail_unless_the_shared_ones_are_asked_for(
    eyespot: Eyespot, judge: Callable[..., RunFolder], write_run: Callable[..., RunFolder]
) -> None:
    judge("whole")
    write_run(Path("runs/part"), ["cat", "dog"], ["cat", "cat"])

    outcome = eyespot("compare", "whole", "part", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("eyespot: the runs were judged on different pictures: whole on 60, part on 2")
    assert eyespot("compare", "whole", "part", "--shared", "--no-speed", "--json").json["pictures"] == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["one"], 2, "needs at least two runs"),
        (["one", "--against", "runs/one"], 2, "runs/one is named twice"),
        (["one", "onn"], 1, "there is no run onn; did you mean one?"),
        (["one", "begun"], 1, "begun is not finished"),
        (["one", "runs/none*"], 1, "there is no run runs/none*"),
        ([], 2, "required"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    eyespot: Eyespot, judge: Callable[..., RunFolder], words: list[str], code: int, message: str
) -> None:
    judge("one")
    begun = RunFolder(Path("runs/begun"))
    begun.path.mkdir()
    begun.write_args({"data": "letters"})

    outcome = eyespot("compare", *words)

    assert (outcome.code, outcome.out) == (code, "")
    assert message in outcome.err


def test_classes_with_odd_names_cannot_steer_the_terminal(
    eyespot: Eyespot, write_run: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classes = ("a\x1b[2Jb", "<script>🦋")
    for name, answers in (("one", classes), ("other", classes[::-1])):
        write_run(Path("runs") / name, classes, answers, names=["x\n.png", "y.png"], classes=classes)

    outcome = eyespot("compare", "one", "other", "--no-speed")

    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    assert "<script>" in outcome.out


def test_of_a_thousand_classes_those_that_changed_most_are_shown(
    eyespot: Eyespot, write_run: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classes = [f"class {i:04}" for i in range(1000)]
    write_run(Path("runs/one"), classes, classes, classes=classes)
    write_run(Path("runs/other"), classes, [classes[5], *classes[1:]], classes=classes)

    outcome = eyespot("compare", "one", "other", "--no-speed")

    assert "the 12 of 1,000 classes that changed most; --json has all" in outcome.out
    assert "class 0000" in outcome.out
    assert len(outcome.out.splitlines()) < 50
