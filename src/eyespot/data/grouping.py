r"""Which pictures belong together because the user says so: those of one animal, one site, one burst. The rule of `--group-by`.

| rule | a picture's key |
|---|---|
| `folder` | the folders below its class folder: `cat/farm/tom/1.jpg` -> `farm/tom` |
| `folder:2` | the second of them: `cat/farm/tom/1.jpg` -> `tom` |
| `column:animal` | its cell in that column of the CSV that lists the pictures |
| `name:^\w+-(\d+)` | what a regular expression finds first in its file's name: the first group, or all where it has none |

A pattern may stand without `name:` where it cannot be anything else: it holds a group in parentheses, and does not begin with a
word and a colon, which would rather be a prefix put wrongly. Pictures with the same key belong together, in whatever class or
part they are: so the folders `cat/1` and `dog/1` do, which costs little where they are two, and is right where they are one.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from eyespot.data.dataset import Part
from eyespot.errors import DataError, UsageError

MAX_PATTERN = 200
"""A pattern has at most so many characters."""

MAX_NAME = 255
"""A file's name with more characters than this, more than file systems take, has no key."""

_EXAMPLES = 3

_FORMS = (
    "a rule is folder, folder:N (the N-th folder below the class folder), column:NAME (a column of the CSV that lists the "
    "pictures) or name:PATTERN (a regular expression on the file's name, whose first group is the key)"
)

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\\\]])*\]|\((?:\?(?:P<\w+>|[:=!>]|<[=!]))?|\)|\||[*+?]|\{\d*,?\d*\}|.", re.DOTALL
)  # a regular expression's parts, as far as `_could_take_forever` tells them apart


@dataclass(frozen=True)
class Rule:
    """What decides which pictures belong together; made by `parse`.

    Attributes:
        text: the rule as the user put it.
        kind: `folder`, `column` or `name`.
        argument: what stands after the colon: a number, a column's name, a pattern; for `folder` alone it is empty.
    """

    text: str
    kind: str
    argument: str = ""


@dataclass(frozen=True)
class Grouping:
    """The keys of pictures by a rule.

    Attributes:
        keys: n keys; None for a picture that has none and stands for itself.
        note: a line for the user: how many groups there are, and how many pictures have no key.
    """

    keys: tuple[str | None, ...]
    note: str


def parse(text: str) -> Rule:
    """The rule that `text` stands for; the module says how rules are written.

    Errors: UsageError, where it is none, or its pattern is no regular expression, too long, or one that could take forever.
    """
    kind, colon, argument = text.partition(":")
    if text == "folder":
        return Rule(text, "folder")
    if colon and kind == "folder":
        if not re.fullmatch(r"[1-9][0-9]?", argument):
            raise UsageError(
                f"folder:N takes the number of a step, 1 for the first folder below the class folder; got '{_clipped(text)}'"
            )
        return Rule(text, kind, argument)
    if colon and kind == "column":
        if not argument.strip():
            raise UsageError(f"column:NAME takes the name of a column; got '{text}'")
        return Rule(text, kind, argument.strip())
    if colon and kind == "name":
        _compiled(argument)
        return Rule(text, kind, argument)
    if "(" in text and not re.match(r"\w+:", text) and _compiled(text).groups:
        return Rule(text, "name", text)
    raise UsageError(f"pictures cannot be grouped by '{_clipped(text)}'; {_FORMS}")


def group(rule: Rule, part: Part, classes: Sequence[str]) -> Grouping:
    """The key of every picture of `part`.

    Args:
        rule: from `parse`.
        part: at least one picture.
        classes: the class names, in the order that labels count in.

    Errors: DataError, where no picture has a key: a pattern that matches no name, a column that is not there or empty, no
    folders below the class folders. It says what the rule was tried on.
    """
    keys = _KEYS[rule.kind](rule, part, classes)
    found = [key for key in keys if key is not None]
    groups = len(set(found))
    note = f"grouped by {_clipped(rule.text)}: {len(found):,} pictures in {groups:,} group{'' if groups == 1 else 's'}"
    if len(found) < len(keys):
        alone = part.names[keys.index(None)]
        note += f"; without a key, each on its own: {len(keys) - len(found):,}, such as {alone}"
    if groups == len(found):
        note += "; no two pictures share one, so nothing is kept together by it"
    return Grouping(tuple(keys), note)


def _by_folder(rule: Rule, part: Part, classes: Sequence[str]) -> list[str | None]:
    folders = _folders_below_the_class(rule, part, classes)
    if not rule.argument:
        keys = ["/".join(steps) or None for steps in folders]
        wanted = "in a folder below its class folder"
    else:
        step = int(rule.argument)
        keys = [steps[step - 1] if len(steps) >= step else None for steps in folders]
        wanted = f"{step} folders below its class folder"
    if not any(keys):
        raise DataError(f"{rule.text} groups nothing: no picture lies {wanted}; they lie as {_examples(part.names)}")
    return keys


def _folders_below_the_class(rule: Rule, part: Part, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """The folders that lie between each picture's class folder and the picture."""
    paths = [PurePosixPath(name).parts for name in part.names]
    labels = [classes[label] for label in part.labels]
    for depth in range(min(map(len, paths)) - 1):
        # A class may be called like a folder around everything; but then the other classes are not.
        if all(_same(steps[depth], label) for steps, label in zip(paths, labels, strict=True)):
            return [steps[depth + 1 : -1] for steps in paths]
    raise DataError(
        f"{rule.text} needs pictures in class folders; these are {_examples(part.names)}; group by column:NAME or name:PATTERN"
    )


def _same(folder: str, label: str) -> bool:
    return folder == label or unicodedata.normalize("NFC", folder) == unicodedata.normalize("NFC", label)


def _by_column(rule: Rule, part: Part, classes: Sequence[str]) -> list[str | None]:
    if not part.columns:
        raise DataError(
            f"{rule.text} needs pictures that a CSV lists, with a column {rule.argument!r} beside path and label; there is none"
        )
    alike = {column.casefold(): column for column in part.columns} | {column: column for column in part.columns}
    column = alike.get(rule.argument, alike.get(rule.argument.casefold()))
    if column is None:
        raise DataError(f"there is no column {rule.argument!r}; beside path and label there are: {', '.join(part.columns)}")
    keys = [cell or None for cell in part.columns[column]]
    if not any(keys):
        raise DataError(f"{rule.text} groups nothing: the column {column!r} is empty")
    return keys


def _by_name(rule: Rule, part: Part, classes: Sequence[str]) -> list[str | None]:
    pattern = _compiled(rule.argument)
    names = [PurePosixPath(name).name for name in part.names]
    keys = [_found(pattern, name) for name in names]
    if not any(keys):
        raise DataError(f"the pattern {rule.argument} finds nothing in any file's name; it was tried on {_examples(names)}")
    return keys


_KEYS: Mapping[str, Callable[[Rule, Part, Sequence[str]], list[str | None]]] = {
    "folder": _by_folder,
    "column": _by_column,
    "name": _by_name,
}


def _found(pattern: re.Pattern[str], name: str) -> str | None:
    """The key that a pattern finds in a file's name; None where it finds nothing, or nothing but the empty text."""
    match = pattern.search(name) if len(name) <= MAX_NAME else None
    if match is None:
        return None
    return match[1 if pattern.groups else 0] or None


def _compiled(pattern: str) -> re.Pattern[str]:
    if not pattern:
        raise UsageError("name:PATTERN takes a regular expression on the files' names; got none")
    if len(pattern) > MAX_PATTERN:
        raise UsageError(f"a pattern may have at most {MAX_PATTERN} characters; got one of {len(pattern):,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what `[[a]` may mean in a later Python
            compiled = re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise UsageError(f"the pattern {pattern} is no regular expression: {error}") from error
    if _could_take_forever(pattern):
        raise UsageError(
            f"the pattern {pattern} repeats a group that can itself match in several ways, which can take forever; "
            f"leave out the repeat within, or around"
        )
    return compiled


def _could_take_forever(pattern: str) -> bool:
    """Whether a group is repeated that holds a repeat or a choice: `(a+)+` tries 2^n ways on n letters that it does not match.

    Some of these are harmless, and all can be written otherwise. What is left takes time polynomial in a name's length.
    """
    has_ways = [False]  # for the pattern and each group that is open: whether it can match in several ways
    closed_has_ways = False  # the same for the group that the token before closed
    for token in _TOKEN.findall(pattern):
        repeats = token in ("*", "+") or (token[0] == "{" and token != "{")
        if repeats and closed_has_ways:
            return True
        closed_has_ways = False
        if token[0] == "(":
            has_ways.append(False)
        elif token == ")" and len(has_ways) > 1:  # one in a comment closes nothing
            closed_has_ways = has_ways.pop()
            has_ways[-1] |= closed_has_ways
        elif token in ("*", "+", "?", "|") or (repeats and "," in token):
            has_ways[-1] = True
    return False


def _examples(names: Sequence[str]) -> str:
    """A few of the names, from all over."""
    return ", ".join(_clipped(name) for name in names[:: max(1, -(-len(names) // _EXAMPLES))])


def _clipped(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
