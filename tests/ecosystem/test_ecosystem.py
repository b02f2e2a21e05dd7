"""The estimators inside scikit-learn's tools: pipelines, ensembles, tables, routing, copies."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases import each, output, task
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

NET = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "alpha": 1.0, "max_iter": 2000}
CLASSIFIERS = [MLPNet(**NET, random_state=0), GDLogisticRegression(), SoftmaxClassifier()]
REGRESSORS = [MLPNetRegressor(**NET, random_state=0), GDLinearRegression()]
UNCONVERGED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Products of matrices in another order of memory, or of fewer rows, differ in the last bits.
ROUNDING = {"rtol": 1e-12, "atol": 1e-14}
LINEAR = [GDLogisticRegression(), SoftmaxClassifier(), GDLinearRegression()]


def people(n=300):
    """Return a table with strings and gaps, and whether they vote, which follows from it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 80, n),
            "income": rng.lognormal(3, 1, n),
            "town": rng.choice(["Ghent", "Bruges", "Lier"], n),
        }
    )
    score = (frame["age"] - 49) / 10 + frame["town"].map({"Ghent": -4, "Bruges": 0, "Lier": 4})
    frame.loc[::11, "age"] = np.nan
    frame.loc[5::13, "town"] = None
    return frame, score


# Pipelines and tables.


@each(CLASSIFIERS + REGRESSORS)
def test_pipeline(model):
    X, y = task(model)
    X = X * [1, 10, 100, 1000, 1] + 7
    pipeline = make_pipeline(StandardScaler(), model).fit(X[:100], y[:100])
    scaler = StandardScaler().fit(X[:100])
    apart = clone(model).fit(scaler.transform(X[:100]), y[:100])
    np.testing.assert_array_equal(output(pipeline, X), output(apart, scaler.transform(X)))
    score = accuracy_score if is_classifier(model) else r2_score
    assert pipeline.score(X[100:], y[100:]) == score(y[100:], pipeline.predict(X[100:])) > 0.8
    name = type(model).__name__.lower()
    assert pipeline.set_params(**{f"{name}__tol": 0.5})[-1].tol == 0.5
    assert pipeline[:-1].transform(X).shape == X.shape


@each(CLASSIFIERS + REGRESSORS)
def test_column_transformer(model):
    """A table with strings, gaps, and a town that was not seen in training."""
    frame, score = people()
    y = np.where(score > 0, "votes", "stays home") if is_classifier(model) else score
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["town"]),
        sparse_threshold=1.0,
    )
    pipeline = make_pipeline(prepare, model).fit(frame[:200], y[:200])
    test, truth = frame[200:], y[200:]
    good = pipeline.score(test, truth)
    assert good > 0.85
    assert clone(pipeline).fit(frame[:200].assign(town="Lier"), y[:200]).score(test, truth) < 0.75
    expected = output(pipeline, test)
    np.testing.assert_array_equal(output(pipeline, test[["town", "income", "age"]]), expected)
    assert np.isfinite(output(pipeline, test.assign(town="Aalst", age=np.nan))).all()


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_output_of_transformers(model, container):
    """The estimator learns the names of the columns that the transformer before it writes."""
    X, y = task(model)
    names = [f"size {i}" for i in range(5)]
    frame = pd.DataFrame(X, columns=names) if container == "pandas" else pl.DataFrame(X, names)
    plain = make_pipeline(StandardScaler(), model).fit(frame, y)
    pipeline = make_pipeline(StandardScaler(), clone(model)).set_output(transform=container)
    pipeline.fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == names
    assert type(pipeline[:-1].transform(frame)) is type(frame)
    np.testing.assert_array_equal(output(pipeline, frame), output(plain, frame))
    assert isinstance(pipeline.predict(frame), np.ndarray)


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_names_of_columns(model, container):
    X, y = task(model)

    def table(X, names):
        return pd.DataFrame(X, columns=names) if container == "pandas" else pl.DataFrame(X, names)

    names, called = ["a", "b", "c", "d", "e"], type(model).__name__
    plain = clone(model).fit(X, y)
    assert not hasattr(plain, "feature_names_in_")
    model.fit(table(X, names), y)
    assert model.feature_names_in_.tolist() == names
    np.testing.assert_allclose(output(model, table(X, names)), output(plain, X), **ROUNDING)
    with pytest.raises(ValueError, match=r"(?s)names should match.*unseen.*- z.*missing.*- e"):
        model.predict(table(X, ["a", "b", "c", "d", "z"]))
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(table(X, ["b", "a", "c", "d", "e"]))
    with pytest.warns(UserWarning, match=f"X does not have valid feature names, but {called}"):
        np.testing.assert_allclose(output(model, X), output(plain, X), **ROUNDING)
    with pytest.warns(UserWarning, match=f"X has feature names, but {called} was fitted"):
        plain.predict(table(X, names))


@each(CLASSIFIERS)
def test_labels_in_a_series(model):
    """Strings and pandas' categories are as good as numbers, and come back as they were."""
    X, y = task(model)
    expected = clone(model).fit(X, y)
    names = np.array(["ant", "bee", "cat"])
    for labels in (names[y], pd.Series(names[y]), pd.Series(names[y], dtype="category")):
        model.fit(X, labels)
        assert model.classes_.tolist() == names.tolist()
        np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
        np.testing.assert_array_equal(model.predict(X), names[expected.predict(X)])


@each(CLASSIFIERS + REGRESSORS)
def test_form_of_the_array_does_not_matter(model):
    X, y = task(model)
    expected = output(clone(model).fit(X, y), X)
    read_only = X.copy()
    read_only.flags.writeable = False
    spaced = np.zeros((2 * len(X), 5))[::2]
    spaced[:] = X
    for form in (np.asfortranarray(X), read_only, spaced, X.astype(">f8"), X.tolist()):
        fitted = clone(model).fit(form, y)
        np.testing.assert_array_equal(output(fitted, X), expected)
        np.testing.assert_allclose(output(fitted, form), expected, **ROUNDING)


# Calibration, inspection, selection of features.


@each(CLASSIFIERS)
@UNCONVERGED
def test_calibration(model):
    """Overconfident probabilities become better ones, and each fold's ranking is kept."""
    X, y = make_classification(1200, 30, n_informative=2, flip_y=0.3, random_state=0)
    weak = {"alpha": 1e-3} if isinstance(model, MLPNet) else {"C": 1e3}
    model.set_params(**weak)
    model.fit(X[:100], y[:100])
    calibrated = CalibratedClassifierCV(model, cv=3).fit(X[:100], y[:100])
    proba = calibrated.predict_proba(X[200:])
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    assert log_loss(y[200:], proba) < 0.9 * log_loss(y[200:], model.predict_proba(X[200:]))
    part = calibrated.calibrated_classifiers_[0]
    order = np.argsort(part.estimator.decision_function(X[200:]))
    assert (np.diff(part.predict_proba(X[200:])[order, 1]) >= 0).all()


@each(CLASSIFIERS + REGRESSORS)
def test_permutation_importance(model):
    X, y = task(model)
    model.fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=10, random_state=0)
    assert importance.importances_mean.argmin() == 4
    assert importance.importances_mean[:4].max() > 0.15
    again = permutation_importance(model, X, y, n_repeats=10, random_state=0)
    np.testing.assert_array_equal(importance.importances, again.importances)


@each(LINEAR)
def test_select_from_model(model):
    X, y = task(model)
    selector = SelectFromModel(model).fit(X, y)
    size = np.linalg.norm(np.atleast_2d(selector.estimator_.coef_), axis=0, ord=1)
    assert selector.get_support().tolist() == (size >= size.mean()).tolist()
    assert not selector.get_support()[4]
    sparse = clone(model).set_params(l1_ratio=1.0)
    sparse.set_params(**({"C": 0.1} if is_classifier(model) else {"alpha": 0.1}))
    selector = SelectFromModel(sparse, threshold=1e-10).fit(X, y)
    assert selector.get_support().tolist() == [True] * 4 + [False]
    assert RFE(clone(model), n_features_to_select=4).fit(X, y).ranking_.tolist() == [1, 1, 1, 1, 2]


# Ensembles.


@each(CLASSIFIERS + REGRESSORS)
def test_bagging(model):
    X, y = task(model)
    Bagging = BaggingClassifier if is_classifier(model) else BaggingRegressor
    bag = Bagging(model, n_estimators=4, max_features=0.8, random_state=0).fit(X, y)
    outputs = []
    for member, rows, columns in zip(
        bag.estimators_, bag.estimators_samples_, bag.estimators_features_, strict=True
    ):
        weight = np.bincount(rows, minlength=len(X)).astype(float)
        twin = clone(member).fit(X[:, columns], y, sample_weight=weight)
        np.testing.assert_array_equal(output(member, X[:, columns]), output(twin, X[:, columns]))
        outputs.append(output(member, X[:, columns]))
    assert not np.allclose(outputs[0], outputs[1])
    np.testing.assert_allclose(output(bag, X), np.mean(outputs, axis=0), rtol=1e-12, atol=1e-15)


def test_voting_of_classifiers():
    X, y = task(CLASSIFIERS[0])
    members = [(type(m).__name__, clone(m)) for m in CLASSIFIERS]
    vote = VotingClassifier(members, voting="soft", weights=[2, 1, 1]).fit(X, y)
    probas = [clone(m).fit(X, y).predict_proba(X) for m in CLASSIFIERS]
    expected = np.average(probas, axis=0, weights=[2, 1, 1])
    np.testing.assert_allclose(vote.predict_proba(X), expected, rtol=1e-12)
    assert vote.score(X, y) > 0.7


def test_voting_of_regressors():
    X, y = task(REGRESSORS[0])
    vote = VotingRegressor([(type(m).__name__, clone(m)) for m in REGRESSORS]).fit(X, y)
    expected = np.mean([clone(m).fit(X, y).predict(X) for m in REGRESSORS], axis=0)
    np.testing.assert_allclose(vote.predict(X), expected, rtol=1e-12)


@each(CLASSIFIERS + REGRESSORS)
def test_stacking(model):
    """Each estimator as the one that combines the others' cross-validated outputs."""
    X, y = task(model)
    if is_classifier(model):
        below, Stack, method = CLASSIFIERS, StackingClassifier, "predict_proba"
    else:
        below, Stack, method = REGRESSORS, StackingRegressor, "predict"
    members = [(type(m).__name__, clone(m)) for m in below]
    stack = Stack(members, final_estimator=model, cv=3).fit(X, y)
    held_out = [cross_val_predict(clone(m), X, y, cv=3, method=method) for m in below]
    expected = clone(model).fit(np.column_stack(held_out), y)
    np.testing.assert_array_equal(output(stack, X), output(expected, stack.transform(X)))
    assert stack.score(X, y) > 0.7


# Several targets, several classes.


@each(CLASSIFIERS)
def test_several_targets_of_a_classifier(model):
    X, y = task(model)
    targets = np.column_stack([y, y > 0])
    wrapped = MultiOutputClassifier(model).fit(X, targets)
    for column in (0, 1):
        apart = clone(model).fit(X, targets[:, column])
        np.testing.assert_array_equal(wrapped.predict_proba(X)[column], apart.predict_proba(X))
        np.testing.assert_array_equal(wrapped.predict(X)[:, column], apart.predict(X))
    chain = ClassifierChain(clone(model), order=[1, 0]).fit(X, targets[:, ::-1] > 0)
    second = clone(model).fit(np.column_stack([X, targets[:, 0] > 0]), targets[:, 1])
    np.testing.assert_array_equal(
        chain.estimators_[1].predict_proba(np.column_stack([X, y > 0])),
        second.predict_proba(np.column_stack([X, y > 0])),
    )


@each(REGRESSORS)
def test_several_targets_of_a_regressor(model):
    X, y = task(model)
    targets = np.column_stack([y, y**2])
    wrapped = MultiOutputRegressor(model).fit(X, targets)
    apart = [clone(model).fit(X, target).predict(X) for target in targets.T]
    np.testing.assert_array_equal(wrapped.predict(X), np.column_stack(apart))


@each(CLASSIFIERS)
def test_one_against_the_rest(model):
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    wrapped = OneVsRestClassifier(model).fit(X, y)
    scores = [clone(model).fit(X, y == k).decision_function(X) for k in range(3)]
    np.testing.assert_array_equal(wrapped.decision_function(X), np.column_stack(scores))
    assert wrapped.score(X, y) > 0.9


@each(REGRESSORS)
def test_transformed_target(model):
    X, y = task(model)
    y = np.exp(y)
    wrapped = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp).fit(X, y)
    expected = np.exp(clone(model).fit(X, np.log(y)).predict(X))
    np.testing.assert_array_equal(wrapped.predict(X), expected)


# Metadata routing.


def weights(X):
    """Return weights that leave out each third row."""
    return np.where(np.arange(len(X)) % 3 == 0, 0.0, 1.0)


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@each(CLASSIFIERS + REGRESSORS)
def test_weights_through_cross_validation(routing, model):
    """Weights of zero in training and in scoring are the same as no rows in either."""
    X, y = task(model)
    weight, folds = weights(X), KFold(3, shuffle=True, random_state=0)
    routed = clone(model).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    results = cross_validate(
        routed, X, y, cv=folds, params={"sample_weight": weight}, return_estimator=True
    )
    for (train, test), fitted, score in zip(
        folds.split(X), results["estimator"], results["test_score"], strict=True
    ):
        train, test = train[weight[train] > 0], test[weight[test] > 0]
        expected = clone(model).fit(X[train], y[train])
        np.testing.assert_allclose(output(fitted, X), output(expected, X), rtol=1e-8, atol=1e-10)
        assert score == pytest.approx(expected.score(X[test], y[test]), rel=1e-9)
    without = cross_validate(model, X, y, cv=folds)["test_score"]
    assert not np.allclose(without, results["test_score"], rtol=1e-4)


@each(CLASSIFIERS + REGRESSORS)
@UNCONVERGED
def test_weights_through_a_search_over_a_pipeline(routing, model):
    X, y = task(model)
    if isinstance(model, (MLPNet, MLPNetRegressor)):
        # The scaled features differ in their last bits, which send L-BFGS elsewhere.
        model.set_params(solver="adam", max_iter=20)
    X, weight = X + 5, weights(X)
    kept = weight > 0
    name = type(model).__name__.lower()
    grid = {f"{name}__tol": [1e-4, 1e-5]}
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    routed = clone(model).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(make_pipeline(scaler, routed), grid, cv=3)
    search.fit(X, y, sample_weight=weight)
    best = clone(model).set_params(tol=search.best_params_[f"{name}__tol"])
    expected = make_pipeline(StandardScaler(), best).fit(X[kept], y[kept])
    np.testing.assert_allclose(output(search, X), output(expected, X), rtol=1e-7, atol=1e-9)
    unweighted = make_pipeline(StandardScaler(), clone(best)).fit(X, y)
    assert not np.allclose(output(search, X), output(unweighted, X), rtol=1e-2)


@each(CLASSIFIERS + REGRESSORS)
def test_weights_that_were_not_asked_for(routing, model):
    X, y = task(model)
    with pytest.raises(UnsetMetadataPassedError, match=r"\[sample_weight\] are passed but"):
        make_pipeline(StandardScaler(), model).fit(X, y, sample_weight=weights(X))
    refused = clone(model).set_fit_request(sample_weight=False)
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), refused)
    pipeline.fit(X, y, sample_weight=weights(X))
    scaled = StandardScaler().fit(X, sample_weight=weights(X)).transform(X)
    expected = clone(model).fit(scaled, y)
    np.testing.assert_array_equal(output(pipeline, X), output(expected, scaled))


@each(CLASSIFIERS + REGRESSORS)
def test_split_rows_have_no_say_in_the_result(model):
    """What a model predicts for a row does not depend on the rows beside it."""
    X, y = task(model)
    train, test, targets, _ = train_test_split(X, y, random_state=0)
    model.fit(train, targets)
    together = output(model, test)
    one_by_one = np.concatenate([output(model, row[None]) for row in test])
    np.testing.assert_allclose(one_by_one, together, **ROUNDING)
