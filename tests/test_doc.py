"""The documentation says what the code says."""

import os
import re
import runpy
import sys
from pathlib import Path

import pytest
from sklearn.base import clone

ROOT = Path(__file__).parents[1]
# How each example is run quickly, and what its figures stand beside.
EXAMPLES = {
    "lecture_d3_mnist": (["--rows", "2000", "--epochs", "1", "--seeds", "1"], "lecture:"),
    "lecture_d4_imdb": (["--rows", "2000", "--epochs", "3", "--seeds", "1"], "lecture:"),
    "mc_dropout_uci": (
        ["--splits", "2", "--sets", "yacht", "--steps", "50", "--samples", "10"],
        "published",
    ),
}
SHARED = ROOT.parent / "shared" / "data"
PAGE = (ROOT / "doc" / "extending.md").read_text()


CODE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("quoted", [code for code in CODE if not code.startswith("from ")])
def test_extending_quotes_the_real_code(quoted):
    named = [ROOT / path for path in re.findall(r"In `(skdnn/\S+?)`", PAGE)]
    assert any(quoted in path.read_text() for path in named)


@pytest.mark.parametrize("code", [code for code in CODE if code.startswith("from ")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_extensions_of_ones_own_run(code):
    names = {}
    exec(code, names)
    assert clone(names["net"]).fit([[0.0], [1.0]], [0, 1]).n_iter_ > 0


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_examples_run(example, capsys, monkeypatch):
    """At a small size; those on real data where there is a folder that has them."""
    arguments, figures = EXAMPLES[example.stem]
    if SHARED.is_dir() and "SKDNN_DATA" not in os.environ:
        monkeypatch.setenv("SKDNN_DATA", str(SHARED))
    monkeypatch.setattr(sys, "argv", [str(example), *arguments])
    try:
        runpy.run_path(str(example), run_name="__main__")
    except SystemExit as done:
        assert not done.code
    said = capsys.readouterr().out
    if said.startswith("Set SKDNN_DATA"):
        pytest.skip(said)
    assert figures in said
