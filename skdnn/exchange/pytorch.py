"""Fitted networks as PyTorch's `nn.Sequential`, and back."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdnn import engine
from skdnn.dependencies import import_optional_dependency
from skdnn.exchange.sequential import Network, activate, assembled
from skdnn.exchange.steps import Step, steps_of

if TYPE_CHECKING:
    from torch.nn import Sequential


def to_torch(model: Any) -> "Sequential":
    """Return a fitted estimator as a `torch.nn.Sequential`, in evaluation mode.

    Its outputs are the scores, the outputs before a classifier's softmax or logistic function, and
    before the exponential or logistic function of a regressor with ``loss='poisson'`` or
    'log_loss': what `CrossEntropyLoss`, `BCEWithLogitsLoss` and `PoissonNLLLoss` take. Needs
    PyTorch, ``pip install torch``.

    Parameters
    ----------
    model : estimator of skdnn
        Fitted; of a pipeline the last step.

    Returns
    -------
    module : torch.nn.Sequential
        Of `Linear`, activations, `BatchNorm1d`, `Dropout`, and for `Maxout` `MaxPool1d`, with
        copies of the weights, in their type. The layers are named as in `summary`. Its outputs
        have shape (n_samples, n_outputs); for two classes there is one, the log-odds of the second
        class (`SoftmaxClassifier` has two).

    Raises
    ------
    ImportError
        When PyTorch is not installed.
    NotFittedError
        When the model is not fitted; a ValueError too.
    TypeError
        When it is none of skdnn.
    ValueError
        When PyTorch has no such activation: 'selu' of another alpha than its own.

    See Also
    --------
    from_torch : The way back.

    Examples
    --------
    .. code-block:: python

        net = MLPNet((64,), dropout=0.2).fit(X, y)
        module = to_torch(net)
        scores = module(torch.from_numpy(X))
        scores.softmax(dim=1)  # net.predict_proba(X)
    """
    steps = steps_of(model)
    torch = import_optional_dependency("torch")
    modules: OrderedDict[str, Any] = OrderedDict()
    n_in = model.n_features_in_
    for step in steps:
        module = _MODULES[step.kind](torch, step, n_in)
        modules[step.name] = module.requires_grad_(step.trainable)
        if step.activation != "identity":
            modules[f"{step.name}_{step.activation}"] = _activation(torch.nn, step)
        n_in = step.n_out
    return torch.nn.Sequential(modules).eval()


def from_torch(
    module: "Sequential",
    estimator: Network,
    *,
    classes: ArrayLike | None = None,
    multilabel: bool = False,
) -> Network:
    """Return a fitted network that predicts as a `torch.nn.Sequential` in evaluation mode.

    Needs PyTorch, ``pip install torch``.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of `Linear`, `BatchNorm1d`, `Dropout`, `MaxPool1d` after a `Linear`, and activations that
        skdnn has; the last `Linear` gives the outputs. They are scores, as in `to_torch`: what
        comes after it is a regressor's `output_activation`, or of a classifier the softmax or
        logistic function, which the network has anyhow.
    estimator : MLPNet or MLPNetRegressor
        Whose parameters the network has, but for those that describe the layers. It stays as it is.
    classes : array-like of shape (n_classes,), default=None
        The sorted labels of a classifier; None for 0, 1, ... Of two classes the module may have one
        output, the log-odds of the second, or two.
    multilabel : bool, default=False
        Whether each output of a classifier is a label, of which a row may have several.

    Returns
    -------
    model : MLPNet or MLPNetRegressor
        With `hidden_layers`, and copies of the weights, in their type. It has made no epoch: its
        history is empty. `partial_fit`, and with `warm_start` `fit`, go on from its weights.

    Raises
    ------
    ImportError
        When PyTorch is not installed.
    TypeError
        When `module` or `estimator` are not as described.
    ValueError
        When a layer has no counterpart, or the classes do not fit the outputs; the message names
        it.

    See Also
    --------
    to_torch : The way back.

    Examples
    --------
    .. code-block:: python

        module = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
        ...  # train it
        net = from_torch(module, MLPNet(), classes=["setosa", "versicolor", "virginica"])
        net.predict(X)
    """
    torch = import_optional_dependency("torch")
    if not isinstance(module, torch.nn.Sequential):
        raise TypeError(f"The module must be a torch.nn.Sequential, got {type(module).__name__}.")
    steps: list[Step] = []
    for name, part in module.named_children():
        activation = _activation_of(torch.nn, part)
        if activation is None:
            steps.append(_step(torch, f"{type(part).__name__} {name!r}", part, steps))
        else:
            activate(steps, f"{part} {name!r}", *activation)
    return assembled(estimator, steps, classes=classes, multilabel=multilabel, predicts=False)


def _tensor(torch: Any, array: NDArray) -> Any:
    return torch.tensor(np.ascontiguousarray(array))


def _linear(torch: Any, step: Step, n_in: int) -> Any:
    kernel, bias = step.arrays["kernel"], step.arrays.get("bias")
    # No random numbers are drawn, which would be others for the user.
    linear = torch.nn.utils.skip_init(
        torch.nn.Linear, n_in, step.n_out, bias is not None, dtype=_tensor(torch, kernel).dtype
    )
    state = {"weight": _tensor(torch, kernel.T)}
    if bias is not None:
        state["bias"] = _tensor(torch, bias)
    linear.load_state_dict(state)
    return linear


def _batch_norm(torch: Any, step: Step, n_in: int) -> Any:
    state = {name: _tensor(torch, step.arrays[ours]) for name, ours in _STATISTICS.items()}
    # PyTorch's momentum is what a batch counts.
    norm = torch.nn.BatchNorm1d(n_in, step.epsilon, 1 - step.momentum, dtype=state["weight"].dtype)
    n_batches = torch.tensor(int(step.arrays["n_batches"][0]))
    norm.load_state_dict({**state, "num_batches_tracked": n_batches})
    return norm


_STATISTICS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "mean",
    "running_var": "variance",
}
# f(torch, step, n_in)
_MODULES = {
    "dense": _linear,
    "batch_norm": _batch_norm,
    "dropout": lambda torch, step, n_in: torch.nn.Dropout(step.rate),
    "max_pool": lambda torch, step, n_in: torch.nn.MaxPool1d(n_in // step.n_out),
}
# Those of PyTorch's activations, and the name of their parameter.
_ACTIVATIONS = {
    "identity": ("Identity", None),
    "logistic": ("Sigmoid", None),
    "tanh": ("Tanh", None),
    "relu": ("ReLU", None),
    "leaky_relu": ("LeakyReLU", "negative_slope"),
    "elu": ("ELU", "alpha"),
    "selu": ("SELU", None),
    "softplus": ("Softplus", None),
    "gelu": ("GELU", None),
    "silu": ("SiLU", None),
    "mish": ("Mish", None),
    "softmax": ("Softmax", None),
}
# Of those that have parameters which skdnn's have not, the values that agree.
_VALUES: dict[str, dict[str, tuple]] = {
    "GELU": {"approximate": ("none",)},
    "Softmax": {"dim": (1, -1, None)},
    "Softplus": {"beta": (1.0,), "threshold": (20.0,)},
}


def _activation(nn: Any, step: Step) -> Any:
    name, parameter = _ACTIVATIONS[step.activation]
    if parameter is None and step.alpha != engine.ACTIVATIONS[step.activation].alpha:
        raise ValueError(
            f"{step.name} has {step.activation!r} with alpha={step.alpha:g}; PyTorch's {name} has "
            f"{engine.ACTIVATIONS[step.activation].alpha:g}."
        )
    return getattr(nn, name)(**({} if parameter is None else {parameter: step.alpha}))


def _activation_of(nn: Any, part: Any) -> tuple[str, float] | None:
    """Return the name and the parameter of an activation; None for another module."""
    for name, (theirs, parameter) in _ACTIVATIONS.items():
        if type(part) is getattr(nn, theirs):
            for attribute, values in _VALUES.get(theirs, {}).items():
                if getattr(part, attribute) not in values:
                    raise ValueError(f"skdnn's {name!r} has {attribute}={values[0]!r}, got {part}.")
            if parameter is not None:
                return name, float(getattr(part, parameter))
            return name, engine.ACTIVATIONS[name].alpha if name in engine.ACTIVATIONS else 0.0
    return None


def _step(torch: Any, name: str, part: Any, steps: list[Step]) -> Step:
    """Return the step that a module is, which is no activation."""
    nn, arrays = torch.nn, {}
    for key, tensor in part.state_dict().items():
        # NumPy has no bfloat16.
        tensor = tensor if tensor.dtype == torch.float64 else tensor.float()
        arrays[key] = tensor.cpu().numpy()
    trainable = all(parameter.requires_grad for parameter in part.parameters())
    if type(part) is nn.Linear:
        arrays = {"kernel": arrays.pop("weight").T, **arrays}
        return Step(name, "dense", part.out_features, arrays=arrays, trainable=trainable)
    if type(part) is nn.BatchNorm1d and part.affine and part.track_running_stats:
        own = {ours: arrays[theirs] for theirs, ours in _STATISTICS.items()}
        own["n_batches"] = arrays["num_batches_tracked"].reshape(1)
        if part.momentum is None:
            raise ValueError(f"{name}: momentum must be a number, got None.")
        return Step(
            name,
            "batch_norm",
            part.num_features,
            arrays=own,
            momentum=1 - part.momentum,
            epsilon=part.eps,
            trainable=trainable,
        )
    if type(part) is nn.Dropout:
        return Step(name, "dropout", 0, rate=part.p)
    pools = type(part) is nn.MaxPool1d and (part.padding, part.dilation) == (0, 1)
    if pools and steps and part.kernel_size == part.stride:
        n_out, rest = divmod(steps[-1].n_out, part.kernel_size)
        if not rest:
            return Step(name, "max_pool", n_out)
    raise ValueError(f"skdnn has no layer that is {part}, {name}.")
