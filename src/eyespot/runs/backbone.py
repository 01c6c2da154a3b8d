"""The backbone of a run: found on this machine, or fetched where the user agrees; and the features it makes of pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eyespot import data as sources
from eyespot import settings
from eyespot.backbones import AUTO, NONE, Backbone, features_of, find, keep
from eyespot.backbones.finding import KERAS
from eyespot.data.dataset import Dataset, Part
from eyespot.data.digests import short_digests
from eyespot.errors import DataError, EyespotError, InputError, UsageError
from eyespot.models import applications
from eyespot.progress import SILENT, Progress
from eyespot.runs.impartial import check_is_impartial, doubt, facts_of_backbone, may_know
from eyespot.runs.pictures import in_one_row

Ask: TypeAlias = Callable[[str], bool]
"""Puts a question to the user: whether they agree."""

SUGGESTED = "keras:MobileNetV3Small"
"""The smallest of those that can be fetched."""

_LARGE = 64  # pixels: photographs are read at this size; for smaller pictures the shipped backbone is as good

_COMPARED = 32
"""On so many pictures the written model is compared with features and head: a large backbone takes a while for each."""


@dataclass(frozen=True)
class Features:
    """What a backbone makes of all pictures of a data set.

    Attributes:
        backbone: the network.
        vectors: (n, d), in the pictures' order.
        sample: (m, height, width, 3) uint8, the first of the pictures, as the backbone takes them.
        fingerprint: of the data set at that size.
        seconds: that it took to compute them, or to find them computed.
        part: all pictures at that size, where they are to be learned from too; else None.
        digests: n short digests, which the pictures are known again by at that size.
        mirrored: (n, d), of the same pictures mirrored left to right, where these keep their class; else None.
    """

    backbone: Backbone
    vectors: NDArray[np.float32]
    sample: NDArray[np.uint8]
    fingerprint: str
    seconds: float
    part: Part | None = field(default=None, repr=False)
    digests: tuple[bytes, ...] = field(default=(), repr=False)
    mirrored: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def whole(self) -> Part:
        """All pictures. Errors: InputError, where they were not kept."""
        if self.part is None:
            raise InputError("the pictures were not kept beside their features; ask for them with keeps_pictures=True")
        return self.part

    @property
    def backbone_facts(self) -> dict[str, Any]:
        """What a model file says of the backbone, as JSON values."""
        return facts_of_backbone(self.backbone)

    def facts_tuned_on(self, positions: NDArray[np.int64]) -> dict[str, Any]:
        """The same, where the backbone was trained further on the pictures at these positions."""
        return facts_of_backbone(self.backbone, [self.digests[position] for position in positions])


@dataclass(frozen=True)
class Found:
    """The backbone that there is, if any.

    Attributes:
        backbone: None, where pictures are learned from without one.
        waited: the seconds for which the user thought about a question.
    """

    backbone: Backbone | None
    waited: float = 0.0

    @property
    def choice(self) -> str:
        """What finds it again, wherever `auto` or `latest` may lead then."""
        found = self.backbone
        if found is None:
            return NONE
        return found.name if found.is_shipped or found.name.startswith(KERAS) else str(found.path)


def obtain(
    choice: str, dataset: Dataset, *, source: str | None = None, ask: Ask | None = None, progress: Progress = SILENT
) -> Found:
    """The backbone that `--backbone` means.

    `auto` never fetches anything unless somebody can be asked, and agrees; and it passes over files that have learned from some
    of the pictures. What is named by hand and is not on this machine is fetched, after a question where one can be put.

    Args:
        choice: as of `eyespot.backbones.find`.
        dataset: the pictures at the size that they are learned from scratch at.
        source: what the data set was loaded from, to look for pictures that the backbone knows; None: this is not looked for.
        ask: None: nobody can be asked.
        progress: is told what was found or is fetched, from where and under which license.

    Errors: UsageError for a word that means nothing, where the user does not agree, and for a backbone that has learned from
    some of the pictures; ModelError for a file that is no backbone; InputError for an unknown network; DownloadError, which
    says the way out.
    """
    waited = 0.0

    def agrees(terms: str) -> bool:
        nonlocal waited
        if ask is None:
            progress.note(f"downloading a backbone: {terms}")
            return True
        begin = time.monotonic()
        answer = ask(f"A backbone is to be downloaded: {terms}. Agreed?")
        waited += time.monotonic() - begin
        return answer

    def made(name: str) -> Path:
        return _fetched(name, agrees, progress)

    def check(backbone: Backbone) -> None:
        # The pictures may have to be read anew for it, which takes a while.
        if source is not None and may_know(backbone, dataset):
            there = _at_size(backbone.size, source, dataset, progress)
            check_is_impartial(backbone, short_digests(in_one_row(there).images), there.fingerprint())

    found = find(choice, make=made, check=check, progress=progress)
    lacks_one = found is None or (found.is_shipped and _side(dataset) >= _LARGE)
    if choice == AUTO and lacks_one and ask is not None and not settings.offline():
        found = _suggested(made, progress) or found
    if found is not None:
        height, width = found.size
        progress.note(f"the backbone is {found.origin}: {found.features:,} features of {height} x {width} pixels")
        for line in (f"was trained on {found.trained_on}", *(f"has the {term}" for term in found.terms)):
            progress.note(f"the backbone {line}")
        reason = doubt(found, dataset)
        if reason is not None:
            progress.note(reason)
    return Found(found, waited)


def features_of_all(
    backbone: Backbone,
    source: str,
    dataset: Dataset,
    *,
    mirrors: bool = False,
    keeps_pictures: bool = False,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Features:
    """The features of all pictures of a data set, which are read anew at the backbone's own size.

    Args:
        backbone: from `obtain`.
        source: what the data set was loaded from.
        dataset: the same pictures at another size, as they came.
        mirrors: whether features of the mirrored pictures are wanted too.
        keeps_pictures: whether the pictures themselves are handed on: they may take hundreds of megabytes.
        threads: of the processor; None: one a core.
        progress: is told how far it has come.

    Errors: DataError, where the pictures have changed since; as `eyespot.backbones.features_of`.
    """
    begin = time.perf_counter()
    dataset = _at_size(backbone.size, source, dataset, progress)
    part = in_one_row(dataset)
    vectors = features_of(backbone, part.images, threads=threads, progress=progress)
    mirrored = features_of(backbone, part.images[:, :, ::-1], threads=threads, progress=progress) if mirrors else None
    seconds = time.perf_counter() - begin
    sample = part.images[:_COMPARED].copy()
    digests = short_digests(part.images)
    kept = part if keeps_pictures else None
    return Features(backbone, vectors, sample, dataset.fingerprint(), seconds, kept, digests, mirrored)


def how_to_add(*, has_one: bool) -> str:
    """How a backbone is come by, or a better one than there is, in words."""
    kind = "a better backbone" if has_one else "a backbone"
    return f"{kind} is one file to copy to {settings.backbones_folder()}, or --backbone {SUGGESTED}"


def _suggested(make: Callable[[str], Path], progress: Progress) -> Backbone | None:
    """The backbone that is worth fetching; None where the user would rather not, or it cannot be had."""
    try:
        return find(SUGGESTED, make=make, progress=progress)
    except EyespotError as error:
        progress.note(error.args[0])
    return None


def _fetched(name: str, agrees: Ask, progress: Progress) -> Path:
    """The model file made of a network of `keras.applications`, whose weights are downloaded where they are not here."""
    chosen = applications.application(name)
    terms = chosen.terms
    if chosen.weights_path.is_file():
        terms += f"; in place of {chosen.weights_path}, which is not what is published there"
    if not applications.has_weights(name) and not settings.offline() and not agrees(terms):
        raise UsageError(
            f"keras:{name} is not on this machine and was not downloaded",
            "Train without: --backbone none; or with another: a model.onnx that Eyespot trained",
        )
    weights = applications.fetch_weights(name, progress=progress)
    progress.note(f"making a backbone of {name}, once")
    network = applications.application_network(name, weights=weights)
    return keep(name, network, data="ImageNet", source=chosen.address, license=chosen.license)


def _at_size(size: tuple[int, int], source: str, dataset: Dataset, progress: Progress) -> Dataset:
    """The data set at another size, read anew unless it has that size. Errors: DataError, where it has changed since."""
    if size == next(iter(dataset.parts.values())).images.shape[1:3]:
        return dataset
    found = sources.load(source, size, progress=progress)
    before, after = in_one_row(dataset).names, in_one_row(found).names
    if before != after:
        raise DataError(f"{found.name} has changed while it was read: {len(before):,} pictures before, {len(after):,} now")
    return found


def _side(dataset: Dataset) -> int:
    """The height or width of the pictures, whichever is smaller, in pixels."""
    height, width = next(iter(dataset.parts.values())).images.shape[1:3]
    return min(int(height), int(width))
