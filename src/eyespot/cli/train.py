"""`eyespot train`: from pictures to a classifier."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eyespot.cli import seeds
from eyespot.cli.console import answer, answer_json, say
from eyespot.cli.options import Arguments, Subparsers, add_verb, duration, not_negative, positive
from eyespot.cli.summary import ending, summary
from eyespot.cli.terminal import progress
from eyespot.errors import UsageError

_EXAMPLES = """\
  eyespot train PHOTOS/
  eyespot train PHOTOS/ --budget 5m
  eyespot train PHOTOS/ --backbone keras:MobileNetV3Small --group-by folder
  eyespot train PHOTOS/ --fine-tune --budget 10m
  eyespot train cifar10 --recipe tutorial
  eyespot train letters --epochs 3 --set learning_rate=0.05
  eyespot train PHOTOS.zip --recipe my_recipe.py --size 64 --out runs/photos
  eyespot train --config runs/letters/args.yaml --seed 1
  eyespot train PHOTOS/ --seeds 5"""
_NOTES = """\
DATA is `cifar10`, `letters`, a folder or a zip of class folders (with or without train, validation and
test), a CSV of path,label, or an official CIFAR-10 archive or folder. Left out, it is cifar10.
Without --recipe and --epochs, the network and how long it is trained are chosen so that all is done, report
included, when the --budget is spent: more time, a better classifier. Where there is too little of it, the
smallest sensible training is done, and takes longer.
The fields of a recipe, for --set, are those under `set` in a run's args.yaml.
Of fewer than 5,000 pictures, the features that a backbone makes of them are tried beside a network from
scratch, or, with --fine-tune, beside the backbone trained further, and the better is kept. Without a test
part, its figures come from cross-validation, in which nothing that is alike, or that --group-by holds
together, is both learned from and judged on. With --epochs, a backbone has to be named.
Flags come before --config, --config before the recipe. With another --recipe only the data and their
grouping, backbone, fine-tuning, error rate, seed, device and threads of --config remain; with --budget all
of these but the threads.
With --seeds, every run is an ordinary one, and the --budget is that of each; with --out, they lie in DIR."""
_CONFIG: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "data": (str, "a word"),
    "recipe": (str, "a word"),
    "seed": (int, "a whole number"),
    "device": (str, "a word"),
    "threads": (int, "a whole number"),
    "group_by": (str, "a rule, such as folder"),
    "backbone": (str, "a word"),
    "error_rate": ((float, int), "a number between 0 and 1"),
    "folds": (int, "a whole number"),
    "from_scratch": (bool, "true or false"),
    "fine_tune": (bool, "true or false"),
    "set": (dict, "fields of a recipe with their values"),
}
"""What the --config file may hold: a run's args.yaml."""
_DEVICES = ("auto", "cpu", "cuda", "mps")


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(subparsers, "train", run, help="learn to classify pictures", examples=_EXAMPLES, notes=_NOTES)
    parser.add_argument("data", nargs="?", metavar="DATA", help="the pictures to learn from")
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="how to train: budget (default: as good as the time allows), quick, accurate, tutorial, or a .py file of your own",
    )
    parser.add_argument(
        "--budget", type=duration, metavar="TIME", help="be done in that time, such as 20s, 1m30s or 0.5h (default 1m)"
    )
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the pictures, at most; instead of a budget")
    parser.add_argument("--seed", type=not_negative, metavar="N", help="where all randomness follows from (default 0)")
    parser.add_argument(
        "--seeds", type=positive, metavar="N", help="train N times, from --seed on: as many runs, to tell luck from skill"
    )
    parser.add_argument("--size", type=positive, metavar="N", help="height and width that pictures are resized to, in pixels")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a field of the recipe; can be repeated",
    )
    parser.add_argument(
        "--backbone",
        metavar="CHOICE",
        help="what few pictures are seen through: auto (default: what is on this machine), none, keras:NAME, or a model file",
    )
    parser.add_argument(
        "--fine-tune",
        action=BooleanOptionalAction,
        help="train all of the backbone further, in place of a network from scratch, where the time allows",
    )
    parser.add_argument(
        "--group-by",
        metavar="RULE",
        help="which pictures belong together, such as those of one animal: folder, folder:N, column:NAME or name:PATTERN",
    )
    parser.add_argument(
        "--error-rate",
        type=_share,
        metavar="SHARE",
        help="of the answers that are not called unsure, at most this share is wrong (default 0.05)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one in runs)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the args.yaml of a run, to do the same again")
    parser.add_argument("--device", choices=_DEVICES, help="where to compute (default auto: a CUDA GPU where there is one)")
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="processor threads to compute with (default: usually one a core)"
    )
    parser.add_argument("--strict", action="store_true", help="fail where a picture cannot be read, instead of skipping it")


def run(arguments: Arguments) -> int:
    """Train and print the figures."""
    config = _config(arguments.config)
    # What --config says was chosen for another budget, or is another recipe.
    recipe = _first(arguments.recipe, config.get("recipe") if arguments.budget is None else None)
    # The settings in args.yaml are those of its recipe, every one; another recipe brings its own, and so does fine-tuning.
    is_other = arguments.fine_tune not in (None, bool(config.get("fine_tune")))
    is_repeated = arguments.budget is None and recipe == config.get("recipe") and not is_other
    inherited = dict(config.get("set") or {}) if is_repeated else {}
    changed = _settings(arguments)
    if "epochs" in changed:
        inherited.pop("least_steps", None)  # it would make more epochs of those that are asked for here
    settings = {**inherited, **changed}
    data = arguments.data or config.get("data") or _cifar10_or_ask(arguments)
    shown = progress(arguments.quiet)
    from eyespot import recipes, runs

    of_default = config if recipe in (None, recipes.DEFAULT) else {}
    asked: dict[str, Any] = dict(
        budget=arguments.budget,
        began=arguments.began,
        seed=_first(arguments.seed, config.get("seed"), 0),
        settings=settings,
        backbone=_first(arguments.backbone, of_default.get("backbone")),
        group_by=_first(arguments.group_by, config.get("group_by")),
        error_rate=_first(arguments.error_rate, config.get("error_rate")),
        folds=config.get("folds") if is_repeated else None,
        # Left out beside a backbone, it is all there is without one.
        from_scratch=config.get("from_scratch") if is_repeated and arguments.backbone != "none" else None,
        fine_tune=_first(arguments.fine_tune, of_default.get("fine_tune")),
        ask=_agrees if _can_be_asked(arguments) else None,
        out=arguments.out,
        device=_first(arguments.device, config.get("device"), "auto"),
        threads=_first(arguments.threads, config.get("threads") if arguments.budget is None else None, None),
        strict=arguments.strict,
        progress=shown,
    )
    if arguments.seeds is not None:
        return seeds.finish(runs.train_seeds(data, recipe, seeds=arguments.seeds, **asked), as_json=arguments.json)
    done = runs.train(data, recipe, **asked)
    if arguments.json:
        answer_json(done.folder.read_metrics())
    else:
        answer(summary(done))
    return ending(done)


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ArgumentTypeError(f"expected KEY=VALUE, such as epochs=3, got {text!r}")
    return key, value


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ArgumentTypeError(f"expected a share between 0 and 1, such as 0.05, got {text!r}")
    return share


def _settings(arguments: Arguments) -> dict[str, Any]:
    """The fields of the recipe that the flags change."""
    changed: dict[str, Any] = dict(arguments.set)
    for key in ("epochs", "size"):
        value = getattr(arguments, key)
        if value is None:
            continue
        if key in changed:
            raise UsageError(f"--{key} and --set {key}=... say the same; give one of them")
        changed[key] = value
    return changed


def _config(path: Path | None) -> dict[str, Any]:
    """What the --config file says.

    Errors: RunError, where it is missing or damaged; UsageError, for a key or a value that it cannot have.
    """
    if path is None:
        return {}
    from eyespot.run_folder.small_files import read_yaml

    config = read_yaml(path)
    unknown = [str(key) for key in config if key not in _CONFIG]
    if unknown:
        raise UsageError(f"{path} has unknown keys {', '.join(unknown)}; it can have {', '.join(_CONFIG)}{_meant(unknown)}")
    for key, value in config.items():
        kind, expected = _CONFIG[key]
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise UsageError(f"{path}: {key} must be {expected}, not {value!r}")
    return config


def _meant(unknown: list[str]) -> str:
    """What the first of the unknown keys of a --config file may have been meant for."""
    from dataclasses import fields
    from difflib import get_close_matches

    from eyespot.recipes import Recipe

    if unknown[0] in [field.name for field in fields(Recipe)]:
        return f"; {unknown[0]} is a field of the recipe, and goes under set"
    near = get_close_matches(unknown[0], _CONFIG, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _first(*values: Any) -> Any:
    """The first value that is given."""
    return next((value for value in values if value is not None), None)


def _cifar10_or_ask(arguments: Arguments) -> str:
    """`cifar10`, where a copy is on this machine or the user agrees to a download.

    Errors: UsageError, which says what would be downloaded and the ways out.
    """
    from eyespot.data import cifar10

    if next(cifar10.copies(), None) is not None:
        return "cifar10"
    megabytes = cifar10.ARCHIVE_BYTES // 1_000_000
    question = f"No DATA is named, and CIFAR-10 is not on this machine. Download it, {megabytes} MB?"
    if _can_be_asked(arguments) and _agrees(question):
        return "cifar10"
    raise UsageError(
        f"no DATA is named; it would be CIFAR-10, which is not on this machine and takes a download of {megabytes} MB: "
        "eyespot data fetch cifar10",
        cifar10.ways_out(),
    )


def _can_be_asked(arguments: Arguments) -> bool:
    """Whether there is somebody to be asked about a download, which is allowed at all."""
    from eyespot import settings

    return not settings.offline() and not arguments.json and sys.stdin.isatty() and sys.stderr.isatty()


def _agrees(question: str) -> bool:
    """Put a question on the terminal."""
    say(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
