from __future__ import annotations

from typing import Any

from jupyter_appbuilder.notebook.feed import Feed


def live(message: str, fraction: float | None) -> dict[str, Any]:
    return {"kind": "live", "type": "progress", "data": {"what": "model", "message": message, "fraction": fraction}}


def test_what_is_waited_for_is_shown_until_it_goes_on():
    feed = Feed()
    feed.take(live("Loading model.gguf … 43 %", 0.4))
    assert feed.markdown() == "◌ Loading model.gguf … 43 %"
    feed.take(live("", 1))
    assert feed.markdown() == ""
