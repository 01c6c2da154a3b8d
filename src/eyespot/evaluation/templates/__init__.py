"""The templates of report and model card, and the words that figures are put into."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent


def source(name: str) -> str:
    """The text of a file that lies beside the templates."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def environment() -> Environment:
    """Renders the templates: every value is escaped in HTML; in Markdown through the filter `plain`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters |= {"percent": percent, "duration": duration, "number": number, "plain": plain_markdown, "fenced": fenced}
    return jinja


def percent(share: float | None, digits: int = 1) -> str:
    """A share 0-1 in percent; a dash where there is none."""
    return "–" if share is None else f"{share * 100:.{digits}f}\N{NARROW NO-BREAK SPACE}%"


def number(value: int) -> str:
    """A count with its thousands set apart."""
    return f"{value:,}"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that say enough."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plain_markdown(text: object) -> str:
    """Text that Markdown shows as it is: on one line, with the signs escaped that mean something to it there."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~$#])", r"\\\1", line)
    # At the start of a line these make a list, a quotation or a rule.
    return re.sub(r"^(\d*)([-+.)=])", r"\1\\\2", line)


def fenced(text: str) -> str:
    """A block of code, fenced by more backticks than it holds in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
