"""Data frames of pandas and polars, and sparse data of every form."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases import each, output, task
from scipy import sparse
from sklearn.base import clone, is_classifier

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

NETS = [MLPNet((4,), max_iter=3, random_state=0), MLPNetRegressor(max_iter=3, random_state=0)]
LINEAR = [GDLogisticRegression(), SoftmaxClassifier(), GDLinearRegression()]
# One of each way in.
ONE_OF_EACH = [NETS[0], LINEAR[0], LINEAR[2]]
N = 60
NUMBERS = np.random.default_rng(0).integers(0, 5, N)
Y = (NUMBERS > 2).astype(int)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights(model):
    return model.coefs_[0] if hasattr(model, "coefs_") else model.coef_


def pandas_frame(column):
    first = np.linspace(-1, 1, N, dtype=np.float32)
    return pd.DataFrame({"a": first, "the c": column})


def polars_frame(column):
    return pl.DataFrame({"a": np.linspace(-1, 1, N, dtype=np.float32), "the c": column})


def pandas_as(dtype):
    values = NUMBERS > 2 if dtype == "boolean" else NUMBERS
    return lambda: pandas_frame(pd.Series(values).astype(dtype))


def polars_as(dtype):
    return lambda: polars_frame(pl.Series(NUMBERS).cast(dtype))


# A frame with a column of each type, and the type in which a network computes then.
NUMERIC = {
    "float32": (pandas_as("float32"), "f"),
    "Float32": (pandas_as("Float32"), "f"),
    "Int8": (pandas_as("Int8"), "f"),
    "UInt16": (pandas_as("UInt16"), "f"),
    "bool": (lambda: pandas_frame(NUMBERS > 2), "f"),
    "boolean": (pandas_as("boolean"), "f"),
    "float16": (pandas_as("float16"), "f"),
    "float64": (pandas_as("float64"), "d"),
    "Float64": (pandas_as("Float64"), "d"),
    "int64": (pandas_as("int64"), "d"),
    "Int64": (pandas_as("Int64"), "d"),
    "UInt32": (pandas_as("UInt32"), "d"),
    "longdouble": (pandas_as("longdouble"), "d"),
    "object": (lambda: pandas_frame(NUMBERS.astype(object)), "d"),
    "decimals": (lambda: pandas_frame([Decimal(int(i)) for i in NUMBERS]), "d"),
    "polars Float32": (polars_as(pl.Float32), "f"),
    "polars Int8": (polars_as(pl.Int8), "f"),
    "polars Boolean": (lambda: polars_frame(NUMBERS > 2), "f"),
    "polars Float64": (polars_as(pl.Float64), "d"),
    "polars Int64": (polars_as(pl.Int64), "d"),
    "polars UInt32": (polars_as(pl.UInt32), "d"),
    "polars Decimal": (polars_as(pl.Decimal(10, 2)), "d"),
}


@each(NETS + LINEAR)
@pytest.mark.parametrize("name", NUMERIC)
def test_numeric_columns(model, name):
    """They are the array that they look like; float32 is not widened where nothing asks for it."""
    make, dtype = NUMERIC[name]
    frame = make()
    values = NUMBERS > 2 if "bool" in name.lower() else NUMBERS
    array = np.column_stack([np.linspace(-1, 1, N, dtype=np.float32), values]).astype(dtype)
    expected = clone(model).fit(array, Y)
    model.fit(frame, Y)
    assert weights(model).dtype == dtype
    np.testing.assert_array_equal(weights(model), weights(expected))
    assert model.feature_names_in_.tolist() == ["a", "the c"]
    # Products of matrices in another order of memory differ in the last bits.
    rounding = {"rtol": 1e-12 if dtype == "d" else 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(output(model, frame), output(expected, array), **rounding)


@each(NETS + LINEAR)
@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_without_a_column_of_float32_it_is_float64(model, container):
    model.fit(container({"a": NUMBERS > 2, "b": NUMBERS.astype(np.int8)}), Y)
    assert weights(model).dtype == np.float64


@each(NETS)
@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_frames_everywhere(model, container):
    """In partial_fit, and as rows to validate on; their columns are checked there too."""
    X, y = task(model)
    X = X.astype(np.float32)
    names = ["a", "b", "c", "d", "e"]
    frame = container(dict(zip(names, X.T, strict=True)))
    expected = clone(model).fit(X, y, X_val=X[:50], y_val=y[:50])
    model.fit(frame, y, X_val=frame[:50], y_val=y[:50])
    assert model.validation_scores_ == expected.validation_scores_
    assert output(model, frame).dtype == np.float32 == model.transform(frame).dtype
    known = {"classes": np.unique(y)} if is_classifier(model) else {}
    stream = clone(model).partial_fit(frame, y, **known).partial_fit(frame, y)
    theirs = clone(model).partial_fit(X, y, **known).partial_fit(X, y)
    np.testing.assert_array_equal(stream.coefs_[0], theirs.coefs_[0])
    other = container(dict(zip(["b", "a", "c", "d", "e"], X.T, strict=True)))
    text = container({**dict(zip(names, X.T, strict=True)), "c": ["x"] * len(X)})
    for frame, message in ((other, "feature names should match"), (text, "Column 'c' of X has")):
        with pytest.raises(ValueError, match=message):
            stream.partial_fit(frame, y)
        with pytest.raises(ValueError, match=f"(?s)X_val and y_val: .*{message}"):
            clone(model).fit(container(dict(zip(names, X.T, strict=True))), y, X_val=frame, y_val=y)
        for method in (model.predict, model.transform):
            with pytest.raises(ValueError, match=message):
                method(frame)


def dates(n):
    return [datetime.date(2020, 1, 1) + datetime.timedelta(i) for i in range(n)]


WORDS = ["x"] * N
ENCODE = "encode it, for example with sklearn.preprocessing.OneHotEncoder"
DERIVE = "derive numbers from it, such as days since a date"
REFUSED = {
    "category": (pandas_as("category"), f"category, but must hold numbers: {ENCODE}"),
    "texts": (lambda: pandas_frame(WORDS), ENCODE),
    "string": (lambda: pandas_frame(pd.Series(WORDS, dtype="string")), f"string.*{ENCODE}"),
    "numbers as texts": (lambda: pandas_frame(NUMBERS.astype(str)), "convert it if the texts are"),
    "mixed": (lambda: pandas_frame([*NUMBERS[1:], "x"]), "in row 59 is 'x'"),
    "a text among numbers": (lambda: pandas_frame([*NUMBERS[1:], "7"]), "row 59 is the text '7'"),
    "datetime": (lambda: pandas_frame(pd.to_datetime(dates(N))), rf"datetime64\[.*{DERIVE}"),
    "with a zone": (lambda: pandas_frame(pd.to_datetime(dates(N), utc=True)), f"UTC.*{DERIVE}"),
    "timedelta": (lambda: pandas_frame(pd.to_timedelta(NUMBERS, unit="D")), DERIVE),
    "period": (lambda: pandas_frame(pd.period_range("2020", periods=N, freq="D")), r"period\[D\]"),
    "complex": (pandas_as("complex128"), "complex128"),
    "polars Categorical": (
        lambda: polars_frame(pl.Series(NUMBERS.astype(str)).cast(pl.Categorical)),
        f"Categorical.*{ENCODE}",
    ),
    "polars Enum": (lambda: polars_frame(pl.Series(WORDS).cast(pl.Enum(["x"]))), ENCODE),
    "polars String": (lambda: polars_frame(WORDS), f"String.*{ENCODE}"),
    "polars Date": (lambda: polars_frame(dates(N)), f"Date.*{DERIVE}"),
    "polars Datetime": (lambda: polars_frame(pl.Series(dates(N)).cast(pl.Datetime)), DERIVE),
    "polars Duration": (lambda: polars_frame([datetime.timedelta(1)] * N), DERIVE),
    "polars List": (lambda: polars_frame([[1, 2]] * N), "List"),
    "polars Null": (lambda: polars_frame([None] * N), "Null, but must hold numbers: leave it out"),
}


@each(ONE_OF_EACH)
@pytest.mark.parametrize("name", REFUSED)
def test_columns_that_are_no_numbers(model, name):
    make, message = REFUSED[name]
    fitted = clone(model).fit(pandas_frame(NUMBERS), Y)
    for method in (lambda X: model.fit(X, Y), fitted.predict):
        with pytest.raises(ValueError, match=rf"Column 'the c' of X has dtype .*{message}"):
            method(make())


def gap(value=None):
    return [*NUMBERS[:7].tolist(), value, *NUMBERS[8:].tolist()]


GAPS = {
    "nan": lambda: pandas_frame(np.array(gap(np.nan))),
    "Float32": lambda: pandas_frame(pd.Series(gap(), dtype="Float32")),
    "Int64": lambda: pandas_frame(pd.Series(gap(), dtype="Int64")),
    "boolean": lambda: pandas_frame(pd.Series([True] * 7 + [None] + [False] * 52, dtype="boolean")),
    "object": lambda: pandas_frame(pd.Series(gap(), dtype=object)),
    "pyarrow": lambda: pandas_frame(gap()).astype("double[pyarrow]"),
    "sparse": lambda: pandas_frame(np.array(gap(np.nan))).astype(pd.SparseDtype("float", 0.0)),
    "polars null": lambda: polars_frame(gap()),
    "polars nan": lambda: polars_frame(pl.Series(gap()).cast(float).fill_null(np.nan)),
    "polars Boolean": lambda: polars_frame([True] * 7 + [None] + [False] * 52),
}


@each(ONE_OF_EACH)
@pytest.mark.parametrize("name", GAPS)
def test_gaps(model, name):
    fitted = clone(model).fit(pandas_frame(NUMBERS), Y)
    if name == "pyarrow":
        pytest.importorskip("pyarrow", reason="these columns need pyarrow")
    message = "Input X contains NaN, in column 'the c': 1 of 60 rows, the first of them row 7"
    for method in (lambda X: model.fit(X, Y), fitted.predict):
        with pytest.raises(ValueError, match=message):
            method(GAPS[name]())


@each(ONE_OF_EACH)
def test_infinity(model):
    message = "contains infinity, in column 'the c': 1 of 60 rows, the first of them row 7. Leave"
    for make in (pandas_frame, polars_frame):
        with pytest.raises(ValueError, match=message):
            model.fit(make(np.array(gap(-np.inf))), Y)


@each(ONE_OF_EACH)
def test_frames_without_rows_to_read(model):
    with pytest.raises(ValueError, match=r"X is a LazyFrame.*pass X.collect\(\)"):
        model.fit(polars_frame(NUMBERS).lazy(), Y)
    with pytest.raises(ValueError, match="while a minimum of 1 is required"):
        model.fit(pd.DataFrame(index=range(N)), Y)
    with pytest.raises(ValueError, match=r"(?s)unique column names.*'a' 2 times"):
        model.fit(pandas_frame(NUMBERS)[["a", "a"]], Y)
    # Numbers are no names, as elsewhere in scikit-learn.
    frame = pandas_frame(NUMBERS.astype(float)).set_axis([7, 8], axis=1)
    assert not hasattr(model.fit(frame, Y), "feature_names_in_")
    frame.loc[3, 8] = np.nan
    with pytest.raises(ValueError, match="in column 8: 1 of 60 rows, the first of them row 3"):
        model.fit(frame, Y)


# Targets.


@each(NETS + LINEAR)
def test_targets_in_a_series(model):
    X = pandas_frame(NUMBERS)
    for missing in (
        pd.Series([*Y[1:], None], dtype="Int64"),
        pd.Series([*Y[1:], np.nan]),
        pd.Series([*Y[1:].astype(str), None], dtype="string"),
        pd.Series([*Y[1:].astype(str), None], dtype=object),
        pd.Series([*Y[1:], None], dtype="category"),
        pl.Series([*Y[1:].tolist(), None]),
        pl.Series([*Y[1:].astype(str).tolist(), None]),
    ):
        with pytest.raises(ValueError, match="Input y contains NaN: 1 of 60 rows, the first of th"):
            model.fit(X, missing)
    expected = output(clone(model).fit(X, Y), X)
    for series in (pd.Series(Y, dtype="Int64"), pd.Series(Y, dtype="Int8"), pl.Series(Y)):
        np.testing.assert_array_equal(output(model.fit(X, series), X), expected)
    if not is_classifier(model):
        for series in (pd.Series(pd.to_datetime(dates(N))), pl.Series(dates(N))):
            with pytest.raises(ValueError, match=r"y has dtype (date|Date).*must hold numbers"):
                model.fit(X, series)


@each([NETS[1], LINEAR[2]])
@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_targets_in_a_frame(model, container):
    X, bad = pandas_frame(NUMBERS), NUMBERS.tolist()
    y = container({"u": NUMBERS, "v": Y})
    expected = output(clone(model).fit(X, np.column_stack([NUMBERS, Y])), X)
    np.testing.assert_array_equal(output(model.fit(X, y), X), expected)
    bad[7] = None
    message = "y contains NaN, in column 'the v': 1 of 60 rows, the first of them row 7. Leave"
    with pytest.raises(ValueError, match=message):
        model.fit(X, container({"u": NUMBERS, "the v": bad}))
    for days in ({"the v": dates(N)}, {"u": NUMBERS, "the v": dates(N)}):
        column = container(days)
        if container is pd.DataFrame:
            column["the v"] = pd.to_datetime(column["the v"])
        with pytest.raises(ValueError, match=r"Column 'the v' of y has dtype (date|Date).*numbers"):
            model.fit(X, column)


@pytest.mark.parametrize("kind", ["Int64", "boolean", "polars"])
def test_labels_in_a_frame(kind):
    X, y, net = pandas_frame(NUMBERS), np.column_stack([Y, 1 - Y]), NETS[0]
    frame = pd.DataFrame(y, columns=["u", "the v"])
    frame = pl.DataFrame(frame) if kind == "polars" else frame.astype(kind)
    expected = clone(net).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clone(net).fit(X, frame).predict_proba(X), expected)
    if kind != "polars":
        frame.loc[[7, 9], "the v"] = None
        with pytest.raises(ValueError, match="in column 'the v': 2 of 60 rows, the first of them"):
            clone(net).fit(X, frame)


# Sparse data.

FORMATS = ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"]


@each(NETS + LINEAR)
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_sparse_formats(model, kind, dtype):
    """Each is the same numbers, in fit and predict; float32 stays, and int64 indices do too."""
    X = sparse.random(90, 6, density=0.3, format="csr", random_state=0, dtype=dtype)
    y = (X.toarray()[:, 0] > 0.1).astype(int)
    expected = clone(model).fit(X, y)
    assert weights(expected).dtype == dtype
    for name in FORMATS:
        made = getattr(sparse, f"{name}_{kind}")(X)
        long = made.copy()
        for part in ("indices", "indptr"):
            if hasattr(long, part):
                setattr(long, part, getattr(long, part).astype(np.int64))
        for form in (made, long):
            fitted = clone(model).fit(form, y)
            np.testing.assert_array_equal(weights(fitted), weights(expected), err_msg=name)
            np.testing.assert_array_equal(output(fitted, form), output(expected, X), err_msg=name)
            if hasattr(model, "partial_fit"):
                other = clone(model).fit(X, y, X_val=form, y_val=y)
                same = clone(model).fit(X, y, X_val=X, y_val=y)
                assert other.validation_scores_ == same.validation_scores_
                known = {"classes": [0, 1]} if is_classifier(model) else {}
                stream = clone(model).partial_fit(form, y, **known)
                again = clone(model).partial_fit(X, y, **known)
                np.testing.assert_array_equal(stream.coefs_[0], again.coefs_[0])


@each(NETS + LINEAR)
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_sparse_columns_of_pandas(model, dtype):
    X = sparse.random(90, 3, density=0.3, format="csr", random_state=0, dtype=dtype)
    y = (X.toarray()[:, 0] > 0.1).astype(int)
    frame = pd.DataFrame.sparse.from_spmatrix(X, columns=["a", "b", "c"])
    expected = clone(model).fit(X, y)
    model.fit(frame, y)
    assert weights(model).dtype == dtype
    np.testing.assert_array_equal(weights(model), weights(expected))
    np.testing.assert_array_equal(output(model, frame), output(expected, X))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    # Beside a dense column, or where what is left out is no zero, they are made dense.
    dense = clone(model).fit(X.toarray(), y)
    for mixed in (
        frame.assign(c=X.toarray()[:, 2]),
        frame.assign(c=pd.arrays.SparseArray(X.toarray()[:, 2], fill_value=1.0)),
    ):
        with pytest.warns(UserWarning, match="X has sparse columns .'a', 'b'.*are made dense"):
            model.fit(mixed, y)
        np.testing.assert_array_equal(weights(model), weights(dense))


# Output.


@each(NETS)
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_output_of_transform(model, container):
    """Its names count the units; its rows have the index of those that came in."""
    model.set_output(transform=container).fit(pandas_frame(NUMBERS.astype("f")), Y)
    frame = pandas_frame(NUMBERS.astype("f")).set_axis(range(100, 100 + N))
    hidden = model.transform(frame)
    assert type(hidden) is {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    names = [f"{type(model).__name__.lower()}{i}" for i in range(model.coefs_[0].shape[1])]
    assert list(hidden.columns) == names == model.get_feature_names_out().tolist()
    plain = model.set_output(transform="default").transform(frame)
    np.testing.assert_array_equal(hidden.to_numpy(), plain)
    assert hidden.to_numpy().dtype == plain.dtype == np.float32
    if container == "pandas":
        assert hidden.index.tolist() == frame.index.tolist()
