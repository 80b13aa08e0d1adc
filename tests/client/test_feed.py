from __future__ import annotations

import io
from typing import Any

from jupyter_appbuilder.cli.terminal import Terminal
from jupyter_appbuilder.client.feed import Feed

AT = "2026-03-01T10:00:42.000Z"


def live(message: str, fraction: float | None) -> dict[str, Any]:
    return {"kind": "live", "type": "progress", "data": {"what": "model", "message": message, "fraction": fraction}}


def test_what_is_waited_for_is_shown_until_it_goes_on():
    feed = Feed()
    feed.take(live("Loading model.gguf … 43 %", 0.4))
    assert feed.markdown() == "◌ Loading model.gguf … 43 %"
    feed.take(live("", 1))
    assert feed.markdown() == ""


def test_that_the_model_thinks_is_shown_and_not_what():
    feed = Feed()
    feed.take({"kind": "live", "type": "reasoning.delta", "data": {"turn": "t1", "response": "r1", "text": "Hm."}})
    assert feed.begun
    assert feed.markdown() == "◌ Thinking …"
    feed.take({"kind": "live", "type": "text.delta", "data": {"turn": "t1", "response": "r1", "text": "Yes"}})
    assert feed.markdown() == "Yes ▌"


def test_who_comes_while_the_model_thinks_sees_that_it_does():
    response = {"turn": "t1", "response": "r1", "reasoning": "Hm.", "text": "", "tool_calls": []}
    feed = Feed()
    feed.take({"kind": "snapshot", "preview": {}, "response": response})
    assert feed.markdown() == "◌ Thinking …"


def test_a_turn_that_is_done_and_not_all_well_has_a_mark_of_its_own():
    feed = Feed()
    ended = {"turn": "t1", "reason": "done", "message": "Done, not seen: nobody has looked.", "hint": "Try it."}
    feed.take({"kind": "events", "events": [{"type": "turn.finished", "at": AT, "data": ended}]})
    above, _, _ = feed.markdown().partition("<details>")
    assert "⚠ Done, not seen: nobody has looked. Try it." in above


def test_an_answer_that_was_thrown_away_makes_room_for_the_next():
    feed, out = Feed(), io.StringIO()
    terminal = Terminal(out)
    for response, text in (("r1", "I wr"), ("r1", "ite"), ("r2", "I wri"), ("r2", "te it.")):
        data = {"turn": "t1", "response": response, "text": text}
        terminal.feed(feed, feed.take({"kind": "live", "type": "text.delta", "data": data}))
    assert feed.markdown() == "I write it. ▌"
    assert out.getvalue() == "\nI write\n\nI write it."


def test_a_call_of_an_answer_that_was_thrown_away_is_not_left_running():
    feed = Feed()
    call = {"turn": "t1", "response": "r1", "index": 0, "call": "r1.0", "tool": "write_file", "arguments": "{"}
    feed.take({"kind": "live", "type": "tool.delta", "data": call})
    assert feed.markdown() == "◌ Writing"
    usage = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": None}
    answer = {"turn": "t1", "response": "r2", "model": "m", "recorded": False, "text": "Done.", "tool_calls": []}
    answer |= {"finish_reason": "stop", "usage": usage}
    feed.take({"kind": "events", "events": [{"seq": 1, "type": "response.completed", "data": answer}]})
    assert feed.markdown() == "Done."


def test_a_turn_that_is_done_is_a_line_and_its_feed_is_folded_whatever_was_said():
    feed = Feed()

    def take(type: str, data: dict[str, Any], at: str = AT) -> None:
        feed.take({"kind": "events", "events": [{"seq": 1, "type": type, "at": at, "data": data}]})

    usage = {"input_tokens": 12_000, "output_tokens": 345, "cached_tokens": 0, "cost": 0.031}
    text = "# Done\n\nI added a **dark mode**, for $5 and </details> more. Try it.\n\n```html\n<details>"
    answer = {"turn": "t1", "response": "r1", "model": "m", "recorded": False, "text": text, "tool_calls": []}
    take("turn.started", {"turn": "t1", "mode": "build"}, "2026-03-01T10:00:00.000Z")
    take("file.changed", {"path": "a.css", "turn": "t1"})
    take("response.completed", answer | {"finish_reason": "stop", "usage": usage})
    take("checkpoint.created", {"checkpoint": "1a2b3c4d5e", "turn": "t1"})
    take("turn.finished", {"turn": "t1", "reason": "done", "message": "", "hint": ""})
    line, _, fold = feed.markdown().partition("\n\n")
    assert line.startswith("✓ **I added a dark mode, for ")
    assert line.endswith("1 file changed · version 1a2b3c4 · 42 s · 12,345 tokens · \\$0.03")
    assert fold.startswith("<details><summary>What was said</summary>\n\n# Done")
    assert fold.endswith("<\N{WORD JOINER}details>\n```\n\n</details>") or fold.endswith("<details>\n```\n\n</details>")
    assert fold.count("</details>") == 1
    feed.text = "[" * 1_000_000  # a pattern that looks for the end of each would never come to its own
    assert len(feed.summary()) < 1000
