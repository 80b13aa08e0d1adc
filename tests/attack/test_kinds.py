"""What the suite itself takes for granted."""

from __future__ import annotations

from .conftest import MakeBox, needs
from .kinds import GAPS, KINDS


def test_the_usual_isolation_is_among_those_attacked():
    needs("bwrap")
    assert "bubblewrap" in KINDS


def test_every_known_gap_names_a_test_that_is_there():
    from pathlib import Path

    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for gaps in GAPS.values():
        for name in gaps:
            assert f"def {name.partition('[')[0]}(" in text, name


async def test_the_kind_that_is_asked_for_is_the_one_that_is_tried(box: MakeBox, kind: str):
    async with box() as here:
        assert (await here.provider.describe_isolation()).kind == kind
        assert (await here.run("echo runs")).stdout == "runs\n"
        assert "3" in (await here.run("/usr/bin/python3 -c 'print(1 + 2)'")).stdout  # what the attacks are written in
