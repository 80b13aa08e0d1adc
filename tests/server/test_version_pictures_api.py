"""How a version of an app looked, over HTTP."""

from __future__ import annotations

from typing import Any

from jupyter_appbuilder.events import Draft

PNG = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>"


async def test_a_picture_is_served_as_one_and_a_version_that_nobody_saw_says_so(
    builder: Any, call: Any, new_session: Any
) -> None:
    id = await new_session(title="Page")
    (version,) = (await call("GET", "sessions", id, "checkpoints")).data
    assert version["pictures"] == []
    place = ("sessions", id, "checkpoints", version["id"], "picture")
    unseen = await call("GET", *place)
    assert (unseen.status, unseen.data["reason"]) == (404, "no_picture")
    assert "POST" in unseen.data["hint"]

    kept = {
        "sha256": await builder.pictures.keep(PNG),
        "width": 390,
        "height": 800,
        "alt": "",
        "media_type": "image/png",
    }
    small = kept | {"sha256": await builder.pictures.keep(PNG + b"2"), "media_type": "image/webp"}
    told = {"tree": version["tree"], "pictures": [{"width": 390, "picture": kept, "thumbnail": small}]}
    await (await builder.session(id)).append(Draft("preview.pictured", told))
    (version,) = (await call("GET", "sessions", id, "checkpoints")).data
    assert version["pictures"] == told["pictures"]
    whole = await call("GET", *place, width="390")
    assert (whole.status, whole.body) == (200, PNG)
    assert whole.headers["Content-Type"] == "image/png"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    thumbnail = await call("GET", *place, width="390", thumbnail="true")
    assert (thumbnail.headers["Content-Type"], thumbnail.body) == ("image/webp", PNG + b"2")
    by_content = await call("GET", "sessions", id, "pictures", small["sha256"])
    assert (by_content.status, by_content.body) == (200, PNG + b"2")
    (listed,) = (await call("GET", "sessions")).data
    assert listed["picture"]["sha256"] == small["sha256"]  # the app's picture in lists

    assert (await call("GET", *place, width="768")).status == 404
    odd = await call("GET", *place, width="7")
    assert (odd.status, odd.data["field"]) == (400, "width")
    assert (await call("GET", "sessions", id, "checkpoints", "none", "picture")).status == 404
    nobody = await call("POST", *place)
    assert (nobody.status, nobody.data["reason"]) == (503, "browser_off")
    assert nobody.data["message"].startswith("Looking at apps is switched off")
