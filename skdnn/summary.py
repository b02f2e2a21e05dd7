"""Tables of a network's layers and parameters, as text and for notebooks."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skdnn import engine
from skdnn.layers import Dense, Output
from skdnn.network import Network


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table with aligned columns: the first `left` to the left, the others to the right.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    left : int
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Any) -> Any:
        padded = (
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    return "\n".join([line(header), rule, *map(line, rows), rule])


def html_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: int,
    *,
    caption: str,
    notes: Sequence[str] = (),
) -> str:
    """Return the same as HTML, with a caption above and notes below.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    left : int
    caption : str
    notes : sequence of str
    """

    def cells(tag: Any, row: Any) -> Any:
        sides = ["left"] * left + ["right"] * (len(header) - left)
        return "".join(
            f'<{tag} style="text-align: {side}">{html.escape(cell)}</{tag}>'
            for side, cell in zip(sides, row, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    below = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    return (
        f'<div><table><caption style="text-align: left">{html.escape(caption)}</caption>'
        f"<thead><tr>{cells('th', header)}</tr></thead><tbody>{body}</tbody></table>{below}</div>"
    )


@dataclass(frozen=True)
class LayerSummary:
    """A row of a `NetworkSummary`.

    Attributes
    ----------
    name : str
        "hidden_0", ..., "output". Layers of one number are frozen and transformed together:
        it is that of `frozen_layers` and `transform_layer`.
    kind : str
        Name of the class in `skdnn.layers`.
    activation : str
        Empty where there is none.
    output_shape : tuple
        ``(None, n_units)``; None stands for the number of rows.
    n_parameters : int
        Running statistics of batch normalisation included.
    n_trainable : int
        How many of these training changes by the gradient.
    """

    name: str
    kind: str
    activation: str
    output_shape: tuple[None, int]
    n_parameters: int
    n_trainable: int

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer."""
        return self.n_trainable > 0


@dataclass(frozen=True)
class NetworkSummary:
    """The layers of a network with their parameters.

    ``print`` shows it as a table, notebooks show it as HTML.

    Attributes
    ----------
    model : str
        Name of the estimator's class.
    n_features : int
    layers : tuple of LayerSummary
        The hidden layers and the output layer.

    Examples
    --------
    Four logistic units, and an output for each of two classes. (Fitted to two classes `MLPNet` has
    one output, ``n_outputs=1``, which tells as much.)

    >>> from skdnn import MLPNet
    >>> print(MLPNet((4,), "logistic").summary(n_features=2, n_outputs=2))
    MLPNet of 2 features
    Layer     Kind   Activation  Output shape  Trainable  Parameters
    ----------------------------------------------------------------
    hidden_0  Dense  logistic    (None, 4)     yes                12
    output    Dense  softmax     (None, 2)     yes                10
    ----------------------------------------------------------------
    Parameters: 22
    Trainable: 22
    Not trainable: 0
    """

    model: str
    n_features: int
    layers: tuple[LayerSummary, ...]

    @property
    def n_parameters(self) -> int:
        """The number of all parameters."""
        return sum(layer.n_parameters for layer in self.layers)

    @property
    def n_trainable(self) -> int:
        """The number of those that training changes by the gradient."""
        return sum(layer.n_trainable for layer in self.layers)

    @property
    def n_not_trainable(self) -> int:
        """The number of those in frozen layers, and of running means and variances."""
        return self.n_parameters - self.n_trainable

    def _cells(self) -> tuple[list[str], list[list[str]], int]:
        header = ["Layer", "Kind", "Activation", "Output shape", "Trainable", "Parameters"]
        rows = []
        for layer in self.layers:
            trainable = "yes" if layer.trainable else "no"
            rows.append(
                [
                    layer.name,
                    layer.kind,
                    layer.activation,
                    str(layer.output_shape),
                    trainable if layer.n_parameters else "",
                    f"{layer.n_parameters:,}",
                ]
            )
        return header, rows, 5

    def _totals(self) -> list[str]:
        return [
            f"Parameters: {self.n_parameters:,}",
            f"Trainable: {self.n_trainable:,}",
            f"Not trainable: {self.n_not_trainable:,}",
        ]

    def _title(self) -> str:
        return f"{self.model} of {self.n_features:,} feature{'s' * (self.n_features != 1)}"

    def __str__(self) -> str:
        return "\n".join([self._title(), text_table(*self._cells()), *self._totals()])

    def _repr_html_(self) -> str:
        return html_table(*self._cells(), caption=self._title(), notes=self._totals())


def summarize(network: Network, model: str, output_activation: str) -> NetworkSummary:
    """Return the table of a network's layers.

    Parameters
    ----------
    network : Network
    model : str
        Name of the estimator's class.
    output_activation : str
        That of the output layer, the loss's link included.
    """
    records = list(zip(network.layers, network.blocks, strict=True))
    n_hidden, n_in = network.blocks[-1], network.n_features
    layers = []
    for spec in network.specs:
        # A layer may be several records of the table, or none.
        n_records = len(spec.records(n_in))
        own, records = records[:n_records], records[n_records:]
        if not own:
            continue
        n_in, number = int(own[-1][0]["n_out"]), own[0][1]
        n_gradient = sum(int(row["end"] - row["params"]) for row, _ in own)
        n_trained = sum(int(row["end"] - row["params"]) for row, _ in own if row["learning_rate"])
        normal = any(row["kind"] in (engine.BATCH_NORM, engine.NORMALIZE) for row, _ in own)
        activation = ""
        if number == n_hidden:
            activation = output_activation
        elif n_records == 1 and n_gradient and not normal:
            activation = list(engine.ACTIVATIONS)[own[0][0]["activation"]]
        layers.append(
            LayerSummary(
                "output" if number == n_hidden else f"hidden_{number}",
                Dense.__name__ if isinstance(spec, Output) else type(spec).__name__,
                activation,
                (None, n_in),
                n_gradient + 2 * n_in * normal,
                n_trained,
            )
        )
    return NetworkSummary(model, network.n_features, tuple(layers))
