"""From the layers of other libraries' sequential models to a fitted network."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier

from skdnn import engine
from skdnn.exchange.steps import Step, Targets, fill, restored, steps_of
from skdnn.layers import BatchNorm, Dense, Dropout, Layer, Maxout, Output
from skdnn.mlp.base import BaseMLP

Network = TypeVar("Network", bound=BaseMLP)


def activate(steps: list[Step], name: str, activation: str, alpha: float) -> None:
    """Give the last step the activation that the next layer, of this name, is or ends in."""
    if activation == "identity":
        return
    without = steps and steps[-1].activation == "identity"
    if not without or steps[-1].kind in ("dropout", "max_pool"):
        raise ValueError(
            f"{name} does not follow a layer without an activation that could have this one."
        )
    steps[-1].activation, steps[-1].alpha = activation, alpha


def assembled(
    estimator: Network,
    steps: list[Step],
    *,
    classes: ArrayLike | None,
    multilabel: bool,
    predicts: bool,
) -> Network:
    """Return a fitted copy of a network with the layers and the weights of steps.

    Parameters
    ----------
    estimator : MLPNet or MLPNetRegressor
        Whose parameters the copy has, but for those that describe the layers.
    steps : list of Step
        Their names are those that errors tell. A last step's activation may be 'softmax' or 'exp'
        too.
    classes : array-like or None
        The labels of a classifier; None for 0, 1, ...
    multilabel : bool
    predicts : bool
        Whether a regressor's steps end in what it predicts, and not in the scores before the
        loss's link.
    """
    if not isinstance(estimator, BaseMLP):
        raise TypeError(f"The estimator must be an MLPNet or MLPNetRegressor, got {estimator!r}.")
    while steps and steps[-1].kind == "dropout":
        steps = steps[:-1]
    if not steps or steps[-1].kind != "dense":
        last = f"{steps[-1].name}, a {steps[-1].kind}" if steps else "none"
        raise ValueError(f"The last layer must be a dense one, got {last}.")
    *hidden, output = steps
    model = clone(estimator)
    if is_classifier(model):
        about = _classes(output, classes, multilabel)
        if output.n_out == 2 and not multilabel:
            output = _one_of_two(output)
    elif classes is not None or multilabel:
        raise ValueError("classes and multilabel are for classifiers, got a regressor.")
    else:
        about = Targets()
        model.output_activation = _output_activation(model, output, predicts)
    own_output = Output() if model.output_layer is None else model.output_layer
    model.set_params(
        hidden_layers=_layers(hidden),
        dropout=0.0,
        batch_norm=False,
        output_layer=replace(own_output, use_bias="bias" in output.arrays),
    )
    with_arrays = [step for step in [*hidden, output] if step.arrays]
    n_features = len(next(iter(with_arrays[0].arrays.values())))
    dtype = np.result_type(output.arrays["kernel"], np.float32)
    fitted = restored(model, n_features, dtype, output.n_out, about)
    own = [step for step in steps_of(fitted) if step.arrays]
    fill(
        fitted,
        {
            f"{step.name}.{key}": array
            for step, given in zip(own, with_arrays, strict=True)
            for key, array in given.arrays.items()
        },
    )
    return fitted


def _layers(steps: list[Step]) -> list[Layer]:
    """Return the hidden layers that are these steps."""
    layers: list[Layer] = []
    for i, step in enumerate(steps):
        if step.activation not in engine.ACTIVATIONS:
            raise ValueError(
                f"{step.name} has the activation {step.activation!r}, which skdnn's hidden layers "
                "have not."
            )
        alpha = step.alpha if engine.ACTIVATIONS[step.activation].alpha else None
        common: dict[str, Any] = {
            "activation": step.activation,
            "alpha": alpha,
            "trainable": step.trainable,
        }
        if step.kind == "dense":
            layers.append(Dense(step.n_out, use_bias="bias" in step.arrays, **common))
        elif step.kind == "batch_norm":
            layers.append(BatchNorm(step.momentum, step.epsilon, **common))
        elif step.kind == "dropout":
            layers.append(Dropout(step.rate))
        else:
            linear = steps[i - 1] if i else step
            if linear.kind != "dense" or linear.activation != "identity":
                raise ValueError(f"{step.name} takes the maximum of what is no linear layer.")
            layers[-1] = Maxout(
                step.n_out,
                use_bias="bias" in linear.arrays,
                trainable=linear.trainable,
                pieces=linear.n_out // step.n_out,
            )
    return layers


def _classes(output: Step, classes: ArrayLike | None, multilabel: bool) -> Targets:
    """Return the classes of a classifier with such an output layer."""
    fitting = "logistic" if multilabel or output.n_out == 1 else "softmax"
    if output.activation not in ("identity", fitting):
        raise ValueError(
            f"{output.name} has the activation {output.activation!r}; that of a classifier with "
            f"{output.n_out} outputs and multilabel={multilabel} is {fitting!r}, or none."
        )
    n_classes = output.n_out if multilabel else max(output.n_out, 2)
    labels = np.arange(n_classes) if classes is None else np.asarray(classes)
    if labels.shape != (n_classes,):
        raise ValueError(
            f"classes must be {n_classes} labels, for {output.name} has {output.n_out} outputs; "
            f"got {classes!r}."
        )
    if not np.array_equal(labels, np.unique(labels)):
        raise ValueError(f"classes must be sorted and differ, as in classes_; got {classes!r}.")
    return Targets(labels, multilabel)


def _one_of_two(output: Step) -> Step:
    """Return the one output that tells two classes apart as two with a softmax do."""
    arrays = {key: array[..., 1:] - array[..., :1] for key, array in output.arrays.items()}
    return replace(output, n_out=1, arrays=arrays)


def _output_activation(model: Any, output: Step, predicts: bool) -> str | None:
    """Return the `output_activation` of a regressor with such an output layer."""
    link, activation = engine.LOSSES[model._loss_name()].link, output.activation
    if activation == link or (activation == "identity" and not predicts):
        return None
    default = engine.ACTIVATIONS.get(activation)
    if link != "identity" or default is None or output.alpha != default.alpha:
        raise ValueError(
            f"{output.name} has the activation {activation!r} of alpha={output.alpha:g}; a "
            f"{type(model).__name__} with loss={model.loss!r} cannot have it at its output, which "
            f"is of {link!r}."
        )
    return activation
