"""A generated page cannot act as the person: not in the panel's frame, and not in a tab of its own."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from .conftest import OpenLab
from .lab import BASE_URL, Lab
from .panel import LONG, Panel

ATTEMPTS = """async base => {
    const attempt = async work => {
        try {
            return { got: String(await work()) };
        } catch (error) {
            return { refused: error.name };
        }
    };
    const contents = base + 'api/contents';
    const file = { method: 'POST', body: JSON.stringify({ type: 'file', ext: '.stolen' }), credentials: 'include' };
    const asked = (method, url) => new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(method, url);
        request.withCredentials = true;
        request.onload = () => resolve(`${request.status} ${request.responseText}`);
        request.onerror = () => reject(new TypeError('network'));
        request.send();
    });
    const connected = url => new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve('open');
        socket.onerror = () => reject(new TypeError('socket'));
    });
    return {
        origin: await attempt(() => window.origin),
        cookie: await attempt(() => document.cookie),
        parent: await attempt(() => window.parent.document.title),
        top: await attempt(() => window.top.location.href),
        opener: await attempt(() => window.opener.document.title),
        fetch: await attempt(() => fetch(contents, { credentials: 'include' }).then(answer => answer.text())),
        xhr: await attempt(() => asked('GET', contents)),
        create: await attempt(() => fetch(contents, file).then(answer => answer.status)),
        blind: await attempt(() => fetch(contents, { ...file, mode: 'no-cors' }).then(answer => answer.type)),
        token: await attempt(() => fetch(base + 'lab', { credentials: 'include' }).then(answer => answer.text())),
        socket: await attempt(() => connected(`${location.origin.replace('http', 'ws')}${base}api/events/subscribe`)),
    };
}"""


@pytest.fixture
def panel(open_lab: OpenLab, lab: Lab) -> Panel:
    return open_lab(lab.new_session(title="Curious")["id"])


def preview_frame(panel: Panel) -> Frame:
    expect(panel.preview().get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)
    (frame,) = [frame for frame in panel.page.frames if "/appbuilder/preview/" in frame.url]
    return frame


def judge(found: dict[str, Any], lab: Lab) -> None:
    assert found["origin"]["got"] == "null"
    assert found["cookie"] == {"got": ""}
    for name in ("fetch", "xhr", "create", "token", "socket"):
        assert "refused" in found[name], (name, found[name])
    assert found["blind"] in ({"got": "opaque"}, {"refused": "TypeError"})
    assert not list(lab.root.glob("*.stolen")), "the page made a file"
    assert lab.token not in str(found)


def test_a_page_in_the_frame_reaches_neither_cookies_nor_the_parent_nor_jupyters_api(panel: Panel, lab: Lab) -> None:
    names = [cookie.get("name", "") for cookie in panel.page.context.cookies()]
    assert any("xsrf" in name for name in names), "there is nothing to steal"
    assert any(name.startswith("username-") for name in names)
    found = preview_frame(panel).evaluate(ATTEMPTS, BASE_URL)
    judge(found, lab)
    assert found["parent"]["refused"] == found["top"]["refused"] == "SecurityError"


def test_the_same_page_in_a_tab_of_its_own_reaches_no_more(panel: Panel, lab: Lab) -> None:
    url = preview_frame(panel).url
    with panel.page.context.expect_page() as opened:
        panel.page.get_by_role("button", name="Open in a new browser tab").click()
    tab = opened.value
    expect(tab.get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)
    assert tab.url.partition("?")[0].rstrip("/") == url.partition("?")[0].rstrip("/")
    found = tab.evaluate(ATTEMPTS, BASE_URL)
    judge(found, lab)
    assert "refused" in found["opener"]


def test_the_preview_needs_its_capability_and_the_api_its_login(panel: Panel, lab: Lab, open_lab: OpenLab) -> None:
    url = preview_frame(panel).url
    stranger = panel.page.context.browser.new_context()  # type: ignore[union-attr]
    try:
        assert stranger.request.get(url).ok
        assert stranger.request.get(url.replace("/preview/", "/preview/x")).status == 404
        assert stranger.request.get(f"{lab.url}appbuilder/api/sessions").status in (401, 403)
    finally:
        stranger.close()
