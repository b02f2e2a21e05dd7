"""All workloads by name."""

from collections.abc import Callable, Iterator

from contest import accuracy, linear, networks, prediction, system
from contest.rounds import Case, Settings

# Each yields its cases, one after the other, so that the data of the last are gone.
WORKLOADS: dict[str, Callable[[Settings], Iterator[Case]]] = {
    "digits": networks.small_digits,
    "digits-deep": networks.deep_digits,
    "moons": networks.moons,
    "mnist": networks.mnist,
    "imdb": networks.imdb,
    "malaria": networks.malaria,
    "logistic": linear.logistic,
    "logistic-imdb": linear.logistic_imdb,
    "softmax": linear.softmax,
    "sgd": linear.single_rows,
    "search": prediction.search,
    "predict": prediction.predict,
    "import": system.imports,
    "first-fit": system.first_fits,
    "memory": system.memory,
    "accuracy": accuracy.to_98_percent,
}


def describe(name: str) -> str:
    """Return what a workload is."""
    return (WORKLOADS[name].__doc__ or "").strip()
