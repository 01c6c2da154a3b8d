"""The command as a whole: help, verbs, errors in one line, exit codes, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from eyespot.cli import main, predict
from eyespot.cli.command import _Terminated as Terminated
from eyespot.errors import DataError, EyespotError, MissingExtraError

COMMAND = [sys.executable, "-m", "eyespot"]
VERBS = ["train", "evaluate", "val", "predict", "explain", "runs", "data fetch", "data info", "info", "demo"]


def replaced(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have `predict` raise an error."""

    def fail(name: str, *, quiet: bool) -> None:
        raise error

    monkeypatch.setattr(predict, "open_model", fail)


def test_alone_it_prints_five_lines(eyespot: Callable[..., SimpleNamespace]) -> None:
    outcome = eyespot()
    assert (outcome.code, len(outcome.out.splitlines()), outcome.err) == (0, 5, "")


def test_help_names_every_verb(eyespot: Callable[..., SimpleNamespace]) -> None:
    outcome = eyespot("--help")
    assert outcome.code == 0
    for verb in ("train", "evaluate", "predict", "explain", "runs", "data", "info", "demo"):
        assert f"\n    {verb} " in outcome.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_has_examples_and_the_common_options(eyespot: Callable[..., SimpleNamespace], verb: str) -> None:
    outcome = eyespot(*verb.split(), "--help")
    assert outcome.code == 0
    assert f"examples:\n  eyespot {'evaluate' if verb == 'val' else verb}" in outcome.out
    assert all(option in outcome.out for option in ("--json", "--quiet", "--debug"))
    assert max(map(len, outcome.out.splitlines())) <= 110


def test_help_does_without_all_that_is_slow_to_import() -> None:
    code = (
        "import sys; from eyespot.cli import main; main(['--help'])\n"
        "print(sorted({*sys.modules} & set(sys.argv[1:])), file=sys.stderr)"
    )
    slow = [
        "numpy",
        "PIL",
        "onnxruntime",
        "onnx",
        "torch",
        "keras",
        "rich",
        "requests",
        "yaml",
        "matplotlib",
        "importlib.metadata",
    ]
    outcome = subprocess.run([sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True)
    assert outcome.stderr.strip() == "[]"


def test_version_is_that_of_the_package(eyespot: Callable[..., SimpleNamespace]) -> None:
    import eyespot as package

    assert eyespot("--version").out == f"eyespot {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "there is no verb 'trian'; did you mean train?"),
        (["xyzzy"], "there is no verb 'xyzzy'; see: eyespot --help"),
        (["predict"], "required: IMAGE"),
        (["predict", "a.png", "--top-k", "0"], "expected a whole number above 0, got '0'"),
        (["predict", "a.png", "--format", "xml"], "invalid choice: 'xml'"),
        (["predict", "a.png", "--forma", "csv"], "unrecognized arguments: --forma"),
        (["predict", "a.png", "--json", "--format", "csv"], "exclude each other"),
        (["evaluate", "a", "b", "c"], "unrecognized arguments: c"),
        (["data"], "required: ACTION"),
        (["data", "fetch", "mnist"], "invalid choice: 'mnist'"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    eyespot: Callable[..., SimpleNamespace], words: list[str], message: str
) -> None:
    outcome = eyespot(*words)
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert outcome.err.startswith("eyespot: ")
    assert message in outcome.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("the folder is empty"), 1, "the folder is empty"),
        (
            MissingExtraError("Training", "train"),
            2,
            'Training needs an extra that is not installed: pip install "eyespot[train]"',
        ),
        (OSError(28, "No space left on device", "model.onnx"), 1, "model.onnx: No space left on device"),
        (MemoryError(), 1, "not enough memory"),
        (ZeroDivisionError("division by zero"), 1, "a fault in Eyespot itself, ZeroDivisionError: division by zero"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_is_one_line_without_traceback(
    eyespot: Callable[..., SimpleNamespace],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    replaced(monkeypatch, error)
    outcome = eyespot("predict", "a.png")
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (code, "", 1)
    assert outcome.err.startswith(f"eyespot: {message}")


def test_debug_shows_the_traceback(eyespot: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, DataError("the folder is empty"))
    outcome = eyespot("predict", "a.png", "--debug")
    assert outcome.code == 1
    assert outcome.err.startswith("Traceback")
    assert outcome.err.splitlines()[-1] == "eyespot: the folder is empty"


def test_a_message_cannot_steer_the_terminal(eyespot: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, EyespotError("no file \x1b[2J.png"))
    assert eyespot("predict", "a.png").err == "eyespot: no file  [2J.png\n"


def test_a_line_end_in_a_name_does_not_break_the_line(
    eyespot: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced(
        monkeypatch, DataError("no picture of black\ncat\u2028s can be read", "Two ways out:\n  one\n  two", "and a last line")
    )
    assert eyespot("predict", "a.png").err.splitlines() == [
        "eyespot: no picture of black cat s can be read",
        *("Two ways out:", "  one", "  two", "and a last line"),
    ]


def test_a_class_whose_name_has_a_line_end_is_named_in_one_line(
    eyespot: Callable[..., SimpleNamespace], workplace: Path
) -> None:
    (workplace / "photos" / "black\ncat").mkdir(parents=True)
    (workplace / "photos" / "black\ncat" / "1.png").write_bytes(b"no picture")
    outcome = eyespot("data", "info", "photos")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert "no picture of black cat can be read" in outcome.err


@pytest.mark.parametrize("signaled", [KeyboardInterrupt(), Terminated()], ids=["interrupted", "terminated"])
def test_what_became_of_the_work_is_said_where_it_was_interrupted(
    eyespot: Callable[..., SimpleNamespace],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    signaled: BaseException,
) -> None:
    signaled.add_note("the model is kept in runs/pets")
    replaced(monkeypatch, signaled)
    word = request.node.callspec.id
    assert eyespot("predict", "a.png").err == f"eyespot: {word}; the model is kept in runs/pets\n"


def test_sigterm_ends_with_143_and_leaves_nothing_half_written(workplace: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from eyespot.cli import main, predict\n"
        "from eyespot.files import atomic_path\n"
        "def wait(name, *, quiet):\n"
        "    with atomic_path(Path('answer.json')):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "predict.open_model = wait\n"
        "sys.exit(main(['predict', 'a.png']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (143, "eyespot: terminated\n")
    assert [path.name for path in workplace.iterdir()] == ["runs"]


def test_ctrl_c_ends_with_130() -> None:
    code = (
        "import signal, sys, time\n"
        # A shell that starts the tests in the background has them ignore SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from eyespot.cli import main, predict\n"
        "def wait(name, *, quiet):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "predict.open_model = wait\n"
        "sys.exit(main(['predict', 'a.png']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "eyespot: interrupted\n")


def test_signal_handlers_are_put_back(eyespot: Callable[..., SimpleNamespace]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    eyespot()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_goes_away_is_no_error(workplace: Path) -> None:
    # With PYTHONUNBUFFERED nothing is left to be written at exit, which is where it would go wrong.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    words = [*COMMAND, "runs"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait(timeout=20)
    process.stderr.close()
    assert (process.returncode, err) == (1, "")


def test_characters_that_the_terminal_lacks_are_escaped(workplace: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    words = [*COMMAND, "predict", "kätzchen.png", "--model", "pets"]
    outcome = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert (outcome.returncode, outcome.stdout) == (3, b"k\\xe4tzchen.png  cannot be read: no such file\n")


def test_main_can_be_called_outside_the_main_thread(eyespot: Callable[..., SimpleNamespace]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, ["--version"]).result() == 0


def test_a_picture_is_answered_without_the_slow_packages(workplace: Path, photos: Path) -> None:
    code = (
        "import sys; from eyespot.cli import main\n"
        "code = main(['predict', 'photos/cat/cat0.png'])\n"
        "print(code, sorted({*sys.modules} & set(sys.argv[1:])), file=sys.stderr)"
    )
    slow = ["onnx", "torch", "keras", "rich", "requests", "yaml", "matplotlib", "jinja2", "platformdirs"]
    outcome = subprocess.run([sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True)
    assert outcome.stderr.splitlines()[-1] == "0 []"
