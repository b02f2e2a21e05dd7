"""Learning-rate schedules: what becomes of the rate after an epoch, and on a plateau.

To add one: a class with these two methods, and a row in `SCHEDULES`.
"""


class Constant:
    """The rate stays as it is; a plateau ends the training.

    Parameters
    ----------
    rate : float
        The initial learning rate.
    power_t : float
        Exponent of the inverse scaling, for the schedule that has one.
    n_seen : float
        What earlier training has seen, in rows.

    Attributes
    ----------
    rate : float
        The current learning rate.
    """

    def __init__(self, rate: float, power_t: float = 0.5, n_seen: float = 0):
        self.initial = self.rate = float(rate)
        self.power_t, self.n_seen = power_t, n_seen

    def epoch_ends(self, weight: float) -> None:
        """Set the rate for the next epoch, after one over rows of so much weight in all."""

    def plateau(self) -> tuple[bool, str]:
        """Return whether to stop on a plateau, and what is said."""
        return True, "Stopping."


class InverseScaling(Constant):
    """rate = initial / (t + 1)^power_t, t the number of rows seen, as in scikit-learn.

    A row counts its weight, so that a weight of 2 is the same as two rows here too.
    """

    def epoch_ends(self, weight: float) -> None:
        """Set the rate for the next epoch, after one over rows of so much weight in all."""
        self.n_seen += weight
        self.rate = self.initial / (self.n_seen + 1) ** self.power_t


class Adaptive(Constant):
    """The rate is divided by 5 on a plateau, until it is at most 1e-6."""

    def plateau(self) -> tuple[bool, str]:
        """Return whether to stop on a plateau, and what is said."""
        if self.rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        self.rate /= 5.0
        return False, f"Setting learning rate to {self.rate:f}"


SCHEDULES = {"constant": Constant, "invscaling": InverseScaling, "adaptive": Adaptive}
