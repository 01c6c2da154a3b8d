"""From which pictures a classifier has learned, as far as its file says: by their pixels, under whatever name they come again.

Pictures that were saved anew are not known again, nor are those of data sets too large to be written down picture by picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eyespot.bundle import Description
from eyespot.data.digests import from_text

LEARNED_FROM = "learned_from"
"""What a model file calls the short digests, among the facts on its data, in its recipe, and on its backbone."""


def learned_from(description: Description) -> frozenset[bytes]:
    """The short digests, at the model's size, of the pictures that it has learned from; none, where its file does not say.

    Errors: ValueError for a file that says it in a way that cannot be read.
    """
    return digests_in(description.data, description.recipe, description.recipe.get("backbone"))


def digests_in(*facts: object) -> frozenset[bytes]:
    """The short digests that any of these facts list; what lists none, or is no mapping, has none.

    Errors: ValueError, as `learned_from`.
    """
    told: list[Mapping[str, Any]] = [each for each in facts if isinstance(each, Mapping)]
    return frozenset().union(*(from_text(each[LEARNED_FROM]) for each in told if LEARNED_FROM in each))
