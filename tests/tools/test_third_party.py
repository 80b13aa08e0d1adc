"""A tool of another package is as good as ours: in the feed, the notebook, a replay, the rules, after a crash."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from building import app_builder
from guests import guests  # noqa: F401  # pyright: ignore[reportUnusedImport]
from plain_app import assert_sound, plain

from jupyter_appbuilder.approvals.judgement import Rules, judge
from jupyter_appbuilder.approvals.rules import ApprovalRule
from jupyter_appbuilder.client.feed import label
from jupyter_appbuilder.session.recovery import take_back
from jupyter_appbuilder.tools.registry import load_tools

ADA = {"guest": "ada", "card": "guests/ada.txt", "words": "Come!\n"}


async def test_its_calls_are_recorded_as_it_says_and_replay_to_the_same_files(guests: None, tmp_path: Path) -> None:  # noqa: F811
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Party")
        await session.ready()
        for name, arguments in {
            "invite_guest": ADA,
            "seat_guests": {"table": "round"},
            "feed_guests": {"table": "round"},
        }.items():
            _, result = await session.call(name, arguments, by="person")
            assert result.ok, result.text
        await assert_sound(session, tmp_path)
        cells = [cell.source for cell in nbformat.read(session.notebook.path, 4).cells]
        assert "%%appbuilder write guests/ada.txt\nCome!" in cells
        # What says nothing of cells, or cannot tell, is recorded by what it left.
        assert any(cell.startswith("%%appbuilder patch --title seat_guests\n") for cell in cells)
        assert any(cell.startswith("%%appbuilder patch --title 'Fed round'\n") for cell in cells)


async def test_its_half_done_call_is_undone_as_it_says(guests: None, tmp_path: Path) -> None:  # noqa: F811
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Party")
        await session.ready()
        place = session.workspace.app / "guests/ada.txt"
        place.parent.mkdir()
        place.write_text(ADA["words"])
        await take_back(session.workspace, load_tools()["invite_guest"], ADA)
        assert not place.exists()
        await take_back(session.workspace, None, ADA)  # of a package that is gone


def test_the_feed_names_its_calls_in_its_words(guests: None) -> None:  # noqa: F811
    assert label("invite_guest", json.dumps(ADA)) == "Inviting ada"
    assert label("invite_guest", '{"guest": "ad') == "Inviting ad"
    assert label("seat_guests", '{"table": "round"}') == "seat_guests"
    assert label("of_a_package_that_is_gone", '{"path": "a.txt"}') == "of_a_package_that_is_gone a.txt"


def test_rules_know_its_calls_by_what_it_says_they_are_about(guests: None) -> None:  # noqa: F811
    rules = Rules(person=(ApprovalRule("invite_guest", "bob", "deny"),))

    def verdict(guest: str) -> str:
        subjects = load_tools()["invite_guest"].subjects({"guest": guest, "words": "bob"})
        return judge(rules, "invite_guest", subjects, lambda _: False).action

    assert verdict("bob") == "deny"
    assert verdict("ada") == "allow"


async def test_it_asks_for_what_the_session_offers_and_is_told_what_is_missing(guests: None, tmp_path: Path) -> None:  # noqa: F811
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Party")
        await session.ready()
        await session.call("seat_guests", {"table": "round"}, by="person")
        _, counted = await session.call("count_guests", {}, by="person")
        assert counted.text == "1 calls; reached: False"
        _, cooked = await session.call("cook_for_guests", {}, by="person")
        assert not cooked.ok
        assert "No Kitchen is offered to tools here." in cooked.text
        assert "Network" in cooked.text
