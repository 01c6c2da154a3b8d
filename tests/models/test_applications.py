"""The networks of `keras.applications` as backbones, against Keras' own models, preprocessing and source."""

import hashlib
import http.server
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from inspect import getmodule
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import pytest
import torch

from eyespot import download
from eyespot.bundle.graph import to_onnx
from eyespot.errors import DownloadError, InputError
from eyespot.explanation.layers import layer_table
from eyespot.models.applications import (
    APPLICATIONS,
    application,
    application_network,
    build_application,
    fetch_weights,
    has_weights,
)
from eyespot.models.backend import keras
from eyespot.training.lowering import NativeNetwork

SIDES = {"MobileNetV3Small": 75, "EfficientNetV2B0": 70, "ResNet50V2": 64, "ConvNeXtTiny": 64}
"""Small, and odd or even, so that padding falls differently."""

FEATURES = {"MobileNetV3Small": 576, "EfficientNetV2B0": 1280, "ResNet50V2": 2048, "ConvNeXtTiny": 768}
PREPROCESSING = {
    "MobileNetV3Small": keras.applications.mobilenet_v3.preprocess_input,
    "EfficientNetV2B0": keras.applications.efficientnet_v2.preprocess_input,
    "ResNet50V2": keras.applications.resnet_v2.preprocess_input,
    "ConvNeXtTiny": keras.applications.convnext.preprocess_input,
}
SMALL = "MobileNetV3Small"


@dataclass(frozen=True)
class Example:
    """One of Keras' own models with random weights, saved, and what it computes."""

    name: str
    model: object
    path: Path
    pixels: np.ndarray
    features: np.ndarray

    def assert_close(self, features, tolerance):
        """`tolerance` is relative to how far the features lie apart."""
        np.testing.assert_allclose(features, self.features, rtol=0, atol=tolerance * self.features.std())


def randomize(model, inputs):
    """Vectors at random too: fresh ones are 0, 1 or 1e-6, so that what is left out would not show.

    The statistics are those of the inputs: with others the features of all pictures would be the same.
    """
    random = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1 and "moving" not in variable.path:
            scales = "gamma" in variable.path or "layer_scale" in variable.path
            variable.assign(random.uniform(0.5, 1.0, variable.shape) if scales else random.normal(0, 0.1, variable.shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.003  # of the variance 1 that there was, so that none is next to 0
    model(inputs, training=True)


def make_example(name, folder, draw):
    keras.utils.set_random_seed(0)
    shape = (SIDES[name], SIDES[name], 3)
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=shape, pooling="avg")
    pixels = np.stack(
        [np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8), draw(1, *shape[:2]), draw(2, *shape[:2])]
    )
    inputs = PREPROCESSING[name](pixels.astype(np.float32))
    randomize(model, inputs)
    path = folder / f"{name}.weights.h5"
    model.save_weights(path)
    features = model(inputs, training=False)
    return Example(name, model, path, pixels, np.asarray(features.detach()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def small(folder, draw):
    return make_example(SMALL, folder, draw)


@pytest.fixture(scope="module")
def small_network(small):
    return application_network(SMALL, weights=small.path, size=SIDES[SMALL])


def compute(network, pixels):
    session = onnxruntime.InferenceSession(to_onnx(network).SerializeToString(), providers=["CPUExecutionProvider"])
    (features,) = session.run([network.output], {"pixels": pixels})
    return features


def check(example, network):
    """The network is what Keras computes, as ONNX computes it; it has Keras' numbers; all its layers are explained."""
    assert abs(example.features[1] - example.features[2]).max() > 0.1 * example.features.std()
    example.assert_close(compute(network, example.pixels), 1e-3)
    assert network.shapes[network.output] == (FEATURES[example.name],)
    constants = [layer.weights.values() for layer in network.layers if layer.kind == "Normalization"]
    assert network.parameters - sum(weight.size for pair in constants for weight in pair) == example.model.count_params()
    assert [row.name for row in layer_table(network)] == [layer.name for layer in network.layers]


def test_the_small_one_is_what_keras_computes(small, small_network):
    check(small, small_network)


@pytest.mark.parametrize("name", [name for name in SIDES if name != SMALL])
def test_the_others_are_what_keras_computes(name, folder, draw):
    example = make_example(name, folder, draw)
    check(example, application_network(name, weights=example.path, size=SIDES[name]))


def test_the_native_form_is_what_keras_computes(small, small_network):
    with torch.inference_mode():
        small.assert_close(NativeNetwork(small_network).eval()(torch.from_numpy(small.pixels)), 1e-4)


def test_random_weights_and_the_size_that_the_network_was_made_for():
    model = build_application(SMALL, weights=None)
    assert model.input_shape == (None, 224, 224, 3)
    assert model.output_shape == (None, FEATURES[SMALL])


# The weights that Keras publishes


HASHES = {
    "MobileNetV3Small": ("MobileNetV3Small", "small_224_1.0_float"),
    "MobileNetV3Large": ("MobileNetV3Large", "large_224_1.0_float"),
    "EfficientNetV2B0": ("EfficientNetV2B0", "b0"),
    "EfficientNetV2B1": ("EfficientNetV2B1", "b1"),
    "EfficientNetV2B2": ("EfficientNetV2B2", "b2"),
    "EfficientNetV2B3": ("EfficientNetV2B3", "b3"),
    "ResNet50V2": ("ResNet50", "resnet50v2"),
    "ConvNeXtTiny": ("ConvNeXtTiny", "convnext_tiny"),
}
"""The name in the catalog -> a function in the module of Keras that has its checksum, and the key of that."""


@pytest.mark.parametrize("name", APPLICATIONS)
def test_address_and_checksum_are_those_of_keras_own_source(name):
    function, key = HASHES[name]
    source = vars(getmodule(getattr(keras.applications, function)))
    base = source.get("BASE_WEIGHTS_PATH") or source["BASE_WEIGHT_PATH"]
    entry = APPLICATIONS[name]
    _, file = entry.address.split(base)
    assert key in file
    assert "notop" in file.replace("_", "")
    assert [digits for digits in (entry.md5, entry.sha256) if digits] == [source["WEIGHTS_HASHES"][key][1]]
    assert {32: entry.md5, 64: entry.sha256}[len(source["WEIGHTS_HASHES"][key][1])]


def test_the_terms_name_size_source_and_license():
    terms = APPLICATIONS["ConvNeXtTiny"].terms
    assert all(words in terms for words in ("ConvNeXtTiny", "112 MB", "https://storage", "ImageNet", "facebookresearch", "MIT"))


class Site:
    """A web server on this machine: it promises `promised` bytes and sends `content`."""

    def __init__(self):
        self.status, self.content, self.promised, self.asked = 200, b"", 0, 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked += 1
                self.send_response(site.status)
                self.send_header("Content-Length", str(site.promised))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(site.content)

            def log_message(self, *_): ...

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def publish(self, content, monkeypatch, **others):
        """Have the catalog's smallest network lie here."""
        self.content, self.promised = content, len(content)
        address = f"http://127.0.0.1:{self.http.server_port}/small_no_top.h5"
        digits = hashlib.md5(content).hexdigest()
        entry = replace(APPLICATIONS[SMALL], address=address, file_bytes=len(content), md5=digits, **others)
        monkeypatch.setitem(APPLICATIONS, SMALL, entry)


@pytest.fixture
def site(monkeypatch, tmp_path):
    monkeypatch.setenv("EYESPOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("EYESPOT_OFFLINE", raising=False)
    site = Site()
    yield site
    site.http.shutdown()
    site.http.server_close()


def write_as_keras_2(model, path):
    """The layout of the published files: a group a layer, its arrays in order, those that are not trained last."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            group.attrs["weight_names"] = [f"{layer.name}/{position}" for position in range(len(weights))]
            for position, weight in enumerate(weights):
                group[f"{layer.name}/{position}"] = keras.ops.convert_to_numpy(weight)


def test_what_is_fetched_once_is_read_whatever_was_built_before(site, small, small_network, monkeypatch, tmp_path):
    write_as_keras_2(small.model, tmp_path / "published.h5")
    site.publish((tmp_path / "published.h5").read_bytes(), monkeypatch)
    path = fetch_weights(SMALL)
    assert path == tmp_path / "home" / "backbones" / "small_no_top.h5"
    network = application_network(SMALL, weights=path, size=SIDES[SMALL])
    assert network.to_json() == small_network.to_json()
    for layer in network.layers:
        for name, weight in layer.weights.items():
            np.testing.assert_array_equal(weight, small_network.by_name[layer.name].weights[name])
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    assert fetch_weights(SMALL) == path
    assert site.asked == 1


def test_unnamed_layers_are_numbered_from_the_first(small_network):
    numbered = [layer.name for layer in small_network.layers if layer.name.startswith("re_lu")]
    assert numbered == ["re_lu", *(f"re_lu_{i}" for i in range(1, len(numbered)))]


def break_off(site, monkeypatch):
    site.content = site.content[:500]


def send_other_bytes(site, monkeypatch):
    site.content = bytes(len(site.content))


def send_a_longer_file(site, monkeypatch):
    site.promised += 1


def answer_404(site, monkeypatch):
    site.status = 404


def go_offline(site, monkeypatch):
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (break_off, r"small_no_top\.h5: (the connection failed|ended after 500 of 1,000 bytes)"),
        (send_other_bytes, r"small_no_top\.h5: its bytes do not match the published checksum"),
        (send_a_longer_file, r"small_no_top\.h5: offers 1,001 bytes where 1,000 are due"),
        (answer_404, r"small_no_top\.h5: answered 404 Not Found"),
        (go_offline, "EYESPOT_OFFLINE is set"),
    ],
)
def test_a_download_that_fails_says_why_and_the_way_out_and_leaves_no_file(site, monkeypatch, fault, words):
    site.publish(bytes(range(250)) * 4, monkeypatch)
    fault(site, monkeypatch)
    with pytest.raises(DownloadError, match=words) as caught:
        fetch_weights(SMALL)
    entry, text = APPLICATIONS[SMALL], str(caught.value)
    assert text.startswith(f"the weights of {SMALL} are not on this machine and could not be downloaded: ")
    assert text.endswith(f"The way out: fetch {entry.address} (1 MB) by other means and put it at {entry.weights_path}")
    assert not entry.weights_path.exists()


def test_a_file_that_was_damaged_since_is_fetched_anew(site, monkeypatch):
    site.publish(b"as published", monkeypatch)
    path = fetch_weights(SMALL)
    path.write_bytes(b"as damaged!!")
    assert fetch_weights(SMALL).read_bytes() == b"as published"


def test_weights_count_as_there_only_with_the_published_bytes(site, monkeypatch):
    site.publish(b"as published", monkeypatch)
    assert not has_weights(SMALL)
    path = fetch_weights(SMALL)
    assert has_weights(SMALL)
    path.write_bytes(b"as damaged!!")
    assert not has_weights(SMALL)
    assert site.asked == 1


def test_weights_that_cannot_be_read_are_an_error_with_the_way_out(site, monkeypatch):
    site.publish(b"as published", monkeypatch)
    fetch_weights(SMALL)

    def fail(*arguments, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(download, "matches", fail)
    for function in (has_weights, fetch_weights):
        with pytest.raises(DownloadError, match=r"Permission denied\nThe way out: fetch "):
            function(SMALL)


# What cannot be used


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("MobileNetV3", "MobileNetV3"), ("mobilenetv3small", SMALL), ("ResNet50", "ResNet50V2"), ("ConvNextTiny", "ConvNeXtTiny")],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(name, nearest):
    for function in (application, fetch_weights, has_weights, lambda name: build_application(name, weights=None)):
        with pytest.raises(InputError, match=f"^{name} is not one of .*; did you mean {nearest}") as caught:
            function(name)
        assert all(known in str(caught.value) for known in APPLICATIONS)


def test_a_name_like_no_other_is_answered_with_the_list():
    with pytest.raises(InputError, match=r"^xyz is not one of .* serve as backbones\nThese are MobileNetV3Small, "):
        application("xyz")


def test_too_small_a_size_is_named():
    with pytest.raises(InputError, match="size=31: MobileNetV3Small takes pictures of 32 x 32"):
        build_application(SMALL, weights=None, size=31)


@pytest.fixture(scope="module")
def spare():
    return keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")


def no_file(path, folder):
    return path.with_name("absent.weights.h5")


def another_kind_of_file(path, folder):
    path = path.with_suffix(".keras")
    path.write_bytes(b"PK")
    return path


def a_pickle_in_disguise(path, folder):
    path.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    return path


def a_truncated_file(path, folder):
    path.write_bytes((folder / f"{SMALL}.weights.h5").read_bytes()[:100_000])
    return path


def an_empty_file_of_today(path, folder):
    path = path.with_name("empty.weights.h5")
    h5py.File(path, "w").close()
    return path


def an_empty_file_of_keras_2(path, folder):
    h5py.File(path, "w").close()
    return path


def another_architecture(path, folder):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(16, 3), keras.layers.BatchNormalization()])
    path = path.with_name("other.weights.h5")
    model.save_weights(path)
    return path


def another_width(path, folder):
    model = keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.5)
    write_as_keras_2(model, path)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_file, "cannot be read: No such file"),
        (another_kind_of_file, r"is no file of weights: its name does not end in \.weights\.h5 or \.h5"),
        (a_pickle_in_disguise, "is no HDF5 file"),
        (a_truncated_file, r"does not hold the weights of MobileNetV3Small \(.*truncated file"),
        (an_empty_file_of_today, r"does not hold the weights of MobileNetV3Small \(A total of \d+ objects"),
        (an_empty_file_of_keras_2, r"does not hold the weights of MobileNetV3Small \(Layer count mismatch"),
        (another_architecture, r"does not hold the weights of MobileNetV3Small \(A total of \d+ objects"),
        (another_width, r"does not hold the weights of MobileNetV3Small \(Shape mismatch in layer"),
    ],
)
def test_a_file_of_anything_else_is_named_with_what_was_expected(spare, make, words, folder, small, tmp_path, monkeypatch):
    path = make(tmp_path / "weights.h5", folder)
    monkeypatch.setattr(keras.applications, SMALL, lambda **options: spare)  # built once for all these files
    with pytest.raises(InputError, match=words) as caught:
        build_application(SMALL, weights=path, size=32)
    assert str(path) in str(caught.value)
    if path.exists():
        assert "Expected: weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5 as Keras publishes it" in str(caught.value)


def test_the_catalog_is_light_to_import():
    heavy = ("keras", "torch", "h5py")
    code = f"import sys, eyespot.models.applications; print([name for name in {heavy} if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (outcome.stdout.strip(), outcome.stderr) == ("[]", "")
