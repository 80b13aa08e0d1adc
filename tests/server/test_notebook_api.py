"""The session's notebook over REST, for a JupyterLab that has it open."""

from __future__ import annotations

import asyncio
import json

import nbformat
import pytest

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.notebook.document import digest, written


async def write(call, id: str, path: str) -> None:
    arguments = {"path": path, "content": f"{path}\n"}
    answer = await call("POST", "sessions", id, "tools", "write_file", json={"arguments": arguments})
    assert answer.data["ok"], answer.data


async def test_the_notebook_is_whole_and_valid_and_can_be_asked_for_what_is_new(call, new_session):
    id = await new_session(name="board")
    await write(call, id, "one.txt")
    first = (await call("GET", "sessions", id, "notebook")).data
    nbformat.validate(nbformat.from_dict(first))
    assert [f"{cell['id']} {digest(cell)}" for cell in first["cells"]] == first["metadata"]["appbuilder"]["cells"]
    await write(call, id, "two.txt")
    news = (await call("GET", "sessions", id, "notebook", after=first["metadata"]["appbuilder"]["last_seq"])).data
    new = next(cell for cell in news["cells"] if "write two.txt" in "".join(cell["source"]))
    assert {new["id"], "verify"} <= {cell["id"] for cell in news["cells"]}
    assert {cell["id"] for cell in news["cells"]} & {cell["id"] for cell in first["cells"]} == {"verify"}
    assert new["id"] in list(written(news))[len(written(first)) - 1 :]


async def test_an_open_notebooks_file_stays_as_it_is_until_the_last_client_closed_it(call, new_session, builder):
    id = await new_session(name="board")
    session = await builder.session(id)
    await session.notebook.flush()
    file = session.workspace.folder / "board.ipynb"
    before = file.read_bytes()
    opened = await call("POST", "sessions", id, "notebook", json={"open": True, "client": "a"})
    assert (opened.data["notebook"], opened.data["known"]) == ("appbuilder/board/board.ipynb", False)
    second = await call("POST", "sessions", id, "notebook", json={"open": True, "client": "b"})
    assert (opened.data["first"], second.data["first"]) == (True, False)
    again = await call("POST", "sessions", id, "notebook", json={"open": True, "client": "a"})
    assert (again.data["known"], again.data["first"]) == (True, True)

    await write(call, id, "one.txt")
    await call("POST", "sessions", id, "notebook", json={"open": False, "client": "a"})
    await session.notebook.flush()
    assert file.read_bytes() == before
    await call("POST", "sessions", id, "notebook", json={"open": False, "client": "b"})
    while file.read_bytes() == before:
        await asyncio.sleep(0.02)
    assert any("one.txt" in "".join(cell["source"]) for cell in json.loads(file.read_bytes())["cells"])


@pytest.mark.parametrize(
    "body", [{}, {"open": "yes", "client": "a"}, {"open": True}, {"open": True, "client": "x" * 101}]
)
async def test_a_hold_needs_a_client_and_a_truth_value(call, new_session, body):
    id = await new_session()
    refused = await call("POST", "sessions", id, "notebook", json=body)
    assert (refused.status, refused.data["reason"]) == (400, "invalid_input")


async def test_a_session_that_another_process_runs_can_be_read_but_its_file_not_held(call, builder):
    other = AppBuilder(parent=builder.parent, root_dir=builder.root_dir, data_dir=builder.data_dir, label="a kernel")
    try:
        theirs = await other.create(title="Theirs")
        await theirs.ready()
        refused = await call("POST", "sessions", theirs.id, "notebook", json={"open": True, "client": "a"})
        assert (refused.status, refused.data["reason"]) == (409, "owned_elsewhere")
        assert "a kernel" in refused.data["message"]
        assert (await call("GET", "sessions", theirs.id, "notebook")).data["cells"]
    finally:
        await other.close()


async def test_what_was_held_back_when_the_server_stopped_is_written_once_the_session_is_opened_again(
    call, new_session, builder
):
    id = await new_session(name="board")
    file = (await builder.session(id)).workspace.folder / "board.ipynb"
    await call("POST", "sessions", id, "notebook", json={"open": True, "client": "a"})
    await write(call, id, "one.txt")
    await builder.release(id)
    assert not file.exists() or b"one.txt" not in file.read_bytes()
    again = await builder.session(id)
    while not file.exists() or b"one.txt" not in file.read_bytes():
        await asyncio.sleep(0.02)
    assert again.notebook.clients == []
