"""The page: what it holds, that its script works every number out rightly, and that it needs nothing outside itself."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.bundle import read_network
from eyespot.errors import RunError
from eyespot.explanation import page_numbers
from eyespot.explanation.activations import activations
from eyespot.explanation.page import Subject, render, write_page
from eyespot.explanation.page_forms import FORMS
from eyespot.explanation.windows import as_map, unit_window
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import KINDS, Layer, Network
from eyespot.run_folder import find_model

Noise = Callable[[Network], NDArray[np.uint8]]
HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} & 'quoted' \u2028 🦊")
UNITS = 100


class Page(HTMLParser):
    """A page taken apart: its visible text, its tags with their attributes, its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        self.text += " "
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split()).replace("\N{NARROW NO-BREAK SPACE}", " ")

    @property
    def layers(self) -> dict[str, dict[str, Any]]:
        """What the script knows of each layer."""
        return {layer["name"]: layer for layer in json.loads(self.scripts[0])["layers"]}


def subject(network: Network, picture: NDArray[np.uint8], **changes: Any) -> Subject:
    classes = tuple(f"class {i}" for i in range(network.shapes[network.output][0]))
    return replace(Subject(name="photo.jpg", model="a model", classes=classes, picture=picture), **changes)


def bound(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Leave so much room for the numbers of a page."""
    monkeypatch.setattr(page_numbers, "MOST_BYTES", size)
    monkeypatch.setattr(page_numbers, "MOST_BYTES_IN_PART", size)


@pytest.fixture
def html(tiny_network: Network, noise: Noise) -> Callable[..., str]:
    """Renders the page of the tiny network."""

    def page(heat: NDArray[np.float32] | None = None, **changes: Any) -> str:
        return render(tiny_network, subject(tiny_network, noise(tiny_network), **changes), heat)

    return page


def test_the_answers_come_with_their_probabilities_best_first(
    html: Callable[..., str], tiny_network: Network, noise: Noise
) -> None:
    probabilities = activations(tiny_network, noise(tiny_network))["probabilities"]
    best = int(probabilities.argmax())

    words = Page(html(classes=("cat", "dog", "frog"))).words

    assert f"Eyespot {('cat', 'dog', 'frog')[best]} {100 * probabilities[best]:.1f} % This is how" in words
    shares = [float(share) for share in re.findall(r"([\d.]+) %", words.partition("Answers")[2])][:3]
    assert shares == [round(100 * float(share), 1) for share in sorted(probabilities, reverse=True)]


def test_the_layer_table_stands_beside_the_maps(html: Callable[..., str]) -> None:
    words = Page(html()).words

    assert "conv Conv2D 6 × 8 × 4 sees 3 × 3 pixels 112 weights 5,184 multiply-adds" in words
    assert "height (8 - 3) / 1 + 1 = 6, width (10 - 3) / 1 + 1 = 8" in words


def test_the_softmax_is_worked_out_from_the_logits(html: Callable[..., str], tiny_network: Network, noise: Noise) -> None:
    logits = activations(tiny_network, noise(tiny_network))["logits"].astype(np.float64)
    exponentials = np.exp(logits - logits.max())
    best = int(logits.argmax())

    words = Page(html()).words

    row = f"class {best} {logits[best]:.4f} {logits[best]:.4f} 1.00000 {1 / exponentials.sum():.5f}".replace("-", "−")
    assert row in words
    assert "logits temperature ÷ 1" in words
    assert f"sum {exponentials.sum():.5f} 1.00000" in words


def test_a_softmax_within_a_dense_layer_is_worked_out_too(tiny_network: Network, noise: Noise) -> None:
    *others, logits, _, _ = tiny_network.layers
    fused = replace(logits, config={**logits.config, "activation": "softmax"})
    network = Network((*others, fused), output="logits")
    picture = noise(network)
    expected = activations(tiny_network, picture)["logits"]

    words = Page(render(network, subject(network, picture))).words

    assert f"{expected.max():.4f} 1.00000".replace("-", "−") in words


def test_the_strongest_channels_are_those_with_the_largest_mean_absolute_value(tutorial_network: Network, noise: Noise) -> None:
    picture = noise(tutorial_network)
    strength = np.abs(activations(tutorial_network, picture)["conv2"]).mean(axis=(0, 1))

    shown = Page(render(tutorial_network, subject(tutorial_network, picture))).layers["conv2"]["shown"]

    assert shown == np.argsort(-strength)[:16].tolist()


def test_the_maps_drawn_are_the_activations(html: Callable[..., str], tiny_network: Network, noise: Noise) -> None:
    page = Page(html())
    values = activations(tiny_network, noise(tiny_network))["conv"]

    layer = page.layers["conv"]
    drawn = np.frombuffer(base64.b64decode(page.scripts[2]), np.int8)
    first = drawn[layer["map"]["at"] :][: 6 * 8].reshape(6, 8)

    scale = layer["map"]["scale"]
    np.testing.assert_allclose(first * scale / 127, np.minimum(values[..., layer["shown"][0]], scale), atol=scale / 127)
    assert scale > 0.8 * values.max()


def test_a_large_network_shows_less_of_itself_rather_than_growing_the_page(
    tutorial_network: Network, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(monkeypatch, 150_000)

    html = render(tutorial_network, subject(tutorial_network, noise(tutorial_network)))

    page = Page(html)
    assert len(html) < 400_000
    assert "some units, evenly spaced, are worked out" in page.words
    rows = page.layers["conv1"]["rows"]
    assert len(rows) < 32
    assert rows[0] + rows[-1] in (30, 31, 32)  # as far from the upper edge as from the lower one


def test_names_of_any_kind_stay_text(html: Callable[..., str]) -> None:
    made = html(classes=HOSTILE, name=HOSTILE[0], model=HOSTILE[1], original=np.zeros((3, 5, 3), np.uint8))
    page = Page(made)

    assert made.count("<script") == len(page.scripts) == 5
    assert set(page.layers["probabilities"]["labels"]) == set(HOSTILE)
    assert all(name in page.text for name in HOSTILE)
    assert "49" not in re.findall(r"<h1>.*?</h1>", made)[0]
    assert not [attributes for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(str(attributes["src"]).startswith("data:image/") for tag, attributes in page.tags if tag == "img")


def test_the_page_asks_for_nothing_outside_itself_and_lets_only_its_own_script_run(html: Callable[..., str]) -> None:
    made = html(np.ones((8, 10), np.float32))
    page = Page(made)
    policy = str(next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"))
    own = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()

    without_data = re.sub(r"data:image/[^\"]+|<script type.*?</script>", "", made, flags=re.DOTALL)
    assert not re.search(r"https?:|url\(|@import|[^:]//[a-z]", re.sub(r"^ *//.*$", "", without_data, flags=re.MULTILINE))
    assert not [attributes for tag, attributes in page.tags if tag == "link" or ("src" in attributes and tag == "script")]
    assert f"script-src 'sha256-{own}';" in policy
    assert "default-src 'none'" in policy


def test_every_tag_is_closed(html: Callable[..., str]) -> None:
    class Balance(HTMLParser):
        open: list[str] = []  # noqa: RUF012  # one parser, used once

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "img", "input"}:
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(html(np.ones((8, 10), np.float32), original=np.zeros((3, 5, 3), np.uint8), unsure=True, threshold=0.6))

    assert parser.open == []


def test_where_the_heat_lies_is_said_in_words(html: Callable[..., str]) -> None:
    heat = np.zeros((8, 10), np.float32)
    heat[7, 0] = 3

    assert "rests most on what lies in the lower left part" in Page(html(heat)).words
    assert "No place stands out" in Page(html(np.zeros((8, 10), np.float32))).words
    assert "rests on" not in Page(html()).words
    assert "speaks against" not in Page(html(heat)).words
    assert "Blue speaks against it." in Page(html(heat - 1)).words


def test_an_unsure_answer_is_called_so(html: Callable[..., str]) -> None:
    assert "Unsure: the answer's probability is below 60.0 %" in Page(html(unsure=True, threshold=0.6)).words
    assert "Unsure" not in Page(html(threshold=0.6)).words


def of_classes(network: Network, count: int) -> Network:
    """The same network with so many classes."""
    random = np.random.default_rng(5)
    layers = {layer.name: layer for layer in network.layers}
    weights = {"kernel": random.normal(size=(4, count)).astype(np.float32), "bias": np.zeros(count, np.float32)}
    layers["logits"] = replace(layers["logits"], config={**layers["logits"].config, "units": count}, weights=weights)
    return Network(tuple(layers.values()), output=network.output)


def test_of_a_thousand_classes_the_best_are_shown_and_the_rest_counted(tiny_network: Network, noise: Noise) -> None:
    network = of_classes(tiny_network, 1000)

    html = render(network, subject(network, noise(network)))

    words = Page(html).words
    assert "The best 10 of 1,000 classes." in words
    assert "984 others" in words
    assert len(html) < 400_000


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 40, 3)], ids=["1x1", "wide"])
def test_pictures_of_any_shape_have_a_page(shape: tuple[int, int, int]) -> None:
    layers = (
        Layer("input", "InputLayer", {"shape": list(shape)}, ()),
        Layer("flatten", "Flatten", {}, ("input",)),
        Layer(
            "dense",
            "Dense",
            {"units": 2, "activation": "softmax", "use_bias": False},
            ("flatten",),
            {"kernel": np.ones((int(np.prod(shape)), 2), np.float32)},
        ),
    )
    network = Network(layers, output="dense")

    words = Page(render(network, subject(network, np.full(shape, 90, np.uint8), original=np.zeros((1, 1, 3), np.uint8)))).words

    assert "class 0 50.0 %" in words
    assert f"The network sees it at {shape[0]} × {shape[1]}" in words


def test_every_kind_of_layer_has_its_arithmetic() -> None:
    assert set(FORMS) == set(KINDS)


def test_a_page_that_cannot_be_written_names_the_file(tiny_network: Network, noise: Noise, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"photo\.html cannot be written"):
        write_page(tmp_path / "gone" / "photo.html", tiny_network, subject(tiny_network, noise(tiny_network)))


def in_browser(tmp_path: Path, html: str, script: str) -> Any:
    """What `script`, run in the page by Chromium after the page's own, leaves in `results`.

    The page lets no script but its own run, so the test takes that rule out of its copy.
    """
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    ending = 'document.body.append(element("pre", { id: "results", textContent: JSON.stringify(results) }));'
    failing = "catch (error) { results = String(error.stack); }"
    test = f"<script>let results; try {{ {script} }} {failing} {ending}</script></body>"
    path = tmp_path / "tested.html"
    path.write_text(unguarded.replace("</body>", test), encoding="utf-8")
    return json.loads(re.search(r'<pre id="results">(.*?)</pre>', dom(tmp_path, path), re.DOTALL)[1])  # type: ignore[index]


def dom(tmp_path: Path, path: Path) -> str:
    """The page as it stands once Chromium has run its scripts."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={tmp_path / 'profile'}"]
    return subprocess.run(
        [*command, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    ).stdout


WORK_OUT = """
const number = (text) => Number(text.replace("−", "-"));
results = UNITS.map(([index, row, column, nth]) => {
  const unit = { layer: layers[index], row, column, nth };
  const worked = show(unit);
  const printed = document.querySelector("#working .sums tfoot td, #working .grids > b");
  const shown = document.querySelector("#working .result");
  return [worked.kind, worked.total, printed && number(printed.textContent), number(shown.textContent)];
});
"""


def random_units(page: Page) -> list[tuple[int, int, int, int]]:
    """Units of every layer that can be chosen on the page: (layer, row, column, which of the channels shown)."""
    random = np.random.default_rng(2)

    def choose(positions: Sequence[int] | None, size: int) -> int:
        return int(random.choice(np.arange(size) if positions is None else np.asarray(positions)))

    return [
        (i, choose(layer["rows"], layer["shape"][0]), choose(layer["columns"], layer["shape"][1]), nth)
        for i, layer in enumerate(page.layers.values())
        for nth in random.integers(len(layer["shown"]), size=UNITS).tolist()
    ]


def before_activation(network: Network, values: Any, layer: Layer, unit: tuple[int, int, int], actual: float) -> float:
    """What the sum of a unit has to be; where the layer ends with a function of its own, only that function knows."""
    if layer.config.get("activation", "linear") == "linear" or layer.kind == "Activation":
        return actual
    bare = replace(layer, config={**layer.config, "activation": "linear"})
    position = network.layers.index(layer)
    cut = Network((*network.layers[:position], bare), output=layer.name)
    key = (id(network), layer.name)
    if key not in _BARE:
        _BARE[key] = activations(cut, values[network.layers[0].name].astype(np.uint8))[layer.name]
    return float(_BARE[key].reshape(as_map(_BARE[key].shape))[unit])


_BARE: dict[tuple[int, str], NDArray[np.float32]] = {}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [("mixed", None), ("tutorial", None), ("tutorial", 150_000)],
    ids=["mixed", "tutorial", "tutorial-bounded"],
)
def test_what_the_page_works_out_is_what_onnx_runtime_computes(
    networks: dict[str, Network],
    name: str,
    most_bytes: int | None,
    noise: Noise,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if most_bytes is not None:
        bound(monkeypatch, most_bytes)
    check_every_layer(tmp_path, networks[name], noise(networks[name]))


@pytest.mark.browser
def test_the_page_of_the_shipped_model_is_small_and_right(draw: Callable[..., NDArray[np.uint8]], tmp_path: Path) -> None:
    network = read_network(find_model("cifar10").path)

    assert check_every_layer(tmp_path, network, draw(3, 32, 32)) < 5_000_000


def check_every_layer(tmp_path: Path, network: Network, picture: NDArray[np.uint8]) -> int:
    """Compares random units of every layer with ONNX Runtime's; returns the page's size in bytes."""
    html = render(network, subject(network, picture))
    page = Page(html)
    values = activations(network, picture)
    units = random_units(page)

    results = in_browser(tmp_path, html, WORK_OUT.replace("UNITS", json.dumps(units)))

    assert len(results) == UNITS * len(network.layers)
    for (index, row, column, nth), (kind, total, printed, shown) in zip(units, results, strict=True):
        layer = network.layers[index]
        unit = (row, column, page.layers[layer.name]["shown"][nth])
        actual = float(values[layer.name].reshape(as_map(network.shapes[layer.name]))[unit])
        close = {"abs": 1e-4, "rel": 1e-6}
        assert shown == pytest.approx(actual, **close), (layer.name, unit)
        wanted = before_activation(network, values, layer, unit, actual)
        assert total == pytest.approx(wanted, **close), (layer.name, unit)
        if kind in ("sum", "pool", "scale", "merge", "softmax"):
            assert printed == pytest.approx(wanted, **close), (layer.name, unit)
        if kind in ("sum", "pool"):
            assert unit_window(network, values, layer.name, unit).total == pytest.approx(wanted, **close)
    return len(html.encode())


@pytest.mark.browser
def test_the_receptive_field_is_drawn_where_the_unit_looks(tutorial_network: Network, noise: Noise, tmp_path: Path) -> None:
    html = render(tutorial_network, subject(tutorial_network, noise(tutorial_network)))
    script = """
    const at = (name, row, column, nth) => sightOf({ layer: layers.find((layer) => layer.name === name), row, column, nth });
    const flat = layers.find((layer) => layer.name === "flatten");
    results = [at("conv1", 0, 0, 0), at("conv2", 10, 12, 0), at("pool1", 3, 4, 0), at("dense1", 0, 0, 0)];
    results.push(flat.shown[0], at("flatten", 0, 0, 0));
    """

    conv1, conv2, pool1, dense1, position, flat = in_browser(tmp_path, html, script)

    assert conv1 == {"top": 0, "left": 0, "height": 2, "width": 2}  # the rest lies in the padding
    assert conv2 == {"top": 9, "left": 11, "height": 5, "width": 5}
    assert pool1 == {"top": 5, "left": 7, "height": 6, "width": 6}
    assert dense1 == {"top": 0, "left": 0, "height": 29, "width": 29}  # the poolings leave rows and columns over
    row, column = divmod(position // 128, tutorial_network.shapes["pool3"][1])
    assert (flat["top"], flat["left"]) == (max(8 * row - 3, 0), max(8 * column - 3, 0))


def test_units_that_no_longer_lie_as_pixels_do_have_rectangles_of_their_own() -> None:
    network = read(
        keras.Sequential(
            [
                keras.Input((4, 6, 3), name="pixels"),
                keras.layers.MaxPooling2D(2),
                keras.layers.Reshape((3, 2, 3), name="reshape"),
                keras.layers.Flatten(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
    )
    page = Page(render(network, subject(network, np.zeros((4, 6, 3), np.uint8))))
    # Row by row: units 0 to 5 of the pooling, 2 x 3, lie as 3 x 2 now.
    assert page.layers["reshape"]["sees"]["places"] == [
        [0, 2, 0, 2], [0, 2, 2, 4], [0, 2, 4, 6], [2, 4, 0, 2], [2, 4, 2, 4], [2, 4, 4, 6]
    ]  # fmt: skip


@pytest.mark.browser
def test_units_are_reached_by_keys_and_said_aloud(tiny_network: Network, noise: Noise, tmp_path: Path) -> None:
    html = render(tiny_network, subject(tiny_network, noise(tiny_network)))
    script = """
    const holder = document.querySelectorAll(".maps")[2];
    const press = (key) => {
      holder.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      return [current.row, current.column, current.nth, byId("live").textContent];
    };
    show({ layer: layers[2], row: 0, column: 0, nth: 0 });
    results = ["ArrowDown", "ArrowRight", "PageDown", "ArrowUp", "ArrowUp", "End"].map(press);
    show({ layer: layers[2], row: 0, column: 0, nth: 0 });
    document.querySelector(".layers").dispatchEvent(new PointerEvent("pointerleave"));
    results.push([current.row, current.column, current.nth]);
    results.push([holder.tabIndex, ...["role", "aria-label"].map((name) => holder.getAttribute(name)), byId("live").ariaLive]);
    """

    *moves, kept, (tab_index, role, label, live) = in_browser(tmp_path, html, script)

    assert [move[:3] for move in moves] == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 3]]
    assert kept == [0, 1, 3]
    channel = Page(html).layers["conv"]["shown"][0]
    value = activations(tiny_network, noise(tiny_network))["conv"][1, 0, channel]
    assert moves[0][3].startswith(f"conv, channel {channel}, row 1, column 0 of 6 by 8: {value:.4f}"[:-1])
    assert moves[0][3].endswith("Sees rows 1–3, columns 0–2 of the picture.")
    assert (tab_index, role, live) == (0, "application", "polite")
    assert label.startswith("conv, all 4 channels. Arrow keys")


@pytest.mark.browser
def test_pointing_at_a_map_follows_the_unit_and_a_click_keeps_it(tiny_network: Network, noise: Noise, tmp_path: Path) -> None:
    html = render(tiny_network, subject(tiny_network, noise(tiny_network)))
    script = """
    const canvas = layers[2].elements[1].querySelector("canvas");
    const box = canvas.getBoundingClientRect();
    const send = (type, x, y) => canvas.dispatchEvent(
      new PointerEvent(type, { bubbles: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
    const style = byId("sight").querySelector(".field").style;
    const state = () => [current.layer.name, current.row, current.column, current.nth, style.top, style.left, style.height];
    send("pointermove", 0.99, 0.01);
    const corner = state();
    send("click", 0.56, 0.95);
    send("pointermove", 0.01, 0.01);
    const before = state();
    document.querySelector(".layers").dispatchEvent(new PointerEvent("pointerleave"));
    results = [corner, before, state()];
    """

    corner, before, after = in_browser(tmp_path, html, script)

    assert corner == ["conv", 0, 7, 1, "0%", "70%", "37.5%"]
    assert before[:4] == ["conv", 0, 0, 1]
    assert after == ["conv", 5, 4, 1, "62.5%", "40%", "37.5%"]


@pytest.mark.browser
def test_a_browser_runs_the_script_and_nothing_else(html: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "photo.html"
    path.write_text(html(np.ones((8, 10), np.float32), classes=HOSTILE, name=HOSTILE[0]), encoding="utf-8")

    shown = dom(tmp_path, path)

    assert '<html lang="en" class="scripted">' in shown
    assert shown.count('<div class="map') > 4
    assert shown.count("<script") == 6
    assert "<td" in shown.partition('id="pixels"')[2]
