"""Notebooks for tests: as JSON, as JupyterLab writes them."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any


def png(width: int = 64, height: int = 48) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([200, 100, 50]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}, "execution_count": 1}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def shows(**data: Any) -> dict[str, Any]:
    """An output, by MIME types with ``_`` for ``/``."""
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def chart() -> dict[str, Any]:
    return shows(image_png=base64.b64encode(png()).decode(), text_plain="<Figure size 640x480 with 1 Axes>")


def table() -> dict[str, Any]:
    return shows(text_plain="  region  units\n0  North      3", text_html="<table><tr><td>North</td></tr></table>")


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    told = {"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(told | more).encode()


SALES = (
    markdown("# Sales by region\nHow the regions did."),
    code("import pandas as pd\ndf = pd.read_csv('data/sales.csv', parse_dates=['date'])\ndf.head()", table()),
    code("by_region = df.groupby('region', as_index=False).units.sum()\nby_region.plot.bar(x='region')", chart()),
)


def sales_notebook(folder: Path, *more: dict[str, Any]) -> Path:
    """An analysis of a file beside it."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data/sales.csv").write_text("date,region,units\n2026-01-02,North,3\n2026-01-03,South,5\n")
    path = folder / "sales.ipynb"
    path.write_bytes(notebook(*SALES, *more))
    return path
