"""Apps that are published at other hosts over HTTP: the whole way from a version to a host on loopback, with the secret
from the vault; what goes wrong on the way, and the way back."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from publishing.git_host import git, git_host
from publishing.hugging_face import WRITE, hugging_face
from publishing.loopback import Answer, Request
from publishing.posit_connect import KEY, posit_connect

from .test_published import publish

TOKEN = "github_pat_11ABCDEF0_correct-horse-battery"


def page(word: str) -> str:
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>App</title><main><h1>{word}</h1></main></html>\n"
    )


async def write(call: Any, builder: Any, id: str, word: str) -> str:
    """Another version, whose id is returned."""
    arguments = {"path": "index.html", "content": page(word)}
    await call("POST", "sessions", id, "tools", "write_file", json={"arguments": arguments})
    session = await builder.session(id)
    await session.checkpoint(word)
    return (await session.checkpoints())[0].id


def told_nowhere(secret: str, folder: Path, builder: Any, *said: object) -> None:
    """A secret is in no answer, no event, and no file but the vault's, which is encrypted."""
    assert secret not in str(said)
    for place in (folder, Path(builder.data_dir)):
        for file in place.rglob("*"):
            if file.is_file() and not file.is_symlink() and "cache" not in file.parts:
                assert secret.encode() not in file.read_bytes(), file


async def test_pages_are_pushed_pushed_again_and_rolled_back(
    call: Any, new_session: Any, builder: Any, tmp_path: Path, jp_root_dir: Path
) -> None:
    id = await new_session(title="Site", template="static")
    first = await write(call, builder, id, "first")
    (tmp_path / "host").mkdir()
    with git_host(tmp_path / "host") as host:
        host.writers.add(TOKEN)
        repository = host.repository("app")
        settings = {"repository": f"{host.url}/app.git"}
        # What is wrong with the other side is known before anything is built, and nothing is there.
        for given, said in (
            ({**settings, "token": "github_pat_wrong"}, "token"),
            ({"repository": "http://127.0.0.1:1/app.git", "token": TOKEN}, "reached"),
            ({"repository": f"{host.url}/none.git", "token": TOKEN}, "repository"),
        ):
            status = await publish(call, id, target="pages", name="site", settings=given)
            steps = {one["step"]: one["state"] for one in status["steps"]}
            assert (status["state"], steps["build"], steps["check"]) == ("failed", "failed", "waiting"), status
            assert said in f"{status['message']} {status['hint']}".lower(), status["message"]
        settings["token"] = TOKEN
        status = await publish(call, id, target="pages", name="site", checkpoint=first, settings=settings)
        assert status["state"] == "done", status
        assert "Pushing" in status["log"]
        assert "first" in host.files("app", "gh-pages")["index.html"]
        # The same place and the same token, which nobody is asked for again.
        second = await write(call, builder, id, "second")
        status = await publish(call, id, target="pages", checkpoint=second)
        assert (status["state"], status["number"]) == ("done", 2), status
        assert "second" in host.files("app", "gh-pages")["index.html"]
        told = await call("GET", "sessions", id, "publishing")
        [target] = [one for one in told.data["targets"] if one["name"] == "pages"]
        stored = {one["name"]: (one["stored"], one["value"]) for one in target["settings"]}
        assert (stored["token"], stored["repository"][1]) == ((True, ""), settings["repository"])

        back = await call("POST", "sessions", id, "publications", "pages", "rollback", json={"number": 1})
        assert (back.status, back.data["live"]) == (200, 1)
        assert "first" in host.files("app", "gh-pages")["index.html"]
        running = (await call("GET", "sessions", id, "publishing")).data["running"]
        assert (running["state"], running["number"], running["steps"][0]["step"]) == ("done", 1, "hand_over")
        # A host that is away keeps what it has, and so does the card.
        host.answer = lambda path: 503
        back = await call("POST", "sessions", id, "publications", "pages", "rollback", json={"number": 2})
        assert back.status == 503, back.body
        [there] = (await call("GET", "sessions", id, "publishing")).data["publications"]
        assert there["live"] == 1
        host.answer = lambda path: None
        assert (await call("DELETE", "sessions", id, "publications", "pages")).status == 204
        assert "gh-pages" not in git(repository, "branch")
        told_nowhere(TOKEN, jp_root_dir, builder, status, told.data)


async def test_a_space_that_is_stopped_full_or_another_persons_leaves_readers_what_they_have(
    call: Any, new_session: Any, builder: Any, jp_root_dir: Path
) -> None:
    id = await new_session(title="Site", template="static")
    first = await write(call, builder, id, "first")
    with hugging_face() as hub:
        settings = {"server": hub.url, "token": WRITE}
        assert (await publish(call, id, target="huggingface", name="site", checkpoint=first, settings=settings))[
            "state"
        ] == "done"
        space = hub.spaces["ada/site"]
        files = dict(space.files)
        second = await write(call, builder, id, "second")

        reached, let_go = threading.Event(), threading.Event()

        def hold(request: Request) -> Answer | None:
            if request.path.endswith("/commit/main"):
                reached.set()
                let_go.wait(60)
                return hub.refused(500, "too late")
            return None

        hub.refuse = hold
        begun = await call("POST", "sessions", id, "publishing", json={"target": "huggingface", "checkpoint": second})
        assert begun.status == 202
        while not reached.is_set():
            state = (await call("GET", "sessions", id, "publishing")).data["running"]
            if state["state"] == "waiting":
                reasons = {one["id"]: "Nobody else sees it" for one in state["findings"]}
                await call("POST", "sessions", id, "publishing", "answer", json={"accepted": reasons})
            assert state["state"] in ("running", "waiting"), state
            await asyncio.sleep(0.02)
        assert "Sending" in (await call("GET", "sessions", id, "publishing")).data["running"]["log"]
        stopping = asyncio.create_task(call("DELETE", "sessions", id, "publishing"))
        let_go.set()
        hub.refuse = lambda request: None
        assert (await stopping).status == 204
        assert (await call("GET", "sessions", id, "publishing")).data["running"]["state"] == "stopped"
        assert space.files == files

        hub.refuse = lambda request: (
            hub.refused(403, f"Private repository storage limit reached {WRITE}")
            if request.path.endswith("/commit/main")
            else None
        )
        status = await publish(call, id, target="huggingface", checkpoint=second)
        assert status["state"] == "failed"
        assert "quota" in status["message"]
        hub.refuse = lambda request: None
        status = await publish(call, id, target="huggingface", checkpoint=second)
        assert status["state"] == "done"
        assert b"second" in space.files["index.html"]
        # Somebody put something else there meanwhile: it stays, and that is known before a build.
        space.files = {"README.md": b"", "app.py": b"theirs"}
        status = await publish(call, id, target="huggingface", checkpoint=first)
        assert {one["step"]: one["state"] for one in status["steps"]}["build"] == "failed"
        assert "something else" in status["message"]
        assert space.files == {"README.md": b"", "app.py": b"theirs"}
        told_nowhere(WRITE, jp_root_dir, builder, status)


async def test_connects_own_log_is_shown_and_what_it_cannot_run_is_refused_at_once(
    call: Any, new_session: Any, builder: Any, jp_root_dir: Path
) -> None:
    id = await new_session(title="Site", template="static")
    first = await write(call, builder, id, "first")
    with posit_connect() as connect:
        settings = {"server": connect.url, "key": KEY}
        status = await publish(call, id, target="posit", name="site", checkpoint=first, settings=settings)
        assert status["state"] == "done", status
        assert "Launching static content" in status["log"]
        second = await write(call, builder, id, "second")
        connect.fails = True
        status = await publish(call, id, target="posit", checkpoint=second)
        assert (status["state"], "does not start" in status["message"]) == ("failed", True)
        assert b"first" in connect.named("site").site["index.html"]
        connect.fails = False
        assert (await publish(call, id, target="posit", checkpoint=second))["state"] == "done"
        back = await call("POST", "sessions", id, "publications", "posit", "rollback", json={"number": 1})
        assert (back.status, back.data["live"]) == (200, 1), back.body
        assert b"first" in connect.named("site").site["index.html"]
        assert len(connect.content) == 1
        told_nowhere(KEY, jp_root_dir, builder, status)
    other = await new_session(title="Next", template="nextjs")
    targets = (await call("GET", "sessions", other, "publishing")).data["targets"]
    said = {one["name"]: one["unavailable"] for one in targets}
    assert "Next.js is built for one" in said["posit"]
    assert said["huggingface"] == said["container"] == ""
    refused = await call("POST", "sessions", other, "publishing", json={"target": "posit", "settings": settings})
    assert (refused.status, "Next.js" in str(refused.data)) == (409, True)
    assert "A container" in str(refused.data), "where else it can go to"


@pytest.mark.walk
async def test_functions_and_their_database_go_to_a_docker_space(call: Any, new_session: Any) -> None:
    id = await new_session(title="Board", template="serverless")
    with hugging_face() as hub:
        settings = {"server": hub.url, "token": WRITE}
        status = await publish(call, id, target="huggingface", name="board", settings=settings)
        assert status["state"] == "done", status
        space = hub.spaces["ada/board"]
        assert (space.sdk, space.private) == ("docker", True)
        assert {"Dockerfile", "app/server/serve.mjs", "app/functions/tasks.ts", "app/data/.keep"} <= space.files.keys()
        assert not [path for path in space.files if path.startswith(("app/dist/", "app/node_modules/"))]
        assert "The Space runs." in status["log"]
        assert "/app/data/" in status["note"]
        hub.fails = "BUILD_ERROR"
        files = dict(space.files)
        status = await publish(call, id, target="huggingface")
        assert (status["state"], "could not be built" in status["message"]) == ("failed", True)
        assert space.files == files
