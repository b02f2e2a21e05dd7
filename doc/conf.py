"""Settings of the pages: ``python -m sphinx -W --keep-going -b html doc doc/_build/html``."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

import skdnn

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
sys.path.append(str(HERE / "_extensions"))

project = "skdnn"
author = "The skdnn developers"
project_copyright = "the skdnn developers"
version = release = skdnn.__version__

extensions = [
    "mathml",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "**/GALLERY_HEADER.rst"]
# A name between single backticks leads to its page in the reference, where it has one.
default_role = "py:obj"

# Pages: Markdown with formulas between dollars.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Reference: a page for each public name, with the methods that skdnn itself documents.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
templates_path = ["_templates"]

# Pictures of the pages, drawn when the pages are built.
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True
plot_formats = [("png", 110)]
plot_rcparams = {
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.6),
    "savefig.bbox": "tight",
}
plot_apply_rcparams = True

# Gallery: every folder of examples that has a header, lectures first.
folders = sorted(
    (path.parent for path in EXAMPLES.glob("*/GALLERY_HEADER.rst")),
    key=lambda folder: (folder.name == "comparisons", folder.name),
)
scripts = [script for folder in folders for script in sorted(folder.glob("*.py"))]
# A script that reads data from a folder of the user's is shown, but run only where there is one.
if "SKDNN_DATA" not in os.environ:
    scripts = [script for script in scripts if "SKDNN_DATA" not in script.read_text()]
# So is one that needs a package which is none of the extras.
if find_spec("optuna") is None:
    scripts = [script for script in scripts if "import optuna" not in script.read_text()]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "subsection_order": ExplicitOrder([f"../examples/{folder.name}" for folder in folders]),
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": "|".join(re.escape(str(script)) for script in scripts) or "(?!)",
    # Scripts beside the folders are for the command line.
    "ignore_pattern": "|".join(script.name for script in EXAMPLES.glob("*.py")) or "(?!)",
    "write_computation_times": False,
    "download_all_examples": False,
    "show_signature": False,
    # The page of each public name shows the examples that use it.
    "doc_module": ("skdnn",),
    "backreferences_dir": "generated/backreferences",
}


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out what scikit-learn documents, such as `score` and `set_params`."""
    return True if str(getattr(obj, "__module__", "")).startswith("sklearn.") else None


def setup(app):
    """Connect to Sphinx' events."""
    app.connect("autodoc-skip-member", skip_inherited)


html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skdnn"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
html_copy_source = False
