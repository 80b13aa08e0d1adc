"""A look at a session, for another user of a real JupyterHub: what they see, what they copy, and when it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chromium import PATIENCE, launch_options
from playwright.sync_api import expect, sync_playwright

from .hub_server import PROXY, Hub, until
from .test_publishing import a_hub, panel_of_ada, picture, refusals, seen_in_each_width, visitor

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup)."),
]


def looks(found: Hub, session: str, **order: object) -> dict[str, str]:
    return found.sessions(f"/{session}/looks", "POST", json=order)


@pytest.mark.timeout(300)
def test_another_user_looks_at_a_session_and_copies_it_until_the_link_is_taken_back(tmp_path: Path) -> None:
    with a_hub(tmp_path, "bob") as (found, session), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        panel = panel_of_ada(browser, found, session)
        root = panel.root
        panel.menu("Share a look")
        expect(root.get_by_text("There is no link yet")).to_be_visible()
        root.get_by_role("textbox", name="Users").fill("nobody-here")
        root.get_by_role("button", name="Make a link").click()
        expect(root.get_by_role("alert")).to_contain_text("knows no user 'nobody-here'")
        root.get_by_role("textbox", name="Users").fill("bob")
        seen_in_each_width(panel, "look-form")
        root.get_by_role("button", name="Make a link").click()
        expect(root.get_by_role("list", name="Links")).to_contain_text("bob")
        seen_in_each_width(panel, "look-links")
        (link,) = found.sessions(f"/{session}/looks")["looks"]
        assert re.fullmatch(r"/services/appbuilder/looks/ada/[\w-]{22}", link["url"])
        assert link["users"] == ["bob"]

        bob = visitor(browser, found, "bob", link["url"])
        expect(bob.get_by_role("heading", name="Say hello")).to_be_visible()
        expect(bob.get_by_text("It is there.")).to_be_visible()
        expect(bob.get_by_text("ada shows you this session")).to_be_visible()
        picture(bob, "look")
        shown = bob.url
        assert shown == f"{found.url}/user/ada/appbuilder/looks/{link['id']}/"

        # Nothing but that page: not by the Hub's token, and not by what the browser has by now.
        answers = refusals(found, session, "bob")
        assert len(answers) > 80
        assert not {route: status for route, status in answers.items() if status not in (302, 401, 403, 404)}
        for path in ("lab", f"appbuilder/api/sessions/{session}", "api/contents", "appbuilder/looks/"):
            answer = bob.context.request.get(f"{found.url}/user/ada/{path}", max_redirects=0)
            assert answer.status in (302, 403, 404), path

        eve = visitor(browser, found, "eve", link["url"])
        expect(eve.get_by_role("heading", name="You have no access to this session")).to_be_visible()
        eve.goto(shown)  # an address that was copied
        expect(eve.get_by_role("heading", name="You have no access to this session")).to_be_visible()
        picture(eve, "look-refused")

        own = panel.page.context.new_page()
        own.goto(found.url + link["url"])
        expect(own.get_by_text("This is what others see")).to_be_visible()
        own.close()

        # The app runs for them, as a copy.
        bob.get_by_role("link", name="Open the app").click()
        inside = bob.frame_locator("iframe")
        expect(inside.get_by_role("heading", name="Hello readers")).to_be_visible(timeout=6 * PATIENCE)
        expect(inside.get_by_text("origin null, cookies 0")).to_be_visible()
        picture(bob, "look-app")
        frame = bob.locator("iframe").get_attribute("src")
        bob.goto(shown)

        # A group, and everybody.
        team = looks(found, session, readers="people", groups=["team"])
        eve.goto(found.url + team["url"])
        expect(eve.get_by_text("It is there.")).to_be_visible()
        everybody = looks(found, session, readers="everybody", copies=False, app=False)
        eve.goto(found.url + everybody["url"])
        expect(eve.get_by_text("It is there.")).to_be_visible()
        expect(eve.get_by_role("link", name="Make an app of your own of it")).to_have_count(0)
        for what in ("copy", "app"):
            assert eve.context.request.get(f"{eve.url}{what}").status == 403

        # Whoever logs out of the Hub looks no more.
        eve.goto(f"{found.url}/hub/logout")
        eve.goto(f"{found.url}/user/ada/appbuilder/looks/{everybody['id']}/")
        expect(eve.get_by_role("button", name="Sign in")).to_be_visible()

        # An app of their own, on their own server.
        bob.get_by_role("link", name="Make an app of your own of it").click()
        dialog = bob.get_by_role("dialog")
        expect(dialog).to_contain_text("ada", timeout=6 * PATIENCE)
        picture(bob, "look-copy")
        dialog.get_by_role("button", name="Make the App").click()
        until(lambda: any(one["state"] == "ready" for one in found.sessions(user="bob")), 60)
        (copied,) = found.sessions(user="bob")
        assert copied["title"] == "Say hello (by ada)"
        files = found.sessions(f"/{copied['id']}/files", user="bob")
        assert "index.html" in [file["path"] for file in files]

        last = root.get_by_role("list", name="Links").get_by_role("listitem").filter(has_text="bob")
        last.get_by_role("button", name="Take this link back").first.click()
        panel.picture("look-take-back")
        root.get_by_role("button", name="Take back", exact=True).click()
        expect(root.get_by_role("list", name="Links").get_by_text("bob")).to_have_count(0)
        until(lambda: bob.context.request.get(found.url + str(frame)).status == 404, 20)  # what ran for them has ended
        bob.goto(shown)
        expect(bob.get_by_role("heading", name="This link has ended")).to_be_visible()
        bob.goto(found.url + link["url"])
        expect(bob.get_by_role("heading", name="This link has ended")).to_be_visible()

        found.ask("DELETE", "/hub/api/users/ada/server")
        until(lambda: not found.runs(), 60)
        bob.goto(found.url + team["url"])
        expect(bob.get_by_role("heading", name="The server that shows this is asleep")).to_be_visible()
        picture(bob, "look-asleep")
        browser.close()
