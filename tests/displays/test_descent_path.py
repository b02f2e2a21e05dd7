"""DescentPathDisplay: the contours are the loss that the model minimises, by its formula."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import logsumexp
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdnn import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier
from skdnn.displays import DescentPathDisplay

X, Y = load_iris(return_X_y=True)
X = scale(X)
OPTIONS = {"solver": "nesterov", "store_path": True, "max_iter": 1000}


def _draw(model, *data, **options):
    return DescentPathDisplay.from_estimator(model, *data, grid_resolution=7, **options)


def test_logistic_regression():
    """Two coefficients, no intercept: the whole objective is in the picture."""
    X2, y = X[:, :2], Y > 0
    weight = np.linspace(0, 2, len(y))
    model = GDLogisticRegression(C=0.1, l1_ratio=0.3, fit_intercept=False, **OPTIONS)
    model.fit(X2, y, weight, coef_init=[[1, 1]])
    display = _draw(model, X2, y, weight, true_coef=[2, 0])
    sign = 2 * y - 1
    for i, j in np.ndindex(display.loss.shape):
        w = np.array([display.xx0[i, j], display.xx1[i, j]])
        loss = np.average(np.log1p(np.exp(-sign * (X2 @ w))), weights=weight)
        penalty = 0.3 * abs(w).sum() + 0.35 * (w**2).sum()
        assert display.loss[i, j] == pytest.approx(loss + penalty / (0.1 * weight.sum()), rel=1e-12)
    assert_array_equal(display.path, model.coef_path_[:, 0])
    assert_array_equal(display.line_.get_xydata(), model.coef_path_[:, 0])
    assert_array_equal(display.start_.get_xydata(), [[1, 1]])
    assert_array_equal(display.end_.get_xydata(), model.coef_)
    assert_array_equal(display.true_.get_xydata(), [[2, 0]])
    assert display.loss.min() > model.loss_curve_[-1]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("weight of x0", "weight of x1")


def test_all_of_the_path_is_in_the_picture():
    model = GDLogisticRegression(**OPTIONS).fit(X[:, :2], Y > 0)
    display = _draw(model, X[:, :2], Y > 0, true_coef=[5, -20])
    for grid, values in zip((display.xx0, display.xx1), display.path.T, strict=True):
        assert grid.min() < values.min() and values.max() < grid.max()
    assert display.xx0.max() > 5 and display.xx1.min() < -20


def test_contours_have_the_values_of_the_grid():
    model = GDLinearRegression(**OPTIONS).fit(X[:, :2], Y)
    surface = _draw(model, X[:, :2], Y).surface_
    assert surface.levels[0] == surface.zmin and surface.levels[-1] == surface.zmax
    # The lowest level has the darkest colour, the highest the palest.
    assert surface.to_rgba(surface.zmin)[0] < surface.to_rgba(surface.zmax)[0]


def test_softmax_of_class_weights_at_the_fitted_weights():
    """The other weights are at their fitted values, so that the minimum is the objective's."""
    names = np.array(["ant", "bee", "cow"])[Y]
    model = SoftmaxClassifier(C=1.0, class_weight={"ant": 3.0}, tol=1e-6, **OPTIONS).fit(X, names)
    display = _draw(model, X, names, features=(3, "intercept"), target="cow")
    assert_array_equal(display.path, np.c_[model.coef_path_[:, 2, 3], model.intercept_path_[:, 2]])
    assert display.ax_.get_ylabel() == "intercept"
    weight = np.where(names == "ant", 3.0, 1.0)
    coef, intercept = model.coef_.copy(), model.intercept_.copy()
    for i, j in [(0, 0), (3, 5), (6, 2)]:
        coef[2, 3], intercept[2] = display.xx0[i, j], display.xx1[i, j]
        scores = X @ coef.T + intercept
        losses = logsumexp(scores, axis=1) - scores[np.arange(len(Y)), Y]
        loss = np.average(losses, weights=weight) + (coef**2).sum() / 2 / weight.sum()
        assert display.loss[i, j] == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("convert", [np.asarray, csr_array])
def test_several_targets_dense_and_sparse(convert):
    targets = X @ [[1, 2], [0, 1], [-1, 0], [0.5, 0]] + 1
    model = GDLinearRegression(alpha=0.1, l1_ratio=0.5, **OPTIONS).fit(convert(X), targets)
    display = _draw(model, convert(X), targets, features=[2, 0], target=1)
    assert_array_equal(display.path, model.coef_path_[:, 1, [2, 0]])
    coef = model.coef_.copy()
    coef[1, 2], coef[1, 0] = display.xx0[1, 4], display.xx1[1, 4]
    residuals = X @ coef.T + model.intercept_ - targets
    loss = (residuals**2).sum() / 2 / len(X)
    loss += 0.1 * (0.5 * abs(coef).sum() + 0.25 * (coef**2).sum())
    assert display.loss[1, 4] == pytest.approx(loss, rel=1e-12)


def test_many_rows_are_taken_in_chunks(monkeypatch):
    model = GDLinearRegression(**OPTIONS).fit(X[:, :2], Y)
    whole = _draw(model, X[:, :2], Y).loss
    monkeypatch.setattr("skdnn.displays.loss_surface._SCORES_AT_ONCE", 1000)
    assert_allclose(_draw(model, X[:, :2], Y).loss, whole, rtol=1e-15)


def test_one_feature_and_intercept():
    model = GDLinearRegression(**OPTIONS).fit(X[:, :1], Y)
    display = _draw(model, X[:, :1], Y)
    assert_array_equal(display.path, np.c_[model.coef_path_[:, 0], model.intercept_path_])
    points = np.array([display.xx0[2, 3], display.xx1[2, 3]])
    loss = ((X[:, 0] * points[0] + points[1] - Y) ** 2).mean() / 2
    assert display.loss[2, 3] == pytest.approx(loss, rel=1e-12)


def test_rows_of_a_pipeline_go_through_its_steps():
    frame = load_iris(as_frame=True).data
    model = make_pipeline(StandardScaler(), GDLinearRegression(**OPTIONS)).fit(frame, Y)
    display = _draw(model, frame, Y, features=("petal width (cm)", 0), colorbar=False)
    assert display.ax_.get_xlabel() == "weight of petal width (cm)"
    assert display.colorbar_ is None
    bare = _draw(GDLinearRegression(**OPTIONS).fit(X, Y), X, Y, features=(3, 0))
    assert_allclose(display.loss, bare.loss, rtol=1e-12)


def test_a_fit_that_stays_where_it_begins():
    model = GDLinearRegression(**OPTIONS).fit(X[:, :2], np.zeros(len(X)))
    display = _draw(model, X[:, :2], np.zeros(len(X)))
    assert np.ptp(display.xx0) > 0 and np.ptp(display.xx1) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": (0, 4), "target": 0}, "below 4 and .* got 4"),
        ({"features": (0, "size"), "target": 0}, "got 'size'"),
        ({"features": (1, 1), "target": 0}, "two different"),
        ({"features": "ab", "target": 0}, "two numbers or names"),
        ({}, "3 neurons: target must be one of"),
        ({"target": 3}, "target must be one of .*, got 3"),
        ({"target": 0, "true_coef": [1, 2, 3]}, "true_coef must be two numbers"),
    ],
)
def test_unfit_parameters(options, message):
    model = SoftmaxClassifier(solver="newton", store_path=True).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        _draw(model, X, Y, **options)


def test_models_without_a_path():
    with pytest.raises(ValueError, match="store_path=True"):
        _draw(GDLinearRegression().fit(X, Y), X, Y)
    model = GDLinearRegression(fit_intercept=False, store_path=True).fit(X[:, :1], Y)
    with pytest.raises(ValueError, match="one weight and no intercept"):
        _draw(model, X[:, :1], Y)
    model = SoftmaxClassifier(store_path=True).fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match="previously unseen labels"):
        _draw(model, X, Y, target=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        _draw(model, X, Y[:100], target=0)
    with pytest.raises(ValueError, match="grid_resolution must be greater than 1"):
        DescentPathDisplay.from_estimator(model, X, Y, grid_resolution=1)
