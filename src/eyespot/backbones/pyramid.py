"""More of a small network than its last vector: what it sees on the way, in parts of the picture.

A network that tells a few classes apart keeps in its last vector what these need, and drops the rest; its earlier maps know
more of other things.

Source: Evci et al., "Head2Toe: Utilizing Intermediate Representations for Better Transfer Learning", 2022.
"""

from __future__ import annotations

from collections.abc import Mapping

from eyespot.backbones.cutting import unused_name
from eyespot.network import Layer, Network, receptive_fields

_GRIDS = (2, 4)
"""Into so many parts a side the maps of the stage before the last are averaged, and those of the stage before that."""


def with_earlier_maps(network: Network) -> Network:
    """A network whose features are, beside its last vector, the averages of earlier maps over parts of the picture.

    A stage is what lies between two reductions of the maps. Of the stage before the last one the last nonlinear maps are
    averaged over 2 x 2 parts, of the one before that over 4 x 4. A network of one stage stays as it is, and so does one whose
    vector is put together from several already.

    Args:
        network: pictures in, (n, d) features out, as `cut` returns it.
    """
    if network.by_name[network.output].kind == "Concatenate":
        return network
    taps = [
        (name, grid)
        for name, grid in zip(reversed(_ends_of_stages(network)[:-1]), _GRIDS, strict=False)
        if min(network.shapes[name][:2]) >= grid
    ]
    if not taps:
        return network
    layers = list(network.layers)

    def add(wanted: str, kind: str, config: Mapping[str, object], *inputs: str) -> str:
        name = unused_name(wanted, [layer.name for layer in layers])
        layers.append(Layer(name, kind, config, inputs))
        return name

    vectors = [network.output]
    for name, grid in taps:
        averages = add(f"{name}_averages", "AveragePooling2D", _averaging(network.shapes[name], grid), name)
        vectors.append(add(f"{name}_vector", "Flatten", {}, averages))
    features = add("features", "Concatenate", {"axis": -1}, *vectors)
    return Network(tuple(layers), features)


def _ends_of_stages(network: Network) -> list[str]:
    """The last nonlinear maps of each stage, in order; of a stage without any, the last maps."""
    fields = receptive_fields(network)
    ends: dict[tuple[int, int], Layer] = {}
    for layer in network.layers:
        stride = fields[layer.name].stride
        if len(network.shapes[layer.name]) != 3 or stride is None or layer.kind in ("InputLayer", "Rescaling", "Normalization"):
            continue
        if stride not in ends or _is_nonlinear(layer) or not _is_nonlinear(ends[stride]):
            ends[stride] = layer
    return [layer.name for _, layer in sorted(ends.items())]


def _is_nonlinear(layer: Layer) -> bool:
    activation = layer.config.get("activation")
    return layer.kind in ("ReLU", "LeakyReLU", "PReLU", "ELU") or activation not in (None, "linear")


def _averaging(shape: tuple[int, ...], grid: int) -> Mapping[str, object]:
    """The configuration of a pooling by `grid` x `grid` parts of equal size, which overlap by a little where they have to."""
    strides = [side // grid for side in shape[:2]]
    sizes = [side - (grid - 1) * stride for side, stride in zip(shape, strides, strict=False)]
    return {"pool_size": sizes, "strides": strides, "padding": "valid"}
