"""Lectures A9 and A10: malaria in cell images, a network and a random search for a better one.

2,500 of the 27,558 images, 2,000 of them to train on: logistic regression without a penalty; a
network 300-100-50 that stops when its validation loss does not fall for five epochs; a random
search over depth, width and learning rate. The lecture's images are 100x100 in colour, these
50x50 in grey, in which the stain of the parasite shows less: its figures are not quite comparable.

Each is run twice, on pixels from 0 to 1 and on these less their means. That hardly matters to the
regression, and makes the networks much better: where all inputs are positive, the gradient points
mostly along what they have in common, and the descent is slow in all other directions. A third of a
minute; 500 test images tell an accuracy to about 0.02:

    SKDNN_DATA=folder python examples/lecture_a9_malaria.py

The folder holds malaria_50x50.npz: X (27558, 2500), uint8, y (0 or 1). The quick size is
--rows 250 --n-iter 2.
"""

import argparse
import os
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import loguniform
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet

# The regression ends at its 100 iterations, which is printed, and a network may at its 50 epochs.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

PARAMETERS = {
    # No hidden layer to three, of 1 to 99 neurons each: () is there as often as the other depths.
    "mlpnet__hidden_layer_sizes": [(n,) * depth for depth in range(4) for n in range(1, 100)],
    "mlpnet__learning_rate_init": loguniform(3e-4, 3e-2),
}


def load(folder, n_rows):
    with np.load(Path(folder) / "malaria_50x50.npz") as file:
        X, y = file["X"], file["y"]
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    X = X[rows].astype(np.float32) / 255
    return train_test_split(X, y[rows], test_size=0.2, random_state=0)


def run(X_train, X_test, y_train, y_test, *, center, n_iter):
    scaler = StandardScaler(with_mean=center, with_std=False)
    model = make_pipeline(scaler, LogisticRegression(C=np.inf, max_iter=100)).fit(X_train, y_train)
    print(f"regression: test accuracy {model.score(X_test, y_test):.3f} (lecture: 0.63)")
    print(f"  after {model[-1].n_iter_[0]} iterations of at most 100 (lecture: no convergence)")

    net = MLPNet(
        (300, 100, 50),
        alpha=0.0,
        batch_size=100,
        max_iter=50,
        # Keras' EarlyStopping("val_loss", patience=5, restore_best_weights=True).
        early_stopping=True,
        scoring="loss",
        tol=0.0,
        n_iter_no_change=5,
        validation_fraction=0.1,
        random_state=0,
    )
    model = make_pipeline(scaler, net).fit(X_train, y_train)
    net = model[-1]
    size = sum(array.size for array in net.coefs_ + net.intercepts_)
    print(f"network: {size} parameters (lecture: 9035501), {net.n_iter_} epochs")
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(f"  test loss {loss:.3f} (lecture: 0.660), ", end="")
    print(f"accuracy {model.score(X_test, y_test):.3f} (lecture: 0.622)")
    print("  confusion matrix", confusion_matrix(y_test, model.predict(X_test)).tolist(), end=" ")
    print("(lecture: [[147, 115], [74, 164]])")

    search = RandomizedSearchCV(model, PARAMETERS, cv=5, n_iter=n_iter, random_state=0)
    search.fit(X_train, y_train)
    layers, rate = (search.best_params_[name] for name in PARAMETERS)
    print(f"search: best score {search.best_score_:.3f} (lecture: 0.663)")
    print(f"  with layers {layers}, learning rate {rate:.4f} (lecture: (), 0.0168)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2500, help="a fifth of them to test on")
    parser.add_argument("--n-iter", type=int, default=10, help="networks that the search tries")
    args = parser.parse_args()
    if "SKDNN_DATA" not in os.environ:
        print("Set SKDNN_DATA to a folder with malaria_50x50.npz; skipped.")
        return
    split = load(os.environ["SKDNN_DATA"], args.rows)
    for title, center in {"pixels in [0, 1]": False, "less their means": True}.items():
        print(title)
        start = perf_counter()
        run(*split, center=center, n_iter=args.n_iter)
        print(f"{perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
