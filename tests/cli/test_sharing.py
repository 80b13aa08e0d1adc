"""``share``: what its options come to."""

from __future__ import annotations

import pytest

from jupyter_appbuilder.cli.main import parser
from jupyter_appbuilder.cli.sharing import _changed
from jupyter_appbuilder.errors import InvalidInput

NOW = {"readers": "people", "users": "bob, ada.l", "groups": "team"}


@pytest.mark.parametrize(
    ("words", "came"),
    [
        ("--user eve --user bob", {"readers": "people", "users": "bob, ada.l, eve", "groups": "team"}),
        ("--group all --revoke bob", {"readers": "people", "users": "ada.l", "groups": "team, all"}),
        ("--revoke bob --revoke ada.l --revoke team", {"readers": "me", "users": "", "groups": ""}),
        ("--everybody", {"readers": "everybody"}),
        ("--nobody", {"readers": "me"}),
    ],
)
def test_readers_are_added_and_taken_away(words: str, came: dict[str, str]):
    assert _changed(NOW, parser().parse_args(["share", "sales", *words.split()])) == came


@pytest.mark.parametrize("words", ["--revoke eve", "--everybody --user eve", "--everybody --nobody"])
def test_what_does_not_go_together_changes_nothing(words: str):
    with pytest.raises(InvalidInput):
        _changed(NOW, parser().parse_args(["share", "sales", *words.split()]))
