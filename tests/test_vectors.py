"""Rules that stand in Python and in TypeScript, on the same examples (`vectors.test.ts` has the other half)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.approvals.shell import DISGUISES
from jupyter_appbuilder.turns import plans


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", vectors("checklist"), ids=lambda vector: vector["case"])
def test_the_items_of_a_plan_are_counted_as_in_the_panel(vector):
    assert plans.items(vector["text"]) == vector["items"]


def test_letters_that_hide_or_turn_text_are_the_panels():
    expected = {
        letter for span in vectors("disguises") for letter in range(int(span["first"], 16), int(span["last"], 16) + 1)
    }
    assert {letter for letter in range(0x10000) if DISGUISES.match(chr(letter))} == expected
