"""The same network, trained as long by each."""

import gc
from collections.abc import Iterator

import numpy as np
from scipy import sparse
from sklearn.neural_network import MLPClassifier

from contest import data
from contest.floor import floor_contestants
from contest.keras_fit import keras_contestants
from contest.rounds import (
    FLOOR,
    SKDNN,
    SKLEARN,
    TORCH,
    Case,
    Contestant,
    Settings,
    Target,
    Timed,
    on_threads,
)
from contest.skorch_net import skorch_contestants
from contest.torch_loop import torch_contestants
from skdnn import MLPNet

ALPHA = 1e-4


def network_case(
    name: str,
    rows: data.Rows,
    settings: Settings,
    *,
    layers: tuple[int, ...],
    activation: str = "relu",
    solver: str = "adam",
    batch_size: int,
    epochs: int,
    targets: list[Target],
    rounds: int | None = None,
) -> Case:
    """Return the case of a network that all train, and the floor where the rows are dense."""
    X, y = rows.X, rows.y
    batch_size = min(batch_size, len(y))
    params = {
        "hidden_layer_sizes": layers,
        "activation": activation,
        "solver": solver,
        "alpha": ALPHA,
        "batch_size": batch_size,
        "learning_rate_init": 1e-3,
        "max_iter": epochs,
        # Nothing ends the training earlier.
        "n_iter_no_change": np.inf,
        "random_state": 0,
    }
    # MLPClassifier has no rmsprop; Adam's steps are a little more work.
    theirs = {**params, "solver": "adam" if solver == "rmsprop" else solver}
    ours = {**params, "epsilon": 1e-7} if solver == "rmsprop" else params
    n_classes = len(np.unique(y))
    sizes = [X.shape[1], *layers, 1 if n_classes == 2 else n_classes]
    work = {
        "activation": activation,
        "solver": solver,
        "alpha": ALPHA,
        "batch_size": batch_size,
        "epochs": epochs,
        "settings": settings,
    }
    net, peer = MLPNet(**ours), MLPClassifier(**theirs)
    contestants = [
        Contestant(
            SKDNN,
            Timed(lambda: net.fit(X, y), least=settings.size(0.05, 0.0)),
            warm_up=lambda: net.fit(X, y),
            epochs=lambda: net.n_iter_,
        ),
        *on_threads(SKLEARN, lambda: peer.fit(X, y), settings, epochs=lambda: peer.n_iter_),
        *torch_contestants(X, y, sizes, **work),
        *keras_contestants(X, y, sizes, **work),
        *skorch_contestants(X, y, sizes, **work),
    ]
    if not sparse.issparse(X):
        contestants += floor_contestants(X, sizes, batch_size, epochs, settings)
    notes = [rows.note] if rows.note else []
    return Case(name, contestants, targets, rounds=rounds, notes=lambda: notes)


def _targets(sklearn: float, torch: float, floor: float | None = None) -> list[Target]:
    found = [Target(SKLEARN, at_least=sklearn), Target(TORCH, at_least=torch)]
    return found if floor is None else [*found, Target(FLOOR, at_most=floor)]


def small_digits(settings: Settings) -> Iterator[Case]:
    """digits, (64,) logistic units, Adam, batch 200, 50 epochs"""
    for dtype in settings.size(("float32", "float64"), ("float64",)):
        yield network_case(
            f"digits (64,), {dtype}",
            data.digits(dtype),
            settings,
            layers=(64,),
            activation="logistic",
            batch_size=200,
            epochs=settings.size(50, 3),
            targets=_targets(5, 5, 1.5),
        )


def deep_digits(settings: Settings) -> Iterator[Case]:
    """digits, (128, 128, 128) ReLU, Adam, batch 32, 20 epochs"""
    for dtype in settings.size(("float32", "float64"), ("float64",)):
        yield network_case(
            f"digits (128, 128, 128), {dtype}",
            data.digits(dtype),
            settings,
            layers=(128, 128, 128),
            batch_size=32,
            epochs=settings.size(20, 2),
            targets=_targets(5, 5, 1.5),
        )


def moons(settings: Settings) -> Iterator[Case]:
    """1000 rows of moons, (4,) tanh, Adam, batch 32, 500 epochs"""
    for dtype in settings.size(("float32", "float64"), ("float64",)):
        yield network_case(
            f"moons (4,), {dtype}",
            data.moons(dtype),
            settings,
            layers=(4,),
            activation="tanh",
            batch_size=32,
            epochs=settings.size(500, 3),
            targets=_targets(40, 5),
        )


def mnist(settings: Settings) -> Iterator[Case]:
    """MNIST, 512 ReLU, rmsprop (Adam for scikit-learn), batch 128, one epoch"""
    for dtype in settings.size(("float32", "float64"), ("float32",)):
        yield network_case(
            f"MNIST (512,), {dtype}",
            data.mnist(dtype, settings.size(60000, 1000)),
            settings,
            layers=(512,),
            solver="rmsprop",
            batch_size=128,
            epochs=1,
            targets=_targets(2.5, 1.5, 1.2),
        )
        gc.collect()


def imdb(settings: Settings) -> Iterator[Case]:
    """IMDb, sparse rows of 10,000 words, 16-16-1 ReLU, Adam, batch 512, 20 epochs"""
    yield network_case(
        "IMDb (16, 16), sparse float32",
        data.imdb(settings.size(25000, 1000)),
        settings,
        layers=(16, 16),
        batch_size=512,
        # As many as the lecture trains.
        epochs=settings.size(20, 2),
        targets=_targets(8, 1.5),
    )


def malaria(settings: Settings) -> Iterator[Case]:
    """2000 cell images of 50 x 50, and of 30,000 random pixels; 300-100-50 ReLU, Adam, batch 100"""
    n_rows = settings.size(2000, 200)
    sets = {
        "malaria 50x50 (300, 100, 50), float32": (data.malaria(n_rows), 5),
        "malaria 2000x30000 (300, 100, 50), float32": (
            data.pixels(n_rows, settings.size(30000, 3000)),
            1,
        ),
    }
    for name, (rows, epochs) in sets.items():
        yield network_case(
            name,
            rows,
            settings,
            layers=(300, 100, 50),
            batch_size=100,
            epochs=epochs,
            targets=_targets(2, 1.5, 1.2),
        )
