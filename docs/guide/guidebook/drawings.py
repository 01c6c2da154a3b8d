"""Every picture of the guide, drawn from what the chapters' own code computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from guidebook import (
    draw_convolution,
    draw_curves,
    draw_maps,
    draw_numbers,
    draw_picture,
    draw_quick,
    draw_receptive_field,
)

Names = Mapping[str, Mapping[str, Any]]
"""Chapter -> the names that its code has bound."""

ALL: tuple[Callable[[Names], None], ...] = (
    draw_picture.draw,
    draw_convolution.draw,
    draw_receptive_field.draw,
    draw_maps.draw,
    draw_numbers.draw,
    draw_curves.draw,
    draw_quick.draw,
)
