from __future__ import annotations

from typing import Any

from jupyter_appbuilder.client.feed import Feed


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
