"""Cross-validation and searches for parameters."""

import numpy as np
import pytest
from cases import each
from scipy.stats import loguniform
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

NET = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "alpha": 1.0, "max_iter": 2000}
NETS = [MLPNet((6,), random_state=0), MLPNetRegressor(hidden_layer_sizes=(6,), random_state=0)]
CLASSIFIERS = [MLPNet(**NET, random_state=0), GDLogisticRegression(), SoftmaxClassifier()]
REGRESSORS = [MLPNetRegressor(**NET, random_state=0), GDLinearRegression(alpha=0.01)]
UNCONVERGED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# The parameter that says how strong the penalty is, and values too strong, good and too strong.
STRENGTH = {
    MLPNet: ("alpha", [1e4, 1.0, 1e3]),
    GDLogisticRegression: ("C", [1e-4, 1.0, 1e-3]),
    SoftmaxClassifier: ("C", [1e-4, 1.0, 1e-3]),
    MLPNetRegressor: ("alpha", [1e5, 10.0, 1e4]),
    GDLinearRegression: ("alpha", [1e3, 0.01, 1e2]),
}


def task(model):
    """Return features and targets; the classes in order."""
    if is_classifier(model):
        X, y = load_iris(return_X_y=True)
        return StandardScaler().fit_transform(X), y
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X)[:150], (y[:150] - y.mean()) / y.std()


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("splitter", [KFold, StratifiedKFold])
def test_scores_of_folds(model, splitter):
    X, y = task(model)
    if splitter is StratifiedKFold and not is_classifier(model):
        with pytest.raises(ValueError, match="Supported target types are"):
            cross_val_score(model, X, y, cv=splitter(3), error_score="raise")
        return
    folds = splitter(4, shuffle=True, random_state=0)
    scores = cross_val_score(model, X, y, cv=folds)
    score = accuracy_score if is_classifier(model) else r2_score
    expected = [
        score(y[test], clone(model).fit(X[train], y[train]).predict(X[test]))
        for train, test in folds.split(X, y)
    ]
    assert scores.tolist() == expected
    assert scores.mean() > (0.9 if is_classifier(model) else 0.3)


@each(CLASSIFIERS + REGRESSORS)
def test_classifiers_are_known_as_such(model):
    """A number of folds means stratified ones for a classifier, else blocks of rows in order."""
    X, y = task(model)
    scores = cross_val_score(model, X, y, cv=3)
    splitter = StratifiedKFold(3) if is_classifier(model) else KFold(3)
    assert scores.tolist() == cross_val_score(model, X, y, cv=splitter).tolist()
    if is_classifier(model):
        # In order, each fold would have the one class that training has not.
        assert cross_val_score(model, X, y, cv=KFold(3)).tolist() == [0, 0, 0]


@each(CLASSIFIERS + REGRESSORS)
def test_grid_search(model):
    X, y = task(model)
    name, values = STRENGTH[type(model)]
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(model, {name: values}, cv=folds).fit(X, y)
    assert search.best_params_ == {name: values[1]}
    expected = clone(model).set_params(**{name: values[1]})
    means = search.cv_results_["mean_test_score"]
    assert means[1] == cross_val_score(expected, X, y, cv=folds).mean() > means[[0, 2]].max() + 0.05
    np.testing.assert_array_equal(search.predict(X), expected.fit(X, y).predict(X))
    assert not hasattr(model, "n_features_in_")


@each(CLASSIFIERS + REGRESSORS)
def test_search_outlives_a_candidate_that_diverges(model):
    """Its score is NaN, and the others' are compared."""
    X, y = task(model)
    rate = "learning_rate_init" if hasattr(model, "learning_rate_init") else "learning_rate"
    model.set_params(solver="sgd", max_iter=3000)
    if "hidden_layer_sizes" in model.get_params():
        model.set_params(hidden_layer_sizes=(8, 8, 8, 8), tol=1e-3)
    search = GridSearchCV(
        model, {rate: [1e6, 0.01]}, cv=StratifiedKFold(3) if is_classifier(model) else 3
    )
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        with pytest.warns(UserWarning, match="One or more of the test scores are non-finite"):
            search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.best_params_ == {rate: 0.01}
    assert search.best_score_ > (0.85 if is_classifier(model) else 0.3)


@each(CLASSIFIERS + REGRESSORS)
def test_randomized_search(model):
    """The same seed gives the same candidates, the same scores and the same best model."""
    X, y = task(model)
    name, values = STRENGTH[type(model)]
    space = {name: loguniform(min(values), max(values))}
    folds = KFold(3, shuffle=True, random_state=0)
    first, second = (
        RandomizedSearchCV(model, space, n_iter=6, cv=folds, random_state=1).fit(X, y)
        for _ in range(2)
    )
    for key in ("params", "split0_test_score", "mean_test_score"):
        assert list(first.cv_results_[key]) == list(second.cv_results_[key])
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    best = np.argmax(first.cv_results_["mean_test_score"])
    assert first.best_params_ == first.cv_results_["params"][best]
    expected = cross_val_score(clone(model).set_params(**first.best_params_), X, y, cv=folds)
    assert first.best_score_ == expected.mean()


@each(CLASSIFIERS + REGRESSORS)
def test_halving_search(model):
    X, y = task(model)
    name, (_, good, _) = STRENGTH[type(model)]
    search = HalvingRandomSearchCV(
        model,
        {name: loguniform(good / 10, good * 10)},
        n_candidates=9,
        min_resources=15,
        cv=KFold(2, shuffle=True, random_state=0),
        random_state=0,
    ).fit(X, y)
    assert search.n_candidates_ == [9, 3, 1]
    assert search.n_resources_ == [15, 45, 135]
    final = search.cv_results_["params"][-1]
    assert search.best_params_ == final
    # All rows, as the last round used 135 of them.
    expected = clone(model).set_params(**final).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), expected.predict(X))
    assert search.score(X, y) > (0.85 if is_classifier(model) else 0.3)


@each(NETS)
@UNCONVERGED
def test_halving_search_over_epochs(model):
    """The epochs are the resource: weak learning rates are dropped after few."""
    X, y = task(model)
    search = HalvingRandomSearchCV(
        model,
        {"learning_rate_init": [1e-6, 1e-5, 1e-4, 0.02]},
        n_candidates=4,
        factor=2,
        resource="max_iter",
        min_resources=10,
        max_resources=40,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [10, 20, 40]
    assert search.best_params_ == {"learning_rate_init": 0.02, "max_iter": 40}
    assert search.best_estimator_.n_iter_ == 40


@each(CLASSIFIERS + REGRESSORS)
def test_search_over_a_pipeline_with_two_jobs(model):
    X, y = task(model)
    name, values = STRENGTH[type(model)]
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {f"{type(model).__name__.lower()}__{name}": values}
    folds = KFold(3, shuffle=True, random_state=0)
    one = GridSearchCV(pipeline, grid, cv=folds, n_jobs=1).fit(X, y)
    two = GridSearchCV(pipeline, grid, cv=folds, n_jobs=2).fit(X, y)
    for fold in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_array_equal(two.cv_results_[fold], one.cv_results_[fold])
    np.testing.assert_array_equal(two.predict(X), one.predict(X))


@each(CLASSIFIERS + REGRESSORS)
def test_validation_curve(model):
    X, y = task(model)
    name, values = STRENGTH[type(model)]
    folds = KFold(3, shuffle=True, random_state=0)
    train, test = validation_curve(model, X, y, param_name=name, param_range=values, cv=folds)
    assert train.shape == test.shape == (3, 3)
    assert train.mean(axis=1).argmax() == test.mean(axis=1).argmax() == 1


@each(NETS)
def test_learning_curve_of_a_stream(model):
    """Each point goes on from the last with the rows that are new."""
    X, y = task(model)
    model.set_params(learning_rate_init=0.05, batch_size=8)
    folds = KFold(2, shuffle=True, random_state=0)
    sizes, train_scores, test_scores = learning_curve(
        model, X, y, train_sizes=[20, 40, 75], cv=folds, exploit_incremental_learning=True
    )
    assert sizes.tolist() == [20, 40, 75]
    known = {"classes": np.unique(y)} if is_classifier(model) else {}
    for fold, (train, test) in enumerate(folds.split(X)):
        stream = clone(model)
        for point, (start, stop) in enumerate([(0, 20), (20, 40), (40, 75)]):
            part = train[start:stop]
            stream.partial_fit(X[part], y[part], **known)
            assert train_scores[point, fold] == stream.score(X[train[:stop]], y[train[:stop]])
            assert test_scores[point, fold] == stream.score(X[test], y[test])
    assert test_scores[-1].mean() > test_scores[0].mean()


@each(CLASSIFIERS + REGRESSORS)
def test_learning_curve(model):
    """More rows help; without `partial_fit` there is no curve of a stream."""
    X, y = task(model)
    folds = KFold(3, shuffle=True, random_state=0)
    sizes, _, scores = learning_curve(
        model, X, y, train_sizes=[10, 100], cv=folds, shuffle=True, random_state=0
    )
    assert sizes.tolist() == [10, 100]
    assert scores[1].mean() > scores[0].mean()
    with pytest.raises(ValueError, match="An estimator must support the partial_fit interface"):
        learning_curve(model, X, y, exploit_incremental_learning=True)
