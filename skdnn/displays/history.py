"""The course of training: losses, scores and learning rates by epoch."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn.callbacks import EarlyStopping
from skdnn.callbacks.base import in_stream
from skdnn.displays.fitted import unwrap
from skdnn.displays.panels import make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = {"loss": 3, "score": 3, "learning_rate": 2}
# A learning rate that changes so many times over is drawn on a logarithmic axis.
_WIDE_RANGE = 10


class HistoryDisplay:
    """Loss, score and learning rate by epoch, each on its own Axes.

    It is recommended to use `from_estimator` or `from_history` to create it. All parameters are
    stored as attributes.

    Parameters
    ----------
    history : list of dict
        A row for each epoch, like an estimator's `history_`.
    best_epoch : int, default=None
        The epoch whose weights the model has, where those are not the last epoch's.
    name : str, default=None
        What the legend calls the model.
    score_name : str, default="score"
        What the axis of the scores is called.

    Attributes
    ----------
    axes_ : dict of str to matplotlib Axes
        By what is drawn there: "loss", "score" and "learning_rate", as far as the history has them.
    figure_ : matplotlib Figure
    lines_ : dict of str to matplotlib Line2D
        The curves, by the keys of the history's rows.
    best_lines_ : list of matplotlib Line2D
        What marks the best epoch, for each Axes; empty where none is known.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdnn import MLPNet
    >>> from skdnn.displays import HistoryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPNet((64,), early_stopping=True, random_state=0).fit(X / 16, y)
    >>> display = HistoryDisplay.from_estimator(net)
    >>> list(display.axes_)
    ['loss', 'score']

    A second model on the same Axes:

    >>> other = MLPClassifier((64,), early_stopping=True, random_state=0).fit(X / 16, y)
    >>> display = HistoryDisplay.from_estimator(net, name="skdnn", panels=["loss", "score"])
    >>> display = HistoryDisplay.from_estimator(other, name="scikit-learn", ax=display.axes_)
    """

    def __init__(
        self,
        *,
        history: list[dict[str, Any]],
        best_epoch: int | None = None,
        name: str | None = None,
        score_name: Any = "score",
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch
        self.name = name
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        panels: Any = None,
        ax: "Axes | dict[str, Axes] | None" = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the history of a fitted model.

        Parameters
        ----------
        estimator : estimator instance
            A fitted estimator of skdnn, or a network of scikit-learn; or a Pipeline or search that
            ends in one.
        name : str, default=None
            What the legend calls the model.
        panels : list of str, default=None
            Which of "loss", "score" and "learning_rate" to draw; None for those that there are,
            learning rates if they change, or for those that `ax` has.
        ax : matplotlib Axes or dict of str to Axes, default=None
            Where to draw; None for a new figure. In the place of one Axes several are made; the
            `axes_` of another display are drawn on.
        line_kw : dict, default=None
            To `Axes.plot`.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        ValueError
            When it has no history, or `panels` or `ax` have other names than the history.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network, _ = unwrap(estimator)
        history = getattr(network, "history_", None) or _curves(network)
        display = cls(
            history=history,
            best_epoch=_restored_epoch(network, history),
            name=name,
            score_name=_score_name(network),
        )
        return display.plot(ax=ax, panels=panels, line_kw=line_kw)

    @classmethod
    def from_history(
        cls,
        history: list[dict[str, Any]],
        *,
        best_epoch: int | None = None,
        name: str | None = None,
        panels: Any = None,
        ax: "Axes | dict[str, Axes] | None" = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot a history.

        Parameters
        ----------
        history : list of dict
            A row for each epoch: `loss`, and where there are `epoch` (else they are counted from
            1), `learning_rate`, and others, which are losses if their names end in "loss", and
            else scores. `seconds` are not drawn. Not every row needs to have each.
        best_epoch : int, default=None
            The epoch to mark.
        name, panels, ax, line_kw
            As in `from_estimator`.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        ValueError
            When the history is empty, or `panels` or `ax` have other names than it.
        """
        check_matplotlib_support(f"{cls.__name__}.from_history")
        display = cls(history=list(history), best_epoch=best_epoch, name=name)
        return display.plot(ax=ax, panels=panels, line_kw=line_kw)

    def plot(
        self,
        ax: "Axes | dict[str, Axes] | None" = None,
        *,
        panels: Any = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the history.

        Parameters
        ----------
        ax : matplotlib Axes or dict of str to Axes, default=None
            As in `from_estimator`.
        panels : list of str, default=None
            As in `from_estimator`.
        line_kw : dict, default=None
            To `Axes.plot`.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        ValueError
            When the history is empty, or `panels` or `ax` have other names than it.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        keys = self._keys()
        if panels is None:
            panels = [p for p in keys if p in ax] if isinstance(ax, dict) else self._usual(keys)
        panels = list(panels)
        self.axes_ = self._make_axes(ax, panels, keys)
        self.figure_ = self.axes_[panels[0]].figure
        epochs = [row.get("epoch", i) for i, row in enumerate(self.history, start=1)]
        self.lines_: dict[str, Any] = {}
        self.best_lines_: list[Any] = []
        options = dict(line_kw or {})
        for panel in panels:
            axes = self.axes_[panel]
            for key in keys[panel]:
                values = np.array([row.get(key, np.nan) for row in self.history], dtype=float)
                style = {"linestyle": "--"} if key.startswith("val") else {}
                style["label"] = self._label(key)
                (line,) = axes.plot(epochs, values, **{**style, **options})
                self.lines_[key] = line
                # All that is of one model has one colour.
                options.setdefault("color", line.get_color())
            self._mark(axes, options["color"], labelled=panel == panels[0])
        self._decorate(panels)
        return self

    def _keys(self) -> dict[str, list[str]]:
        """Return for each panel what of the history belongs there."""
        if not self.history:
            raise ValueError("history must have a row for each epoch; got none.")
        found: dict[str, list[str]] = {panel: [] for panel in _PANELS}
        for key in dict.fromkeys(key for row in self.history for key in row):
            if key == "learning_rate":
                found[key].append(key)
            elif key not in ("epoch", "seconds"):
                found["loss" if key.endswith("loss") else "score"].append(key)
        return {panel: keys for panel, keys in found.items() if keys}

    def _usual(self, keys: Any) -> list[str]:
        """Return the panels that are drawn unless others are asked for."""
        rates = {row.get("learning_rate") for row in self.history}
        return [panel for panel in keys if panel != "learning_rate" or len(rates) > 1]

    def _make_axes(self, ax: Any, panels: Any, keys: Any) -> Any:
        for where, names in (("The history", keys), ("ax", ax)):
            missing = [name for name in panels if isinstance(names, dict) and name not in names]
            if missing or not panels:
                raise ValueError(
                    f"{where} has no {missing or 'panel in common with the history'}, but "
                    f"{list(names)}; asked for are panels={panels}."
                )
        if isinstance(ax, dict):
            return ax
        heights = {"height_ratios": [_PANELS[panel] for panel in panels]}
        axes = make_panels(ax, len(panels), 1, heights, sharex=True)
        return dict(zip(panels, axes, strict=True))

    def _label(self, key: str) -> str:
        kind = "training" if key == "loss" else key.replace("_", " ")
        kind = "validation" if key in ("validation_loss", "validation_score") else kind
        if self.name is None:
            return kind
        return self.name if key == "learning_rate" else f"{self.name}, {kind}"

    def _mark(self, axes: Any, color: Any, labelled: bool) -> None:
        """Mark the best epoch."""
        if self.best_epoch is None:
            return
        label = f"best epoch: {self.best_epoch}"
        label = label if self.name is None else f"{self.name}, {label}"
        label = label if labelled else "_nolegend_"
        line = axes.axvline(self.best_epoch, color=color, linestyle=":", label=label, zorder=1)
        self.best_lines_.append(line)

    def _decorate(self, panels: Any) -> None:
        names = {"loss": "loss", "score": self.score_name, "learning_rate": "learning rate"}
        for panel in panels:
            axes = self.axes_[panel]
            axes.set_ylabel(names[panel])
            axes.grid(color="0.9", linewidth=0.8)
            axes.set_axisbelow(True)
            if panel != "learning_rate":
                axes.legend(fontsize="small")
        if "learning_rate" in panels:
            rates = self.lines_["learning_rate"].get_ydata()
            if np.nanmin(rates) > 0 and np.nanmax(rates) > _WIDE_RANGE * np.nanmin(rates):
                self.axes_["learning_rate"].set_yscale("log")
        last = self.axes_[panels[-1]]
        last.set_xlabel("epoch")
        last.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _curves(network: Any) -> list[dict]:
    """Return a history made of the curves that scikit-learn's networks have."""
    if not hasattr(network, "loss_curve_"):
        raise ValueError(
            f"{type(network).__name__} has neither history_ nor loss_curve_: it is not a model "
            "that records its training, or was trained with a solver that does not."
        )
    rows = [{"epoch": i, "loss": loss} for i, loss in enumerate(network.loss_curve_, start=1)]
    scores = getattr(network, "validation_scores_", None)
    if scores is None:
        return rows
    return [{**row, "validation_score": s} for row, s in zip(rows, scores, strict=True)]


def _restored_epoch(network: Any, history: list[dict[str, Any]]) -> int | None:
    """Return the epoch whose weights the model was given in the end; None if it was not."""
    for callback in getattr(network, "_skl_callbacks", []):
        if isinstance(callback, EarlyStopping) and callback.restore_best_weights:
            return callback.best_epoch(network)
    # The weights of a stream are the best ones only when it has converged.
    goes_on = in_stream(network) and not network.converged_
    if not getattr(network, "early_stopping", False) or goes_on:
        return None
    scores = np.array([row.get("validation_score", np.nan) for row in history], dtype=float)
    if np.isnan(scores).all():
        return None
    best = np.flatnonzero(scores == np.nanmax(scores))
    # Of equal scores scikit-learn keeps the first, skdnn the latest.
    return history[best[-1 if hasattr(network, "history_") else 0]]["epoch"]


def _score_name(network: Any) -> str:
    """Return what the validation score is."""
    scoring = getattr(network, "scoring", None)
    if scoring is None:
        return "accuracy" if is_classifier(network) else "R²"
    if scoring == "loss":
        return "negative loss"
    return scoring.replace("_", " ") if isinstance(scoring, str) else "score"
