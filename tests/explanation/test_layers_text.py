"""The printed table."""

from eyespot.explanation.layers import layer_table
from eyespot.explanation.layers_text import HEAD, NUMBERS, table_cells
from eyespot.models.keras_network import read
from eyespot.models.tutorial import tutorial


def cells():
    return {line[0]: line for line in table_cells(layer_table(read(tutorial((32, 32, 3), 10))))}


def test_every_line_has_a_cell_for_each_column():
    assert {len(line) for line in cells().values()} == {len(HEAD)}
    assert max(NUMBERS) < len(HEAD)


def test_a_layer_is_told_in_words_and_numbers():
    assert cells()["conv2"] == (
        "conv2",
        "Conv2D",
        "30 x 30 x 64",
        "18,496",
        "16,588,800",
        "43.3 %",  # of 884,736 + 16,588,800 + 16,588,800 + 3,686,400 + 524,288 + 10,240
        "5 x 5",
        "1 x 1",
        "(32 - 3) / 1 + 1 = 30",
    )


def test_layers_that_only_rearrange_or_drop_have_lines_too():
    table = cells()
    assert table["dropout1"][1:7] == ("Dropout", "15 x 15 x 64", "0", "0", "", "6 x 6")
    assert table["flatten"][1:8] == ("Flatten", "512", "0", "0", "", "24 x 24", "-")


def test_the_last_line_sums_up():
    assert list(cells())[-1] == "in all"
    assert cells()["in all"][3] == "776,394"
