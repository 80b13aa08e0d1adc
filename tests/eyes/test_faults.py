"""Faults of apps as people have them: a check names each with its place or its element, and nothing else.

One session of each template; its faults are put in one after the other, checked and taken out again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from building import app_builder

from jupyter_appbuilder.session import Session

pytestmark = pytest.mark.eyes

EVERY = int(os.environ.get("EYES_EVERY", "1"))
"""In CI every so-manieth is tried."""

REACT = "src/App.tsx"
VUE = "src/views/HomeView.vue"
PARAGRAPH = "            This is a running React app, ready to become yours."
HEADER = "        <ThemeToggle />\n      </header>"
VUE_HEADER = "      <ThemeToggle />\n    </header>"
VUE_CODE = "// Shows that the page is running, and for how long.\n"
BOOKS = "src/lib/use-books.ts"
FORM = "src/components/book-form.tsx"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is changed in ``path``, as pairs of old and new text. ``told`` is a pattern that the message matches;
    ``at``: what stands in the line that is named, with the file if it is another one."""

    path: str
    edits: Sequence[tuple[str, str]]
    told: str
    at: str = ""

    def place(self, app: Path) -> str:
        """``file:line:`` of what is to be named."""
        path, _, words = self.at.rpartition(" @ ")
        lines = (app / (path or self.path)).read_text().split("\n")
        (number,) = [number for number, line in enumerate(lines, 1) if words in line]
        return f"{path or self.path}:{number}:"


def header(jsx: str, code: str = "") -> list[tuple[str, str]]:
    """Something more in the header of the React page, and what it needs in the component."""
    return [
        (HEADER, f"{jsx}\n{HEADER}"),
        ("export default function App() {\n", f"export default function App() {{\n{code}"),
    ]


def vue_header(html: str, code: str = "") -> list[tuple[str, str]]:
    return [(VUE_HEADER, f"{html}\n{VUE_HEADER}"), (VUE_CODE, f"{code}\n{VUE_CODE}")]


FAULTS: dict[str, dict[str, Fault]] = {
    "react-vite": {
        "three clicks deep": Fault(
            REACT,
            header(
                """        {step < 2 ? (
          <button onClick={() => setStep(step + 1)}>{["Start", "Next"][step]}</button>
        ) : (
          <button
            onClick={() => {
              throw new Error("no end");
            }}
          >
            Finish
          </button>
        )}""",
                "  const [step, setStep] = useState(0);\n",
            ),
            r'^After clicking button "Finish": (Uncaught )?Error: no end$',
            'throw new Error("no end")',
        ),
        "an effect that a fresh load alone runs": Fault(
            REACT,
            header(
                "",
                """  useEffect(() => {
    if (performance.now() > 10_000 || window.sessionStorage.getItem("greeted")) return;
    JSON.parse(window.localStorage.getItem("settings") ?? "{").theme.trim();
  }, []);
""",
            ),
            r"SyntaxError: Expected property name or '}' in JSON",
            "JSON.parse(window",
        ),
        "a click that leaves nothing": Fault(
            REACT,
            header(
                "        <button onClick={() => setLeft(true)}>Leave</button>",
                "  const [left, setLeft] = useState(false);\n  if (left) return null;\n",
            ),
            r'^After clicking button "Leave", the page went blank\.$',
        ),
        "an endless fetch loop": Fault(
            REACT,
            header(
                "        <p>{icon.length}</p>",
                """  const [icon, setIcon] = useState<string[]>([]);
  useEffect(() => {
    void fetch(`${import.meta.env.BASE_URL}favicon.svg`)
      .then((answer) => answer.text())
      .then((text) => setIcon([text]));
  }, [icon]);
""",
            ),
            r"^GET /favicon\.svg is asked for again and again: a loop\?",
        ),
        "contrast in dark": Fault(
            REACT,
            header('        <p className="bg-card text-neutral-950">Saved a minute ago</p>'),
            r'^Text cannot be read against its background .*: paragraph "Saved a minute ago" \(.*\)\. \(in dark\)$',
        ),
        "too wide for a phone": Fault(
            REACT,
            [
                ("flex-col overflow-hidden", "flex-col"),
                ('    <div className="relative', '    <div className="min-w-[420px] relative'),
            ],
            r"^The page is 60 px wider than the screen \(360 px\) and scrolls sideways\. .*\(at 360 px\)$",
        ),
        "a button without a name": Fault(
            REACT,
            header('        <button className="size-6"><Sparkles aria-hidden className="size-4" /></button>'),
            r"^Buttons must have discernible text: button \(.*button\.size-6\)\.$",
        ),
        "an error that is only logged": Fault(
            REACT,
            header('        <button onClick={() => console.error(new Error("not kept"))}>Keep</button>'),
            r'^After clicking button "Keep": console\.error: Error: not kept$',
            'new Error("not kept")',
        ),
    },
    "vue-vite": {
        "a rejected promise": Fault(
            VUE,
            vue_header(
                '      <button @click="store">Store</button>',
                'async function store(): Promise<void> {\n  await Promise.reject(new Error("not stored"));\n}\n',
            ),
            r'^After clicking button "Store": .*Error: not stored',
            'new Error("not stored")',
        ),
        "a busy loop": Fault(
            VUE,
            vue_header(
                '      <button @click="calculate">Calculate</button>',
                "function calculate(): void {\n  while (seconds.value >= 0) seconds.value++;\n}\n",
            ),
            r'^After clicking button "Calculate", the page hangs',
        ),
        "a part that throws when it is drawn again": Fault(
            VUE,
            vue_header(
                '      <button @click="name = undefined">Forget</button>\n      <p>{{ shown() }}</p>',
                'const name = ref<string | undefined>("Ada");\n'
                "function shown(): string {\n  return name.value!.trim();\n}\n",
            ),
            r"^After clicking button \"Forget\": .*TypeError: Cannot read properties of undefined \(reading 'trim'\)",
            "name.value!.trim()",
        ),
        "a broken picture": Fault(
            VUE,
            vue_header('      <img :src="`./photo.png`" alt="Ada at work" />'),
            r'could not be shown: image "Ada at work"',
        ),
        "text that is cut off": Fault(
            VUE,
            vue_header(
                '      <p class="h-5 w-24 overflow-hidden whitespace-nowrap leading-5">Every change is kept for you</p>'
            ),
            r'^Text is cut off: "Every change is kept for you" in paragraph',
        ),
        "a link to nothing": Fault(
            VUE,
            vue_header('      <a href="#">Terms</a>'),
            r'^The link "Terms" leads nowhere: its address is "#", and a click does nothing\.$',
        ),
        "a page that stays blank": Fault(
            VUE,
            vue_header(
                "", 'const names = JSON.parse(localStorage.getItem("names") ?? "null") as string[];\nnames.sort();\n'
            ),
            r"TypeError: Cannot read properties of null \(reading 'sort'\)",
            "names.sort()",
        ),
    },
    "fastapi-react": {
        "a request that fails": Fault(
            "api/main.py",
            [("    return store.add(db, book)", "    return store.add(db, book, shelf=1)  # type: ignore[call-arg]")],
            r"POST .*api/books.* answered 500",
        ),
        "a list that is empty": Fault(
            REACT,
            [
                (
                    "        <section aria-labelledby",
                    "        {books && <p>Next: {books[0].title}</p>}\n        <section aria-labelledby",
                )
            ],
            r"^After clicking button .*: .*Cannot read properties of undefined \(reading 'title'\)",
            "books[0].title",
        ),
        "a form that loads the page anew": Fault(
            FORM,
            [("    event.preventDefault();\n", "")],
            r"^After filling in .*, the page was loaded anew and what was entered is lost",
        ),
        "a value out of range": Fault(
            FORM,
            [
                ("    setBusy(true);\n", '    "read ".repeat(Number(pages));\n    setBusy(true);\n'),
                ("          min={1}\n          max={20000}\n", ""),
            ],
            r'^After filling in .* with values out of range and clicking button "Add": .*RangeError: Invalid count',
            '"read ".repeat',
        ),
        "a heading in white on white": Fault(
            REACT,
            [("            Reading list\n", '            <span className="bg-white text-white">Reading list</span>\n')],
            r"^Text cannot be read against its background .*\"Reading list\"",
        ),
        "texts on each other": Fault(
            REACT,
            [
                (
                    "          <BookForm onAdd={add} />",
                    '          <p className="-mt-11">All your books, sorted</p>\n          <BookForm onAdd={add} />',
                )
            ],
            r"^Two texts lie on each other: .*\"All your books, sorted\"",
        ),
        "a download that does nothing": Fault(
            REACT,
            [
                (
                    "        <ThemeToggle />\n",
                    "        <Button onClick={() => void new Blob()}>Download CSV</Button>\n        <ThemeToggle />\n",
                )
            ],
            r'^After clicking button "Download CSV", nothing happened: no file was given to save\.$',
        ),
    },
}


async def change(session: Session, path: str, edits: Sequence[tuple[str, str]]) -> None:
    text = (session.workspace.app / path).read_text()
    for old, new in edits:
        assert text.count(old) == 1, f"{path} does not hold exactly once: {old!r}"
        text = text.replace(old, new)
    await write(session, path, text)


async def write(session: Session, path: str, text: str) -> None:
    _, result = await session.call("write_file", {"path": path, "content": text}, by="person")
    assert result.ok, result.text


async def missed(session: Session, fault: Fault) -> str:
    """What a check did not tell of a fault, or told besides; "" if all is as it should be."""
    _, result = await session.call("check_app", {}, by="person")
    problems = result.detail["problems"]
    wanted = fault.place(session.workspace.app) if fault.at else ""
    right = (
        len(problems) == 1
        and re.search(fault.told, problems[0]["message"], re.DOTALL)
        and problems[0].get("source", "").startswith(wanted)
        and result.detail["types"]["ok"]
        and not result.ok
    )
    return "" if right else f"wanted {fault.told} at {wanted}, not {result.text}"


OTHERS = [name for name in FAULTS if name != "react-vite"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("template", ["react-vite", *(pytest.param(name, marks=pytest.mark.walk) for name in OTHERS)])
async def test_a_check_names_each_fault_and_nothing_else(tmp_path: Path, template: str) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="app", template=template)
        await session.ready()
        wrong: dict[str, str] = {}
        for name, fault in list(FAULTS[template].items())[::EVERY]:
            before = (session.workspace.app / fault.path).read_text()
            await change(session, fault.path, fault.edits)
            if what := await missed(session, fault):
                wrong[name] = what
            await write(session, fault.path, before)
        _, result = await session.call("check_app", {}, by="person")
        assert wrong == {}, "\n\n".join(f"{name}: {what}" for name, what in wrong.items())
        assert result.ok, result.text
        assert result.detail["problems"] == []


async def test_broken_code_is_told_once_and_no_more_when_it_is_mended(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="app", template="react-vite")
        await session.ready()
        before = (session.workspace.app / REACT).read_text()
        await change(session, REACT, [("function LiveBadge() {", "function LiveBadge( {")])
        _, result = await session.call("check_app", {}, by="person")
        assert not result.ok
        assert f"{REACT}(83," in result.text
        assert "Errors, as the app itself reports them" not in result.text, "the code's own errors say it"
        await write(session, REACT, before)
        _, result = await session.call("check_app", {}, by="person")
        assert result.ok, result.text
        assert result.detail["problems"] == []
