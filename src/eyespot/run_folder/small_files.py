"""The small text files of a run: written whole or not at all, read with one clear error."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eyespot.errors import RunError
from eyespot.files import write_bytes, write_text

MAX_BYTES = 2**28
"""A file larger than this is not read."""

_FORMULA_STARTS = frozenset("=+-@\t\r\n")


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file of any kind, whole or not at all.

    Errors: RunError, where it cannot be written.
    """
    try:
        if isinstance(content, str):
            write_text(path, content)
        else:
            write_bytes(path, content)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON object, indented; numbers that JSON does not have (NaN, infinity) become null."""
    write_file(path, json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Errors: RunError, where it is missing, damaged or not an object.
    """
    text = _read(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is not JSON: {error}") from error
    return _mapping(path, document)


def write_yaml(path: Path, document: Mapping[str, Any]) -> None:
    """Write a YAML mapping of plain values, in the order given."""
    import yaml

    write_file(path, yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True))


def read_yaml(path: Path) -> dict[str, Any]:
    """The YAML mapping in `path`; plain values only, nothing is constructed.

    Errors: RunError, where it is missing, damaged or not a mapping.
    """
    import yaml

    text = _read(path)
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _damaged(path, f"it is not YAML: {' '.join(str(error).split())}") from error
    return _mapping(path, document)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table; None becomes an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_file(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a table by their header.

    Errors: RunError, where it is missing or damaged.
    """
    try:
        return list(csv.DictReader(io.StringIO(_read(path)), strict=True))
    except csv.Error as error:
        raise _damaged(path, f"it is not a CSV table: {error}") from error


def guarded_path(path: str) -> str:
    """`path`, with `./` before it where a spreadsheet would take it for a formula: it names the same file still."""
    return f"./{path}" if path[:1] in _FORMULA_STARTS else path


def guarded_text(text: str) -> str:
    """`text`, with an apostrophe before it where a spreadsheet would take it for a formula; `unguarded_text` takes it off.

    Numbers are left alone.
    """
    return f"'{text}" if _needs_guard(text) else text


def unguarded_text(text: str) -> str:
    """What `guarded_text` was given."""
    return text[1:] if text.startswith("'") and _needs_guard(text[1:]) else text


def _needs_guard(text: str) -> bool:
    if text.lstrip("'")[:1] not in _FORMULA_STARTS:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def _finite(value: Any) -> Any:
    """The same JSON value with None for every number that is not finite."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _damaged(path, f"it has more than {MAX_BYTES // 2**20} MiB")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing") from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "it is not text in UTF-8") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error


def _mapping(path: Path, document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _damaged(path, f"it should hold names with values; it holds {type(document).__name__}")
    return document


def _damaged(path: Path, reason: str) -> RunError:
    return RunError(f"{path} is damaged: {reason}")
