"""An app goes to another host from the panel: refused with the reason, shown, stopped, published, rolled back."""

from __future__ import annotations

import re
import threading

from playwright.sync_api import expect
from publishing.hugging_face import WRITE, hugging_face
from publishing.loopback import Answer, Request

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import PANEL, wear
from .test_publish_page import page_of, write


def test_an_app_goes_to_another_host_and_back(lab: Lab, open_lab: OpenLab) -> None:
    id = lab.new_session(title="Walking club", template="static")["id"]
    write(lab, id, "index.html", page_of("First"))
    write(lab, id, "key.js", "const key = 1;\n")
    panel = open_lab(id)
    page, root = panel.page, panel.root
    panel.menu("Publish")
    publishing = root.get_by_role("region", name="Publish", exact=True)
    submit = publishing.get_by_role("button", name=re.compile("^Publish( again)?$"))
    with hugging_face() as hub:
        publishing.get_by_role("radio", name=re.compile("^Hugging Face Space")).check(timeout=LONG)
        publishing.get_by_role("textbox", name="Server").fill(hub.url)
        token = publishing.locator("input[type=password]")
        token.fill("hf_of_last_year")
        panel.picture("elsewhere-form-light")
        assert violations(page, PANEL) == []
        submit.click()
        # Before anything is built.
        expect(publishing.get_by_text("does not accept the access token")).to_be_visible(timeout=LONG)
        expect(publishing.get_by_role("list", name="Steps").get_by_text("Failed:")).to_have_count(1)
        panel.picture("elsewhere-refused")
        assert violations(page, PANEL) == []

        reached, let_go = threading.Event(), threading.Event()

        def hold(request: Request) -> Answer | None:
            if request.path.endswith("/commit/main"):
                reached.set()
                let_go.wait(60)
            return None

        hub.refuse = hold
        publishing.get_by_role("button", name="Try again").click()
        expect(publishing.get_by_role("textbox", name="Server")).to_have_value(hub.url)
        publishing.get_by_role("button", name="Replace Access token").click()
        token.fill(WRITE)
        submit.click()
        anyway = publishing.get_by_role("button", name="Publish anyway…")
        sending = publishing.get_by_text("Sending")
        expect(anyway.or_(sending).first).to_be_visible(timeout=LONG)
        while not sending.is_visible():
            anyway.first.click()
            page.keyboard.type("It is a trial")
            publishing.get_by_role("button", name="Publish anyway", exact=True).click()
            expect(anyway.or_(sending).first).to_be_visible(timeout=LONG)
        panel.picture("elsewhere-sending-light")
        panel.narrow()
        wear(page, "JupyterLab Dark")
        panel.picture("elsewhere-sending-narrow-dark")
        assert violations(page, PANEL) == []
        wear(page, "JupyterLab Light")
        panel.widen(420)
        publishing.get_by_role("button", name="Cancel").click()
        expect(publishing.get_by_role("heading", name=re.compile("was cancelled"))).to_be_visible(timeout=LONG)
        panel.picture("elsewhere-stopped")
        hub.refuse = lambda request: None
        let_go.set()
        publishing.get_by_role("button", name="Try again").click()

        def publish_again(version: int) -> None:
            submit.click()
            expect(
                publishing.get_by_role("heading", name=re.compile(f"is published: release {version}"))
            ).to_be_visible(timeout=LONG)

        # The token is kept: it is not asked for again.
        publish_again(2)
        expect(publishing.get_by_text("Only who may see the Space").first).to_be_visible()
        panel.picture("elsewhere-done")
        assert violations(page, PANEL) == []
        publishing.get_by_role("button", name="Dismiss").click()
        write(lab, id, "index.html", page_of("Second"))
        expect(publishing.get_by_text("The draft has changed since")).to_be_visible(timeout=LONG)
        publish_again(3)
        publishing.get_by_role("button", name="Dismiss").click()
        space = hub.spaces["ada/walking-club"]
        assert b"Second" in space.files["index.html"]
        publication = publishing.get_by_role("region", name=re.compile("^Hugging Face"))
        publication.get_by_role("button", name="Releases").click()
        publication.get_by_role("button", name="Roll back to release 2").click()
        panel.picture("elsewhere-back")
        publication.get_by_role("button", name="Roll back", exact=True).click()
        expect(publishing.get_by_role("heading", name=re.compile("is published: release 2"))).to_be_visible(
            timeout=LONG
        )
        panel.picture("elsewhere-rolled-back")
        assert b"First" in space.files["index.html"]
        publishing.get_by_role("button", name="Dismiss").click()
        expect(publication.get_by_role("heading", name=re.compile("release 2"))).to_be_visible(timeout=LONG)
        publication.get_by_role("button", name="Releases").click()
        publication.get_by_role("button", name="Unpublish…").click()
        publication.get_by_role("button", name="Unpublish", exact=True).click()
        expect(publishing.get_by_text("So far you alone see this app")).to_be_visible(timeout=LONG)
        assert not hub.spaces
