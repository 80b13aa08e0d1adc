"""Links by which other people look at a session: who follows them, what they see, and when they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from model_server import ModelServer

from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.session.looks import MOST, Viewer
from jupyter_appbuilder.session.template import content_of

from .test_published import PAGE, Fetch
from .test_published import fetch as fetch
from .test_published import log_in as log_in

SECRET = "sk-live-4242-hush-hush"


async def made(call: Any, id: str, **order: Any) -> dict[str, Any]:
    answer = await call("POST", "sessions", id, "looks", json={"readers": "everybody", **order})
    assert answer.status == 201, answer.body
    return answer.data


async def test_whoever_may_use_the_server_follows_a_link_until_it_is_taken_back(
    call: Any, new_session: Any, builder: Any, model: ModelServer, fetch: Fetch, log_in: Callable[[], Any]
):
    model.steps = [{"text": f"A <script>alert(1)</script> page with {SECRET}."}]
    id = await new_session(title="<b>Clock</b>")
    session = await builder.session(id)
    builder.vault.set(id, "API_KEY", SECRET)
    await session.send("Make a clock")
    await session.wait()
    link = await made(call, id, days=1)
    assert link["url"] == f"appbuilder/looks/{link['id']}/"
    listed = (await call("GET", "sessions", id, "looks")).data
    assert (listed["looks"], listed["hub"], listed["unavailable"]) == ([link], False, "")

    address = link["url"].removeprefix("appbuilder/")
    assert (await fetch(address)).code == 403
    assert "login" in (await fetch(address, **PAGE)).headers["Location"]
    cookies = await log_in()
    page = await fetch(address, Cookie=cookies, **PAGE)
    assert page.code == 200
    text = page.body.decode()
    assert "Make a clock" in text
    assert "&lt;b&gt;Clock&lt;/b&gt;" in text
    assert "<script" not in text
    assert SECRET not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "allow-scripts" not in policy

    # Who may use this server forks it there.
    assert (await fetch(f"{address}copy", Cookie=cookies, **PAGE)).code == 403
    assert (await call("DELETE", "sessions", id, "looks", link["id"])).status == 204
    assert (await call("DELETE", "sessions", id, "looks", link["id"])).status == 404
    ended = await fetch(address, Cookie=cookies, **PAGE)
    assert (ended.code, "has ended" in ended.body.decode()) == (404, True)


async def test_private_data_are_in_no_look_and_no_copy(
    call: Any, new_session: Any, builder: Any, fetch: Fetch, log_in: Callable[[], Any]
):
    id = await new_session(title="Staff")
    session = await builder.session(id)
    await session.ready()
    file = session.data.new_file()
    written = write(opened(pd.DataFrame({"name": ["Zwetschgenkuchen"]})), file)
    await session.hand_over("staff", written, file, keep="all", private=True)
    link = await made(call, id)
    cookies = await log_in()
    page = await fetch(f"looks/{link['id']}/", Cookie=cookies, **PAGE)
    assert "There are no pictures: the app has private data." in page.body.decode()
    app = await fetch(f"looks/{link['id']}/app", Cookie=cookies, **PAGE)
    assert (app.code, "private data" in app.body.decode()) == (409, True)
    content, left_out = await content_of(session, builder.library, "Staff", "A copy.")
    assert not [path for path in content if "staff" in path]
    assert "data/staff.parquet" in next(one.names for one in left_out if one.what == "data")
    for text in (page.body, *(data for _, data in content.values())):
        assert b"Zwetschgenkuchen" not in text


async def test_a_link_ends_with_its_time_and_with_the_session(call: Any, new_session: Any, builder: Any):
    id = await new_session()
    looks = builder.looks
    now = looks._clock()
    link = await made(call, id, days=2)
    assert looks.find(link["id"]).session == id
    looks._clock = lambda: now + 2 * 86400 + 60
    assert looks.find(link["id"]) is None
    looks._clock = lambda: now
    assert (await call("DELETE", "sessions", id, query={"files": "true"})).status == 204
    assert looks.all() == []


async def test_people_can_be_named_where_a_hub_knows_them(call: Any, new_session: Any, monkeypatch: Any):
    id = await new_session()
    refused = await call("POST", "sessions", id, "looks", json={"readers": "people", "users": ["bob"]})
    assert (refused.status, refused.data["field"]) == (400, "readers")
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:9/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "a-token")
    refused = await call("POST", "sessions", id, "looks", json={"readers": "everybody"})
    assert (refused.status, refused.data["reason"]) == (503, "no_hub_service")
    told = (await call("GET", "sessions", id, "looks")).data
    assert "no service" in told["unavailable"]
    monkeypatch.setenv("JUPYTER_APPBUILDER_SERVICE", "/services/appbuilder/")
    nobody = await call("POST", "sessions", id, "looks", json={"readers": "people"})
    assert (nobody.status, nobody.data["field"]) == (400, "users")
    silent = await call("POST", "sessions", id, "looks", json={"readers": "people", "users": ["bob"]})
    assert silent.status == 503
    assert "a-token" not in silent.body.decode()


async def test_links_are_bounded_and_a_damaged_file_opens_nothing(
    call: Any, new_session: Any, builder: Any, fetch: Fetch, log_in: Callable[[], Any]
):
    id = await new_session()
    link = await made(call, id)
    kept = builder.data / "looks.json"
    one = json.loads(kept.read_text())["looks"][0]
    kept.write_text(json.dumps({"looks": [one | {"id": f"{at:022d}"} for at in range(MOST)]}))
    full = await call("POST", "sessions", id, "looks", json={"readers": "everybody"})
    assert (full.status, full.data["reason"]) == (400, "too_many_looks")
    kept.write_text('{"looks": 5')
    assert (await call("GET", "sessions", id, "looks")).status == 503
    page = await fetch(f"looks/{link['id']}/", Cookie=await log_in(), **PAGE)
    assert page.code == 503


@pytest.mark.parametrize(
    ("viewer", "may"),
    [
        (Viewer("bob"), True),
        (Viewer("Bob"), False),
        (Viewer("eve", frozenset({"team"})), True),
        (Viewer("eve", frozenset({"bob"})), False),
        (Viewer("team"), False),
    ],
)
def test_a_link_is_for_those_who_are_named(tmp_path: Any, viewer: Viewer, may: bool):
    from jupyter_appbuilder.publishing.jupyterhub import Shares
    from jupyter_appbuilder.session.looks import Looks

    shares = Shares(frozenset({"bob"}), frozenset({"team"}))
    looks = Looks(tmp_path)
    look = looks.add("s1", shares, everybody=False, days=1, copies=False, app=False)
    found = Looks(tmp_path).find(look.id)
    assert found == look
    assert found is not None
    assert found.admits(viewer) is may
