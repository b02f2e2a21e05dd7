"""HistoryDisplay draws what the model recorded, and marks the epoch whose weights it has."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from skdnn import GDLogisticRegression, MLPNet, MLPNetRegressor
from skdnn.callbacks import EarlyStopping
from skdnn.displays import HistoryDisplay
from skdnn.schedules import CosineDecay

X, Y = load_iris(return_X_y=True)
X = scale(X)


def _net(**options):
    options = {"n_iter_no_change": np.inf, "max_iter": 30, "random_state": 0, **options}
    return MLPNet((5,), learning_rate_init=0.05, **options)


def test_a_learning_rate_that_stays_is_drawn_on_request():
    net = _net().fit(X, Y)
    assert list(HistoryDisplay.from_estimator(net).axes_) == ["loss"]
    display = HistoryDisplay.from_estimator(net, panels=["learning_rate"])
    assert set(display.lines_["learning_rate"].get_ydata()) == {0.05}


def test_curves_are_the_history():
    net = _net(learning_rate=CosineDecay()).fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    display = HistoryDisplay.from_estimator(net)
    assert list(display.axes_) == ["loss", "score", "learning_rate"]
    assert set(display.lines_) == set(net.history_[0]) - {"epoch", "seconds"}
    for key, line in display.lines_.items():
        assert_array_equal(line.get_ydata(), [row[key] for row in net.history_])
        assert_array_equal(line.get_xdata(), np.arange(1, 31))
    homes = {"loss": "loss", "validation_loss": "loss", "validation_score": "score"}
    for key, panel in homes.items():
        assert display.lines_[key].axes is display.axes_[panel]
    limits = [axes.get_xlim() for axes in display.axes_.values()]
    assert limits[0] == limits[1] == limits[2]
    assert display.axes_["score"].get_ylabel() == "accuracy"
    assert display.axes_["learning_rate"].get_yscale() == "log"
    assert display.axes_["learning_rate"].get_xlabel() == "epoch"
    # Nothing was restored.
    assert display.best_epoch is None and not display.best_lines_
    labels = [text.get_text() for text in display.axes_["loss"].get_legend().get_texts()]
    assert labels == ["training", "validation"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_marks_the_epoch_of_the_weights(solver):
    rows = slice(None, None, 2)
    net = _net(early_stopping=True, scoring="loss", solver=solver, alpha=0, n_iter_no_change=20)
    net.set_params(max_iter=1000).fit(X[rows], Y[rows], X_val=X[1::2], y_val=Y[1::2])
    display = HistoryDisplay.from_estimator(net)
    assert display.best_epoch < len(net.history_)
    # The loss of the weights that the model has is that of the marked epoch.
    proba = net.predict_proba(X[1::2])
    loss = -np.log(proba[np.arange(len(proba)), Y[1::2]]).mean()
    marked = net.history_[display.best_epoch - 1]
    assert marked["validation_loss"] == pytest.approx(loss, rel=1e-12)
    for line in display.best_lines_:
        assert_array_equal(line.get_xdata(), [display.best_epoch] * 2)
    assert len(display.best_lines_) == len(display.axes_)


def test_equal_scores_mark_the_epoch_that_was_kept():
    """scikit-learn keeps the first of the best epochs, skdnn the last."""
    options = {"early_stopping": True, "learning_rate_init": 0.05, "random_state": 0}
    for model, place in ((MLPNet((5,), **options), -1), (MLPClassifier((5,), **options), 0)):
        scores = np.array(model.fit(X, Y).validation_scores_)
        best = 1 + np.flatnonzero(scores == scores.max())
        assert len(best) > 1
        assert HistoryDisplay.from_estimator(model).best_epoch == best[place]


def test_callback_that_restores_weights_marks_its_epoch():
    net = _net(alpha=0, max_iter=200)
    net.set_callbacks(EarlyStopping(patience=10, restore_best_weights=True))
    net.fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    losses = [row["validation_loss"] for row in net.history_]
    display = HistoryDisplay.from_estimator(net)
    assert display.best_epoch == 1 + np.argmin(losses) == len(losses) - 10


def test_stream_is_marked_only_when_its_weights_are_the_best():
    net = MLPNet((5,), early_stopping=True, random_state=0, learning_rate_init=0.05)
    net.partial_fit(X, Y, classes=range(3))
    assert HistoryDisplay.from_estimator(net).best_epoch is None
    while not net.converged_:
        net.partial_fit(X, Y)
    scores = np.array(net.validation_scores_)
    best = 1 + np.flatnonzero(scores == scores.max())[-1]
    assert HistoryDisplay.from_estimator(net).best_epoch == best


def test_scikit_learn_network_on_the_same_axes():
    net = _net().fit(X, Y)
    other = MLPClassifier((5,), random_state=0, early_stopping=True, max_iter=300).fit(X, Y)
    first = HistoryDisplay.from_estimator(net, name="ours")
    second = HistoryDisplay.from_estimator(other, name="theirs", ax=first.axes_)
    assert list(second.lines_) == ["loss"]
    assert_array_equal(second.lines_["loss"].get_ydata(), other.loss_curve_)
    assert second.lines_["loss"].axes is first.lines_["loss"].axes
    assert second.lines_["loss"].get_color() != first.lines_["loss"].get_color()
    labels = [text.get_text() for text in first.axes_["loss"].get_legend().get_texts()]
    best = f"theirs, best epoch: {second.best_epoch}"
    assert labels == ["ours, training", "theirs, training", best]
    alone = HistoryDisplay.from_estimator(other)
    assert_array_equal(alone.lines_["validation_score"].get_ydata(), other.validation_scores_)


def test_inside_pipelines_and_searches():
    search = GridSearchCV(make_pipeline(None, _net()), {"mlpnet__alpha": [1.0]}, cv=2).fit(X, Y)
    line = HistoryDisplay.from_estimator(search).lines_["loss"]
    assert_array_equal(line.get_ydata(), search.best_estimator_[-1].loss_curve_)


def test_linear_model():
    model = GDLogisticRegression().fit(X, Y)
    display = HistoryDisplay.from_estimator(model)
    assert list(display.axes_) == ["loss"]
    assert_array_equal(display.lines_["loss"].get_ydata(), model.loss_curve_)


def test_regressors_score_has_its_name():
    net = MLPNetRegressor(early_stopping=True, learning_rate_init=0.05, random_state=0).fit(X, Y)
    assert HistoryDisplay.from_estimator(net).axes_["score"].get_ylabel() == "R²"


def test_history_with_gaps_and_other_quantities():
    history = [{"loss": 2.0}, {"loss": 1.0, "f1": 0.5, "val_loss": 3.0}]
    display = HistoryDisplay.from_history(history, best_epoch=2, line_kw={"color": "k"})
    assert list(display.axes_) == ["loss", "score"]
    assert_array_equal(display.lines_["f1"].get_ydata(), [np.nan, 0.5])
    assert display.lines_["val_loss"].axes is display.axes_["loss"]
    assert {line.get_color() for line in display.lines_.values()} == {"k"}
    assert len(display.best_lines_) == 2


def test_in_the_place_of_an_axes_and_again():
    figure, (left, right) = plt.subplots(1, 2)
    display = HistoryDisplay.from_estimator(_net().fit(X, Y), ax=left)
    assert display.figure_ is figure and not left.axison
    assert all(axes.get_position().x1 < right.get_position().x0 for axes in display.axes_.values())
    again = display.plot(panels=["loss"])
    assert again is display and list(display.axes_) == ["loss"] and display.figure_ is not figure


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"panels": ["score"]}, r"history has no \['score'\]"),
        ({"panels": []}, "no panel in common"),
        ({"ax": {"score": None}}, "no panel in common"),
        ({"ax": {"loss": None}, "panels": ["learning_rate"]}, r"ax has no \['learning_rate'\]"),
        ({"ax": [1, 2, 3]}, "1 Axes, got 3"),
    ],
)
def test_unfit_panels(options, message):
    with pytest.raises(ValueError, match=message):
        HistoryDisplay.from_estimator(_net().fit(X, Y), **options)


def test_models_without_a_history():
    with pytest.raises(ValueError, match="LogisticRegression has neither history_ nor loss_curve_"):
        HistoryDisplay.from_estimator(LogisticRegression().fit(X, Y))
    with pytest.raises(ValueError, match="not fitted"):
        HistoryDisplay.from_estimator(MLPNet())
    with pytest.raises(ValueError, match="a row for each epoch"):
        HistoryDisplay.from_history([])
    figure = plt.figure()
    with pytest.raises(ValueError, match="stands in no grid"):
        HistoryDisplay.from_history([{"loss": 1.0}], ax=figure.add_axes((0, 0, 1, 1)))
