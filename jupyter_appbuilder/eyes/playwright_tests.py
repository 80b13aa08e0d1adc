"""Scenarios as tests for Playwright's own runner, so that an exported app keeps them.

A control is named in full there: what the looker finds by a part of its name, a test does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..errors import NotFound
from ..workspace import Workspace
from .base import DESKTOP, HEIGHT
from .scenarios import Listed, Scenario, list_scenarios
from .steps import File, Step, first_path

__all__ = ["playwright_tests", "scenario_tests", "spec"]

FOLDER = "tests/"
CONFIG = "playwright.config.ts"
CONFIGURATION = """\
// Tests of what the app can do. Once: npm install --save-dev @playwright/test && npx playwright install chromium
// Then, while the app runs:            BASE_URL=http://localhost:5173/ npx playwright test
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "tests",
  use: { baseURL: process.env.BASE_URL ?? "http://localhost:5173/" },
});
"""

CHOOSE = """
/** Choose in a <select>, or in a list that opens. */
async function choose(page: Page, control: Locator, option: string): Promise<void> {
  if (await control.evaluate((one) => one.localName === "select")) {
    await control.selectOption(option);
    return;
  }
  await control.click();
  await page.getByRole("option", { name: option, exact: true }).click();
}
"""

TYPES = {"csv": "text/csv", "json": "application/json", "txt": "text/plain", "png": "image/png", "html": "text/html"}
ROLES = {
    "fill": ("textbox", "searchbox", "spinbutton", "combobox"),
    "select": ("combobox", "listbox"),
    "check": ("checkbox", "radio", "switch"),
    "upload": (),
}
"""Roles of a control that is named without one, by what is done to it."""
ANY_ROLE = ("button", "link", "tab", "menuitem", "option", "checkbox", "radio", "switch", "textbox", "combobox")


async def scenario_tests(workspace: Workspace) -> dict[str, str]:
    """An app's scenarios as tests, by path in the app, with a configuration.

    Raises ``NotFound`` where the app has none that can be read.
    """
    if tests := playwright_tests(await list_scenarios(workspace)):
        return tests
    raise NotFound(
        "The app has no scenarios that could become tests.",
        hint="Ask the agent to write down what works (write_scenario), or export without tests.",
        reason="no_scenarios",
    )


def playwright_tests(scenarios: Sequence[Listed]) -> dict[str, str]:
    """The tests by path; nothing for scenarios that cannot be read."""
    tests = {f"{FOLDER}{one.name}.spec.ts": spec(one.scenario) for one in scenarios if one.scenario}
    return tests | {CONFIG: CONFIGURATION} if tests else {}


def spec(scenario: Scenario) -> str:
    """The text of a test file."""
    lines = [f"await page.goto({_path(first_path(scenario.steps))});"]
    for number, step in enumerate(scenario.steps):
        if number or step.do != "open":
            lines.append(_line(step))
    body = "\n".join(f"  {line}" for line in lines)
    chooses = any(step.do == "select" for step in scenario.steps)
    saves = any(step.is_ == "download" for step in scenario.steps)
    named = ["expect", "test", *(["type Locator", "type Page"] if chooses else [])]
    begins = '  const thrown: Error[] = [];\n  page.on("pageerror", (error) => thrown.push(error));\n'
    begins += '  page.on("dialog", (dialog) => dialog.accept());\n'
    if saves:
        begins += "  const saved: string[] = [];\n"
        begins += '  page.on("download", (download) => saved.push(download.suggestedFilename()));\n'
    return (
        f'import {{ {", ".join(named)} }} from "@playwright/test";\n'
        f"{CHOOSE if chooses else ''}{_use(scenario)}\n"
        f"test({_text(scenario.title)}, async ({{ page }}) => {{\n"
        f"{begins}{body}\n"
        "  expect(thrown).toEqual([]);\n"
        "});\n"
    )


def _use(scenario: Scenario) -> str:
    used: list[str] = []
    if scenario.width != DESKTOP:
        used.append(f"viewport: {{ width: {scenario.width}, height: {HEIGHT} }}")
    if scenario.theme != "light":
        used.append(f"colorScheme: {_text(scenario.theme)}")
    return f"\ntest.use({{ {', '.join(used)} }});\n" if used else ""


def _line(step: Step) -> str:
    """A step as a statement of a Playwright test, in TypeScript."""
    value = _value(step)
    match step.do:
        case "open":
            return f"await page.goto({_path(step.path or '/')});"
        case "click":
            return f"await {_control(step)}.click();"
        case "fill":
            return f"await {_control(step)}.fill({_text(value)});"
        case "select":
            return f"await choose(page, {_control(step)}, {_text(value)});"
        case "check":
            return f"await {_control(step)}.setChecked({'false' if value == 'false' else 'true'});"
        case "press":
            on = _control(step) if step.role or step.name or step.text else "page.keyboard"
            return f"await {on}.press({_text(step.key or '')});"
        case "drag":
            to = step.model_copy(update={"role": None, "name": step.to or "", "text": None, "nth": None})
            return f"await {_control(step)}.dragTo({_control(to)});"
        case "upload":
            return f"await {_control(step)}.setInputFiles([{', '.join(map(_file, step.files or ()))}]);"
        case "wait":
            return f"await expect({_seen(step)}.first()).toBeVisible();"
        case "expect":
            return _expectation(step, value)


def _expectation(step: Step, value: str) -> str:
    one = f"{_seen(step)}.nth({step.nth - 1})" if step.nth else f"{_seen(step)}.first()"
    match step.is_:
        case "address":
            return f"await expect(page).toHaveURL({_pattern('/' + value.lstrip('/'), begins=False)});"
        case "download":
            name = _pattern(value if step.value is not None else "*", begins=True)
            return f"await expect.poll(() => saved).toContainEqual(expect.stringMatching({name}));"
        case "count":
            return f"await expect({_located(step)}.filter({{ visible: true }})).toHaveCount({step.count or 0});"
        case "hidden":
            return f"await expect({_seen(step)}.filter({{ visible: true }})).toHaveCount(0);"
        case "value":
            wanted = _pattern(value, begins=True)
            return f"await expect.poll(() => {one}.evaluate({_VALUE_OF})).toMatch({wanted});"
        case "enabled" | "disabled" | "checked":
            return f"await expect({one}).toBe{step.is_.capitalize()}();"
        case "unchecked":
            return f"await expect({one}).not.toBeChecked();"
        case _:
            return f"await expect({one}).toBeVisible();"


_VALUE_OF = (
    '(one) => ("value" in one && !/^(li|button)$/.test(one.localName) ? String(one.value) : one.textContent!.trim())'
)


def _control(step: Step) -> str:
    """What is acted on: named exactly."""
    located = _located(step)
    return f"{located}.nth({step.nth - 1})" if step.nth else located


def _located(step: Step) -> str:
    if step.name is None:
        if step.text is not None:
            return f"page.getByText({_text(step.text)}, {{ exact: true }})"
        return f"page.getByRole({_text(step.role or '')})"
    if step.role:
        return f"page.getByRole({_text(step.role)}, {{ name: {_text(step.name)}, exact: true }})"
    name = _text(step.name)
    roles = ROLES.get(step.do, ANY_ROLE)
    ways = [f"page.getByRole({_text(role)}, {{ name: {name}, exact: true }})" for role in roles]
    ways.append(f"page.getByLabel({name}, {{ exact: true }})")
    if roles is ANY_ROLE:
        ways.append(f"page.getByText({name}, {{ exact: true }})")
    named = f"{ways[0]}{''.join(f'.or({way})' for way in ways[1:])}"
    return named if step.nth else f"{named}.first()"  # a button and the text in it are one


def _seen(step: Step) -> str:
    """What is looked for: by a part of its name or text, too."""
    if step.text is not None and step.name is None:
        return f"page.getByText({_text(step.text)})"
    if step.role and step.name is not None:
        return f"page.getByRole({_text(step.role)}, {{ name: {_text(step.name)} }})"
    return _located(step)


def _file(file: File) -> str:
    kind = TYPES.get(file.name.rpartition(".")[2], "application/octet-stream")
    return f"{{ name: {_text(file.name)}, mimeType: {_text(kind)}, buffer: Buffer.from({_text(file.content)}) }}"


def _value(step: Step) -> str:
    """The step's value as JavaScript has it as text."""
    value = step.value
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)


def _path(path: str) -> str:
    return _text(f"./{path.lstrip('/')}")


def _pattern(wanted: str, *, begins: bool) -> str:
    """A regular expression for a text in which ``*`` stands for anything."""
    parts = (re.sub(r"[.+?^${}()|\[\]\\/]", r"\\\g<0>", part) for part in wanted.split("*"))
    inner = re.sub(r"[\n\r\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", "[^]*".join(parts))
    return f"/{'^' if begins else ''}{inner}$/"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
