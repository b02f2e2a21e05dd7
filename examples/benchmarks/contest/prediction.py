"""Searches and predictions of fitted networks."""

import time
from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier

from contest import data
from contest.rounds import SKDNN, SKLEARN, Case, Contestant, Settings, Target, Timed, on_threads
from skdnn import MLPNet

_KINDS = {SKDNN: MLPNet, SKLEARN: MLPClassifier}


def search(settings: Settings) -> Iterator[Case]:
    """RandomizedSearchCV of networks for the digits: 10 candidates, 5 folds, n_jobs=2"""
    X, y = data.digits("float64")[:2]
    candidates = {
        "hidden_layer_sizes": [(32,), (64,), (128,), (64, 64), (128, 64)],
        "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
        "learning_rate_init": [3e-4, 1e-3, 3e-3],
    }
    n_candidates, n_folds = settings.size((10, 5), (2, 2))

    def contestant(party: str) -> Contestant:
        model = _KINDS[party](
            max_iter=settings.size(50, 2), n_iter_no_change=np.inf, random_state=0
        )

        def run() -> float:
            found = RandomizedSearchCV(
                model, candidates, n_iter=n_candidates, cv=n_folds, n_jobs=2, random_state=0
            )
            start = time.perf_counter()
            found.fit(X, y)
            return time.perf_counter() - start

        return Contestant(party, run)

    yield Case(
        f"search, {n_candidates} candidates x {n_folds} folds, digits",
        [contestant(party) for party in _KINDS],
        [Target(SKLEARN, at_least=6)],
        rounds=3,
        notes=lambda: ["each network is trained for 50 epochs"] if not settings.quick else [],
    )


def predict(settings: Settings) -> Iterator[Case]:
    """predict_proba of a network of 512 ReLU on 1, 10,000 and 60,000 rows of MNIST"""
    X, y, note = data.mnist("float32", settings.size(60000, 1000))
    params = {"hidden_layer_sizes": (512,), "max_iter": 1, "n_iter_no_change": np.inf}
    ours, theirs = (
        kind(**params, random_state=0).fit(X[:2000], y[:2000]) for kind in _KINDS.values()
    )
    for n_rows in (1, settings.size(10000, 100), len(X)):
        rows = X[:n_rows]
        yield Case(
            f"predict_proba, {n_rows:,} MNIST row{'s' * (n_rows > 1)}, float32",
            [
                Contestant(
                    SKDNN,
                    Timed(lambda r=rows: ours.predict_proba(r), least=settings.size(0.05, 0.0)),
                ),
                *on_threads(SKLEARN, lambda r=rows: theirs.predict_proba(r), settings),
            ],
            [Target(SKLEARN, at_least=2)],
            notes=lambda: [note] if note else [],
        )
