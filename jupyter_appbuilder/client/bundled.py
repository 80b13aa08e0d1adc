"""What the widgets bring to the notebook's page: bundles that the build of labextension/ writes."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"

NOT_BUILT = """\
export default { render({ el }) {
  el.textContent = "This is not part of this installation: jupyter_appbuilder/static/%s is missing. " +
    "Install the package from its wheel, or build it: npm run build in labextension/.";
} };
"""


def script(name: str) -> Path | str:
    """A bundle for anywidget; where it was not built, one that says so."""
    path = STATIC / name
    return path if path.is_file() else NOT_BUILT % name


def styles(name: str) -> Path | str:
    """A style sheet for anywidget; none where it was not built."""
    path = STATIC / name
    return path if path.is_file() else ""
