"""Setting up a model, stopping it, and what a person sees when something goes wrong."""

from __future__ import annotations

import re

from building import call, write
from model_server import ModelServer
from playwright.sync_api import Response, Route, expect

from .conftest import SECRET, OpenLab
from .lab import Lab
from .panel import LONG, Panel, wait_for
from .test_accessibility import wear

SLOW = {"text": "word " * 4000, "delay": 0.05, "size": 5}
"""A stream that would go on for more than three minutes."""


def test_a_key_typed_into_the_form_is_used_and_never_comes_back(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    secret = "sk-typed-into-the-form-987654"
    panel = open_lab()
    page, root = panel.page, panel.root
    heard: list[Response] = []
    page.on("response", lambda answer: heard.append(answer))
    frames: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))

    def judge_answers() -> None:
        told = [answer for answer in heard if "/appbuilder/api/" in answer.url]
        assert len(told) >= 4
        for answer in told:
            assert secret not in answer.url
            assert answer.status in (101, 204) or secret.encode() not in answer.body(), answer.url
        heard.clear()  # a page that was left cannot be asked for its bodies

    panel.open_model_settings()
    root.get_by_label("Provider").select_option(label="Another endpoint…")
    root.get_by_label("Name").fill("gateway")
    root.get_by_label("Base URL").fill(model.url)
    root.get_by_label("API key").fill(secret)
    panel.picture("model-setup-light")
    root.get_by_role("button", name="Save").click()
    expect(root.get_by_text("gateway:scripted answers and calls tools.")).to_be_visible()
    panel.picture("model-setup-tested-light")
    root.get_by_role("button", name="Done").click()
    expect(root.get_by_role("heading", name="Build an app")).to_be_visible()

    model.steps = [{"text": "Hello from the gateway."}]
    panel.choose_template("One page")
    panel.choose_model("gateway:scripted")
    panel.say("Say hello")
    panel.finished(1)
    expect(panel.conversation.get_by_text("Hello from the gateway.")).to_be_visible()
    assert model.requests[0].headers["authorization"] == f"Bearer {secret}"

    judge_answers()
    page.reload()
    panel.finished(1)
    panel.menu("Model settings")
    root.get_by_label("Provider").select_option(value="gateway")
    expect(root.get_by_label("API key")).to_have_value("")
    assert secret not in page.content()
    assert secret not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    judge_answers()
    assert len(frames) > 5
    assert not [frame for frame in frames if secret in str(frame)]
    kept = [file for file in (*lab.root.rglob("*"), *lab.data.glob("log.db*")) if file.is_file()]
    assert kept
    assert [file for file in kept if secret.encode() in file.read_bytes()] == []
    assert secret not in lab.log.read_text()


def test_stop_stops_a_stream_says_so_and_the_request_can_be_made_again(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.steps = [SLOW, {"text": "This time to the end."}]
    panel = open_lab(lab.new_session(title="Stop", model="custom:scripted")["id"])
    panel.say("Count to four thousand")
    expect(panel.conversation.get_by_text("word word word")).to_be_visible()
    panel.stop.click()
    expect(panel.turns.last.get_by_text("Stopped.")).to_be_visible()
    expect(panel.stop).to_have_count(0)
    wait_for(lambda: model.closed_early == 1, panel.page)  # it notices with its next word
    expect(panel.conversation.get_by_text("word word word")).to_be_visible()  # what was said stays
    panel.picture("stopped-light")
    panel.page.reload()
    expect(panel.conversation.get_by_text("word word word")).to_be_visible()
    panel.turns.last.get_by_role("button", name="Retry").click()
    panel.finished(2)
    expect(panel.conversation.get_by_text("This time to the end.")).to_be_visible()
    expect(panel.turns.last.get_by_text("Count to four thousand")).to_be_visible()


def test_odd_calls_leave_a_page_that_can_be_read(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    markup = "<function=write_file><parameter=path>owls.txt</parameter><parameter=content>Owls</parameter></function>"
    model.steps = [
        {"tool_calls": [{"name": "read_file", "arguments": '{"path": "index.html", "end_line": Infinity}'}]},
        {"text": f"I write it down now.\n{markup}\n</tool_call>", "size": 5},
        {"tool_calls": [{"name": "functions.read_file:0", "arguments": '"{\\"path\\": \\"owls.txt\\"}"'}]},
        {"text": "That is how it is."},
    ]
    session = lab.new_session(title="Odd", model="custom:scripted")
    panel = open_lab(session["id"])
    panel.say("Write a note")
    panel.finished(1)
    for _ in range(2):
        expect(panel.conversation.get_by_text("I write it down now.")).to_be_visible()
        expect(panel.conversation.get_by_text("That is how it is.")).to_be_visible()
        expect(panel.conversation.get_by_text("function=")).to_have_count(0)  # it is a card now
        expect(panel.card("Wrote owls.txt")).to_have_count(1)
        expect(panel.card("Read owls.txt")).to_have_count(1)
        panel.picture("odd-calls")
        panel.page.reload()
    assert (lab.app(session) / "owls.txt").read_text() == "Owls"


def test_stop_ends_a_command_in_its_middle(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    model.steps = [{"tool_calls": [call("run_command", command="echo begun; sleep 300; echo over")]}]
    panel = open_lab(lab.new_session(title="Command", model="custom:scripted")["id"])
    panel.say("Run it")
    expect(panel.conversation.get_by_role("group", name="Output").get_by_text("begun")).to_be_visible(timeout=LONG)
    panel.stop.click()
    expect(panel.turns.last.get_by_text("Stopped.", exact=True)).to_be_visible()
    panel.finished(1)


def test_a_refused_key_is_told_with_what_to_do(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    refusal = {"error": {"message": f"Incorrect API key provided: {SECRET}"}}
    model.steps = [{"status": 401, "body": refusal}] * 3
    panel = open_lab(lab.new_session(title="Refused", model="custom:scripted")["id"])
    panel.say("Build something")
    panel.finished(1)
    failure = panel.turns.last.locator("footer")
    expect(failure).to_contain_text(re.compile("key", re.I))
    expect(failure.locator(".jp-AppBuilder-hint")).to_be_visible()
    expect(failure.get_by_role("button", name="Retry")).to_be_enabled()
    assert SECRET not in panel.page.content()
    panel.picture("refused-light")
    failure.get_by_role("button", name="Model settings").click()
    expect(panel.root.get_by_role("heading", name="Model settings")).to_be_visible()
    panel.root.get_by_role("button", name="Back", exact=True).click()
    expect(failure).to_be_visible()


def test_broken_code_shows_its_error_over_the_page_and_fix_it_writes_the_request(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    session = lab.new_session(title="Broken", template="react-vite", model="custom:scripted")
    panel = open_lab(session["id"])
    expect(panel.preview().get_by_role("heading", level=1)).to_be_visible(timeout=LONG)
    source = lab.app(session) / "src" / "App.tsx"
    source.write_text("export default function App() {\n  return <h1>Half a <b>heading</h1>;\n}\n")
    alert = panel.preview().get_by_role("alert")
    expect(alert).to_contain_text("src/App.tsx:2", timeout=LONG)
    expect(alert.get_by_role("heading")).to_have_text("The code could not be built")
    panel.picture("broken-light")

    mended = "export default function App() {\n  return <h1>A whole heading</h1>;\n}\n"
    model.steps = [{"tool_calls": [write("src/App.tsx", mended)]}, {"text": "It was a tag left open."}]
    panel.page.get_by_role("button", name="Console, requests and findings").click()
    panel.page.get_by_role("tab", name=re.compile("^Findings")).click()
    drawer = panel.page.get_by_role("region", name="What the page says")
    finding = drawer.get_by_role("listitem").filter(has_text="src/App.tsx:2").first
    panel.picture("findings-light")
    finding.get_by_role("button", name="Fix it").click()
    expect(panel.composer).to_be_focused()
    expect(panel.composer).to_have_value(re.compile(r"Fix this error[\s\S]*src/App.tsx:2"))
    expect(panel.turns).to_have_count(0)  # the person sends it
    panel.composer.press("Enter")
    panel.finished(1)
    expect(panel.preview().get_by_role("heading", name="A whole heading")).to_be_visible(timeout=LONG)
    expect(alert).to_have_count(0)
    asked = panel.turns.first.locator(".jp-AppBuilder-request")
    expect(asked).to_contain_text("Fix this error")
    expect(asked).to_contain_text("src/App.tsx:2")
    assert "src/App.tsx:2" in str(model.requests[0].body["messages"])


def test_a_session_deleted_elsewhere_is_told_and_left(open_lab: OpenLab, lab: Lab) -> None:
    session = lab.new_session(title="Short-lived")
    panel, other = open_lab(session["id"]), open_lab()
    expect(panel.composer).to_be_enabled()
    other.root.get_by_role("button", name="Actions for Short-lived").click()
    other.page.get_by_role("menuitem", name="Delete…").click()
    dialog = other.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Short-lived")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Delete").click()
    expect(other.root.get_by_role("button", name="Actions for Short-lived")).to_have_count(0)
    expect(panel.root.get_by_text("This session was deleted.")).to_be_visible()
    wait_for(lambda: not (lab.root / session["path"]).exists(), panel.page)
    panel.picture("deleted-light")
    panel.root.get_by_role("button", name="All apps").click()
    expect(panel.root.get_by_role("heading", name="Build an app")).to_be_visible()


def test_an_app_that_is_being_deleted_is_in_the_list_no_more(open_lab: OpenLab, lab: Lab) -> None:
    lab.new_session(title="Kept")
    session = lab.new_session(title="Slowly ended")
    panel = open_lab(session["id"])
    expect(panel.composer).to_be_enabled()
    held: list[Route] = []
    panel.page.route(
        f"**/sessions/{session['id']}?files=*",
        lambda route: held.append(route) if route.request.method == "DELETE" else route.continue_(),
    )
    panel.menu("Delete…")
    panel.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(panel.root.get_by_role("button", name="Actions for Kept")).to_be_visible()
    assert session["id"] in {one["id"] for one in lab.api("GET", "sessions")}
    expect(panel.root.get_by_role("button", name="Actions for Slowly ended")).to_have_count(0)
    wait_for(lambda: bool(held), panel.page)
    held[0].continue_()
    wait_for(lambda: session["id"] not in {one["id"] for one in lab.api("GET", "sessions")}, panel.page)


def test_a_long_text_stays_inside_the_panel(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    word = "x" * 400
    model.steps = [{"text": f"# {word}\n\n{word}\n\n```\n{word}\n```\n\n| a | b |\n|---|---|\n| {word} | {word} |\n"}]
    panel: Panel = open_lab(lab.new_session(title=f"Long {word[:150]}", model="custom:scripted")["id"])
    panel.say(f"Repeat {word}")
    panel.finished(1)
    scroller = panel.conversation
    assert scroller.evaluate("element => element.scrollWidth <= element.clientWidth")
    panel.picture("long-text-light")


def test_a_narrow_panel_shows_all_it_holds(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    steps = [write("src/components/a-rather-long-name-for-a-component.tsx", "export {};\n"), call("list_files")]
    model.steps = [{"text": "I write a component.", "tool_calls": steps}, {"text": "Done."}]
    panel = open_lab(lab.new_session(title="A narrow panel with a long title", model="custom:scripted")["id"])
    panel.say("Write a component, please, and be quick about it")
    panel.finished(1)
    narrow = panel.narrow()
    for part in (panel.root, panel.conversation):
        assert part.evaluate("element => element.scrollWidth <= element.clientWidth")
    right = narrow["x"] + narrow["width"]
    for button in panel.root.get_by_role("button").all():
        place = button.bounding_box()
        if place and place["width"]:
            assert place["x"] + place["width"] <= right + 1, button.inner_text() or button.get_attribute("aria-label")
    panel.picture("narrow-light")
    panel.root.get_by_role("button", name="All apps").click()
    expect(panel.root.get_by_role("button", name="Actions for A narrow panel")).to_be_visible()
    assert panel.root.evaluate("element => element.scrollWidth <= element.clientWidth")
    panel.picture("narrow-list-light")


def test_a_model_is_tested_in_its_settings_and_then_used_as_the_report_says(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.tools, model.window = "ignored", 8192
    model.steps = [
        {"text": "one, two, three, four", "delay": 0.1},
        {"text": '{"tool": "report_word", "arguments": {"word": "ready"}}'},
        {"status": 400, "body": {"error": {"message": f"{SECRET}: images are not supported"}}},
        {"text": '{"tool": "answer", "arguments": {"text": "Hello from a small model."}}'},
    ]
    panel = open_lab(lab.new_session(title="Tested", model="custom:scripted")["id"])
    panel.menu("Model settings")
    panel.root.get_by_label("Provider").select_option(value="custom")
    expect(panel.root.get_by_role("button", name="Model to test: scripted")).to_be_visible(timeout=LONG)
    panel.root.get_by_role("button", name="Test this model").scroll_into_view_if_needed()
    panel.picture("model-test-before")
    panel.root.get_by_role("button", name="Test this model").click()
    expect(panel.root.get_by_text(re.compile("held to a JSON schema, with the small profile"))).to_be_visible()
    panel.root.get_by_text(re.compile("The test used")).scroll_into_view_if_needed()
    panel.picture("model-test-report")
    wear(panel.page, "JupyterLab Dark")
    panel.page.set_viewport_size({"width": 640, "height": 900})
    panel.root.get_by_text(re.compile("The test used")).scroll_into_view_if_needed()
    panel.picture("model-test-report-dark-narrow")
    panel.page.set_viewport_size({"width": 1400, "height": 900})
    assert SECRET not in panel.page.content()

    panel.root.get_by_role("button", name="Back", exact=True).click()
    panel.say("Say hello")
    panel.finished(1)
    expect(panel.conversation.get_by_text("Hello from a small model.", exact=True)).to_be_visible()
    assert "tools" not in model.requests[-1].body
    assert model.requests[-1].body["response_format"]["type"] == "json_schema"
