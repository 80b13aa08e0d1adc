"""288 edits with the mistakes that models make, on real source files: none may land wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.edits.cases import installed, load
from benchmarks.edits.mistakes import MISTAKES
from benchmarks.edits.runner import run


@pytest.mark.edits
@pytest.mark.timeout(400)  # the first run installs the template's packages
async def test_no_edit_lands_wrong_and_what_can_land_does(tmp_path: Path) -> None:
    entries = load()
    assert len(entries) >= 200
    assert {entry.mistake for entry in entries} == set(MISTAKES)
    modules = await installed(tmp_path)
    cases = [entry.case(modules) for entry in entries]
    (tmp_path / "edits").mkdir()
    found = await run(cases, tmp_path / "edits")
    told = [
        f"{entry.mistake}: {entry.file}:{entry.start + 1}: {landed}: {said[:300]}"
        for entry, case, (landed, said) in zip(entries, cases, found, strict=True)
        if landed == "wrong" or (case.outcome == "right" and landed != "right")
    ]
    assert told == []
    assert Counter(landed for landed, _ in found)["right"] > 100
