"""Saving fitted models to files that can be loaded without running code from them.

The files are those of skops (https://skops.readthedocs.io), a zip archive of arrays and of a
description of the objects, with the versions that wrote it beside. Unlike a pickle it names no
function to be called: objects of types that the loader trusts are made, and their attributes set.
What the kernels take at its word, tables of offsets and addresses, is not in the file: the objects
make it anew, and check the arrays against it.
"""

import copy
import io
import json
import os
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from sklearn.utils.fixes import parse_version

from skdnn._version import __version__
from skdnn.dependencies import import_optional_dependency
from skdnn.files import replacing

# Of the file; 2 would be one that this version cannot read.
FORMAT = 1
# The archive's member that tells the format and the versions, and the one that tells the objects.
_ABOUT, _SCHEMA = "skdnn.json", "schema.json"

# The callbacks that write to files are not here: in a file of a stranger they could name any.
_OURS = [
    "skdnn.averaging.EMA",
    "skdnn.averaging.Polyak",
    "skdnn.callbacks.learning_rate.LearningRateScheduler",
    "skdnn.callbacks.learning_rate.ReduceLROnPlateau",
    "skdnn.callbacks.recording.WeightHistory",
    "skdnn.callbacks.stopping.EarlyStopping",
    "skdnn.initializers.Array",
    "skdnn.initializers.Constant",
    "skdnn.initializers.Orthogonal",
    "skdnn.initializers.RandomNormal",
    "skdnn.initializers.RandomUniform",
    "skdnn.initializers.TruncatedNormal",
    "skdnn.initializers.VarianceScaling",
    "skdnn.initializers.Zeros",
    "skdnn.layers.BatchNorm",
    "skdnn.layers.Dense",
    "skdnn.layers.Dropout",
    "skdnn.layers.Maxout",
    "skdnn.layers.Output",
    "skdnn.likelihood.FittedRows",
    "skdnn.likelihood.Likelihood",
    "skdnn.linear.classifiers.GDLogisticRegression",
    "skdnn.linear.classifiers.SoftmaxClassifier",
    "skdnn.linear.regression.GDLinearRegression",
    "skdnn.mlp.classifier.MLPNet",
    "skdnn.mlp.regressor.MLPNetRegressor",
    "skdnn.model_selection.HiddenLayerSizes",
    "skdnn.network.Network",
    "skdnn.regularizers.L1",
    "skdnn.regularizers.L1L2",
    "skdnn.regularizers.L2",
    "skdnn.schedules.Adaptive",
    "skdnn.schedules.Called",
    "skdnn.schedules.Constant",
    "skdnn.schedules.CosineDecay",
    "skdnn.schedules.ExponentialDecay",
    "skdnn.schedules.InverseScaling",
    "skdnn.schedules.OneCycle",
    "skdnn.schedules.StepDecay",
    "skdnn.schedules.Timed",
    "skdnn.stochastic.Optimization",
    "skdnn.training.Origin",
    "skdnn.training.Standing",
    "skdnn.training.Training",
]
# Beside the estimators, which skops trusts. SciPy's distributions are not here: they run code that
# is in their state.
_THEIRS = [
    "builtins.object",
    "builtins.range",
    "numpy.dtype",
    "numpy.floating",
    "numpy.integer",
    "numpy.number",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.callback._progressbar.ProgressBar",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.feature_selection._univariate_selection.r_regression",
    "sklearn.impute._iterative._ImputerTriplet",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._split._CVIterableWrapper",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
]


def save(model: Any, path: str | os.PathLike) -> None:
    """Write a model to a file that can be loaded without running code from it.

    Needs skops (the extra ``save``). The file holds the model, its history among the rest, and
    where the model trains on, as a stream of `partial_fit` does, the optimiser's state too. It is
    written whole or not at all: when saving fails or is killed, an earlier file stays as it was.

    Parameters
    ----------
    model : estimator
        One of skdnn, alone or inside a Pipeline, ColumnTransformer, TransformedTargetRegressor,
        search, or another estimator of scikit-learn. Fitted or not.
    path : str or path-like
        Where to write, ``"model.skops"`` by custom. A file that is there is replaced.

    Raises
    ------
    ImportError
        When skops is not installed.
    TypeError
        When the model holds what no loader could find again, such as a lambda.
    OSError
        When the file cannot be written.

    See Also
    --------
    load : Read it.

    Examples
    --------
    >>> import os, tempfile
    >>> import skdnn
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), skdnn.SoftmaxClassifier()).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.skops")
    >>> skdnn.save(model, path)
    >>> bool((skdnn.load(path).predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    skops = import_optional_dependency("skops.io")
    try:
        try:
            content = skops.dumps(model)
        except RecursionError:
            content = skops.dumps(_without_owners(model))
    except skops.exceptions.UnsupportedTypeException as error:
        raise TypeError(f"{type(model).__name__} cannot be saved: {error}") from error
    nameless = [name for name in skops.get_untrusted_types(data=content) if "<" in name]
    if nameless:
        raise TypeError(
            f"{type(model).__name__} cannot be saved, for it holds {', '.join(nameless)}, which "
            "could not be found again. Use a function that is defined in a module by its name."
        )
    about = {"format": FORMAT, "versions": _versions()}
    with (
        zipfile.ZipFile(io.BytesIO(content)) as parts,
        replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in parts.namelist():
            part = parts.read(name)
            if name == _SCHEMA:
                part = json.dumps(_mended(json.loads(part))).encode()
            archive.writestr(name, part)
        archive.writestr(_ABOUT, json.dumps(about))


def load(path: str | os.PathLike, *, trusted: Sequence[str | type] = ()) -> Any:
    """Read a model that `save` has written, without running code from the file.

    A file of an earlier version of skdnn is read as well.

    The file may name types of skdnn and of scikit-learn that are known to be harmless, NumPy's and
    SciPy's arrays and functions, and nothing else. Needs skops (the extra ``save``).

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : list of str or type, default=()
        Further types and functions to allow, as classes or by their full names. Name those only
        that you know: what they do with what is in the file is theirs. The trees of scikit-learn,
        SciPy's distributions, and the callbacks that write to files are among those that are not
        trusted unless named here.

    Returns
    -------
    model : estimator
        It predicts as the one that was saved, to the last bit.

    Raises
    ------
    ImportError
        When skops is not installed.
    TypeError
        When the file names types that are not trusted; the message lists them.
    ValueError
        When the file is none that `save` has written, is damaged, or is of a newer format.

    Warns
    -----
    InconsistentVersionWarning
        When another version of scikit-learn wrote the file.
    UserWarning
        When a newer version of skdnn or NumPy did.

    See Also
    --------
    save : Write it, with an example.
    """
    skops = import_optional_dependency("skops.io")
    if isinstance(trusted, str | bool):
        raise TypeError(f"trusted must be a list of types or of their names, got {trusted!r}.")
    content = Path(path).read_bytes()
    versions = _read_versions(content, path)
    allowed = _allowed() + [_full_name(item) for item in trusted]
    try:
        unknown = sorted(set(skops.get_untrusted_types(data=content)) - set(allowed))
        with warnings.catch_warnings():
            # Each estimator of scikit-learn would say it again.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            model = None if unknown else skops.loads(content, trusted=allowed)
    # A damaged file may raise anything, in skops and in the types that are in the file.
    except Exception as error:
        written = ", ".join(f"{name} {version}" for name, version in versions.items())
        raise ValueError(
            f"{str(path)!r} cannot be loaded: {error}. It was written by {written}; installed "
            f"is skdnn {__version__}."
        ) from error
    if unknown:
        message = (
            f"{str(path)!r} holds types that are not trusted: {', '.join(unknown)}. If you know "
            f"them, and where the file is from, load it with trusted={unknown}."
        )
        if parse_version(versions["skdnn"]) > parse_version(__version__):
            message += f" It was written by skdnn {versions['skdnn']}; installed is {__version__}."
        raise TypeError(message)
    _check_versions(versions, model)
    return model


def _mended(node: Any) -> Any:
    """Return a part of skops' description of a model that it would otherwise read as another.

    It writes the key False of a dictionary as "false", and reads it as ``bool("false")``, True. An
    array that is mapped into memory, as joblib gives its workers large ones, would be mapped again.
    """
    if isinstance(node, list):
        return [_mended(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: _mended(part) for name, part in node.items()}
    if node.get("__loader__") == "DictNode":
        kinds = [kind["__class__"] for kind in node["key_types"]["content"]]
        items = zip(kinds, node["content"].items(), strict=True)
        node["content"] = {
            "" if key == "false" and kind == "bool" else key: part for kind, (key, part) in items
        }
    if node.get("__loader__") == "NdArrayNode" and node["__class__"] == "memmap":
        node["__class__"] = "ndarray"
    return node


def _without_owners(model: Any) -> Any:
    """Return a copy in which requests for metadata name the estimator that they are of.

    They refer to it, as it does to them, a circle in which skops would run for ever. What they tell
    of it is its name.
    """
    copies: dict[int, Any] = {}
    model = copy.deepcopy(model, copies)
    for request in copies.values():
        if isinstance(request, MetadataRequest | MethodMetadataRequest):
            request.owner = type(request.owner).__name__
    return model


def _versions() -> dict[str, str]:
    return {
        "skdnn": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
    }


def _read_versions(content: bytes, path: str | os.PathLike) -> dict[str, str]:
    """Return the versions that wrote a file; refuse one that cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read(_ABOUT))
        written, versions = int(about["format"]), {k: str(v) for k, v in about["versions"].items()}
        for name in _versions():
            parse_version(versions[name])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} is not a file that skdnn.save has written, or it is damaged."
        ) from error
    if written > FORMAT:
        raise ValueError(
            f"{str(path)!r} was written by skdnn {versions['skdnn']} in format {written}; the "
            f"installed skdnn {__version__} reads formats up to {FORMAT}. Install a newer one."
        )
    return versions


def _check_versions(versions: dict[str, str], model: Any) -> None:
    """Warn where other versions wrote a file that has been loaded."""
    installed = _versions()
    if versions["scikit-learn"] != installed["scikit-learn"]:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=type(model).__name__,
                current_sklearn_version=installed["scikit-learn"],
                original_sklearn_version=versions["scikit-learn"],
            ),
            stacklevel=3,
        )
    for name in ("skdnn", "numpy"):
        if parse_version(versions[name]) > parse_version(installed[name]):
            warnings.warn(
                f"The model was saved with {name} {versions[name]}; installed is the older "
                f"{installed[name]}, with which it may behave differently.",
                stacklevel=3,
            )


def _allowed() -> list[str]:
    """Return the full names of what is trusted."""
    from sklearn import metrics, model_selection
    from sklearn.metrics import get_scorer, get_scorer_names

    public = [vars(model_selection).get(name) for name in model_selection.__all__]
    splitters = [item for item in public if isinstance(item, type) and hasattr(item, "split")]
    scores = [get_scorer(name)._score_func for name in get_scorer_names()]
    # What `make_scorer` takes.
    endings = ("_deviance", "_error", "_loss", "_score")
    scores += [getattr(metrics, name) for name in metrics.__all__ if name.endswith(endings)]
    # What a file calls numpy.log1p and others that was written with an earlier version of NumPy.
    functions = [name for name, item in vars(np).items() if isinstance(item, np.ufunc)]
    earlier = [f"numpy._core._multiarray_umath.{name}" for name in functions]
    return [*_OURS, *_THEIRS, *earlier, *map(_full_name, splitters + scores)]


def _full_name(item: Any) -> str:
    return item if isinstance(item, str) else f"{item.__module__}.{item.__name__}"
