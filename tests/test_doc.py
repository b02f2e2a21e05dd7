"""The documentation says what the code says."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "doc" / "extending.md").read_text()


@pytest.mark.parametrize("quoted", re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
def test_extending_quotes_the_real_code(quoted):
    named = [ROOT / path for path in re.findall(r"In `(skdnn/\S+?)`", PAGE)]
    assert any(quoted in path.read_text() for path in named)


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_examples_run(example, capsys):
    runpy.run_path(str(example), run_name="__main__")
    assert "lecture:" in capsys.readouterr().out
