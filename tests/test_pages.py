"""The code on the pages of the documentation runs, and prints what the pages say that it prints."""

import re
from pathlib import Path

import pytest

DOC = Path(__file__).parents[1] / "doc"
# `test_doc.py` compares the code on that page with the package's.
PAGES = [
    page
    for folder in (DOC, DOC / "user_guide", DOC / "coming_from")
    for page in sorted(folder.glob("*.md"))
    if "```python" in page.read_text() and page.stem != "extending"
]
# A block of Python, and what it prints, where the page shows it.
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", flags=re.DOTALL)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_of_the_page_runs(page, capsys):
    names = {}
    for code, printed in BLOCK.findall(page.read_text()):
        exec(code, names)
        assert capsys.readouterr().out == printed, code
