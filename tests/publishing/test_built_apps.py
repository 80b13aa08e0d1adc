"""What publishing built is looked at and tried with a browser: what is wrong in it alone is told, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from building import app_builder

from jupyter_appbuilder.events import PublishingFinding, PublishingStatus
from jupyter_appbuilder.session import Session

NAMELESS = (
    '<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" width="20" height="20"'
)
BROKEN = "if (innerWidth < 600) setTimeout(() => { throw new Error('broken when built'); });\n"
"""On phones, so that scenarios meet no error."""
HEADING = """
title: It says what it is
steps:
  - {do: expect, role: heading, name: Describe your}
"""
ADD_BOOK = """
title: A book can be added
steps:
  - {do: fill, name: Title, value: Dune}
  - {do: fill, name: Author, value: Frank Herbert}
  - {do: fill, name: Pages, value: 612}
  - {do: click, role: button, name: Add}
  - {do: expect, is: count, text: Dune, count: 1}
"""
ADD_TASK = """
title: A task can be added
steps:
  - {do: fill, name: "What is to be done?", value: Water the plants}
  - {do: click, role: button, name: Add}
  - {do: expect, is: count, text: Water the plants, count: 1}
"""

FAULTS: dict[str, Sequence[tuple[str, str, str]]] = {
    "static": [
        ("index.html", "</main>", f"{NAMELESS}></main>"),
        # Readers get no README: what needs it breaks once it is published.
        (
            "js/main.js",
            "",
            f"fetch('README.md').then((answer) => {{ if (!answer.ok) {{ {BROKEN} }} }});\n",
        ),
    ],
    "react-vite": [
        ("src/App.tsx", "</main>", f"{NAMELESS} /></main>"),
        ("src/main.tsx", "", f"if (import.meta.env.PROD) {{ {BROKEN} }}"),
    ],
    "vue-vite": [
        ("src/views/HomeView.vue", "</main>", f"{NAMELESS} /></main>"),
        ("src/main.ts", "", f"if (import.meta.env.PROD) {{ {BROKEN} }}"),
    ],
    "serverless": [
        ("components/TaskList.tsx", "</ul>", f"<li>{NAMELESS} /></li></ul>"),
        ("components/TaskList.tsx", "", f'if (process.env.NODE_ENV === "production") {{ {BROKEN} }}'),
    ],
    "fastapi-react": [
        ("src/App.tsx", "</main>", f"{NAMELESS} /></main>"),
        ("src/main.tsx", "", f"if (import.meta.env.PROD) {{ {BROKEN} }}"),
    ],
    "nextjs": [
        ("components/live-badge.tsx", '<span className="font-medium">', f'{NAMELESS} /><span className="font-medium">'),
        (
            "components/live-badge.tsx",
            "",
            f'if (process.env.NODE_ENV === "production" && typeof window !== "undefined") {{ {BROKEN} }}',
        ),
    ],
    "streamlit": [
        ("app.py", "st.title(", f"st.html({NAMELESS + '>'!r})\nst.title("),
        (
            "app.py",
            "",
            "if st.get_option('server.fileWatcherType') == 'none':\n    raise RuntimeError('broken when built')\n",
        ),
    ],
    "panel": [
        ("app.py", 'pn.pane.Markdown("#', f'pn.pane.HTML({NAMELESS + ">"!r}),\n            pn.pane.Markdown("#'),
    ],
}
"""By template what is put in place of what in its files: an image without a name, and an error of the built app."""

SITES = ("static", "react-vite", "vue-vite")
SHOWS_ERRORS = FAULTS.keys() - {"panel"}
SCENARIOS = {"serverless": ADD_TASK, "fastapi-react": ADD_BOOK}


async def spoil(session: Session, template: str) -> None:
    for path, old, new in FAULTS[template]:
        text = await session.workspace.read_text(path)
        assert old in text, path
        content = text.replace(old, new, 1) if old else text + new
        await session.call("write_file", {"path": path, "content": content}, by="person")
    text = SCENARIOS.get(template, HEADING)
    for name in ("first", "second"):  # the second finds the app as the first one found it
        await session.call("write_file", {"path": f"scenarios/{name}.yaml", "content": text.lstrip()}, by="person")
    wrong = "title: There is a button\nsteps:\n  - {do: expect, role: button, name: Nobody made this}\n"
    await session.call("write_file", {"path": "scenarios/third.yaml", "content": wrong}, by="person")
    await session.checkpoint("Spoilt")


async def looked_at(session: Session, target: str, **settings: str) -> PublishingStatus:
    newest = (await session.checkpoints())[0].id
    await session.publish(target, checkpoint=newest, settings=settings)
    status = await session.publishing.finished()
    assert status is not None
    return status


def found(status: PublishingStatus, kind: str, words: str) -> PublishingFinding:
    matching = [one for one in status["findings"] if one["kind"] == kind and words in one["message"]]
    assert matching, [(one["kind"], one["message"], one["path"]) for one in status["findings"]]
    return matching[0]


async def try_template(folder: Path, template: str) -> None:
    async with app_builder(folder, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="spoilt", template=template)
        await session.ready()
        await spoil(session, template)
        target, settings = "here", {}
        if template not in SITES:
            target, settings = "container", {"path": str(folder / "out")}
        status = await looked_at(session, target, **settings)
        assert status["state"] == "waiting", status
        steps = {one["step"]: (one["state"], one["message"]) for one in status["steps"]}
        assert steps["scenarios"] == ("failed", "2 of 3 work"), status["findings"]
        assert found(status, "check", "There is a button")["path"] == "scenarios/third.yaml"
        if template != "streamlit":
            assert "img" in found(status, "accessibility", "alternative text")["message"]
        if template in SHOWS_ERRORS:
            where = found(status, "check", "broken when built")["path"]
            assert where.endswith(".py" if template == "streamlit" else ".js")
        await session.answer_gate({one["id"]: "It is a try" for one in status["findings"]})
        status = await session.publishing.finished()
        assert status is not None
        assert status["state"] == "done", status["message"]
        if template == "react-vite":  # its script has another name by then, and the fault is the same
            main = await session.workspace.read_text("src/main.tsx")
            changed = {"path": "src/main.tsx", "content": main + "document.body.id = 'again';\n"}
            await session.call("write_file", changed, by="person")
            await session.checkpoint("Again")
            assert (await looked_at(session, target))["state"] == "done"


async def test_what_is_wrong_in_the_built_app_alone_is_told(tmp_path: Path) -> None:
    await try_template(tmp_path, "static")


@pytest.mark.walk
@pytest.mark.parametrize("template", list(FAULTS)[1:])
@pytest.mark.timeout(600)
async def test_it_is_told_of_each_template(tmp_path: Path, template: str) -> None:
    await try_template(tmp_path, template)
