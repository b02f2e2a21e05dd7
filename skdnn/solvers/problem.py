"""What a solver minimises: a single layer's mean loss with L2 and L1 penalties."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.network import Network
from skdnn.objective import Objective, Part

# Rows at a time where the Hessian is formed.
_HESSIAN_ROWS = 1024
# The largest eigenvalue that the losses' Hessian by the scores can have, by the loss's link.
_LARGEST_CURVATURE = {"softmax": 1 / 2, "logistic": 1 / 4, "identity": 1.0}


class Problem(Objective):
    """The objective of a network without hidden layers, with an L1 penalty.

    Parameters
    ----------
    network : Network
        Of one layer, with ``l1=0`` and ``penalty_per_weight=False``.
    X, y, weight, order
        As in `Objective`.
    l1 : float, default=0.0
        Strength of the L1 penalty on the weights; biases have none.

    Attributes
    ----------
    n_weights : int
        How many parameters are penalised: the first of the flat vector.
    """

    def __init__(
        self,
        network: Network,
        X: Any,
        y: Any,
        weight: Any = None,
        order: Any = None,
        l1: float = 0.0,
    ) -> None:
        super().__init__(network, X, y, weight, order)
        self.X = X
        self.l1 = np.array(l1, network.dtype)[()]
        self.n_weights = network.n_features * network.n_outputs
        self.epsilon = float(np.finfo(network.dtype).eps)
        # The point that was evaluated last, the objective and its gradient there.
        self._last: Any = None
        # Of one output and dense rows each pass reads the rows once.
        self.single_output = network.n_outputs == 1 and not self.data.row_starts.size

    @property
    def coupled(self) -> bool:
        """Whether the outputs are those of a softmax, unchanged by a shift of all scores."""
        return self.network.loss.link == "softmax"

    @property
    def largest_curvature(self) -> float:
        """The largest eigenvalue that a row's Hessian by the scores can have."""
        return _LARGEST_CURVATURE[self.network.loss.link]

    @property
    def mean_curvature_at_zero(self) -> float:
        """The mean curvature by a score where all scores are zero."""
        n_outputs = self.network.n_outputs
        return (1 - 1 / n_outputs) / n_outputs if self.coupled else self.largest_curvature

    @property
    def l2(self) -> float:
        """Strength of the L2 penalty."""
        return float(self.network.layers["l2"][0])

    def loss(self, params: NDArray) -> float:
        """Return the objective at `params` without its L1 penalty."""
        if not self._is_last(params):
            self._last = params.copy(), super().loss(params), None
        return self._last[1]

    def loss_and_gradient(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the objective at `params` without its L1 penalty, and its gradient, a new array.

        Asked again for the point that was evaluated last, it does not go over the rows again.
        """
        if not self._is_last(params) or self._last[2] is None:
            self._last = params.copy(), *super().loss_and_gradient(params)
        return self._last[1], self._last[2].copy()

    def _is_last(self, params: NDArray) -> bool:
        return self._last is not None and np.array_equal(self._last[0], params)

    def sum_gradient(self, part: Part, params: NDArray) -> tuple[float, float]:
        """Return a part's summed loss and weight; leave the sum's gradient."""
        if not self.single_output:
            return super().sum_gradient(part, params)
        about = self.table, self.bound, params, part.out, part.room, part.work
        return engine.single_output_gradient(part.data, part.n_rows, *about)

    def l1_value(self, params: NDArray) -> float:
        """Return the L1 penalty."""
        return float(self.l1 * np.abs(params[: self.n_weights]).sum()) if self.l1 else 0.0

    def violation(self, params: NDArray, gradient: NDArray) -> float:
        """Return the largest element of the generalised gradient, by absolute value.

        Where a penalised weight is zero, the L1 penalty can make up for a gradient up to `l1`.
        """
        size = np.abs(gradient)
        if self.l1:
            w, g = params[: self.n_weights], gradient[: self.n_weights]
            size[: self.n_weights] = np.where(
                w != 0, np.abs(g + self.l1 * np.sign(w)), np.maximum(np.abs(g) - self.l1, 0)
            )
        return float(size.max())

    def shrink(self, params: NDArray, rate: float) -> NDArray:
        """Apply the L1 penalty's proximal operator for a step of length `rate`, in place."""
        if self.l1:
            engine.soft_threshold(params[: self.n_weights], params.dtype.type(rate * self.l1))
        return params

    def curvature(self, params: NDArray) -> "Curvature":
        """Return the Hessian of the objective without its L1 penalty, at `params`."""
        return Curvature(self, params)

    def smoothness(self, n_iter: int = 30) -> float:
        """Return an estimate of the largest eigenvalue that the Hessian can have anywhere.

        The power method finds it at zero, where the curvature by the scores is known, from below,
        and seldom by a tenth too small.
        """
        largest = self.largest_curvature
        at_zero = 1 / self.network.n_outputs if self.coupled else largest
        curvature = self.curvature(np.zeros(self.network.n_params, self.network.dtype))
        vector = np.random.RandomState(0).standard_normal(self.network.n_params)
        vector = vector.astype(self.network.dtype)
        value = 0.0
        for _ in range(n_iter):
            vector /= np.linalg.norm(vector) or 1
            vector = curvature.times(vector)
            previous, value = value, float(np.linalg.norm(vector))
            if abs(value - previous) <= 1e-3 * value:
                break
        return (value - self.l2) * largest / at_zero + self.l2


def _checked(values: NDArray) -> NDArray:
    if not np.isfinite(values).all():
        raise ValueError(
            f"The features are so large that squares of them overflow in {values.dtype}. Scale "
            "them, for example with sklearn.preprocessing.StandardScaler."
        )
    return values


class Curvature:
    """The Hessian of a problem's smooth part at a point."""

    def __init__(self, problem: Problem, params: NDArray):
        self.problem, net = problem, problem.network
        self._scores = np.empty((problem.n_rows, net.n_outputs), net.dtype)
        about = problem.table, problem.bound, params
        problem.run(
            lambda part: engine.score_curvature(
                part.data, part.n_rows, *about, self._of(part), part.work, problem._rows
            )
        )

    def _of(self, part: Part) -> NDArray:
        return self._scores[part.begin : part.begin + part.n_rows]

    def mean(self) -> float:
        """Return the mean over rows and outputs of the curvature by a score."""
        scores = self._scores
        return float((scores * (1 - scores)).mean() if self.problem.coupled else scores.mean())

    def times(self, vector: NDArray) -> NDArray:
        """Return the product with a vector, a new array."""
        weights, product = self.problem.summed(lambda part: self._sum_product(part, vector))
        engine.finish_gradient(self.problem.table, vector, product, sum(weights))
        return _checked(product)

    def _sum_product(self, part: Part, vector: NDArray) -> float:
        """Return a part's weight; leave the product of its summed loss's Hessian and a vector."""
        problem = self.problem
        about = part.data, part.n_rows, problem.table, problem.bound, self._of(part), vector
        if problem.single_output:
            return engine.single_output_hessian_vector(*about, part.out, part.room, part.work)
        return engine.hessian_vector(*about, part.out, part.room, part.work, problem._rows)

    def matrix(self) -> NDArray:
        """Return the matrix of shape (n_params, n_params)."""
        problem, net = self.problem, self.problem.network
        n_outputs = net.n_outputs
        n_inputs = net.n_params // n_outputs
        shape = n_outputs, n_outputs, n_inputs, n_inputs

        def add(part: Any) -> Any:
            blocks = np.empty(shape, net.dtype)
            inputs = np.empty((min(_HESSIAN_ROWS, part.n_rows), n_inputs), net.dtype)
            weight = engine.hessian(
                part.data,
                part.n_rows,
                problem.table,
                problem.bound,
                self._of(part),
                blocks,
                inputs,
                np.empty_like(inputs),
                np.empty(len(inputs), net.dtype),
                np.empty((n_inputs, n_inputs), net.dtype),
            )
            return weight, blocks

        weights, sums = zip(*problem.run(add), strict=True)
        blocks = sum(sums[1:], sums[0])
        engine.finish_hessian(blocks, problem.table, sum(weights))
        _checked(blocks)
        return blocks.transpose(2, 0, 3, 1).reshape(net.n_params, net.n_params)
