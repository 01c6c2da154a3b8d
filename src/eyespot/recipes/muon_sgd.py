"""The optimizer of the fast recipes: Muon for the kernels of convolutions, SGD with Nesterov's momentum for all other weights.

After `airbench94_muon.py` of K. Jordan's cifar10-airbench; Jordan et al., "Muon: An optimizer for hidden layers in neural
networks" (2024).
"""

from __future__ import annotations

from typing import Any, Literal

from eyespot.errors import InputError
from eyespot.models.backend import keras

Group = Literal["kernel", "matrix", "vector"]

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""a, b, c of the iteration x <- a x + (b x x' + c (x x')^2) x, whose slope at zero is as steep as stays bounded."""

EPSILON = 1e-7
"""Added to a norm before something is divided by it."""

_BATCH = 256
_RATE = 0.12


def group_of(variable: Any) -> Group:
    """How a Keras variable is treated.

    `kernel`: of a convolution, (height, width, channels in, channels out), with at least two channels out. `matrix`: whatever
    has two axes. `vector`: everything else, depthwise kernels included, which mix no channels: their path says `depthwise`,
    as Keras names such layers itself, or their last axis, the depth multiplier, is 1.
    """
    shape = variable.shape
    if len(shape) == 4 and shape[-1] > 1 and "depthwise" not in variable.path:
        return "kernel"
    return "matrix" if len(shape) == 2 else "vector"


@keras.saving.register_keras_serializable(package="eyespot")
class MuonSGD(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped
    """Muon for kernels, SGD with Nesterov's momentum for matrices and vectors (see `group_of`), under one learning rate.

    With g the gradient, every weight has a momentum m <- momentum m + g and a direction d = g + momentum m.

    A kernel is scaled to the Frobenius norm sqrt(channels out), then w <- w - learning_rate NS(d), where d is taken as a matrix
    with a row for each channel out. NS divides it by its Frobenius norm and drives its singular values towards 1.

    Any other weight: w <- w - learning_rate ratio d, where g includes (shrinkage_ratio / ratio) w: weight decay coupled as
    torch's SGD does, but the same in one step, learning_rate shrinkage_ratio w, for matrices and vectors.

    The ratios depend on the batch and on how the loss is reduced. airbench sums the loss over the batch, with rates of 0.053
    for biases, 0.67 for the last layer, and 2e-6 taken off a weight for each picture of a batch. Keras takes the mean, so for
    batches of B and a highest learning rate R (a schedule moves all of them together)

        vector_ratio = 0.053 B / R;   matrix_ratio = 0.67 B / R;   shrinkage_ratio = 2e-6 B / R

    The defaults are these for B = 256 and R = 0.12. They are meant for `eyespot.models.whitened`, whose logits are divided by
    the width of its last layer, 128 or more: where they are not divided, the same steps need a `matrix_ratio` smaller by the
    square of that width; a narrower network has larger gradients, so that both ratios must be smaller.

    Args:
        learning_rate: of the kernels: a float, a schedule or a function.
        momentum: of the kernels, 0 to below 1.
        sgd_momentum: of all other weights, 0 to below 1.
        vector_ratio: the rate of vectors / the learning rate; positive.
        matrix_ratio: the rate of matrices / the learning rate; positive.
        shrinkage_ratio: by what share one step shrinks a matrix or vector / the learning rate; since it goes through the
            momentum it comes to 1 / (1 - sgd_momentum) times as much in the long run. Weights that
            `exclude_from_weight_decay` names are spared.
        ns_steps: Newton-Schulz iterations; at least 1.
        normalize: whether kernels are scaled before each step.
        name: of the optimizer.
        options: what every Keras optimizer takes, such as `clipnorm`; but not `weight_decay`.

    Errors: InputError (a ValueError), where a value is out of its range.
    """

    def __init__(
        self,
        learning_rate: Any = _RATE,
        momentum: float = 0.85,
        sgd_momentum: float = 0.85,
        vector_ratio: float = 0.053 * _BATCH / _RATE,
        matrix_ratio: float = 0.67 * _BATCH / _RATE,
        shrinkage_ratio: float = 2e-6 * _BATCH / _RATE,
        ns_steps: int = 3,
        normalize: bool = True,
        name: str = "muon_sgd",
        **options: Any,
    ) -> None:
        weight_decay = options.get("weight_decay")
        _check("weight_decay", weight_decay, weight_decay is None, "None: MuonSGD has a shrinkage_ratio instead")
        _check("momentum", momentum, 0 <= momentum < 1, "at least 0 and below 1")
        _check("sgd_momentum", sgd_momentum, 0 <= sgd_momentum < 1, "at least 0 and below 1")
        _check("vector_ratio", vector_ratio, vector_ratio > 0, "positive")
        _check("matrix_ratio", matrix_ratio, matrix_ratio > 0, "positive")
        _check("shrinkage_ratio", shrinkage_ratio, shrinkage_ratio >= 0, "at least 0")
        _check("ns_steps", ns_steps, ns_steps >= 1, "at least 1")
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.momentum = momentum
        self.sgd_momentum = sgd_momentum
        self.vector_ratio = vector_ratio
        self.matrix_ratio = matrix_ratio
        self.shrinkage_ratio = shrinkage_ratio
        self.ns_steps = ns_steps
        self.normalize = normalize

    def build(self, variables: Any) -> None:
        """Make the state for `variables`: a momentum each."""
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        self.groups = [group_of(variable) for variable in variables]

    def ratio_and_decay(self, variable: Any, group: Group) -> tuple[float, float]:
        """A weight's rate / the learning rate, and what share of the weight is added to its gradient."""
        if group == "kernel":
            return 1.0, 0.0
        ratio = self.matrix_ratio if group == "matrix" else self.vector_ratio
        return ratio, self.shrinkage_ratio / ratio if self._use_weight_decay(variable) else 0.0

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one weight and its momentum; called by Keras."""
        ops = keras.ops
        index = self._get_variable_index(variable)
        group = self.groups[index]
        momentum = self.sgd_momentum if group != "kernel" else self.momentum
        ratio, decay = self.ratio_and_decay(variable, group)
        # Plain tensors: the operators of Keras' variables, and some of its functions, round float64 to float32 on torch.
        weight = ops.convert_to_tensor(variable)
        gradient = ops.cast(gradient, variable.dtype) + decay * weight
        accumulated = momentum * ops.convert_to_tensor(self.momentums[index]) + gradient
        direction = gradient + momentum * accumulated
        if group == "kernel":
            direction = self._orthogonalized(direction)
            if self.normalize:
                weight = weight * (weight.shape[-1] ** 0.5 / (_norm(weight) + EPSILON))
        self.assign(self.momentums[index], accumulated)
        self.assign(variable, weight - ops.cast(learning_rate, variable.dtype) * ratio * direction)

    def _orthogonalized(self, kernel: Any) -> Any:
        ops = keras.ops
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        is_high = matrix.shape[0] > matrix.shape[1]
        x = ops.transpose(matrix) if is_high else matrix
        x = x / (_norm(x) + EPSILON)
        a, b, c = NEWTON_SCHULZ
        for _ in range(self.ns_steps):
            square = x @ ops.transpose(x)
            x = a * x + (b * square + c * square @ square) @ x
        return ops.reshape(ops.transpose(x) if is_high else x, kernel.shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same optimizer."""
        config: dict[str, Any] = super().get_config()
        return config | {
            "momentum": self.momentum,
            "sgd_momentum": self.sgd_momentum,
            "vector_ratio": self.vector_ratio,
            "matrix_ratio": self.matrix_ratio,
            "shrinkage_ratio": self.shrinkage_ratio,
            "ns_steps": self.ns_steps,
            "normalize": self.normalize,
        }


def _norm(tensor: Any) -> Any:
    """The Frobenius norm, in the tensor's own type."""
    return keras.ops.sqrt(keras.ops.sum(keras.ops.square(tensor)))


def _check(argument: str, value: Any, is_right: bool, expected: str) -> None:
    if not is_right:
        raise InputError(f"{argument} must be {expected}; got {argument}={value!r}")


def falling_to_zero(learning_rate: float, steps: int, batch_size: int) -> Any:
    """MuonSGD whose rate falls along a straight line to zero.

    The rate is that of the kernels; that of all other weights follows from the batch alone, as airbench has it (see `MuonSGD`).
    The momentum of the kernels is 0.85 for batches of up to 256 and less for larger ones, whose gradients are less noisy: 0.65
    for 1,024, as was found best on held-out pictures of CIFAR-10.
    """
    schedule = keras.optimizers.schedules.PolynomialDecay(learning_rate, decay_steps=steps, end_learning_rate=0.0)
    momentum = max(0.0, 1 - 0.15 * max(1.0, batch_size / _BATCH) ** 0.61)
    share = batch_size / learning_rate
    return MuonSGD(schedule, momentum, vector_ratio=0.053 * share, matrix_ratio=0.67 * share, shrinkage_ratio=2e-6 * share)
