"""What a change breaks is told with a following result, while the agent goes on working."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import app_builder, call, write
from model_server import ModelServer
from plain_app import plain
from traitlets.config import Config

from jupyter_appbuilder.agents.progress import turn_progress
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.tools.base import ToolResult
from jupyter_appbuilder.tools.diagnostics import Diagnostics
from jupyter_appbuilder.tools.problems import LONGEST, MOST_TOLD, News, Problem, read_problems

LOOK = {"tool_calls": [call("list_files")]}
CHECKER = """
[diagnostics]
command = ["sh", "-c", "grep -rn BAD src | sed -E 's/^([^:]*:[0-9]+):/\\\\1: error: /'"]
"""


class PatientModel(ModelServer):
    """Thinks until the background has nothing left to look at."""

    session: Session | None = None

    async def _complete(self, *exchange: Any) -> bool:
        if self.session and self.session.runner.diagnostics:
            await self.session.runner.diagnostics.idle()
        return await super()._complete(*exchange)


@asynccontextmanager
async def session_of(
    folder: Path, steps: Sequence[dict[str, Any]], **traits: Any
) -> AsyncIterator[tuple[Session, PatientModel]]:
    server = PatientModel(steps)
    await server.start()
    providers = {"custom": {"base_url": server.url, "api_key": "sk-test-not-a-secret"}}
    try:
        async with app_builder(folder, model="custom:scripted", providers=providers, **traits) as builder:
            session = server.session = await builder.create(name="app")
            await session.ready()
            yield session, server
    finally:
        await server.stop()


def checked(folder: Path) -> dict[str, Any]:
    """The plain template with a checker that takes no time: each line with BAD in it is a problem."""
    traits = plain(folder)
    manifest = folder / "templates" / "plain" / "template.toml"
    manifest.write_text(manifest.read_text() + CHECKER)
    return traits


async def results(session: Session) -> list[dict[str, Any]]:
    """The agent's results so far, in their order."""
    ended = [event.data for event in await session.events() if event.type == "tool.finished"]
    return [dict(data) for data in ended if not data["call"].endswith(".check")]


async def ask(session: Session, text: str = "Do the work.") -> None:
    await session.send(text)
    async with asyncio.timeout(120):
        await session.wait()


def told(result: dict[str, Any]) -> list[str]:
    return [problem["message"] for problem in result["detail"].get("diagnostics", {}).get("problems", [])]


@pytest.mark.timeout(400)  # the first run installs packages
async def test_an_error_is_told_with_a_following_result_an_old_one_is_not_and_a_repaired_one_is_gone(
    tmp_path: Path,
) -> None:
    wrong, right = ("export const size: number = " + value for value in ("'large'\n", "4\n"))
    steps = [
        {"tool_calls": [call("read_file", path="src/old.ts")]},
        {"tool_calls": [write("src/size.ts", wrong), write("src/look.css", ".a {\n  color: red;\n")]},
        LOOK,
        {"tool_calls": [write("src/size.ts", right), write("src/look.css", ".a {\n  color: red;\n}\n")]},
        {"tool_calls": [write("src/old.ts", "export {}\n")]},
        {"text": "Done."},
    ]
    async with session_of(tmp_path, steps, template="react-vite") as (session, server):
        (session.workspace.app / "src" / "old.ts").write_text("export const old: string = 7\n")
        await ask(session)
        read, *written, look, repaired, _, last = await results(session)
        assert [told(result) for result in (read, *written, repaired)] == [[]] * 4
        # The formatter reads style sheets, the type checker the rest.
        assert told(look) == ["Type 'string' is not assignable to type 'number'.", "Unclosed block"]
        problem, css = look["detail"]["diagnostics"]["problems"]
        assert (css["path"], css["line"], css["column"]) == ("src/look.css", 1, 1)
        assert (problem["path"], problem["line"], problem["code"]) == ("src/size.ts", 1, "TS2322")
        assert "src/size.ts:1:14: Type 'string' is not assignable to type 'number'. (TS2322)" in look["text"]
        assert "old.ts" not in look["text"].partition("[Checked")[2]
        assert "all problems reported before are gone" in last["text"]
        # The model reads what the log holds.
        messages = server.requests[3].body["messages"]
        assert "TS2322" in messages[-1]["content"]


async def test_a_problem_is_told_once_and_only_what_the_turn_caused(tmp_path: Path) -> None:
    steps = [
        {"tool_calls": [write("src/a.txt", "BAD one\n")]},
        LOOK,
        LOOK,
        {"tool_calls": [write("src/a.txt", "fine\n\nBAD one\n"), write("src/b.txt", "BAD two\n")]},
        LOOK,
        {"text": "Done."},
        LOOK,
        {"tool_calls": [write("src/c.txt", "BAD three\n")]},
        LOOK,
        {"text": "Done."},
    ]
    async with session_of(tmp_path, steps, **checked(tmp_path)) as (session, _):
        await ask(session)
        assert [told(result) for result in await results(session)] == [[], ["BAD one"], [], [], [], ["BAD two"]]
        await ask(session, "More.")
        assert [told(result) for result in (await results(session))[6:]] == [[], [], ["BAD three"]]


async def test_problems_are_told_where_only_landlock_isolates(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/a.txt", "BAD one\n")]}, LOOK, {"text": "Done."}]
    config = Config({"LocalSandbox": {"isolation": "landlock"}})
    async with session_of(tmp_path, steps, **checked(tmp_path), config=config) as (session, _):
        await ask(session)
        assert [told(result) for result in await results(session)] == [[], ["BAD one"]]
        sandbox: Any = await session.app.sandbox()
        assert sandbox._runner.layer.kind == "landlock"


async def test_a_server_that_takes_the_turn_up_does_not_tell_it_again(tmp_path: Path) -> None:
    traits = checked(tmp_path)
    steps = [{"tool_calls": [write("src/a.txt", "BAD one\n")]}, LOOK, LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, **traits) as (session, _):
        await ask(session)
        seen = (await results(session))[1]
        assert told(seen) == ["BAD one"]
        # As another process would find the turn: with the log, and nothing in memory.
        events = [event for event in await session.events() if event.type != "turn.finished"]
        anew = Diagnostics(lambda: ("true",), session.app.sandbox, lambda: events)
        anew.begin_call("t1")
        assert anew._told == {("src/a.txt", "", "BAD one")}


async def test_what_a_person_left_is_not_told_though_the_turn_begins_with_a_change(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/a.txt", "BAD one\n")]}, LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, **checked(tmp_path)) as (session, _):
        (session.workspace.app / "src" / "mine.txt").write_text("BAD mine\n")
        await ask(session)
        assert [told(result) for result in await results(session)] == [[], ["BAD one"]]


async def test_a_server_that_takes_the_turn_up_does_not_tell_what_was_wrong_before_it(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/a.txt", "BAD one\n")]}, {"text": "Done."}]
    async with session_of(tmp_path, steps, **checked(tmp_path)) as (session, _):
        (session.workspace.app / "src" / "mine.txt").write_text("BAD mine\n")
        await ask(session)
        events = [event for event in await session.events() if event.type not in ("turn.finished", "tool.finished")]
        there = session.runner.diagnostics
        assert there
        anew = Diagnostics(there._find_command, session.app.sandbox, lambda: events)
        anew.begin_call("t1")
        await anew.idle()
        result = anew.add_news(ToolResult("Listed.", "Listed", detail={}))
        assert [problem["message"] for problem in result.detail["diagnostics"]["problems"]] == ["BAD one"]


async def test_news_hide_no_loop(tmp_path: Path) -> None:
    broken = [{"tool_calls": [write(f"src/{n}.txt", f"BAD {n}\n")]} for n in range(2)]
    steps = [broken[0], LOOK, broken[1], LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, **checked(tmp_path)) as (session, _):
        await ask(session)
        looks = [
            action for action in turn_progress(await session.events(), "t1").actions if action.tool == "list_files"
        ]
        assert all("Checked in the background" not in action.result for action in looks)
        assert [told(result) for result in await results(session)] == [[], ["BAD 0"], [], ["BAD 1"]]


async def test_a_checker_that_breaks_down_changes_nothing(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    manifest = tmp_path / "templates" / "plain" / "template.toml"
    manifest.write_text(manifest.read_text() + '[diagnostics]\ncommand = ["no-such-checker"]\n')
    steps = [{"tool_calls": [write("src/a.txt", "BAD\n")]}, LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, **traits) as (session, _):
        await ask(session)
        assert all("diagnostics" not in result["detail"] for result in await results(session))
        assert session.summary.turn["reason"] == "done"  # type: ignore[index]


async def test_a_template_without_a_checker_works(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/a.txt", "BAD\n")]}, LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, **plain(tmp_path)) as (session, _):
        await ask(session)
        assert all("diagnostics" not in result["detail"] for result in await results(session))


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/a.txt", "BAD\n")]}, LOOK, {"text": "Done."}]
    async with session_of(tmp_path, steps, diagnostics=False, **checked(tmp_path)) as (session, _):
        await ask(session)
        assert all("diagnostics" not in result["detail"] for result in await results(session))


async def test_a_turn_that_changes_nothing_starts_no_checker(tmp_path: Path) -> None:
    traits = checked(tmp_path)
    manifest = tmp_path / "templates" / "plain" / "template.toml"
    manifest.write_text(manifest.read_text().replace("grep -rn", "touch ran.txt; grep -rn"))
    async with session_of(tmp_path, [LOOK, {"text": "It has a page."}], **traits) as (session, _):
        await ask(session)
        assert not (session.workspace.app / "ran.txt").exists()


def test_what_is_told_is_bounded() -> None:
    many = [Problem(f"src/{n}.ts", n, 1, "TS2322", "wrong " * 40) for n in range(1, 40)]
    news = News(many)
    assert len(news.text()) <= LONGEST
    detail = news.detail(0)
    assert 0 < len(detail["problems"]) <= MOST_TOLD
    assert len(detail["problems"]) + detail["more"] == 39
    assert f"and {detail['more']} more" in news.text()


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            "src/a.tsx(3,14): error TS2322: Type 'x' is wrong.\n  Types differ.\n",
            ("src/a.tsx", 3, 14, "TS2322", "Type 'x' is wrong. Types differ."),
        ),
        (
            "app/[id]/page.tsx(1,2): error TS1005: ')' expected.\n",
            ("app/[id]/page.tsx", 1, 2, "TS1005", "')' expected."),
        ),
        ("app/(shop)/page.tsx(1,2): error TS1005: x\n", ("app/(shop)/page.tsx", 1, 2, "TS1005", "x")),
        ("error TS18003: No inputs were found.\n", ("", 0, 0, "TS18003", "No inputs were found.")),
        ("app.py:3:8: F401 [*] `os` is unused\n", ("app.py", 3, 8, "F401", "`os` is unused")),
        (
            "app.py:1:5: invalid-syntax: Expected an expression\n",
            ("app.py", 1, 5, "invalid-syntax", "Expected an expression"),
        ),
        (
            "/workspace/app.py:2: error: No attribute  [attr-defined]\n",
            ("app.py", 2, 0, "attr-defined", "No attribute"),
        ),
        ("a.py:1:2 - error: Wrong (reportCall)\n", ("a.py", 1, 2, "reportCall", "Wrong")),
        ("css/site.css: error: a { is not closed\n", ("css/site.css", 0, 0, "", "a { is not closed")),
        (
            "[error] src/a.css: SyntaxError: CssSyntaxError: Unclosed block (2:1)\n[error] > 2 | .a { b: c:d (1:2)\n",
            ("src/a.css", 2, 1, "", "Unclosed block"),
        ),
        ("\x1b[31mindex.html:4: error: it's gone\x1b[0m\r\n", ("index.html", 4, 0, "", "it's gone")),
    ],
)
def test_a_checkers_lines_are_read(printed: str, expected: tuple[Any, ...]) -> None:
    (problem,) = read_problems(f"Found these:\n{printed}\nFound 1 error in 0.2 s. See https://x.org:80/y.\n")
    assert (problem.path, problem.line, problem.column, problem.code, problem.message) == expected


@pytest.mark.parametrize(
    "text", ["a.py:3: note: defined here", "node_modules/x/y.ts(1,1): error TS1: x", "/etc/x.py:1:1: E9 x", "Note: x"]
)
def test_what_is_no_problem_of_the_app_is_passed_over(text: str) -> None:
    assert read_problems(text) == []


LONG = 600_000  # characters


@pytest.mark.parametrize(
    "line",
    [
        "[error] a.css: " + "SyntaxError: " * (LONG // 13),
        "[error] a.css: SyntaxError: " + " (1:1" * (LONG // 5),
        "a(" + "1," * (LONG // 2),
        "a" + "(1,1" * (LONG // 4),
        "a" + ".a" * (LONG // 2),
        "a.py:1:1: E1 x" + " " * LONG + "x",
        "a.py:1:1: E1 x" + " [a" * (LONG // 3),
        "error " + "\x1b]" * (LONG // 2),
    ],
)
def test_a_line_without_end_of_a_checker_is_read(line):
    """The checker may be the app's own program. Such a line took minutes."""
    printed = f"src/a.ts(3,5): error TS2322: Wrong.\n{line}\nsrc/b.ts(1,1): error TS1005: Too.\n"
    found = [problem.path for problem in read_problems(printed)]
    assert [found[0], found[-1]] == ["src/a.ts", "src/b.ts"]
