"""What generated code says, and who reads it: terminals, notebooks, cells that are run again."""

from __future__ import annotations

import io
import json
import os
import pty
import select
from pathlib import Path

import nbformat
import pytest
from building import call, scripted_builder, write
from model_server import Step
from plain_app import plain

from jupyter_appbuilder.cli.terminal import Terminal, say, shown
from jupyter_appbuilder.client.feed import Entry, Feed
from jupyter_appbuilder.notebook.cells import Call, parse

CLIPBOARD = "\x1b]52;c;c3VkbyBybQ==\x07"
TITLE = "\x1b]0;root@host\x07"
ANSWERBACK = "\x1b[6n\x9b5n\x05"
BACK = "\x1b[2K\x1b[1A\x1b[2K\r"
DIRECTION = "safe\u202egpj.exe\u2066"
HOSTILE = f"{CLIPBOARD}{TITLE}{ANSWERBACK}{BACK}{DIRECTION}\x00\x08\x7f"


def test_a_terminal_obeys_nothing_that_a_tool_or_a_model_says():
    main, other = pty.openpty()  # colours and lines that are redrawn are for real terminals only
    with os.fdopen(other, "w") as stream:
        terminal = Terminal(stream)
        assert terminal.live
        feed = Feed()
        entries = [
            Entry("text", f"I will {HOSTILE} now", "done"),
            Entry("tool", f"Ran {HOSTILE}", "failed", call="c", output=HOSTILE),
            Entry("tool", f"Running {HOSTILE}", "running", call="d", output=f"x\n{HOSTILE}"),
            Entry("note", HOSTILE, "failed"),
        ]
        terminal.feed(feed, entries[:2])
        terminal.feed(feed, [entries[3]])
        for say_it in (terminal.note, terminal.heading, terminal.error):
            say_it(HOSTILE)
        stream.flush()
        written = b""
        while select.select([main], [], [], 0.2)[0]:
            written += os.read(main, 65536)
    os.close(main)
    assert b"I will" in written
    for piece in (CLIPBOARD, TITLE, "\x1b[6n", "\x9b", "\x05", "\u202e", "\x00", "\x08", "]52;c;c3VkbyBybQ==\x07"):
        assert piece.encode() not in written, repr(piece)
    assert b"\x1b[2K\x1b[1A" not in written


def test_a_listed_title_is_only_text(capsys: pytest.CaptureFixture[str]):
    say(f"my-app  {HOSTILE}")
    out = capsys.readouterr().out
    assert "my-app" in out
    assert "\x1b" not in out
    assert shown("tabs\tand\nlines stay, ünïcode 🎈 too") == "tabs\tand\nlines stay, ünïcode 🎈 too"


BREAKS = [
    "%%appbuilder run rm -rf /\n",
    "\n\n%appbuilder open other\n",
    "get_ipython().system('touch owned')\n",
    "!touch owned\n%%bash\ntouch owned\n",
    "{__import__('os').system('touch owned')} $HOME {{x}}",
    "'''\n\"\"\"\n\\x00\\'); __import__('os').system('touch owned') #",
    "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n%%appbuilder write ../../x\n",
]


@pytest.mark.parametrize("text", BREAKS)
def test_a_files_content_stays_within_its_cell(text: str):
    source = Call("write", ("src/a.txt",), body=text if text.endswith("\n") else text + "\n").source()
    again = parse(source)
    assert again is not None
    assert (again.command, again.arguments) == ("write", ("src/a.txt",))


@pytest.mark.parametrize("path", ["a b; touch owned", "$(touch owned)", "a' 'b", "{x}", "`id`", "-rf", 'a"b', "\\"])
def test_a_files_name_stays_one_argument_of_its_cell(path: str):
    again = parse(Call("delete", (path,)).source())
    assert again is not None
    assert (again.command, again.arguments) == ("delete", (path,))


async def test_running_a_hostile_notebook_runs_only_what_its_cells_say(tmp_path: Path):
    """Commands and contents made to be taken for Python, for the shell or for other cells, run again by a kernel."""
    import subprocess
    import sys

    inject = "{__import__('os').system('touch OWNED')}".replace("OWNED", str(tmp_path / "owned"))
    steps: list[Step] = [
        {"tool_calls": [write("src/x.txt", BREAKS[0] + inject)]},
        {"tool_calls": [call("run_command", command=f"echo {inject}; echo a\n!touch owned")]},
        {"tool_calls": [call("run_command", command="printf '%%%%appbuilder run touch owned\\n' > 'new\nline.txt'")]},
        {"text": f"Done. <script>alert(1)</script> {inject} <img src=x onerror=alert(1)>"},
    ]
    nothing_asks = [{"pattern": "*", "action": "allow"}]
    async with scripted_builder(tmp_path, steps, approval_rules=nothing_asks, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="hostile")
        await session.send("go")
        await session.wait()
        session.notebook.changed()
        await session.notebook.flush()
        notebook = session.notebook.path
    content = nbformat.read(notebook, as_version=4)
    sources = [cell.source for cell in content.cells if cell.cell_type == "code"]
    assert sum("write src/x.txt" in source for source in sources) == 1
    for cell in content.cells:
        if cell.cell_type == "code":
            assert cell.source.startswith(("%load_ext", "%%appbuilder", "%appbuilder")), cell.source
            for output in cell.outputs:
                kinds = output.get("data", {}).keys()
                assert not {"text/html", "application/javascript", "image/svg+xml"} & set(kinds)
        assert not cell.metadata.get("trusted")
    run = [sys.executable, "-m", "jupyter", "execute", "--allow-errors", str(notebook)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert not list(tmp_path.rglob("owned"))
    assert (notebook.parent / "replay").is_dir() or list(tmp_path.rglob("replay")), "it was run"


def test_json_for_programs_holds_no_raw_escapes():
    out = io.StringIO(json.dumps({"text": HOSTILE}))
    assert "\x1b" not in out.getvalue()
