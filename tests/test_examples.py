"""The examples run as they are, at the size at which they come, and tell what the lecture found."""

import os
import runpy
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"
EXAMPLES = Path(__file__).parents[1] / "examples"
# Those that follow no lecture.
OTHERS = ("comparisons", "search")
GALLERY = [path for name in ("[a-e]_*", *OTHERS) for path in sorted(EXAMPLES.glob(f"{name}/*.py"))]


# There is no screen to show them on.
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("script", GALLERY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_examples_run(script, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib", reason="the pictures need matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    if "SKDNN_DATA" in script.read_text():
        folder = os.environ.get("SKDNN_DATA", SHARED)
        if not Path(folder).is_dir():
            pytest.skip(f"the data of {script.name} are not there: set SKDNN_DATA")
        monkeypatch.setenv("SKDNN_DATA", str(folder))
    monkeypatch.setattr(sys, "argv", [str(script)])
    pyplot.close("all")
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as stop:
        pytest.skip(f"{script.name}: {stop}")
    said, figures = capsys.readouterr().out, pyplot.get_fignums()
    pyplot.close("all")
    assert figures
    if script.parent.name not in OTHERS:
        assert "lecture:" in said
