"""The comparison's other outputs: more estimators, a file of all folds, a picture."""

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from comparison import QUICK, row, rows_of
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn.__main__ import main
from skdnn.compare import compare, draw, format_table, make_pairs, make_peers, make_splitter
from skdnn.compare.estimators import PEERS


def test_other_estimators_see_the_same_folds():
    X, y = load_iris(return_X_y=True)
    cv = make_splitter("classification", 3)
    pairs = make_pairs("classification", max_iter=50)[1:2]
    others = make_peers(["neighbors", "sgd"], "classification")
    rows = compare(pairs, X, y, task="classification", cv=cv, others=others)
    assert [[side.estimator for side in group] for group in rows] == [
        ["GDLogisticRegression", "LogisticRegression"],
        ["KNeighborsClassifier", "SGDClassifier"],
    ]
    expected = cross_val_score(make_pipeline(StandardScaler(), KNeighborsClassifier()), X, y, cv=cv)
    np.testing.assert_array_equal(rows[1][0].scores["accuracy"], expected)
    assert np.isnan(rows[1][0].n_iter).all() and (rows[1][1].n_iter > 1).all()
    names = [line.split()[0] for line in format_table(rows).splitlines()[1:] if line]
    assert names == [side.estimator for group in rows for side in group]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_peer_is_for_the_task(task):
    X, y = (load_iris if task == "classification" else load_diabetes)(return_X_y=True)
    for peer in make_peers(list(PEERS), task, random_state=1):
        assert (is_classifier if task == "classification" else is_regressor)(peer)
        # Above what a constant scores.
        score = clone(peer).fit(StandardScaler().fit_transform(X), y).score(X * 0, y)
        assert make_pipeline(StandardScaler(), peer).fit(X, y).score(X, y) > score + 0.3


def test_files_of_a_comparison(tmp_path, capsys):
    load_iris(as_frame=True).frame.to_csv(tmp_path / "iris.csv", index=False)
    arguments = [str(tmp_path / "iris.csv"), "--target", "target", *QUICK]
    arguments += ["--with", "boosting", "--csv", str(tmp_path / "folds.csv")]
    assert main(["compare", *arguments, "--png", str(tmp_path / "picture.png")]) == 0
    out = capsys.readouterr().out
    assert rows_of(out)[-1][0] == "HistGradientBoostingClassifier"
    folds = pd.read_csv(tmp_path / "folds.csv")
    assert len(folds) == 7 * 2
    assert folds.columns.tolist() == [
        *["table", "group", "estimator", "fold", "accuracy", "log loss"],
        *["fit_time", "predict_time", "n_iter", "converged"],
    ]
    # The means of the file are those of the terminal.
    means = folds.groupby(["group", "estimator"], sort=False)["accuracy"].mean().round(4)
    printed = dict(rows_of(out))
    for (_, name), mean in means.items():
        if name != "LogisticRegression":
            assert printed[name] == mean
    height, width, _ = matplotlib.image.imread(tmp_path / "picture.png").shape
    assert width > height > 300


def test_bundled_tables_have_their_own_scores_in_the_file(tmp_path):
    path = str(tmp_path / "folds.csv")
    assert main(["--folds", "2", "--max-iter", "1", "--csv", path]) == 0
    folds = pd.read_csv(path)
    has_r2 = folds["table"] == "diabetes"
    assert folds["R2"].notna().tolist() == has_r2.tolist()
    assert folds["accuracy"].isna().tolist() == has_r2.tolist()


@pytest.mark.parametrize("option", ["--csv", "--png"])
def test_files_that_cannot_be_written_are_told_before_the_work(option, tmp_path, capsys):
    assert main([option, str(tmp_path)]) == 2
    assert f"{option} {str(tmp_path)!r} is a folder" in capsys.readouterr().err
    assert main([option, str(tmp_path / "no" / "file")]) == 2
    out, err = capsys.readouterr()
    assert f"there is no folder {str(tmp_path / 'no')!r}" in err
    assert out == ""


def test_a_picture_has_a_name_for_what_it_is(tmp_path, capsys):
    assert main(["--png", str(tmp_path / "picture.jpg")]) == 2
    assert "ends in .png" in capsys.readouterr().err


def test_picture_has_a_point_for_each_fold():
    rows = [(row("A", fit_time=[1, 2]), row("B")), (row("C", log_loss=[20, 40]),)]
    figure = draw({"a table": rows}, {"a table": 1})
    accuracy, log_loss, fit_time = figure.axes
    assert [tick.get_text() for tick in accuracy.get_yticklabels()] == ["A", "B", "C"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["accuracy", "log loss", "fit time, s"]
    folds = [line for line in fit_time.lines if line.get_marker() == "."]
    assert [line.get_xdata().tolist() for line in folds] == [[1, 2], [1, 1], [1, 1]]
    colors = [line.get_color() for line in folds]
    assert colors[0] != colors[1] == colors[2]
    assert (log_loss.get_xscale(), accuracy.get_xscale()) == ("log", "linear")
