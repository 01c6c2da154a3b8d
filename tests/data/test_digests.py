"""Pictures are known again by their pixels, and by nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from eyespot.data.digests import MOST, digest, from_text, short_digests, to_text

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 3), np.uint8)


def test_a_picture_is_known_by_its_pixels_however_they_lie_in_memory() -> None:
    turned = np.asfortranarray(PICTURES[0])
    assert digest(turned) == digest(PICTURES[0]) == hashlib.blake2b(PICTURES[0].tobytes(), digest_size=16).digest()
    changed = PICTURES[0].copy()
    changed[3, 4, 1] ^= 1
    assert digest(changed) != digest(PICTURES[0])


def test_what_is_written_down_is_read_again() -> None:
    digests = short_digests(PICTURES)
    assert [len(each) for each in digests] == [8] * 20
    assert from_text(to_text(digests)) == frozenset(digests)
    assert from_text(to_text(())) == frozenset()


def test_neither_the_order_nor_the_number_of_copies_is_written_down() -> None:
    digests = short_digests(PICTURES)
    assert to_text((*digests[::-1], *digests)) == to_text(digests)


def test_as_many_as_are_written_down_take_little_room() -> None:
    assert len(to_text(number.to_bytes(8) for number in range(MOST))) < 54_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "are a text; got NoneType"),
        (["AAAA"], "are a text; got list"),
        ("no base64", "Only base64 data is allowed|Non-base64 digit found"),
        ("AAAA", "have 8 bytes each; got 3 in all"),
    ],
)
def test_anything_else_is_no_such_text(text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_text(text)
