"""Write formulas as MathML, which browsers draw themselves: without JavaScript, and offline.

docutils translates the LaTeX; what it does not know is a warning that names the formula.
"""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def write(writer, node, as_block):
    """Append a formula to the page."""
    try:
        formula = tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("no MathML for %r: %s", node.astext(), error, location=node)
        formula = f"<code>{writer.encode(node.astext())}</code>"
    writer.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def setup(app):
    """Register the renderer, for `html_math_renderer`."""
    app.add_html_math_renderer(
        "mathml",
        (lambda writer, node: write(writer, node, False), None),
        (lambda writer, node: write(writer, node, True), None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
