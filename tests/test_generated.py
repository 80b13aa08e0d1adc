"""The panel's types follow what the server says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "labextension" / "scripts" / "wire_types.py"
FOLDER = SCRIPT.parents[1] / "src" / "core" / "wire"


@pytest.mark.parametrize(
    "name", ["events.generated.ts", "api.generated.ts", "../testing/tools.json", "../testing/said.json"]
)
def test_the_panels_types_are_what_the_server_says(name: str) -> None:
    written = runpy.run_path(str(SCRIPT))["files"]()
    assert (FOLDER / name).read_text(encoding="utf-8") == written[name], "Run labextension/scripts/wire_types.py."
