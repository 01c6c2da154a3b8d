"""Text that a spreadsheet would compute is defused, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyespot.run_folder.small_files import guarded_path, guarded_text, unguarded_text


@given(st.one_of(st.text(), st.text(alphabet="'=+-@ a1.")))
def test_guarded_text_comes_back_and_never_starts_a_formula(text: str) -> None:
    guarded = guarded_text(text)

    assert unguarded_text(guarded) == text
    if guarded[:1] in ("=", "+", "-", "@", "\t", "\r", "\n"):
        float(guarded)


@pytest.mark.parametrize("text", ["cat", "-5", "+1e3", "", "3D", "a=b", "'tis", "’"])
def test_harmless_text_is_left_alone(text: str) -> None:
    assert guarded_text(text) == text


def test_a_guarded_path_names_the_same_file() -> None:
    assert [guarded_path(path) for path in ("cats/=1.png", "=1.png", "-x.png")] == ["cats/=1.png", "./=1.png", "./-x.png"]
