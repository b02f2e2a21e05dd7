"""Seconds of training to 98 % of MNIST's test digits, each with settings that suit it.

The evaluation is not within the time. A round trains with its own seed.
"""

import itertools
import math
import time
from collections.abc import Iterator

import numpy as np
from sklearn.neural_network import MLPClassifier

from contest import data
from contest.rounds import SKDNN, SKLEARN, Case, Contestant, Settings, Target
from skdnn import MLPNet
from skdnn.schedules import OneCycle

GOAL = 0.98

# The best that were found for either of batch sizes, rates, widths and, here, schedules.
SKDNN_RECIPE = {
    "hidden_layer_sizes": (256,),
    "solver": "adam",
    "batch_size": 128,
    "learning_rate": OneCycle(warmup=0.2, div_factor=10),
    "learning_rate_init": 6e-3,
    "max_iter": 3,
    "n_iter_no_change": np.inf,
}
SKLEARN_RECIPE = {
    "hidden_layer_sizes": (320,),
    "solver": "adam",
    "batch_size": 256,
    "learning_rate_init": 4e-3,
}
_MOST_EPOCHS = 40


class Race:
    """Trains networks from ever new seeds, and remembers how each ended."""

    def __init__(self, settings: Settings):
        self.X, self.y = data.mnist("float32")[:2]
        self.X_test, self.y_test = data.mnist_test("float32")[:2]
        self.goal = settings.size(GOAL, 0.5)
        self.said: dict[str, list[str]] = {SKDNN: [], SKLEARN: []}

    def _reached(self, party: str, net, epochs: int) -> bool:
        score = net.score(self.X_test, self.y_test)
        if score >= self.goal or epochs == _MOST_EPOCHS or party == SKDNN:
            self.said[party].append(f"{score:.4f} after {epochs}")
        return score >= self.goal

    def fixed(self, seed: int) -> float:
        """Return skdnn's seconds for its number of epochs; one that falls short costs another."""
        seconds = 0.0
        for attempt in itertools.count():
            net = MLPNet(**SKDNN_RECIPE, random_state=seed + 1000 * attempt)
            start = time.perf_counter()
            net.fit(self.X, self.y)
            seconds += time.perf_counter() - start
            if self._reached(SKDNN, net, net.n_iter_):
                return seconds
        return math.inf

    def by_epoch(self, seed: int) -> float:
        """Return scikit-learn's seconds until an epoch after which it is there."""
        net = MLPClassifier(**SKLEARN_RECIPE, random_state=seed)
        seconds = 0.0
        for epoch in range(1, _MOST_EPOCHS + 1):
            start = time.perf_counter()
            net.partial_fit(self.X, self.y, classes=np.arange(10))
            seconds += time.perf_counter() - start
            if self._reached(SKLEARN, net, epoch):
                break
        return seconds


def to_98_percent(settings: Settings) -> Iterator[Case]:
    """seconds to 98 % of MNIST's test digits, each with its best settings, three seeds"""
    if data.find("mnist.npz") is None:
        raise NotImplementedError("needs the real set: no mnist.npz in the folder SKDNN_DATA")
    race = Race(settings)
    seeds = {party: itertools.count() for party in race.said}
    small = (race.X[:512], race.y[:512])
    yield Case(
        "seconds to 98 % on MNIST",
        [
            Contestant(
                SKDNN,
                lambda: race.fixed(next(seeds[SKDNN])),
                warm_up=lambda: MLPNet(**SKDNN_RECIPE).fit(*small),
            ),
            Contestant(
                SKLEARN,
                lambda: race.by_epoch(next(seeds[SKLEARN])),
                warm_up=lambda: MLPClassifier(max_iter=1).fit(*small),
            ),
        ],
        [Target(SKLEARN, at_least=10)],
        rounds=3,
        notes=lambda: [f"{party}: {'; '.join(said)} epochs" for party, said in race.said.items()],
    )
