"""Conversion to ONNX, by skl2onnx.

What is put together of elementary functions here is so because onnxruntime has the functions
themselves, such as Elu and Softplus, in float32 only.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from skdnn.dependencies import import_optional_dependency
from skdnn.exchange.steps import Step, link_of, steps_of
from skdnn.linear import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier
from skdnn.mlp import MLPNet, MLPNetRegressor

if TYPE_CHECKING:
    from onnx import ModelProto

_ESTIMATORS = (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}
# Numbers of ONNX's types, as in `onnx.TensorProto`.
_FLOAT, _INT64, _DOUBLE = 1, 7, 11
_TYPES = {np.dtype(np.float32): _FLOAT, np.dtype(np.float64): _DOUBLE}
# Not one of skl2onnx's: whether the estimator is a transformer where it stands.
_HIDDEN = "hidden"


def to_onnx(
    model: Any, X: Any = None, *, options: dict | None = None, **arguments: Any
) -> "ModelProto":
    """Convert a fitted model to ONNX, with skl2onnx (the extra ``onnx``).

    The outputs are those that skl2onnx gives scikit-learn's own estimators: of a classifier the
    labels and the probabilities, of a regressor the predictions, shape (n_samples, n_outputs);
    of several quantiles of several targets (n_samples, n_outputs, n_quantiles). Where a network
    stands in a pipeline before its last step, in a ColumnTransformer or in a FeatureUnion, it gives
    what its `transform` gives. All is computed in the type of the inputs: float64 where they are
    that, else float32, to whose rounding the predictions then agree.

    Once this function was called, `skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` convert
    skdnn's estimators too, but for networks as transformers.

    Parameters
    ----------
    model : estimator
        One of skdnn, alone or inside what skl2onnx converts: Pipeline, ColumnTransformer,
        FeatureUnion, GridSearchCV, voting, stacking. Of another search, which skl2onnx has not, the
        best estimator is converted.
    X : ndarray or DataFrame of pandas, shape (n_samples, n_features), default=None
        Rows that tell the types of the inputs, the first one is enough. None: `initial_types` among
        the `arguments` tells them. A DataFrame of pandas becomes an input for each column.
    options : dict, default=None
        Options of skl2onnx by estimator, class, or for all. Those of the classifiers are
        ``zipmap=False`` for probabilities that are an array and not a list of dicts, "columns" for
        an output for each class; ``raw_scores=True`` for scores instead of probabilities;
        ``output_class_labels=True``; and ``nocl=True`` for numbers instead of labels.
    **arguments
        Further arguments of `skl2onnx.to_onnx`, such as `target_opset`.

    Returns
    -------
    onnx_model : onnx.ModelProto
        ``onnx_model.SerializeToString()`` is what onnxruntime and files take.

    Raises
    ------
    ImportError
        When skl2onnx is not installed.
    NotFittedError
        When the model is not fitted; a ValueError too.
    ValueError
        When class labels are none that ONNX has: whole numbers, booleans and strings; or the
        columns of `X` are others, or more or fewer, than those of the fit.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdnn import SoftmaxClassifier
    >>> from skdnn.exchange import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SoftmaxClassifier()).fit(X, y)
    >>> onnx_model = to_onnx(model, X, options={"zipmap": False})
    >>> session = onnxruntime.InferenceSession(onnx_model.SerializeToString())
    >>> labels, probabilities = session.run(None, {"X": X})
    >>> bool((labels == model.predict(X)).all())
    True
    >>> bool(abs(probabilities - model.predict_proba(X)).max() < 1e-5)
    True
    """
    skl2onnx = import_optional_dependency("skl2onnx")
    from skl2onnx.common.utils_sklearn import _process_options

    check_is_fitted(model)
    if hasattr(model, "best_estimator_") and not isinstance(model, GridSearchCV):
        model = model.best_estimator_
    if X is not None and isinstance(model, _ESTIMATORS) and np.shape(X)[-1] != model.n_features_in_:
        raise ValueError(
            f"X must have the {model.n_features_in_} columns of the fit, got {np.shape(X)[-1]}."
        )
    for estimator in _ESTIMATORS:
        classifies = issubclass(estimator, GDLogisticRegression | SoftmaxClassifier | MLPNet)
        own = _OPTIONS if classifies else {}
        if issubclass(estimator, MLPNet | MLPNetRegressor):
            own = {**own, _HIDDEN: [True, False]}
        skl2onnx.update_registered_converter(
            estimator,
            f"Skdnn{estimator.__name__}",
            _set_types,
            _convert,
            parser=_parse,
            options=own,
        )
    hidden = {id(network): {_HIDDEN: True} for network in _transformers(model)}
    if hidden:
        # By their ids, as skl2onnx has them inside; names among them would be an error.
        given = _process_options(model, options) or {}
        options = {**{key: o for key, o in given.items() if not isinstance(key, str)}, **hidden}
    return skl2onnx.to_onnx(model, X, options=options, **arguments)


def _transformers(model: Any, transforms: bool = False) -> list[Any]:
    """Return the networks that are transformers where they stand in a model."""
    if isinstance(model, Pipeline):
        parts = [(step, transforms or step is not model[-1]) for _, step in model.steps]
    elif isinstance(model, FeatureUnion):
        parts = [(part, True) for _, part in model.transformer_list]
    elif isinstance(model, ColumnTransformer):
        parts = [(part, True) for _, part, _ in model.transformers_]
    elif hasattr(model, "best_estimator_"):
        parts = [(model.best_estimator_, transforms)]
    else:
        return [model] if transforms and isinstance(model, MLPNet | MLPNetRegressor) else []
    return [network for part, position in parts for network in _transformers(part, position)]


def _is_hidden(scope: Any, model: Any) -> bool:
    return bool((scope.get_options(model, {_HIDDEN: False}, fail=False) or {}).get(_HIDDEN))


def _parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare the outputs: those of a classifier or regressor, or of a transformer one."""
    from skl2onnx._parse import _get_sklearn_operator_name, _parse_sklearn_classifier
    from skl2onnx.common.data_types import DictionaryType, FloatTensorType, SequenceType
    from skl2onnx.common.data_types import guess_tensor_type as numbers

    if not is_classifier(model) or _is_hidden(scope, model):
        operator = scope.declare_local_operator(_get_sklearn_operator_name(type(model)), model)
        operator.inputs = inputs
        output = scope.declare_local_variable("variable", numbers(inputs[0].type))
        operator.outputs.append(output)
        return operator.outputs
    outputs = _parse_sklearn_classifier(scope, model, inputs, custom_parsers=custom_parsers)
    if scope.get_options(model, {"zipmap": True})["zipmap"] is True:
        # The dicts of ONNX hold float32 only.
        (zipmap,) = (o for o in scope.operators.values() if o.outputs[-1] is outputs[-1])
        zipmap.inputs[-1].set_type(FloatTensorType())
        outputs[-1].set_type(SequenceType(DictionaryType(outputs[0].type, FloatTensorType())))
    return outputs


def _set_types(operator: Any) -> None:
    """Set the types and shapes of an operator's outputs."""
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
    )
    from skl2onnx.common.utils_classifier import get_label_classes

    model, n_rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    numbers = DoubleTensorType if _dtype(operator) == np.float64 else FloatTensorType
    if len(operator.outputs) == 1:
        hidden = _is_hidden(operator.scope_inst, model)
        shape = [model._n_features_out] if hidden else _prediction_shape(model)
        operator.outputs[0].set_type(numbers([n_rows, *shape]))
        return
    labels = _labels(get_label_classes(operator.scope_inst, model))
    kind = Int64TensorType if labels.dtype == np.int64 else StringTensorType
    multilabel = getattr(model, "_multilabel", False)
    operator.outputs[0].set_type(kind([n_rows, len(labels)] if multilabel else [n_rows]))
    operator.outputs[1].type.shape = [n_rows, len(labels)]


def _prediction_shape(model: Any) -> list[int]:
    """Return the shape of what a regressor predicts for a row."""
    n_outputs = steps_of(model)[-1].n_out
    n_targets = getattr(model, "_n_targets", n_outputs)
    return [n_targets, n_outputs // n_targets] if 1 < n_targets < n_outputs else [n_outputs]


def _labels(classes: NDArray) -> NDArray:
    """Return class labels as ONNX has them: int64 or strings."""
    if classes.dtype.kind in "biuf" and (classes == classes.astype(np.int64)).all():
        return classes.astype(np.int64)
    if all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    raise ValueError(
        "ONNX has labels that are whole numbers, booleans or strings; classes_ are "
        f"{classes!r}. Option nocl=True gives their numbers instead."
    )


class _Operators:
    """ONNX's operators of one version of the standard: ``op.MatMul(x, W)``."""

    def __init__(self, opset: int):
        self._opset = opset

    def __getattr__(self, name: str) -> Callable:
        from skl2onnx.algebra import onnx_ops

        return partial(getattr(onnx_ops, f"Onnx{name}"), op_version=self._opset)


def _leaky_relu(op: Any, z: Any, number: Any, alpha: Any) -> Any:
    return op.Sub(op.Relu(z), op.Mul(op.Relu(op.Neg(z)), number(alpha)))


def _exponential(op: Any, z: Any, number: Any, alpha: Any) -> Any:
    """Return alpha (e^z - 1) for z < 0, else 0."""
    return op.Mul(op.Sub(op.Exp(op.Neg(op.Relu(op.Neg(z)))), number(1)), number(alpha))


def _selu(op: Any, z: Any, number: Any, alpha: Any) -> Any:
    from skdnn.engine.activations import SELU_SCALE as scale

    # The factor is not taken out: onnxruntime merges one with the next product, in float32.
    return op.Add(op.Mul(op.Relu(z), number(scale)), _exponential(op, z, number, scale * alpha))


def _softplus(op: Any, z: Any, number: Any, alpha: Any = 0.0) -> Any:
    return op.Add(op.Relu(z), op.Log(op.Add(op.Exp(op.Neg(op.Abs(z))), number(1))))


def _gelu(op: Any, z: Any, number: Any, alpha: Any) -> Any:
    # onnxruntime's error function is in float32, right to 1e-7.
    erf = op.Erf(op.Cast(op.Mul(z, number(math.sqrt(0.5))), to=_FLOAT))
    share = op.Cast(op.Add(erf, np.ones(1, np.float32)), to=_TYPES[number(0).dtype])
    return op.Mul(op.Mul(z, share), number(0.5))


def _silu(op: Any, z: Any, number: Any, alpha: Any) -> Any:
    # onnxruntime makes one operator of a product with Sigmoid(z), which it has in float32 only.
    return op.Div(z, op.Add(op.Exp(op.Neg(z)), number(1)))


# f(operators, z, number, alpha), where `number` makes a constant of the type of all others.
_ACTIVATIONS = {
    "identity": lambda op, z, number, alpha: z,
    "logistic": lambda op, z, number, alpha: op.Sigmoid(z),
    "tanh": lambda op, z, number, alpha: op.Tanh(z),
    "relu": lambda op, z, number, alpha: op.Relu(z),
    "leaky_relu": _leaky_relu,
    "elu": lambda op, z, number, alpha: op.Add(op.Relu(z), _exponential(op, z, number, alpha)),
    "selu": _selu,
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": _silu,
    "mish": lambda op, z, number, alpha: op.Mul(z, op.Tanh(_softplus(op, z, number))),
}
_LINKS = {
    "identity": lambda op, z: z,
    "logistic": lambda op, z: op.Sigmoid(z),
    "softmax": lambda op, z: op.Softmax(z, axis=1),
    "exp": lambda op, z: op.Exp(z),
}


def _apply(op: _Operators, step: Step, x: Any, number: Callable) -> Any:
    """Return the node of a step's outputs."""
    constants = {name: number(array) for name, array in step.arrays.items()}
    if step.kind == "dense":
        z = op.MatMul(x, constants["kernel"])
        if "bias" in constants:
            z = op.Add(z, constants["bias"])
    elif step.kind == "batch_norm":
        deviation = np.sqrt(step.arrays["variance"].astype(np.float64) + step.epsilon)
        centred = op.Sub(x, constants["mean"])
        z = op.Add(op.Mul(centred, number(step.arrays["gamma"] / deviation)), constants["beta"])
    else:
        pieces = op.Reshape(x, np.array([0, step.n_out, -1], dtype=np.int64))
        z = op.ReduceMaxApi18(pieces, axes=np.array([2], dtype=np.int64), keepdims=0)
    return _ACTIVATIONS[step.activation](op, z, number, step.alpha)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add an estimator's nodes to the graph."""
    from skl2onnx.common.data_types import FloatTensorType

    model, op = operator.raw_operator, _Operators(container.target_opset)
    dtype = _dtype(operator)

    def number(value: Any) -> Any:
        return np.atleast_1d(np.asarray(value, dtype))

    x = op.Cast(operator.inputs[0], to=_TYPES[dtype])
    if len(operator.inputs) > 1:
        # The columns of a data frame.
        names = [given.raw_name for given in operator.inputs]
        expected = getattr(model, "feature_names_in_", names)
        if names != list(expected):
            raise ValueError(f"X must have the columns {list(expected)} of the fit, got {names}.")
        columns = [op.Cast(given, to=_TYPES[dtype]) for given in operator.inputs]
        x = op.Concat(*columns, axis=1)
    steps = [step for step in steps_of(model) if step.kind != "dropout"]
    hidden = _is_hidden(scope, model)
    for step in steps[: model._n_transform_rows()] if hidden else steps:
        x = _apply(op, step, x, number)
    if len(operator.outputs) == 2:
        nodes = _classify(op, scope, model, x, number)
    elif hidden:
        nodes = [x]
    else:
        shape = np.array([-1, *_prediction_shape(model)], dtype=np.int64)
        nodes = [op.Reshape(_LINKS[link_of(model)](op, x), shape)]
    for node, output in zip(nodes, operator.outputs, strict=True):
        names = [output.full_name]
        if isinstance(output.type, FloatTensorType):
            node = op.Cast(node, to=_FLOAT, output_names=names)
        else:
            node = op.Identity(node, output_names=names)
        node.add_to(scope, container)


def _dtype(operator: Any) -> np.dtype:
    """Return the type that an operator computes in: float64 if an input is, or float32."""
    from skl2onnx.common.data_types import DoubleTensorType

    doubles = any(isinstance(given.type, DoubleTensorType) for given in operator.inputs)
    return np.dtype(np.float64 if doubles else np.float32)


def _classify(op: _Operators, scope: Any, model: Any, scores: Any, number: Callable) -> list[Any]:
    """Return the nodes of a classifier's labels, and of its probabilities or scores."""
    from skl2onnx.common.utils_classifier import get_label_classes

    labels = _labels(get_label_classes(scope, model))
    multilabel, link = getattr(model, "_multilabel", False), link_of(model)
    # As in `predict`: the scores decide, for close ones give equal probabilities.
    if link == "softmax":
        decisions = op.ArgMax(scores, axis=1, keepdims=0)
    else:
        decisions = op.Cast(op.Greater(scores, number(0)), to=_INT64)
    if not multilabel:
        decisions = op.Gather(labels, op.Reshape(decisions, np.array([-1], dtype=np.int64)))
        if link == "logistic":
            scores = op.Concat(op.Neg(scores), scores, axis=1)
    options = scope.get_options(model, {"raw_scores": False}, fail=False) or {}
    return [decisions, scores if options.get("raw_scores") else _LINKS[link](op, scores)]
