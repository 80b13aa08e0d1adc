"""Packages that bring tools which are broken: what works goes on working, and what does not is told."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from building import app_builder, call, scripted_builder
from model_server import Step
from plain_app import plain

from jupyter_appbuilder.cli import main
from jupyter_appbuilder.client.feed import Feed
from jupyter_appbuilder.tools.registry import find_tools
from jupyter_appbuilder.turns.tried import last_tried

HEAD = """
from jupyter_appbuilder.tools.base import Arguments, Picture, ToolContext, ToolResult, tool


class Nothing(Arguments):
    pass


"""

RESULTS = {
    "none": ("return None", "it returned NoneType in place of a ToolResult"),
    "a text": ('return "Done."', "it returned str in place of a ToolResult"),
    "a detail that is no JSON": ('return ToolResult("a", "b", detail={"a": object()})', "its detail is no JSON"),
    "a detail that is no number": ('return ToolResult("a", "b", detail={"a": float("nan")})', "its detail is no JSON"),
    "a detail that is a list": ('return ToolResult("a", "b", detail=["a"])', "its detail is no object"),
    "a text of bytes": ('return ToolResult(b"a", "b")', "its text or summary is no text"),
    "a summary of bytes": ('return ToolResult("a", b"b")', "its text or summary is no text"),
    "pictures that are none": ('return ToolResult("a", "b", pictures=("c",))', "a picture of it is none"),
    "a picture of text": (
        'return ToolResult("a", "b", pictures=(Picture("c", 1, 1, "d"),))',
        "a picture of it is none",
    ),
    "no pictures at all": ('return ToolResult("a", "b", pictures=3)', "TypeError"),
    "an end of the process": ("raise SystemExit(3)", "SystemExit: 3"),
}

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with this code as its module, whose ``TOOLS`` are registered."""

    def install(code: str) -> None:
        info = tmp_path / "site" / "party-1.dist-info"
        info.mkdir(parents=True)
        (tmp_path / "site" / "party.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: party\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[jupyter_appbuilder.tools]\nparty = party:TOOLS\n")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.delitem(sys.modules, "party", raising=False)
        importlib.invalidate_caches()
        find_tools.cache_clear()

    yield install
    find_tools.cache_clear()


def party(
    body: str, *, head: str = "async def meet(context: ToolContext, arguments: Nothing)", doc: str = "Meet."
) -> str:
    described = f'    """{doc}"""\n' if doc else ""
    return f'{HEAD}@tool(effect="read")\n{head} -> ToolResult:\n{described}    {body}\n\n\nTOOLS = [meet]\n'


WELL = 'return ToolResult("Done.", "Met")'


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys\n\nsys.exit(3)\n", "SystemExit: 3"),
        ("import nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
        (party(WELL, head="def meet(context: ToolContext, arguments: Nothing)"), "has to be an async function"),
        (party(WELL, doc=""), "needs a docstring"),
        (party(WELL).replace("meet", "begrüßen"), "'begrüßen' cannot be a tool's name"),
        (party(WELL).replace("meet", "m" * 65), "cannot be a tool's name: models take up to 64"),
        ("TOOLS = 1\n", "not iterable"),
    ],
)
def test_what_cannot_be_loaded_takes_nothing_else_away(install: Install, code: str, why: str) -> None:
    install(code)
    tools, refused = find_tools()
    assert "read_file" in tools
    assert "meet" not in tools
    assert "The tools of party cannot be loaded" in refused[0]
    assert why in refused[0]


def test_doctor_tells_it(install: Install, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    install("import nothing_of_that_name\n")
    with pytest.raises(SystemExit):
        main(["doctor", "--root", str(tmp_path)])
    assert "The tools of party cannot be loaded: ModuleNotFoundError" in capfd.readouterr().out


@pytest.mark.parametrize("kind", RESULTS)
async def test_a_result_that_is_none_is_a_failed_call(install: Install, tmp_path: Path, kind: str) -> None:
    body, why = RESULTS[kind]
    install(party(body))
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Party")
        await session.ready()
        _, result = await session.call("meet", {}, by="person")
        assert not result.ok
        assert why in result.text
        _, result = await session.call("list_files", {}, by="person")
        assert result.ok


async def test_what_a_tool_tells_is_bounded(install: Install, tmp_path: Path) -> None:
    install(party('return ToolResult("x" * 50_000_000, "y" * 1_000_000)'))
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Party")
        await session.ready()
        _, result = await session.call("meet", {}, by="person")
    assert len(result.text) < 5_000_000
    assert result.text.endswith("… and 46000000 more characters")
    assert len(result.summary) <= 300


ODD = """return ToolResult("Met.", "Met", detail={
        "page_news": 1, "diagnostics": {"length": "x"}, "scenarios": {"all": True, "outcomes": [{"name": "a"}, 3, {}]},
        "path": 1, "sha": [], "reason": {}, "problems": "x", "looked": 0, "types": 3, "diff": [], "other": {"a": 1},
    })"""


async def test_a_detail_with_names_of_ours_misleads_nobody(install: Install, tmp_path: Path) -> None:
    """A later turn reads it again, and so does whoever shows it."""
    install(party(ODD))
    steps: list[Step] = [{"tool_calls": [call("meet")]}, {"text": "Met."}, {"text": "Yes."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Party")
        await session.ready()
        for request in ("Meet them", "Have you?"):
            await session.send(request)
            ended = await session.wait()
            assert ended["reason"] == "done", ended
        events = await session.events()
        (finished,) = [event.data for event in events if event.type == "tool.finished" and event.data["tool"] == "meet"]
        assert finished["ok"]
        assert finished["detail"]["other"] == {"a": 1}
        feed = Feed()
        for event in events:
            feed.take({"kind": "events", "events": [event.to_json()]})
        assert last_tried(events).keys() <= {"a"}
