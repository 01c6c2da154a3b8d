"""Whether a backbone has learned from the very pictures that it is to be judged on; and what a model file says, to know it by.

Pictures are known again by their pixels alone, as the network takes them: under another name, with another label, among others.
Those that were saved anew are not, nor are those of data sets too large to be written down picture by picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from eyespot.backbones import Backbone
from eyespot.data.dataset import Dataset
from eyespot.data.digests import MOST, short_digests, to_text
from eyespot.errors import ModelError, UsageError
from eyespot.evaluation.learned_from import LEARNED_FROM, digests_in
from eyespot.runs.candidate import Learned

FROZEN = "frozen features"
"""The candidate of which a head alone is learned: what its features know is what the backbone's knew."""


def facts_of_data(dataset: Dataset, learned: Learned) -> dict[str, Any]:
    """What a model file says of its data: `name`, `fingerprint` and, of at most 5,000 pictures, `learned_from`.

    That is left out where the features came from a backbone: `recipe` says then which pictures they and the head were learned
    from.

    Args:
        dataset: in the parts that it was used in, at the size of the network, unless that came from a backbone.
        learned: the classifier.
    """
    facts = {"name": dataset.name, "fingerprint": learned.fingerprint}
    seen = [part.images for name, part in dataset.parts.items() if name != "test"]
    if "backbone" in learned.recipe or sum(map(len, seen)) > MOST:
        return facts
    return facts | {LEARNED_FROM: to_text(chain.from_iterable(map(short_digests, seen)))}


def facts_of_backbone(backbone: Backbone, tuned_on: Sequence[bytes] = ()) -> dict[str, Any]:
    """What a model file says of the backbone that it was made of, as JSON values.

    Args:
        backbone: as it was found.
        tuned_on: the short digests of the pictures that it was trained further on.
    """
    facts = {
        "name": backbone.name,
        "hash": backbone.hash,
        "trained_on": backbone.trained_on,
        "terms": list(backbone.terms),
    }
    seen = known_pictures(backbone).union(tuned_on)
    return facts | ({LEARNED_FROM: to_text(seen)} if seen else {})


def known_pictures(backbone: Backbone) -> frozenset[bytes]:
    """The short digests of the pictures that a backbone has learned from, at its size; none, where its file does not say.

    Errors: ModelError for a file that says it in a way that cannot be read.
    """
    if backbone.description is None:
        return frozenset()
    try:
        return digests_in(backbone.description.data, backbone.description.recipe.get("backbone"))
    except ValueError as error:
        raise ModelError(f"{backbone.path} does not say rightly which pictures it was trained on: {error}") from error


def may_know(backbone: Backbone, dataset: Dataset) -> bool:
    """Whether a backbone may have learned from some of the pictures: its file lists pictures, or names data called the same.

    Errors: as `known_pictures`.
    """
    return bool(known_pictures(backbone)) or _data_of_features(backbone).get("name") == dataset.name


def check_is_impartial(backbone: Backbone, digests: Sequence[bytes], fingerprint: str) -> None:
    """Refuse a backbone that has learned from some of the pictures: no figure of it would be honest.

    Args:
        backbone: the network.
        digests: the short digests of all pictures, at the backbone's size.
        fingerprint: of the data set at that size: a file that does not list its pictures is known by it.

    Errors: UsageError, which says how many pictures the backbone knows, and what else to name; as `known_pictures`.
    """
    known = known_pictures(backbone)
    count = sum(digest in known for digest in digests)
    if _data_of_features(backbone).get("fingerprint") == fingerprint:
        count = count or len(digests)
    if count:
        raise UsageError(
            f"the backbone {backbone.name} was trained on these very pictures: it knows {count:,} of {len(digests):,}, so its "
            f"figures on them would be too good",
            "Name another: --backbone none, --backbone cifar10, or a model that was trained on other pictures",
        )


def doubt(backbone: Backbone, dataset: Dataset) -> str | None:
    """A line for the user where a backbone may have learned from the pictures, and its file does not list them; else None."""
    if known_pictures(backbone) or not may_know(backbone, dataset):
        return None
    return (
        f"the backbone was trained on data that is called {dataset.name} too, and its file does not say on which pictures: "
        f"where some of these are among them, its figures are too good"
    )


def _data_of_features(backbone: Backbone) -> Mapping[str, Any]:
    """What a backbone's file says of the data that its features were learned from; nothing, where a head alone was."""
    description = backbone.description
    if description is None or description.recipe.get("candidate") == FROZEN:
        return {}
    return description.data
