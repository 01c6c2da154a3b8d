import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyespot import data
from eyespot.data import Part, grouping
from eyespot.data.grouping import MAX_NAME, MAX_PATTERN, Rule, group, parse
from eyespot.errors import DataError, UsageError

MakeFolder = Callable[[Mapping[str, int]], Path]

CLASSES = ("cat", "dog")


def part_of(*names: str, **columns: tuple[str, ...]) -> Part:
    """Pictures of these names; each shows a dog that has one in its name, and a cat otherwise."""
    labels = np.array(["dog" in name for name in names], np.int64)
    return Part(np.zeros((len(names), 2, 2, 3), np.uint8), labels, names, columns)


def keys(rule: str, *names: str, **columns: tuple[str, ...]) -> tuple[str | None, ...]:
    return group(parse(rule), part_of(*names, **columns), CLASSES).keys


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("folder", Rule("folder", "folder", "")),
        ("folder:2", Rule("folder:2", "folder", "2")),
        ("column:animal", Rule("column:animal", "column", "animal")),
        ("column:the animal: its name", Rule("column:the animal: its name", "column", "the animal: its name")),
        ("name:^[a-z]+", Rule("name:^[a-z]+", "name", "^[a-z]+")),
        ("name:folder", Rule("name:folder", "name", "folder")),
        (r"(\d+)_", Rule(r"(\d+)_", "name", r"(\d+)_")),
        (r"(?:a|b)(\d+)", Rule(r"(?:a|b)(\d+)", "name", r"(?:a|b)(\d+)")),
    ],
)
def test_a_rule_is_read(text: str, rule: Rule) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be grouped by ''; a rule is folder, folder:N"),
        ("animal", "cannot be grouped by 'animal'; a rule is folder, folder:N"),
        ("folders", "cannot be grouped by 'folders'"),
        ("colum:animal", "cannot be grouped by 'colum:animal'"),
        (r"names:(\d+)", "cannot be grouped by"),
        (r"\d+", "cannot be grouped by"),
        (r"\(\d+\)", "cannot be grouped by"),
        ("(?:a|b)", "cannot be grouped by"),
        ("folder:", "takes the number of a step"),
        ("folder:0", "takes the number of a step, 1 for the first folder below the class folder; got 'folder:0'"),
        ("folder:-1", "takes the number of a step"),
        ("folder:two", "takes the number of a step"),
        ("folder:1000000000000", "takes the number of a step"),
        ("column: ", "column:NAME takes the name of a column"),
        ("name:", "takes a regular expression on the files' names; got none"),
        ("name:(", r"the pattern \( is no regular expression: .*unterminated"),
        ("(a", "no regular expression"),
        ("name:a{99999999999999}", "no regular expression"),
        ("name:" + "a" * (MAX_PATTERN + 1), f"at most {MAX_PATTERN} characters; got one of {MAX_PATTERN + 1}"),
    ],
)
def test_what_is_no_rule_is_a_usage_error_that_says_what_came(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a*)*$",
        "(?:a+)+b",
        "(?P<x>a+)+b",
        r"(\w+\s?)*:",
        "(a|a)*b",
        "(a?a?)+b",
        "((a+))+b",
        "(a{1,3})+b",
        "(a+){2,40}b",
        "(a+){30}b",
        "([a-z]+)*[)]",
        "(a+)+?b",
    ],
)
def test_a_pattern_that_could_take_forever_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="can take forever"):
        parse(f"name:{pattern}")


@pytest.mark.parametrize(
    ("pattern", "name", "key"),
    [
        (r"^(\d{4})-(\d\d)", "2024-05.jpg", "2024"),
        (r"(\d{2}){2}", "1234.jpg", "34"),
        (r"(cat|dog)_?(\d+)?", "cat_1.jpg", "cat"),
        (r"([^)]+)\)+", "a)b.jpg", "a"),
        (r"([]+*]+)x*", "+].jpg", "+]"),
        (r"(\(+)+\.", "(((.jpg", None),
        (r"(?i:IMG)_(\d+)", "img_7.jpg", "7"),
        (r"(?x) (\d+) # no group)", "7.jpg", "7"),
        (r"[[]([a-z]+)[]]+", "[tom].jpg", "tom"),
        (r"^(.+)_.*_.*", "a_b_c_d.jpg", "a_b"),
    ],
)
def test_other_patterns_are_not(pattern: str, name: str, key: str | None) -> None:
    if key is None:
        with pytest.raises(UsageError, match="can take forever"):  # harmless, yet a repeat in a repeat
            parse(f"name:{pattern}")
        return
    assert keys(f"name:{pattern}", name) == (key,)


def test_the_first_group_of_the_pattern_is_the_key_or_all_that_it_finds() -> None:
    names = ("cat/tom-1.jpg", "cat/tom-2.jpg", "dog/rex-1.jpg")
    assert keys(r"name:^([a-z]+)-\d", *names) == ("tom", "tom", "rex")
    assert keys(r"name:^[a-z]+-\d", *names) == ("tom-1", "tom-2", "rex-1")


def test_a_pattern_sees_the_name_of_the_file_alone() -> None:
    assert keys("name:[a-z]+", "cat/site/1a.jpg", "dog/2b.jpg") == ("a", "b")


def test_pictures_that_a_pattern_does_not_match_have_no_key_and_are_counted() -> None:
    part = part_of("cat/a-1.jpg", "cat/a-2.jpg", "dog/noname.jpg", "dog/b.jpg", "dog/a-3.jpg")
    found = group(parse(r"name:^(\w+)-"), part, CLASSES)
    assert found.keys == ("a", "a", None, None, "a")
    assert found.note == (
        r"grouped by name:^(\w+)-: 3 pictures in 1 group; without a key, each on its own: 2, such as dog/noname.jpg"
    )


def test_an_empty_match_is_no_key() -> None:
    assert keys(r"name:\d*", "1.jpg", "dog.jpg") == ("1", None)
    assert keys(r"name:(\d)?x", "1x.jpg", "x.jpg") == ("1", None)


def test_a_pattern_that_matches_nothing_is_an_error_with_names_it_was_tried_on() -> None:
    names = [f"cat/{i}.jpg" for i in range(8)] + ["dog/last.jpg"]
    with pytest.raises(DataError, match=r"the pattern x\(\\d\) finds nothing in any file's name; it was tried on 0.jpg, 3.jpg"):
        keys(r"name:x(\d)", *names)


def test_an_endless_name_has_no_key_and_is_clipped_in_errors() -> None:
    endless = "cat/" + "a" * (MAX_NAME + 1)
    assert keys("name:a+", endless, "dog/a.jpg") == (None, "a")
    with pytest.raises(DataError) as caught:
        keys("name:a+", endless)
    assert len(str(caught.value)) < 250


def test_a_rule_that_keeps_nothing_together_says_so() -> None:
    assert "nothing is kept together" in group(parse("name:.*"), part_of("cat/1.jpg", "dog/2.jpg"), CLASSES).note
    assert "nothing is kept together" not in group(parse("name:jpg"), part_of("cat/1.jpg", "dog/2.jpg"), CLASSES).note


def test_a_folder_below_the_class_folder_is_the_key() -> None:
    names = ("cat/tom/1.jpg", "cat/tom/2.jpg", "cat/farm/tom/1.jpg", "dog/tom/1.jpg", "dog/1.jpg")
    assert keys("folder", *names) == ("tom", "tom", "farm/tom", "tom", None)


def test_the_nth_folder_below_the_class_folder_is_the_key() -> None:
    names = ("cat/farm/tom/1.jpg", "cat/town/tom/1.jpg", "cat/farm/1.jpg", "dog/farm/rex/1.jpg")
    assert keys("folder:1", *names) == ("farm", "town", "farm", "farm")
    assert keys("folder:2", *names) == ("tom", "tom", None, "rex")


@pytest.mark.parametrize("before", ["", "photos/", "photos/train/", "cat/", "dog/cat/", "a b/c/d/"])
def test_the_class_folder_may_lie_in_others(before: str) -> None:
    names = [before + name for name in ("cat/tom/1.jpg", "cat/tim/1.jpg", "dog/cat/1.jpg")]
    labels = np.array([0, 0, 1], np.int64)
    part = Part(np.zeros((3, 2, 2, 3), np.uint8), labels, tuple(names))
    assert group(parse("folder"), part, CLASSES).keys == ("tom", "tim", "cat")


def test_accents_may_be_written_either_way() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    part = Part(np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.int64), (f"{decomposed}/tom/1.jpg",))
    assert group(parse("folder"), part, (composed,)).keys == ("tom",)


@pytest.mark.parametrize(
    ("rule", "names", "message"),
    [
        ("folder", ("cat/1.jpg", "dog/2.jpg"), "folder groups nothing: .* they lie as cat/1.jpg, dog/2.jpg"),
        ("folder:2", ("cat/a/1.jpg", "dog/b/2.jpg"), "folder:2 groups nothing: no picture lies 2 folders below"),
        ("folder", ("1.jpg", "dog.jpg"), "needs pictures in class folders; these are 1.jpg, dog.jpg; group by column:NAME"),
        ("folder", ("felis/a/1.jpg", "canis/dog.jpg"), "needs pictures in class folders"),
    ],
)
def test_folders_that_are_not_there_are_an_error_that_shows_what_is(rule: str, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        keys(rule, *names)


def test_a_column_of_the_table_is_the_key_and_an_empty_cell_is_none() -> None:
    columns = {"animal": ("tom", "", "rex", "rex"), "Site": ("a", "b", "c", "d")}
    names = ("1.jpg", "2.jpg", "dog1.jpg", "dog2.jpg")
    assert keys("column:animal", *names, **columns) == ("tom", None, "rex", "rex")
    assert keys("column:site", *names, **columns) == ("a", "b", "c", "d")
    assert keys("column:Site", *names, **{"Site": ("a",) * 4, "site": ("b",) * 4}) == ("a",) * 4


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "needs pictures that a CSV lists, with a column 'animal'"),
        ({"site": ("a",), "day": ("1",)}, "there is no column 'animal'; beside path and label there are: site, day"),
        ({"animal": ("",)}, "column:animal groups nothing: the column 'animal' is empty"),
    ],
)
def test_a_column_that_does_not_serve_is_an_error(columns: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        keys("column:animal", "1.jpg", **columns)


def test_pictures_of_a_real_folder_are_grouped_by_their_folders(make_folder: MakeFolder) -> None:
    root = make_folder({"photos/cat/tom": 2, "photos/cat/tim": 1, "photos/dog/rex": 2})
    dataset = data.load(root, (8, 8))
    assert group(parse("folder"), dataset.parts["all"], dataset.classes).keys == ("tim", "tom", "tom", "rex", "rex")


def test_the_parts_of_a_real_folder_are_grouped_alike(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"train/cat/tom": 1, "train/dog/rex": 1, "test/cat/tom": 1, "test/dog/ben": 1}), (8, 8))
    found = {name: group(parse("folder:1"), part, dataset.classes).keys for name, part in dataset.parts.items()}
    assert found == {"train": ("tom", "rex"), "test": ("tom", "ben")}


def test_pictures_of_a_real_table_are_grouped_by_its_columns(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 2, "dog": 1})
    table = root / "labels.csv"
    table.write_text("animal;path;label\ntom;cat/0.png;cat\n;cat/1.png;cat\nrex;dog/0.png;dog\n")
    dataset = data.load(table, (8, 8))
    assert group(parse("column:animal"), dataset.parts["all"], dataset.classes).keys == ("tom", None, "rex")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_one_usage_error(text: str) -> None:
    try:
        rule = parse(text)
    except UsageError:
        return
    assert rule.kind in ("folder", "column", "name")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab+*?|(){}[]\\,2^:!<=P", max_size=12))
def test_every_regular_expression_is_taken_or_refused_and_what_is_taken_ends(pattern: str) -> None:
    try:
        compiled = grouping.parse(f"name:{pattern}")
    except UsageError:
        return
    re.search(compiled.argument, "ab" * 12 + "!")
