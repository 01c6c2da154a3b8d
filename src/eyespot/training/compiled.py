"""What `compile` was given, read off a Keras model and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.keras_graph import check_model
from eyespot.models.keras_network import training_obstacles


@dataclass(frozen=True)
class Compiled:
    """The arguments of `compile` that the training depends on.

    Left out because they change how stock Keras computes, not what: `run_eagerly`, `jit_compile`, and `auto_scale_loss`, which
    acts only where the optimizer becomes a LossScaleOptimizer, and that is refused as an optimizer.

    Attributes:
        optimizer: the Keras optimizer.
        loss: as it was given.
        metrics: Keras' own collection of the metrics, built or not; None where there are none.
    """

    optimizer: Any
    loss: Any
    metrics: Any


def read_compiled(model: Any) -> Compiled:
    """What a compiled Keras `model` is to be trained with.

    Errors: InputError, where it is not a built Keras model, not compiled, or compiled without optimizer or loss;
    UnsupportedError names every regularizer, constraint, loss weight and other thing that the engine would have to ignore.
    """
    check_model(model)
    if not model.compiled:
        raise InputError(
            f"the model {model.name} is not compiled; call model.compile(optimizer=..., loss=..., metrics=[...]) before fitting"
        )
    # Keras keeps the arguments as they were given in this one place only.
    arguments = model._compile_config.config
    for name in ("optimizer", "loss"):
        if arguments[name] is None:
            raise InputError(f"the model {model.name} was compiled with {name}=None; compile it with one")
    _refuse_unsupported(model, arguments)
    return Compiled(model.optimizer, arguments["loss"], _metrics(model))


def ensure_built(model: Any, picture_shape: tuple[int, ...]) -> None:
    """Let a Keras model that does not know its input shape yet take it from the pictures, as stock `fit` does.

    Args:
        model: the model; anything else than an unbuilt Sequential is left as it is.
        picture_shape: (height, width, channels).
    """
    if type(model).__name__ == "Sequential" and not model.built:
        model.build((None, *picture_shape))


def _refuse_unsupported(model: Any, arguments: dict[str, Any]) -> None:
    obstacles = training_obstacles(model)
    if obstacles:
        raise UnsupportedError(f"the engine does not train with {'; '.join(obstacles)}")
    if arguments["loss_weights"] is not None:
        raise UnsupportedError(f"the engine does not know loss_weights of compile; got {arguments['loss_weights']!r}")
    if arguments["steps_per_execution"] != 1:
        raise UnsupportedError(
            "the engine calls callbacks after every step; it does not know steps_per_execution of compile;"
            f" got {arguments['steps_per_execution']}"
        )


def _metrics(model: Any) -> Any:
    """Keras' collection of the compiled metrics; besides it `model.metrics` holds the mean loss and what was added by hand."""
    _, *others = model.metrics
    compiled = [metric for metric in others if type(metric).__name__ == "CompileMetrics"]
    added = [metric.name for metric in others if metric not in compiled]
    if added:
        raise UnsupportedError(f"the engine does not know metrics added outside compile; {model.name} has {', '.join(added)}")
    return compiled[0] if compiled else None
