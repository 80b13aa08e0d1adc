"""A command that waits for the person's word, and the rules that make it wait."""

from __future__ import annotations

from building import call, write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations
from .test_accessibility import wear

PANEL = "#jp-appbuilder-panel"
LONG_LINE = (
    "npm run lint --silent -- --max-warnings=0 --cache --cache-location node_modules/.cache/eslint 'src/**/*.{ts,tsx}'"
    ' || true\nfor name in drafts sketches; do\n  echo "cleaning $name"\ndone\nrm -rf drafts'
)


def run(command: str, text: str = "") -> dict[str, object]:
    return {"text": text, "tool_calls": [call("run_command", command=command)]}


def test_a_destructive_command_is_shown_in_full_and_its_rules_can_be_changed(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    drafts = {"tool_calls": [write("drafts/a.txt", "a\n")]}
    model.steps = [drafts, run(LONG_LINE, "The drafts are not needed any more."), drafts, run("rm -rf drafts")]
    model.steps += [{"text": "Cleaned up."}, run("git push --force"), {"text": "Then not."}]
    panel = open_lab(lab.new_session(title="Clean up", model="custom:scripted", template="static")["id"])
    page, root = panel.page, panel.root
    panel.say("Remove the drafts")
    card = panel.conversation.get_by_role("group", name="May the agent run this command?")
    expect(card.locator("pre")).to_have_text(LONG_LINE)
    expect(card).to_contain_text("It deletes folders with all that is in them. rm -rf drafts")
    expect(root.get_by_text("Waiting for you").first).to_be_visible()
    panel.picture("command-light")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Dark")
    panel.picture("command-dark")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("command-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    wear(page, "JupyterLab Light")
    card.get_by_role("button", name="Always for this app").click()
    panel.finished(1)  # the second time it was not asked
    expect(panel.conversation.get_by_text("Allowed for this app.")).to_have_count(1)
    panel.picture("command-answered")

    panel.menu("Approval rules")
    mine = root.get_by_role("list", name="For this app")
    expect(mine.get_by_role("listitem")).to_have_count(1)
    expect(mine).to_contain_text("rm -rf drafts")
    expect(root.get_by_text("None yet. Add one above")).to_be_visible()
    root.get_by_label("What happens").select_option(label="Deny")
    root.get_by_label("Pattern").fill("git push *")
    page.keyboard.press("Enter")
    yours = root.get_by_role("list", name="For all your apps")
    expect(yours).to_contain_text("git push *")
    panel.picture("rules-light")
    assert violations(page, PANEL) == []
    root.get_by_text("built-in rules").click()
    wear(page, "JupyterLab Dark")
    panel.picture("rules-dark")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("rules-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    wear(page, "JupyterLab Light")
    mine.get_by_role("button", name="Remove the rule rm -rf drafts").click()
    expect(mine).to_have_count(0)
    root.get_by_label("Pattern").fill("echo 'x")
    page.keyboard.press("Enter")
    expect(root.get_by_text("has a quote that does not end")).to_be_visible()
    root.get_by_role("button", name="Back").click()
    expect(panel.conversation.get_by_text("Rule removed: Allow")).to_be_visible()

    panel.say("Push it")
    panel.finished(2)
    expect(panel.conversation.get_by_role("group", name="May the agent run this command?")).to_have_count(0)
    expect(panel.card("Did not run git push --force")).to_be_visible()
    assert "A rule denies 'git push *'" in str(model.requests[-1].body["messages"])
    panel.picture("rules-denied")
    for rule in lab.api("GET", "rules"):
        if rule["source"] == "person":
            lab.api("DELETE", f"rules/{rule['id']}")
