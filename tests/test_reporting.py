"""What verbose shows: nothing, lines, or a bar in a terminal."""

import re

import joblib
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from terminal import in_terminal

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
from skdnn.callbacks import ModelCheckpoint
from skdnn.reporting import Lines

X, Y = load_iris(return_X_y=True)
MODELS = [
    GDLogisticRegression(),
    GDLogisticRegression(solver="sgd", random_state=0),
    SoftmaxClassifier(solver="nesterov"),
    GDLinearRegression(solver="gd"),
    MLPNet((5,), random_state=0),
    MLPNet((5,), solver="lbfgs", early_stopping=True, random_state=0),
    MLPNetRegressor("squared_error", (5,), early_stopping=True, random_state=0),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_verbose_0_is_silent(model, capfd):
    clone(model).set_params(max_iter=4, verbose=0).fit(X, Y)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_line_an_epoch_tells_its_row_of_the_history(model, capfd):
    model = clone(model).set_params(max_iter=4, verbose=1).fit(X, Y)
    lines = [line for line in capfd.readouterr().out.splitlines() if "loss " in line]
    stochastic = model.solver not in ("auto", "lbfgs", "gd", "nesterov")
    unit = "epoch" if stochastic and "MLP" in type(model).__name__ else "iteration"
    names = {"loss": "loss", "val_loss": "validation_loss", "val_score": "validation_score"}
    names["lr"] = "learning_rate"
    assert len(lines) == len(model.history_) > 0
    for k, (line, row) in enumerate(zip(lines, model.history_, strict=True), 1):
        counted, *pieces = line.split("  ")
        assert counted == f"{unit} {k}/4"
        assert ("left" in pieces[-1]) == (k < 4)
        shown = dict(piece.split() for piece in pieces if "left" not in piece)
        assert {names[name] for name in shown} == row.keys() - {"epoch", "seconds"}
        for name, value in shown.items():
            assert float(value) == pytest.approx(row[names[name]], rel=1e-4)


def test_time_left_is_that_of_all_epochs_at_the_pace_so_far(capsys, monkeypatch):
    lines = Lines("epoch", 11)
    now = 1000.0
    monkeypatch.setattr("skdnn.reporting.time.perf_counter", lambda: now)
    # The first takes long, as where kernels are compiled, and does not count for long.
    for number, seconds in enumerate((60, 2, 4), 1):
        now += seconds
        lines.epoch(number, {"loss": 0.5, "seconds": float(seconds)})
    assert capsys.readouterr().out.splitlines() == [
        "epoch  1/11  loss 0.50000  at most 0:10:00 left",
        "epoch  2/11  loss 0.50000  at most 0:00:18 left",
        "epoch  3/11  loss 0.50000  at most 0:00:24 left",
    ]


def test_streams_and_resumed_fits_count_on(capsys, tmp_path):
    stream = MLPNet((5,), verbose=1, random_state=0)
    for _ in range(3):
        stream.partial_fit(X, Y, classes=[0, 1, 2])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    assert "left" not in lines[0]

    net = MLPNet((5,), max_iter=5, random_state=0)
    net.set_callbacks(ModelCheckpoint(tmp_path / "{epoch}.joblib", resumable=True)).fit(X, Y)
    joblib.load(tmp_path / "3.joblib").set_params(verbose=1).resume(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 4/5", "epoch 5/5"]


SETTING = """
import os, signal, sys, threading
import numpy as np
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris
from skdnn import MLPNet, SoftmaxClassifier
X, y = load_iris(return_X_y=True)
class Callback:
    def setup(self, estimator, context): pass
    teardown = on_fit_task_begin = setup
    def on_fit_task_end(self, estimator, context):
        if context.task_id == 2:
            self.act()
def make_net(**params):
    return MLPNet((5,), **{"random_state": 0, "verbose": 1, **params})
"""


@pytest.mark.parametrize("columns", [80, 50])
def test_bar_in_a_terminal_ends_as_a_line(columns):
    pytest.importorskip("rich")
    rows, sent = in_terminal(
        SETTING
        + """
net = make_net(early_stopping=True, max_iter=300, tol=0.9, n_iter_no_change=20).fit(X, y)
row = net.history_[-1]
print("%d %#.5g %#.5g" % (net.n_iter_, row["loss"], row["validation_score"]))
soft = SoftmaxClassifier(verbose=1).fit(X, y)
print("%d %#.5g" % (soft.n_iter_[0], soft.loss_curve_[-1]))
""",
        columns,
    )
    assert "━" in sent
    # No row is broken, and the bar is gone.
    assert all(len(row) <= columns for row in rows) and "━" not in "".join(rows)
    n_iter, loss, score = next(row for row in rows if row[0].isdigit()).split()
    assert re.match(rf"epoch +{n_iter}/300  loss {loss}", rows[0])
    assert (f"val_score {score}" in rows[0]) == (columns == 80)
    assert re.search(r"in 0:00:\d\d$", rows[0])
    message = " ".join(rows[1 : rows.index(f"{n_iter} {loss} {score}")])
    assert message.endswith("for 20 consecutive epochs. Stopping.")
    n_iter, loss = rows[-1].split()
    assert re.match(rf"iteration +{n_iter}/100  loss {loss}", rows[-2])
    # The cursor, which the bar hides, is shown at the end.
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")


def test_bar_is_closed_however_the_fit_ends(interruptible):
    pytest.importorskip("rich")
    rows, sent = in_terminal(
        SETTING
        + """
class Failing(Callback):
    def act(self):
        raise RuntimeError("mine")
class Interrupting(Callback):
    def act(self):
        os.kill(os.getpid(), signal.SIGINT)
try:
    make_net(max_iter=20).set_callbacks(Failing()).fit(X, y)
except RuntimeError as error:
    print("caught", error)
try:
    SoftmaxClassifier(verbose=1, solver="gd").set_callbacks(Interrupting()).fit(X, y)
except KeyboardInterrupt:
    print("interrupted")
make_net(max_iter=20).set_callbacks(Interrupting()).fit(X, y)
make_net(solver="sgd", learning_rate_init=1e30).fit(1e3 * X, y)
"""
    )
    assert rows[0].startswith("epoch  3/20  loss ") and rows[1] == "caught mine"
    assert rows[2].startswith("iteration   3/100  loss ") and rows[3] == "interrupted"
    assert rows[4].startswith("epoch  3/20  loss ")
    assert rows[5].startswith("epoch ") and rows[6].startswith("Traceback")
    assert "Solver produced non-finite parameter weights" in "".join(rows[7:])
    assert "━" in sent and "━" not in "".join(rows)
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")


def test_bars_of_a_fit_in_a_callback_and_of_threads():
    pytest.importorskip("rich")
    rows, sent = in_terminal(
        SETTING
        + """
class Nesting(Callback):
    def act(self):
        make_net(max_iter=7).fit(X, y)
        print("between")
make_net(max_iter=9).set_callbacks(Nesting()).fit(X, y)
nets = [make_net(max_iter=k) for k in (500, 400, 30, 20, 600)]
threads = [threading.Thread(target=net.fit, args=(X, y)) for net in nets]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("end")
"""
    )
    assert "━" in sent and "Traceback" not in sent and "Exception" not in sent
    counted = [row.split("  loss")[0] for row in rows]
    assert counted[:3] == ["epoch 7/7", "between", "epoch 9/9"]
    assert sorted(counted[3:-1]) == [f"epoch {k}/{k}" for k in (20, 30, 400, 500, 600)]
    assert counted[-1] == "end"


def test_lines_above_the_bar_of_a_callback():
    pytest.importorskip("rich")
    rows, _ = in_terminal(
        SETTING
        + """
make_net(max_iter=5).set_callbacks(ProgressBar()).fit(X, y)
print("end")
"""
    )
    assert [row.split("  loss")[0] for row in rows[:5]] == [f"epoch {k}/5" for k in range(1, 6)]
    assert rows[5].startswith("MLPNet - fit") and "100%" in rows[5]
    assert rows[6:] == ["end"]


def test_lines_in_a_terminal_without_rich():
    rows, sent = in_terminal(
        SETTING
        + """
sys.modules["rich"] = None
net = make_net(max_iter=12, early_stopping=True, n_iter_no_change=20).fit(X, y)
print("loss %#.5g" % net.loss_)
"""
    )
    assert "\x1b" not in sent
    counted = [row.split("  loss")[0] for row in rows[:-1]]
    assert counted == [f"epoch {k:2}/12" for k in range(1, 13)]
    assert rows[-1] in rows[-2] and "val_score" in rows[-2]
    assert all(len(row) <= 80 for row in rows)
