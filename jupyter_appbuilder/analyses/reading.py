"""An ``.ipynb`` file -> ``Analysis``. Whatever stands in it, what comes of it is bounded, and plain.

The file is somebody's, and hostile: outputs are HTML, escape codes, megabytes of Base64. Nothing is rendered or run.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any, cast

from ..errors import InvalidInput, NotFound, of_the_disk
from ..formats.rasters import jpeg_size, png_size
from .base import Analysis, Cell, Image, Kind, Output
from .secrets import masked

LARGEST = 50_000_000  # bytes of a file
MOST_CELLS = 1_000
MOST_OUTPUTS = 20  # of a cell
LONGEST_SOURCE = 20_000  # characters of a cell
LONGEST_OUTPUT = 4_000  # characters
LOOKED_AT = 60_000  # characters of an output that are looked at
BESIDE = 2_000  # characters behind those that are kept, in which a key may end
MOST_TEXT = 2_000_000  # characters of all cells and outputs; of what comes then, the beginnings
SHORT = 1_000
LARGEST_IMAGE = 3_500_000  # bytes
MOST_PIXELS = 40_000_000

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")

CHARTS = re.compile(r"application/vnd\.(plotly|vegalite|vega|bokehjs|holoviews)")


def read_notebook(path: Path) -> Analysis:
    """Read a file. Raises ``NotFound``, ``InvalidInput`` for what is no notebook or too large, ``Unavailable``."""
    if path.suffix.lower() != ".ipynb":
        raise InvalidInput(
            f"{path.name} is no notebook.",
            hint="Choose a file that ends in .ipynb.",
            reason="no_notebook",
            field="path",
        )
    try:
        if not path.is_file():
            raise NotFound(
                f"There is no notebook {path}.", hint="Check the path.", reason="no_such_notebook", field="path"
            )
        size = path.stat().st_size
        if size > LARGEST:
            raise InvalidInput(
                f"{path.name} has {size / 1e6:,.0f} MB; the limit is {LARGEST / 1e6:,.0f} MB.",
                hint="Clear outputs that are not needed (Edit > Clear Outputs of All Cells), save, and try again.",
                reason="too_large",
                field="path",
            )
        data = path.read_bytes()
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    return parsed(data, path.name, path.parent.resolve())


def not_empty(analysis: Analysis) -> Analysis:
    """``analysis``. Raises ``InvalidInput``, which says what to do, for one with nothing in it."""
    if not analysis.empty:
        return analysis
    raise InvalidInput(
        f"{analysis.name} has nothing in it yet.",
        hint="Load data in a cell, look at it, draw a chart, save, and try again: the app is made of that.",
        reason="empty_notebook",
        field="path",
    )


def parsed(data: bytes, name: str, folder: Path | None) -> Analysis:
    """The notebook of a file's bytes. Raises ``InvalidInput``."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise _broken(name, "it is not JSON") from None
    if not isinstance(document, dict):
        raise _broken(name, "it holds no JSON object")
    notebook = cast("dict[str, Any]", document)
    found = _cells_of(notebook)
    if found is None:
        raise _broken(name, "it has no cells")
    notes: list[str] = []
    if len(found) > MOST_CELLS:
        notes.append(f"It has {len(found):,} cells; the first {MOST_CELLS:,} were read.")
    cells: list[Cell] = []
    left = MOST_TEXT
    for number, one in enumerate(found[:MOST_CELLS], 1):
        cell = _cell(number, one, whole=left > 0)
        left -= len(cell.source) + sum(len(output.text) for output in cell.outputs)
        cells.append(cell)
    if left <= 0:
        notes.append("It is very long: of its last cells only the beginnings were read.")
    return Analysis(name, folder, hashlib.sha256(data).hexdigest(), _is_python(notebook), cells, notes)


def _broken(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{name} cannot be read as a notebook: {why}.",
        hint="Open it in JupyterLab and save it again; a notebook of another program has to be converted first.",
        reason="broken_notebook",
        field="path",
    )


def _cells_of(notebook: Mapping[str, Any]) -> list[Any] | None:
    """Cells of format 4, or of 3, which has them in worksheets."""
    if isinstance(cells := notebook.get("cells"), list):
        return cast("list[Any]", cells)
    if isinstance(sheets := notebook.get("worksheets"), list):
        of_sheets = [_mapping(sheet).get("cells") for sheet in cast("list[Any]", sheets)]
        return [cell for cells in of_sheets if isinstance(cells, list) for cell in cast("list[Any]", cells)]
    return None


def _is_python(notebook: Mapping[str, Any]) -> bool:
    metadata = _mapping(notebook.get("metadata"))
    language = _mapping(metadata.get("kernelspec")).get("language") or _mapping(metadata.get("language_info")).get(
        "name"
    )
    return not isinstance(language, str) or language.lower() in ("python", "ipython", "")


def _cell(number: int, told: Any, *, whole: bool) -> Cell:
    cell = _mapping(told)
    kind = cell.get("cell_type")
    source = plain(_text(cell.get("source", cell.get("input")), LONGEST_SOURCE + BESIDE if whole else SHORT))
    if kind == "heading":  # of format 3
        source = f"{'#' * (level if isinstance(level := cell.get('level'), int) and 0 < level < 7 else 1)} {source}"
    source = _cut(masked(source), LONGEST_SOURCE)  # masked first: a key that is cut looks like none
    if kind != "code":
        return Cell(number, False, source if kind in ("markdown", "heading") else "")
    outputs = cell.get("outputs")
    given: list[Any] = cast("list[Any]", outputs) if isinstance(outputs, list) and whole else []
    return Cell(number, True, source, tuple(_outputs(given)))


def _outputs(given: list[Any]) -> Iterator[Output]:
    for one in given[:MOST_OUTPUTS]:
        if (output := _output(_mapping(one))) is not None:
            yield output


def _output(told: Mapping[str, Any]) -> Output | None:
    kind = told.get("output_type")
    if kind == "stream":
        return _said("text", _text(told.get("text"), LOOKED_AT))
    if kind in ("error", "pyerr"):
        return _said("error", f"{_text(told.get('ename'), 200)}: {_text(told.get('evalue'), 2_000)}")
    if kind not in ("display_data", "execute_result", "pyout"):
        return None
    data = _mapping(told.get("data")) or _mapping(told)
    return of_bundle(data)


def of_bundle(data: Mapping[str, Any]) -> Output | None:
    """What a MIME bundle shows."""
    image = next((found for kind in ("png", "jpeg") if (found := _image(kind, data))), None)
    text = _text(data.get("text/plain", data.get("text")), LOOKED_AT)
    for name, value in data.items():
        if found := CHARTS.match(str(name)):
            return _said("chart", _spec(found[1], value) or text, image)
    if image:
        return Output("chart", _cut(masked(plain(text)), 300), image)
    if "image/svg+xml" in data:
        return _said("chart", text or "a drawing")
    html = _text(data.get("text/html", data.get("html")), LOOKED_AT)
    if "<table" in html:
        return _said("table", text if "\n" in text else text_of(html))
    return _said("text", text or text_of(html))


def _said(kind: Kind, text: str, image: Image | None = None) -> Output | None:
    said = _cut(masked(plain(text)[: LONGEST_OUTPUT + BESIDE]).strip("\n"), LONGEST_OUTPUT)
    return Output(kind, said, image) if said.strip() or kind == "chart" else None


def _image(kind: str, data: Mapping[str, Any]) -> Image | None:
    encoded = data.get(f"image/{kind}", data.get(kind))
    if not isinstance(encoded, str) or len(encoded) > LARGEST_IMAGE * 4 // 3 + 1_000_000:
        return None
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    size = png_size(content) if kind == "png" else jpeg_size(content)
    if size is None or len(content) > LARGEST_IMAGE or not 0 < size[0] * size[1] <= MOST_PIXELS:
        return None
    return Image(content, *size, f"image/{kind}")


def _spec(kind: str, value: Any) -> str:
    """What the description of a chart says, without its rows."""
    told = _mapping(value)
    if kind == "plotly":
        traces = told.get("data")
        given: list[Any] = cast("list[Any]", traces) if isinstance(traces, list) else []
        named = [" ".join(_words(_mapping(trace), "type", "name")) for trace in given[:20]]
        layout = _mapping(told.get("layout"))
        axes = [_title(_mapping(layout.get(axis))) for axis in ("xaxis", "yaxis")]
        parts = [_title(layout), *[f"axis {axis}" for axis in axes if axis], *[f"trace {one}" for one in named if one]]
        return "plotly chart: " + "; ".join(part for part in parts if part)
    if kind in ("vegalite", "vega"):
        kept = {name: told[name] for name in ("title", "mark", "encoding", "layer", "facet") if name in told}
        return f"{kind} chart: {json.dumps(kept, ensure_ascii=False, default=str)[:1_500]}" if kept else ""
    return f"{kind} chart"


def _title(told: Mapping[str, Any]) -> str:
    title = told.get("title")
    return _text(_mapping(title).get("text") if isinstance(title, dict) else title, 200)


def _words(told: Mapping[str, Any], *names: str) -> list[str]:
    return [_text(told.get(name), 100) for name in names if told.get(name)]


BREAKS = frozenset(["tr", "p", "div", "br", "li", "pre", "h1", "h2", "h3"])
LONGEST_TAG = 4_000  # characters


def text_of(html: str) -> str:
    """What HTML says, as lines of text; cells of a table with a tab between them. (Python's own parser takes a time
    that grows with the square of what is broken.)"""
    parts: list[str] = []
    lower = html.lower()
    at = 0
    while (start := html.find("<", at)) >= 0:
        parts.append(" ".join(html[at:start].split()))
        end = html.find(">", start, start + LONGEST_TAG)
        if end < 0:
            at = start + 1
            continue
        words = lower[start + 1 : end].split(None, 1)
        name = words[0].rstrip("/") if words else ""
        at = end + 1
        if name in BREAKS:
            parts.append("\n")
        elif name in ("td", "th"):
            parts.append("\t")
        elif name in ("script", "style"):
            closed = lower.find(f"</{name}", end)
            at = closed if closed >= 0 else len(html)
    parts.append(" ".join(html[at:].split()))
    return "\n".join(line for line in unescape("".join(parts)).split("\n") if line.strip())


def plain(text: str) -> str:
    """Text without escape codes and control characters; of a line that was written over, what stood last."""
    text = ESCAPES.sub("", text).replace("\r\n", "\n")
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")) if "\r" in text else text
    return CONTROLS.sub("", text).encode("utf-8", "replace").decode()


def _text(value: Any, most: int) -> str:
    """A text of the format: one, or a list of them."""
    if isinstance(value, str):
        return value[:most]
    if not isinstance(value, list):
        return ""
    parts: list[str] = []
    left = most
    for part in cast("list[Any]", value):
        if left <= 0:
            break
        if isinstance(part, str):
            parts.append(part[:left])
            left -= len(part)
    return "".join(parts)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most:,} more characters)"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
