from __future__ import annotations

import asyncio
import os
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from IPython.lib.pretty import pretty

from jupyter_appbuilder import tools
from jupyter_appbuilder.tools.base import Icon, Tool, ToolResult
from jupyter_appbuilder.tools.commands import installs
from jupyter_appbuilder.tools.packages import PACKAGES
from jupyter_appbuilder.tools.registry import load_tools
from jupyter_appbuilder.tools.search import glob_pattern

from .bench import APP, bench

ICONS = Path(__file__).parents[2] / "labextension/src/core/controls/Icon.tsx"


def test_every_tool_of_the_first_version_is_there_and_describes_itself():
    tools = load_tools()
    assert list(tools) == [
        "list_files", "read_file", "write_file", "edit_file", "delete_file", "rename_file",
        "search_files", "run_command", "install_packages", "check_app", "look_at_app", "use_app",
        "write_scenario", "try_scenarios", "request_network", "write_plan", "tick_plan", "add_dataset",
        "take_notebook", "put_attachment",
        "describe_database", "query_database", "change_data", "update_database_schema", "call_function",
        "create_function", "update_layout", "request_secret",
        "expose_function", "unexpose_function",
    ]  # fmt: skip
    for tool in tools.values():
        function = tool.definition()["function"]
        assert len(function["description"]) > 20
        assert "$ref" not in str(function)
        for name, field in function["parameters"]["properties"].items():
            assert field.get("description") or name == "dev", (tool.name, name)


def test_every_tool_that_a_module_of_ours_makes_is_registered():
    modules = [import_module(f"{tools.__name__}.{found.name}") for found in pkgutil.iter_modules(tools.__path__)]
    made = {value.name: module for module in modules for value in vars(module).values() if isinstance(value, Tool)}
    assert len(made) > 10
    missing = [f"{name} of {module.__name__}" for name, module in made.items() if name not in load_tools()]
    assert not missing, f"tools/registry.py does not load {', '.join(missing)}."


def test_the_panel_draws_every_icon_that_a_tool_can_have():
    drawn = ICONS.read_text().split("const PATHS = {")[1].split("} as const")[0]
    missing = set(get_args(Icon)) - set(re.findall(r"^  (\w+):", drawn, re.MULTILINE))
    assert not missing, f"PATHS in {ICONS.name} lacks {sorted(missing)}."


async def test_reading_and_listing(tmp_path):
    async with bench(tmp_path) as b:
        listed = await b.call("list_files")
        assert "src/greet.ts  " in listed.text
        assert listed.summary == "Listed the app (5 files)"
        assert (await b.call("list_files", {"path": "nope"})).ok is False
        whole = await b.call("read_file", {"path": "./src/greet.ts"})
        assert whole.text == "./src/greet.ts, 3 lines\n" + "\n".join(
            f"{n}\t{line}" for n, line in enumerate(APP.splitlines(), 1)
        )
        part = await b.call("read_file", {"path": "src/greet.ts", "start_line": 2, "end_line": 99})
        assert part.text == "src/greet.ts, lines 2–3 of 3\n2\t  return `Hello, ${name}`;\n3\t}"
        beyond = await b.call("read_file", {"path": "src/greet.ts", "start_line": 9})
        assert "there is no line 9" in beyond.text
        missing = await b.call("read_file", {"path": "src/nope.ts"})
        assert (missing.ok, missing.detail["reason"]) == (False, "no_such_file")
        assert "list_files" in missing.text


async def test_no_tool_leaves_the_app(tmp_path):
    (tmp_path / "secret").write_text("s3cret")
    async with bench(tmp_path) as b:
        os.symlink(tmp_path, b.workspace.app / "out")
        for path in ("../../../secret", "out/secret", "/etc/passwd", ".git/config"):
            for tool, arguments in {
                "read_file": {"path": path},
                "write_file": {"path": path, "content": "x"},
                "edit_file": {"path": path, "edits": [{"search": "s3cret", "replace": "x"}]},
                "delete_file": {"path": path},
                "rename_file": {"old": "server.mjs", "new": path},
                "list_files": {"path": path},
            }.items():
                result = await b.call(tool, arguments)
                assert not result.ok, (tool, path)
                assert result.detail["reason"] == "invalid_path"
                assert "s3cret" not in result.text
        assert "s3cret" not in (await b.call("search_files", {"query": "s3cret"})).text.replace("“s3cret”", "")
    assert (tmp_path / "secret").read_text() == "s3cret"


async def test_writing_and_editing_show_what_changed(tmp_path):
    async with bench(tmp_path) as b:
        made = await b.call("write_file", {"path": "src/new/a.ts", "content": "1\n2\n"})
        assert made.summary == "Created src/new/a.ts (+2 −0)"
        assert made.detail["diff"] == "--- /dev/null\n+++ b/src/new/a.ts\n@@ -0,0 +1,2 @@\n+1\n+2\n"
        edits = [{"search": "1", "replace": "one"}, {"search": "2", "replace": "two\nthree"}]
        edited = await b.call("edit_file", {"path": "src/new/a.ts", "edits": edits})
        assert edited.summary == "Edited src/new/a.ts (+3 −2)"
        assert {key: edited.detail[key] for key in ("path", "added", "removed")} == {
            "path": "src/new/a.ts",
            "added": 3,
            "removed": 2,
        }
        assert "-1\n-2\n+one\n+two\n+three\n" in edited.detail["diff"]
        same = await b.call("write_file", {"path": "src/new/a.ts", "content": "one\ntwo\nthree\n"})
        assert "nothing changed" in same.text
        assert [event["path"] for event in b.journal.of("file.changed")] == ["src/new/a.ts"] * 2
        big = await b.call("write_file", {"path": "big.txt", "content": "x" * 70 + "\n" + "long line\n" * 20_000})
        assert len(big.detail["diff"].encode()) < 66_000


async def test_an_edit_that_does_not_match_says_so_and_makes_none_of_the_others(tmp_path):
    async with bench(tmp_path) as b:
        edits = [
            {"search": "Hello", "replace": "Bye"},
            {"search": "export function great(name: string) {", "replace": ""},
        ]
        result = await b.call("edit_file", {"path": "src/greet.ts", "edits": edits})
        assert not result.ok
        assert "Edit 2 of 2 did not find" in result.text
        assert "1\texport function greet(name: string) {" in result.text
        assert result.summary == "Edit 2 of 2 did not find its search text. Nothing was changed."
        assert result.detail["field"] == "edits.1"
        assert await b.workspace.read_text("src/greet.ts") == APP
        assert b.journal.of("file.changed") == []


async def test_moving_and_deleting(tmp_path):
    async with bench(tmp_path) as b:
        moved = await b.call("rename_file", {"old": "src/greet.ts", "new": "lib/hello.ts"})
        assert moved.summary == "Renamed src/greet.ts to lib/hello.ts"
        gone = await b.call("delete_file", {"path": "lib/hello.ts"})
        assert gone.detail["removed"] == 3
        assert [(event["path"], event["change"]) for event in b.journal.of("file.changed")] == [
            ("src/greet.ts", "deleted"),
            ("lib/hello.ts", "created"),
            ("lib/hello.ts", "deleted"),
        ]


async def test_searching(tmp_path):
    async with bench(tmp_path) as b:
        plain = await b.call("search_files", {"query": "${name}"})
        assert plain.text == "src/greet.ts:2:   return `Hello, ${name}`;"
        regex = await b.call("search_files", {"query": r"^import\b.*node:(\w+)", "regex": True, "glob": "*.mjs"})
        assert regex.detail == {"query": r"^import\b.*node:(\w+)", "matches": 3, "files": 2}
        assert "No line matches" in (await b.call("search_files", {"query": "HELLO"})).text
        assert (await b.call("search_files", {"query": "HELLO", "ignore_case": True})).detail["matches"] == 1
        wrong = await b.call("search_files", {"query": "(", "regex": True})
        assert (wrong.ok, wrong.detail["field"]) == (False, "query")
        await b.call("write_file", {"path": "many.txt", "content": "needle\n" * 500})
        many = await b.call("search_files", {"query": "needle"})
        assert "[300 more lines match" in many.text


async def test_a_pattern_that_never_ends_is_ended_and_blocks_nobody(tmp_path, monkeypatch):
    from jupyter_appbuilder.tools import search

    monkeypatch.setattr(search, "SECONDS", 0.5)
    async with bench(tmp_path) as b:
        await b.call("write_file", {"path": "a.txt", "content": "a" * 60 + "!\n"})
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        heart = asyncio.create_task(beat())
        result = await b.call("search_files", {"query": "^(a+)+$", "regex": True})
        heart.cancel()
        assert result.detail["reason"] == "search_timeout"
        assert beats > 10


@pytest.mark.parametrize(
    ("glob", "fits", "not_"),
    [
        ("*.tsx", ["App.tsx", "src/a/B.tsx"], ["a.ts"]),
        ("src/*.ts", ["src/a.ts"], ["src/b/a.ts", "x/src/a.ts"]),
        ("src/**/*.ts", ["src/a.ts", "src/b/c/a.ts"], ["a.ts"]),
        ("src/", ["src/a", "src/b/c"], ["lib/a"]),
        ("*.{ts,tsx}", ["a.ts", "b/a.tsx"], ["a.js"]),
        ("**/test?.[jt]s", ["a/test1.js", "testx.ts"], ["test.js"]),
    ],
)
def test_globs(glob, fits, not_):
    pattern = glob_pattern(glob)
    assert [path for path in fits + not_ if pattern.fullmatch(path)] == fits


async def test_a_command_runs_in_the_sandbox_with_live_output_and_its_changes_are_kept(tmp_path):
    async with bench(tmp_path) as b:
        result = await b.call(
            "run_command",
            {"command": "echo out; echo -e '\\e[31mred\\e[0m' >&2; echo made > src/made.txt; mkdir dist; touch dist/x"},
        )
        assert result.ok
        assert result.text.splitlines()[1:] == ["out", "[stderr]", "red"]
        assert result.detail["exit_code"] == 0
        assert result.detail["duration_ms"] > 0
        live = "".join(data["text"] for type, data in b.journal.lives if type == "tool.output")
        assert "out" in live
        assert {data["call"] for _, data in b.journal.lives} == {"r1.1"}
        (finished,) = b.journal.of("tool.finished")
        assert "+made" in finished["patch"]
        (made,) = b.journal.of("file.changed")
        assert made.pop("tree") == await b.workspace.known()
        assert made == {
            "path": "src/made.txt",
            "change": "created",
            "added": 1,
            "removed": 0,
            "by": "command",
            "call": "r1.1",
        }
        assert b.journal.batches[-1] == ["tool.finished", "file.changed"]
        failed = await b.call("run_command", {"command": "exit 7"})
        assert (failed.ok, failed.detail["exit_code"]) == (False, 7)
        assert "Exit code 7" in failed.summary
        assert b.journal.of("tool.finished")[-1]["patch"] == ""
        slow = await b.call("run_command", {"command": "sleep 30", "timeout_seconds": 1})
        assert "time limit" in slow.text


@pytest.mark.parametrize(
    "command",
    ["npm install zod", "npm i zod", "cd x && npm install --save-dev a", "yarn add a", "pnpm add a", "bun add a",
     "npm --silent i a", "CI=1 npm ci", "(npm install)", "true; npm uninstall a", "npm install", "pip install x",
     "python -m pip install x", "uv add x", "pip3 -q install x", "uv pip install x",
     "python3.12 -m pip install -r requirements.txt"],
)  # fmt: skip
def test_installing_by_a_command_is_seen(command):
    assert installs(command)


@pytest.mark.parametrize(
    "command",
    ["npm run build", "npm test", "npm run install-hooks", "echo npm install", "pip list",
     "python app.py install", "python -m pipx", "uv run x", "npx tsc", "npm init", "yarn build",
     "npm run add", "grep 'npm i' README.md"],
)  # fmt: skip
def test_other_commands_pass(command):
    assert not installs(command)


@pytest.mark.parametrize("piece", ["\n", " ", "a=1 ", "a=1\n", "env ", "do=do ", "npm ", "npm -a ", ";", "uv -a "])
def test_a_long_command_is_looked_through(piece):
    """20,000 newlines took 22 seconds."""
    long = piece * (200_000 // len(piece))
    assert not installs(long)
    assert installs(f"{long}\nnpm install zod")


async def test_progress_is_told_as_it_was_left(tmp_path):
    """https://github.com/yvgude/lean-ctx/issues/1140: each step of a bar took its place in what the model reads."""
    async with bench(tmp_path) as b:
        step = "for n in range(5000): sys.stdout.write(f'\\r{n / 50:.0f}% ' + '#' * 40)"
        bar = f"import sys\n{step}\nprint('\\rDone.\\r\\nNext')"
        result = await b.call("run_command", {"command": f'python3 -c "{bar}"'})
        assert result.text.splitlines()[1:] == ["Done.", "Next"]


async def test_installing_by_a_command_points_to_the_tool_for_it(tmp_path):
    async with bench(tmp_path) as b:
        result = await b.call("run_command", {"command": "npm install zod"})
        assert not result.ok
        assert "install_packages" in result.text


def test_package_names():
    for good in ("zod", "date-fns@4", "@tanstack/react-query@^5.0.0", "lodash.debounce", "a@>=1 <2", "x@latest"):
        assert PACKAGES["npm"].fullmatch(good), good
    for good in ("polars", "scikit-learn>=1.5,<2", "uvicorn[standard]", "a==1.0.*", "a~=1.2", "A.b_c", "a[x,y]>=1"):
        assert PACKAGES["python"].fullmatch(good), good
    for bad in (
        "--registry=x",
        "-g",
        "../x",
        "./x",
        "git+ssh://x/y",
        "user/repo",
        "file:x",
        "a@file:../x",
        "a@https://x",
        "a b",
        "",
        "a;b",
        "a @ file:///x",
        "-r requirements.txt",
        "-e .",
    ):
        assert not any(pattern.fullmatch(bad) for pattern in PACKAGES.values()), bad


async def test_packages_that_do_not_exist_are_reported(tmp_path):
    async with bench(tmp_path) as b:
        refused = await b.call("install_packages", {"packages": ["zod", "../x"]})
        assert refused.detail["field"] == "packages.1"


async def test_a_package_is_installed_and_the_server_restarted(tmp_path):
    async with bench(tmp_path) as b:
        result = await b.call("install_packages", {"packages": ["is-number@7.0.0"]})
        if "network" in result.text.lower() and not result.ok:
            pytest.skip("the registry cannot be reached")
        assert result.ok, result.text
        assert b.app.restarts == 1
        assert result.detail["server"]["state"] == "ready"
        assert "is-number" in await b.workspace.read_text("package.json")
        assert {event["path"] for event in b.journal.of("file.changed")} == {"package.json", "package-lock.json"}
        assert (await b.call("run_command", {"command": "node -e 'require(\"is-number\")'"})).ok


async def test_the_check_is_content_only_when_everything_works(tmp_path):
    async with bench(tmp_path) as b:
        good = await b.call("check_app", by="loop")
        assert good.ok, good.text
        assert "open page" in good.summary
        b.app.looked = False
        unseen = await b.call("check_app", by="loop")
        assert unseen.ok
        assert "nobody has looked at the page" in unseen.summary
        assert "do not claim it" in unseen.text
        assert good.detail["types"] == {"ok": True, "output": "(It printed nothing.)"}
        assert good.detail["server"]["state"] == "ready"

        await b.call("edit_file", {"path": "src/greet.ts", "edits": [{"search": "Hello", "replace": "wrong"}]})
        b.app.page = [
            {"kind": "page", "message": "x is not a function", "source": "src/App.tsx:3:5", "stack": "at App"}
        ]
        bad = await b.call("check_app")
        assert not bad.ok
        assert bad.summary == "Check found: 1 type error, 1 error in the app"
        assert "error TS2322: Type 'number'" in bad.text
        assert "Page: x is not a function\n  at src/App.tsx:3:5" in bad.text
        assert bad.detail["problems"] == b.app.page


async def test_the_check_names_each_problem_once(tmp_path):
    async with bench(tmp_path) as b:
        await b.call("edit_file", {"path": "src/greet.ts", "edits": [{"search": "Hello", "replace": "wrong"}]})
        place = re.search(r"src/greet.ts\((\d+),\d+\)", (await b.call("check_app")).text)
        assert place
        thrown = {"kind": "page", "message": "Uncaught TypeError: x is not a function", "source": "src/App.tsx:3:5"}
        b.app.page = [
            {"kind": "build", "message": "Expected a semicolon", "source": f"src/greet.ts:{place[1]}:9"},
            {"kind": "page", "message": "TypeError: x is not a function"},
            thrown,
        ]
        bad = await b.call("check_app")
        assert bad.text.count("x is not a function") == 1
        assert "at src/App.tsx:3:5" in bad.text
        assert "Expected a semicolon" not in bad.text
        assert bad.summary == "Check found: 1 type error, 1 error in the app"
        b.app.page = b.app.page[:1]
        again = await b.call("check_app")
        assert not again.ok
        assert "no errors but those above" in again.text


async def test_the_check_tells_why_the_server_does_not_start(tmp_path):
    async with bench(tmp_path) as b:
        (b.workspace.app / "broken").touch()
        result = await b.call("check_app")
        assert not result.ok
        assert "the dev server is failed" in result.summary
        assert "boom: broken" in result.text


def test_a_result_on_a_cells_last_line_is_shown_as_its_text():
    result = ToolResult("Edited src/App.tsx (+1 −1 lines):\n-old\n+new", "Edited src/App.tsx", detail={"path": "x"})
    assert pretty(result) == result.text
