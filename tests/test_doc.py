"""The documentation says what the code says."""

import re
from pathlib import Path

import pytest
from sklearn.base import clone

import skdnn

PAGE = (Path(__file__).parents[1] / "doc" / "extending.md").read_text()
# It may be installed elsewhere.
PACKAGE = Path(skdnn.__file__).parent

CODE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("quoted", [code for code in CODE if not code.startswith("from ")])
def test_extending_quotes_the_real_code(quoted):
    named = [PACKAGE / path for path in re.findall(r"In `skdnn/(\S+?)`", PAGE)]
    assert any(quoted in path.read_text() for path in named)


@pytest.mark.parametrize("code", [code for code in CODE if code.startswith("from ")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_extensions_of_ones_own_run(code):
    names = {}
    exec(code, names)
    assert clone(names["net"]).fit([[0.0], [1.0]], [0, 1]).n_iter_ > 0
