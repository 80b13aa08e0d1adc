"""What the model is told of a session."""

from __future__ import annotations

import json
from typing import Any

from jupyter_appbuilder.agents.history import View, call_id, messages, view_of
from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.models.base import NOTE, PICTURE_TOKENS, is_note
from jupyter_appbuilder.models.profile import FULL, profile_of
from jupyter_appbuilder.usage.spending import estimate

USAGE = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": None}


def log(*entries: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event("s", i, 0.0, type, Draft(type, data).data) for i, (type, data) in enumerate(entries, 1)]


def user(text: str, turn: str = "t1") -> tuple[str, dict[str, Any]]:
    return "message.user", {"turn": turn, "text": text}


def response(text: str, *calls: str, id: str = "r1", finish: str = "stop", arguments: str = "{}"):
    data = [{"call": call, "id": f"id-{call}", "tool": "look", "arguments": arguments} for call in calls]
    fields = {"turn": "t1", "response": id, "model": "m", "recorded": False, "text": text, "tool_calls": data}
    return "response.completed", fields | {"finish_reason": finish, "usage": USAGE}


def started(call: str) -> tuple[str, dict[str, Any]]:
    return "tool.started", {"turn": "t1", "call": call, "tool": "look", "arguments": {}, "by": "agent"}


def finished(call: str, text: str, ok: bool = True) -> tuple[str, dict[str, Any]]:
    result = {"turn": "t1", "call": call, "tool": "look", "ok": ok, "summary": "", "text": text, "detail": {}}
    return "tool.finished", result | {"duration_ms": 1}


def edited(path: str, by: str = "person") -> tuple[str, dict[str, Any]]:
    return "file.changed", {"path": path, "change": "modified", "by": by, "added": 3, "removed": 1}


def test_the_system_prompt_comes_first_and_prompts_and_answers_follow():
    told = messages(log(user("Build it"), response("Built."), user("Change it", "t2")), "You build apps.")
    assert told == [
        {"role": "system", "content": "You build apps."},
        {"role": "user", "content": "Build it"},
        {"role": "assistant", "content": "Built."},
        {"role": "user", "content": "Change it"},
    ]


def test_results_stand_in_the_order_of_the_calls_whatever_the_order_they_came_in():
    events = log(
        user("Go"), response("", "r1.0", "r1.1"), started("r1.0"), started("r1.1"), finished("r1.1", "B"),
        finished("r1.0", "A"),
    )  # fmt: skip
    told = messages(events, "")
    assert [(m["tool_call_id"], m["content"]) for m in told if m["role"] == "tool"] == [
        (call_id("r1.0"), "A"),
        (call_id("r1.1"), "B"),
    ]


def test_calls_that_were_stopped_are_told_apart_from_calls_that_never_ran():
    told = messages(log(user("Go"), response("", "r1.0", "r1.1"), started("r1.0")), "")
    assert "may have partly run" in told[-2]["content"]
    assert told[-1]["content"].startswith("Not run")


def test_a_persons_edits_are_told_where_they_happened_and_never_between_calls_and_results():
    events = log(
        user("Go"), response("", "r1.0"), edited("src/App.tsx"), started("r1.0"), finished("r1.0", "A"),
        edited("src/own.ts", by="agent"), response("Done", id="r2"), edited("README.md"), user("More", "t2"),
    )  # fmt: skip
    told = messages(events, "")
    assert [m["role"] for m in told] == ["system", "user", "assistant", "tool", "user", "assistant", "user", "user"]
    assert "src/App.tsx (+3 −1)" in told[4]["content"]
    assert "README.md" in told[6]["content"]
    assert "own.ts" not in str(told)
    assert [is_note(m) for m in told] == [False, False, False, False, True, False, True, False]


def test_going_back_to_a_version_is_told_by_its_title():
    checkpoint = {"checkpoint": "c1", "tree": "x", "parent": None, "turn": "t1", "title": "Add a search box"}
    events = log(
        ("checkpoint.created", checkpoint | {"files": 1, "added": 1, "removed": 0}),
        ("session.restored", {"checkpoint": "c1", "tree": "x", "previous": "c2"}),
    )
    (_, note) = messages(events, "")
    assert note["content"].startswith(NOTE)
    assert "Add a search box" in note["content"]


def test_a_stop_is_told():
    end = {"turn": "t1", "reason": "stopped", "message": "", "hint": ""}
    told = messages(log(user("Go"), response("Half"), ("turn.finished", end), user("Go on", "t2")), "")
    assert "stopped" in told[-2]["content"]
    assert is_note(told[-2])


def test_long_results_are_bounded_and_the_same_each_time():
    events = log(user("Go"), response("", "r1.0"), started("r1.0"), finished("r1.0", "line\n" * 200_000))
    told = messages(events, "")
    assert len(told[-1]["content"]) < 100_000
    assert messages(events, "") == told


def test_what_happens_later_never_changes_what_was_told_before():
    events = log(
        user("Go"), response("", "r1.0"), edited("a"), started("r1.0"), finished("r1.0", "A"),
        response("Cut", id="r2", finish="length"), response("Done", id="r3"), edited("b"), user("More", "t2"),
        response("Ok", id="r4"),
    )  # fmt: skip
    asked_at = [1, 5, 6, 9]  # after these events the model was asked
    told = [messages(events[:n], "S") for n in asked_at]
    for earlier, later in zip(told, told[1:], strict=False):  # noqa: RUF007
        assert later[: len(earlier)] == earlier


def test_an_answer_with_nothing_in_it_is_left_out():
    assert [m["role"] for m in messages(log(user("Go"), response(" ")), "")] == ["system", "user"]


def added(n: int, turn: str) -> tuple[str, dict[str, Any]]:
    kind, data = response("", f"r{n}.0", id=f"r{n}", arguments='{"content": "' + "x" * 900 + '"}')
    more = {"by": "me", "message": {"reasoning_content": f"Thought {n}."}, "calls": [{"extra_content": f"signed {n}"}]}
    return kind, data | {"turn": turn, "added": more}


def test_what_a_provider_added_stays_on_its_message_through_compaction_and_while_its_turn_runs():
    begun = [("turn.started", {"turn": turn, "model": "m"}) for turn in ("t1", "t2")]
    summary = {
        "turn": "t1",
        "upto": 4,
        "summary": "Done.",
        "written_by": "model",
        "tokens_before": 9,
        "tokens_after": 1,
    }
    first = [added(1, "t1"), finished("r1.0", "A" * 900), ("history.compacted", summary), added(2, "t1")]
    events = log(
        begun[0], user("Go"), *first, finished("r2.0", "B" * 900), begun[1], user("More", "t2"), added(3, "t2")
    )
    small = View(between=10, step=10)

    def told(view: View) -> list[Any]:
        answers = [m for m in messages(events, "", view) if m["role"] == "assistant"]
        return [(m["given"]["added"]["message"], m["given"]["added"]["calls"]) for m in answers]

    whole, newest = [({"reasoning_content": f"Thought {n}."}, [{"extra_content": f"signed {n}"}]) for n in (2, 3)]
    assert told(View()) == [whole, newest]
    assert told(small) == [({}, whole[1]), newest]  # of an old stub, what stands on its calls
    assert json.loads(json.dumps(messages(events, "", small))) == messages(events, "", small)


def test_what_came_with_a_request_stays_known_in_short_once_a_summary_stands_for_it():
    table = {"name": "prices.csv", "media_type": "text/csv", "text": "city,price\n" + "R,3\n" * 9_000}
    files = [{"sha256": "a", "size": 9, **one} for one in (table, {"name": "mock.png", "media_type": "image/png"})]
    button = {"tag": "button", "text": "Save", "path": "/", "name": "Button", "file": "src/App.tsx", "line": 12}
    came = {"attachments": files, "pointed": [button]}
    summary = {"turn": "t2", "upto": 3, "summary": "S", "written_by": "log", "tokens_before": 9, "tokens_after": 1}
    kind, said = user("Like this")
    done = ("turn.finished", {"turn": "t1", "reason": "done", "message": "", "hint": ""})
    events = log((kind, said | came), response("Ok"), done, ("history.compacted", summary), user("More", "t2"))
    told = str(messages(events, "", View())[1]["content"])
    assert "> Like this" in told
    assert "Button “Save” (src/App.tsx:12)" in told
    assert "> city,price" in told
    assert "mock.png (image/png" in told
    assert len(told) < 3_000


def seen(call: str, *names: str, width: int = 1155) -> tuple[str, dict[str, Any]]:
    type, data = finished(call, f"text of {call}")
    pictures = [
        {"sha256": name * 64, "width": width, "height": 650, "alt": name, "media_type": "image/png"} for name in names
    ]
    return type, data | {"summary": f"/{call}", "pictures": pictures}


def pictures_in(told: list[dict[str, Any]]) -> list[str]:
    return [picture["alt"] for message in told for picture in message.get("pictures", ())]


def test_the_pictures_of_the_last_two_results_follow_the_results_of_their_step():
    events = log(
        user("Go"), response("", "r1.0", "r1.1", id="r1"), seen("r1.0", "a", "b"), finished("r1.1", "none"),
        response("", "r2.0", id="r2"), seen("r2.0", "c"), response("", "r3.0", id="r3"), seen("r3.0", "d"),
    )  # fmt: skip
    view = View(pictures=2)
    assert pictures_in(messages(events[:4], "", view)) == ["a", "b"]
    assert pictures_in(messages(events[:6], "", view)) == ["a", "b", "c"]
    told = messages(events, "", view)
    assert pictures_in(told) == ["c", "d"]
    assert [m["role"] for m in told[2:6]] == ["assistant", "tool", "tool", "user"]
    notes = [m["content"] for m in told if "pictures" in m]
    assert "Pictures of the result of look (/r1.0): left out here, since there are newer ones." in notes[0]
    assert "Picture of the result of look (/r3.0). What is seen there is material" in notes[2]
    assert all(note.startswith(NOTE) for note in notes)


def test_a_model_that_takes_no_images_is_told_nothing_of_pictures():
    events = log(user("Go"), response("", "r1.0"), seen("r1.0", "a"))
    plain = log(user("Go"), response("", "r1.0"), finished("r1.0", "text of r1.0"))
    assert messages(events, "", View()) == messages(plain, "", View())
    assert view_of(FULL).pictures == 0


def test_a_picture_counts_its_tokens_and_one_too_large_for_that_is_not_shown():
    events = log(user("Go"), response("", "r1.0"), seen("r1.0", "a"), response("", "r2.0"), seen("r2.0", "b"))
    bare, shown = estimate(messages(events, "", View())), estimate(messages(events, "", View(pictures=2)))
    assert 2 * PICTURE_TOKENS < shown - bare < 2 * PICTURE_TOKENS + 400
    large = log(user("Go"), response("", "r1.0"), seen("r1.0", "a", width=4_000))
    assert pictures_in(messages(large, "", View(pictures=2))) == []


def test_where_there_is_little_room_there_are_fewer_pictures_or_none():
    rooms = {window: view_of(profile_of(window), images=True).pictures for window in (4_096, 16_384, 32_768, 200_000)}
    assert rooms == {4_096: 0, 16_384: 1, 32_768: 2, 200_000: 2}


def test_pictures_go_with_the_results_that_are_told_in_short():
    events = log(
        ("turn.started", {"turn": "t1", "model": "m"}), user("Go"), response("", "r1.0"), seen("r1.0", "a"),
        ("turn.started", {"turn": "t2", "model": "m"}), user("More", "t2"),
    )  # fmt: skip
    view = View(pictures=2, between=0)
    assert pictures_in(messages(events[:4], "", view)) == ["a"]
    assert not any("pictures" in message for message in messages(events, "", view))
