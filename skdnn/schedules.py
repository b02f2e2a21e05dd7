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

    Attributes
    ----------
    rate : float
        The current learning rate.
    """

    def __init__(self, rate: float, power_t: float = 0.5):
        self.initial = self.rate = float(rate)
        self.power_t = power_t

    def epoch_ends(self, t: int) -> None:
        """Set the rate for the next epoch, after `t` rows were seen in all."""

    def plateau(self) -> str | None:
        """Return what is done instead of stopping, or None to stop."""
        return None


class InverseScaling(Constant):
    """rate = initial / (t + 1)^power_t, t the number of rows seen, as in scikit-learn."""

    def epoch_ends(self, t: int) -> None:
        """Set the rate for the next epoch, after `t` rows were seen in all."""
        self.rate = self.initial / (t + 1) ** self.power_t


class Adaptive(Constant):
    """The rate is divided by 5 on a plateau, until it is at most 1e-6."""

    def plateau(self) -> str | None:
        """Return what is done instead of stopping, or None to stop."""
        if self.rate <= 1e-6:
            return None
        self.rate /= 5.0
        return f"Setting learning rate to {self.rate:f}"


SCHEDULES = {"constant": Constant, "invscaling": InverseScaling, "adaptive": Adaptive}
