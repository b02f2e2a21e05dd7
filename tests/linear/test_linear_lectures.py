"""What the lectures do with linear models, and their figures."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skdnn import GDLogisticRegression, SoftmaxClassifier


def lecture_a():
    """Return lecture A1's simulation."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 2))
    return X, (rng.random(1000) < expit(X @ [1, 2])).astype(int)


def test_lecture_a1_unpenalised():
    X, y = lecture_a()
    model = GDLogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(X, y)
    reference = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-5)
    np.testing.assert_allclose(model.coef_, [[1, 2]], atol=0.3)


@pytest.mark.parametrize("start, rate", [([1, 1], 0.01), ([-2.5, -2.5], 0.001)])
def test_lecture_a2_gradient_descent_on_the_sum(start, rate):
    X, y = lecture_a()
    model = GDLogisticRegression(
        C=np.inf,
        fit_intercept=False,
        solver="gd",
        learning_rate=rate * len(y),
        max_iter=50,
        tol=0,
        store_path=True,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y, coef_init=[start])
    beta, path, losses = np.array(start, float), [], []
    for _ in range(51):
        path.append(beta)
        losses.append(np.logaddexp(0, X @ beta).sum() - y @ (X @ beta))
        beta = beta - rate * X.T @ (expit(X @ beta) - y)
    np.testing.assert_allclose(model.coef_path_[:, 0], path, rtol=1e-9)
    np.testing.assert_allclose(np.multiply(model.loss_curve_, len(y)), losses[1:], rtol=1e-10)
    assert losses[-1] < losses[0]


def test_lecture_a3_mini_batches():
    X, y = lecture_a()
    model = GDLogisticRegression(
        C=np.inf,
        fit_intercept=False,
        solver="sgd",
        learning_rate=0.1,
        batch_size=100,
        max_iter=50,
        n_iter_no_change=50,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    rng, order, beta = np.random.RandomState(0), np.arange(1000), np.zeros(2)
    for _ in range(50):
        rng.shuffle(order)
        for batch in order.reshape(10, 100):
            beta = beta - 0.1 * X[batch].T @ (expit(X[batch] @ beta) - y[batch]) / 100
    np.testing.assert_allclose(model.coef_, [beta], rtol=1e-10)
    np.testing.assert_allclose(beta, [1, 2], atol=0.4)


def lecture_c():
    X, y = load_digits(return_X_y=True)
    return np.column_stack([X, np.ones(len(X))]), y


def bits(model, X, y):
    return -model.predict_log_proba(X)[np.arange(len(y)), y].mean() / np.log(2)


def test_lecture_c1_random_weights():
    X, y = lecture_c()
    losses = []
    for seed in range(20):
        W = np.random.default_rng(seed).standard_normal((65, 10))
        model = SoftmaxClassifier(C=np.inf, fit_intercept=False, max_iter=0)
        with pytest.warns(ConvergenceWarning):
            model.fit(X, y, coef_init=W.T)
        scores = X @ W
        by_hand = np.log(np.exp(scores - scores.max(axis=1)[:, None]).sum(axis=1))
        by_hand += scores.max(axis=1) - scores[np.arange(len(y)), y]
        losses.append(by_hand.mean() / np.log(2))
        assert bits(model, X, y) == pytest.approx(losses[-1], rel=1e-12)
    assert min(losses) < 167 < max(losses)


def test_lecture_c2_three_ways():
    X, y = lecture_c()
    W = np.random.default_rng(0).normal(scale=0.01, size=(10, 65))
    curves = {}
    for solver in ("random_search", "random_descent", "gd"):
        model = SoftmaxClassifier(
            C=np.inf, fit_intercept=False, solver=solver, sigma=0.01, random_state=0, max_iter=300
        )
        if solver == "gd":
            model.set_params(learning_rate=0.01)
            with pytest.warns(ConvergenceWarning):
                model.fit(X, y, coef_init=W)
        else:
            model.fit(X, y, coef_init=W)
        curves[solver] = np.array(model.loss_curve_)
        assert len(model.loss_curve_) == 300
        assert model.loss_curve_[-1] / np.log(2) == pytest.approx(bits(model, X, y), rel=1e-10)
    assert (np.diff(curves["random_search"]) <= 0).all()
    assert (np.diff(curves["random_descent"]) <= 0).all()
    last = {solver: curve[-1] for solver, curve in curves.items()}
    assert last["gd"] < last["random_descent"] < last["random_search"]


def test_lecture_c3_blobs_and_spirals():
    X, y = make_blobs(1500, centers=[[0, 4], [-4, -3], [4, -3]], random_state=0)
    assert SoftmaxClassifier(max_iter=150).fit(X, y).score(X, y) > 0.99
    angle = np.linspace(0, 3 * np.pi, 200)
    arm = np.column_stack([angle * np.cos(angle), angle * np.sin(angle)])
    X, y = np.vstack([arm, -arm]), np.repeat([0, 1], 200)
    assert SoftmaxClassifier().fit(X, y).score(X, y) < 0.75


def test_random_solvers_repeat_and_learn():
    X, y = make_blobs(300, centers=3, random_state=0)
    for solver, sigma in (("random_search", 1.0), ("random_descent", 0.1)):
        model = SoftmaxClassifier(solver=solver, sigma=sigma, max_iter=2000, random_state=3)
        assert model.fit(X, y).score(X, y) > 0.85
        np.testing.assert_array_equal(clone(model).fit(X, y).coef_, model.coef_)
        other = clone(model).set_params(random_state=4).fit(X, y)
        assert (other.coef_ != model.coef_).any()
