"""The code on the pages of the documentation runs, and prints what the pages say that it prints."""

import re
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

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


# A block of Python, or of code that another library is needed for.
EITHER = re.compile(r"```(python|py)\n(.*?)```", flags=re.DOTALL)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_of_the_page_runs(page, capsys):
    names = {}
    for code, printed in BLOCK.findall(page.read_text()):
        exec(code, names)
        assert capsys.readouterr().out == printed, code


# Of Keras on PyTorch with NumPy 2, in its own code.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("library", "model", "rows"),
    [("keras", "model", ("X_train", "y_train")), ("skorch", "net", ("X", "y"))],
)
def test_code_of_the_other_library_runs_and_does_as_well(library, model, rows):
    pytest.importorskip(library, reason=f"{library}, or what it runs on, is not installed")
    names, accuracies = {}, {}
    for language, code in EITHER.findall((DOC / "coming_from" / f"{library}.md").read_text()):
        # PyTorch's threads wait for each other, on a busy machine for minutes.
        with threadpool_limits(1):
            exec(code, names)
        if model in names:
            X, y = (names[name] for name in rows)
            predicted = np.asarray(names[model].predict(X))
            classes = predicted if predicted.ndim == 1 else predicted.argmax(axis=1)
            accuracies[language] = (classes == y).mean()
    assert min(accuracies["py"], accuracies["python"]) > 0.95
