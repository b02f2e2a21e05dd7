"""Logistic and softmax regression, minimised equally far by each.

For each solver the loosest tolerance is found whose coefficients have an objective within 1e-6 of
the smallest that is known; fits with these tolerances are what is timed. Of scikit-learn's solvers
the fastest counts; of skdnn's it is the default one that does, what is fastest standing beside it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, SGDClassifier

from contest import data
from contest.rounds import SKDNN, SKLEARN, Case, Contestant, Settings, Target, Timed, say
from skdnn import GDLogisticRegression, SoftmaxClassifier

CLOSE = 1e-6
TOLERANCES = [10.0**-k for k in range(1, 11)]
# A solver whose search has taken so many times as long as the fastest fit is not looked at further.
_PATIENCE = 4
# newton-cholesky forms the Hessian; beyond so many parameters that takes minutes.
_MOST_FOR_HESSIAN = 2000


def objective(model, X, y, C: float) -> float:
    """Return the sum of the log losses times C plus half the squared coefficients.

    It is computed alike for all, without either package. `y` has the classes' numbers from 0.
    """
    coef = np.asarray(model.coef_, dtype=np.float64)
    scores = np.asarray(X @ coef.T + model.intercept_, dtype=np.float64)
    if scores.shape[1] == 1:
        losses = np.logaddexp(0, np.where(y == 1, -scores[:, 0], scores[:, 0]))
    else:
        losses = logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(C * losses.sum() + 0.5 * np.square(coef).sum())


@dataclass
class Task:
    """What is minimised: rows, labels, the penalty's inverse strength, and skdnn's estimator."""

    X: object
    y: np.ndarray
    C: float
    kind: type

    def make(self, party: str, solver: str, tol: float):
        """Return an estimator; its number of iterations is no limit."""
        params = {"C": self.C, "solver": solver, "tol": tol, "random_state": 0}
        if party == SKDNN:
            return self.kind(**params, max_iter=10000)
        # Its coordinate descent counts intercepts among the weights: scaled, hardly.
        scaled = {"intercept_scaling": 100.0} if solver == "liblinear" else {}
        return LogisticRegression(**params, **scaled, max_iter=10000)

    def solvers(self, party: str) -> list[str]:
        """Return those that can do it; the ones likely to be fast first."""
        if party == SKDNN:
            return ["auto", "lbfgs", "newton"]
        names = ["newton-cg", "lbfgs"]
        n_classes = int(self.y.max()) + 1
        if (self.X.shape[1] + 1) * (1 if n_classes == 2 else n_classes) <= _MOST_FOR_HESSIAN:
            names.append("newton-cholesky")
        names += ["sag", "saga"]
        return [*names, "liblinear"] if n_classes == 2 else names

    def fit(self, party: str, solver: str, tol: float) -> tuple[float, float]:
        """Return the seconds of a fit and its objective."""
        model = self.make(party, solver, tol)
        start = time.perf_counter()
        model.fit(self.X, self.y)
        seconds = time.perf_counter() - start
        return seconds, objective(model, self.X, self.y, self.C)


class Judge:
    """Finds the tolerances."""

    def __init__(self, task: Task):
        self.task, self.smallest = task, np.inf
        self.accepted: list[float] = []
        # Until a tighter tolerance changes nothing that counts.
        for tol in TOLERANCES[5:]:
            before, self.smallest = self.smallest, self.fit(SKDNN, "auto", tol)[1]
            if before - self.smallest <= 0.01 * CLOSE * abs(self.smallest):
                break

    def fit(self, party: str, solver: str, tol: float) -> tuple[float, float]:
        """Return the seconds of a fit and its objective, which may be the new smallest."""
        seconds, value = self.task.fit(party, solver, tol)
        self.smallest = min(self.smallest, value)
        return seconds, value

    def is_close(self, value: float) -> bool:
        return value <= self.smallest + CLOSE * abs(self.smallest)

    def loosest(self, party: str, solver: str, budget: float) -> tuple[float, float, float] | None:
        """Return the tolerance, the seconds and the objective of its fit.

        None where the budget is spent first.
        """
        spent = 0.0
        for tol in TOLERANCES:
            seconds, value = self.fit(party, solver, tol)
            if self.is_close(value):
                # Between this one and the last.
                looser = tol * 10**0.5
                again, other = self.fit(party, solver, looser)
                return (looser, again, other) if self.is_close(other) else (tol, seconds, value)
            spent += seconds
            if spent > budget:
                return None
        return None

    def party(self, party: str) -> tuple[dict[str, float], list[str]]:
        """Return the tolerance of each solver that may be the fastest, and what fell out.

        Raises
        ------
        RuntimeError
            When what was found before is not close to the smallest objective that is known now.
        """
        found: dict[str, tuple[float, float, float]] = {}
        left_out = []
        for solver in self.task.solvers(party):
            fastest = min((seconds for _, seconds, _ in found.values()), default=np.inf)
            result = self.loosest(party, solver, max(_PATIENCE * fastest, 1.0))
            if result is None:
                left_out.append(solver)
            else:
                found[solver] = result
                self.accepted.append(result[2])
        if not all(map(self.is_close, self.accepted)):
            raise RuntimeError("a smaller objective was found after fits had been accepted")
        return {solver: tol for solver, (tol, *_) in found.items()}, left_out


def same_loss_case(
    name: str, rows: data.Rows, settings: Settings, *, kind: type, C: float = 1.0
) -> Case:
    """Return the case of a regression that all minimise equally far."""
    task = Task(rows.X, rows.y, C, kind)
    say(f"  {name}: looking for tolerances")
    judge = Judge(task)
    contestants, notes = [], [rows.note] if rows.note else []
    for party in (SKDNN, SKLEARN):
        tolerances, left_out = judge.party(party)
        for solver, tol in tolerances.items():
            contestants.append(_contestant(task, party, solver, tol, settings))
        notes.append(
            f"{party}: "
            + ", ".join(f"{solver} tol={tol:.0e}" for solver, tol in tolerances.items())
            + (f"; not there in time: {', '.join(left_out)}" if left_out else "")
        )
    return Case(name, contestants, [Target(SKLEARN, at_least=2)], notes=lambda: notes)


def _contestant(task: Task, party: str, solver: str, tol: float, settings: Settings) -> Contestant:
    def fit() -> None:
        task.make(party, solver, tol).fit(task.X, task.y)

    # skdnn's default is what is compared.
    shown = party if party == SKLEARN or solver == "auto" else f"{party}, other solvers"
    return Contestant(shown, Timed(fit, least=settings.size(0.05, 0.0)), solver)


def logistic(settings: Settings) -> Iterator[Case]:
    """GDLogisticRegression and LogisticRegression, two classes, to the same loss"""
    shapes = settings.size(
        [(100_000, 20), (1_000_000, 20), (20_000, 500), (1_000, 5)], [(500, 20), (300, 5)]
    )
    for n_rows, n_columns in shapes:
        yield same_loss_case(
            f"logistic regression, {n_rows:,} x {n_columns}",
            data.logistic(n_rows, n_columns),
            settings,
            kind=GDLogisticRegression,
        )


def logistic_imdb(settings: Settings) -> Iterator[Case]:
    """the same on IMDb, sparse rows of 10,000 words, with L2"""
    rows = data.imdb(settings.size(25000, 1000))
    yield same_loss_case(
        "logistic regression, IMDb sparse, L2",
        rows._replace(X=rows.X.astype(np.float64)),
        settings,
        kind=GDLogisticRegression,
        C=0.05,
    )


def softmax(settings: Settings) -> Iterator[Case]:
    """SoftmaxClassifier and LogisticRegression, digits and MNIST, to the same loss"""
    n_rows = settings.size(10_000, 500)
    sets = {
        "softmax regression, digits": (data.digits("float64"), 1.0),
        # With all rows the search for tolerances would take many minutes.
        f"softmax regression, MNIST, {n_rows:,} rows": (data.mnist("float64", n_rows), 0.01),
    }
    for name, (rows, C) in sets.items():
        yield same_loss_case(name, rows, settings, kind=SoftmaxClassifier, C=C)


def single_rows(settings: Settings) -> Iterator[Case]:
    """stochastic gradient descent row by row, 1,000,000 x 20, one epoch"""
    rows = data.logistic(settings.size(1_000_000, 1000), 20)
    n_rows, rate = len(rows.y), 1e-3
    ours = GDLogisticRegression(
        solver="sgd",
        batch_size=1,
        max_iter=1,
        learning_rate=rate,
        C=1.0,
        random_state=0,
    )
    theirs = SGDClassifier(
        "log_loss",
        max_iter=1,
        tol=None,
        learning_rate="constant",
        eta0=rate,
        # The same penalty.
        alpha=1 / n_rows,
        random_state=0,
    )
    yield Case(
        f"sgd, batch 1, {n_rows:,} x 20, one epoch",
        [
            Contestant(
                party,
                Timed(lambda m=model: m.fit(rows.X, rows.y), least=settings.size(0.05, 0.0)),
                epochs=lambda m=model: int(np.max(m.n_iter_)),
            )
            for party, model in {SKDNN: ours, SKLEARN: theirs}.items()
        ],
        [Target(SKLEARN, at_least=1)],
    )
