"""A picture of the app's page, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"width": 199}, "width"),
        ({"height": 2001}, "height"),
        ({"path": "https://example.org"}, "path"),
        ({"path": "/\u202e"}, "path"),
        ({"theme": "blue"}, "theme"),
    ],
)
async def test_a_window_that_there_cannot_be_is_refused_by_name(
    call: Any, new_session: Any, wanted: dict[str, Any], field: str
) -> None:
    answer = await call("POST", "sessions", await new_session(), "preview", "screenshot", json={"path": "/"} | wanted)
    assert (answer.status, answer.data["field"]) == (400, field)


async def test_without_a_browser_it_says_what_is_missing(call: Any, new_session: Any) -> None:
    answer = await call("POST", "sessions", await new_session(), "preview", "screenshot", json={"path": "/"})
    assert (answer.status, answer.data["reason"]) == (503, "browser_off")
    assert answer.data["message"]
