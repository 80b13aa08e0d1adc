"""A version is built, checked and put where its readers get it; the draft and the release before are left alone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from building import scripted_builder, write
from plain_app import plain

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.events import PublishingStatus
from jupyter_appbuilder.publishing.base import Order, Published, Tell
from jupyter_appbuilder.publishing.targets import OWN
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.session.publishing import MOST_FINDINGS, listed

PUBLISH = """
[publish]
kind = "static"
build = ["sh", "-c", "mkdir -p dist && cp index.html dist/ && echo built"]
output = ["dist/"]
"""
STEPS = [{"tool_calls": [write("index.html", "<title>Plain</title><p>second</p>\n")]}, {"text": "Done."}]
WHY = "Nobody else sees it"


@asynccontextmanager
async def published_app(folder: Path, more: str = PUBLISH, **traits: Any) -> AsyncGenerator[tuple[Any, Session]]:
    settings = plain(folder)
    manifest = folder / "templates/plain/template.toml"
    manifest.write_text(manifest.read_text() + more)
    async with scripted_builder(folder, STEPS, browser="none", **settings, **traits) as (builder, _):
        session = await builder.create(name="past")
        yield builder, session


async def published(session: Session, **how: Any) -> PublishingStatus:
    """Publish, and say why whatever was found is published anyway."""
    await session.publish(**how)
    status = await session.publishing.finished()
    assert status is not None
    if status["state"] == "waiting":
        await session.answer_gate({one["id"]: WHY for one in status["findings"]})
        status = await session.publishing.finished()
    assert status is not None
    return status


def page(builder: Any, number: int, name: str = "past") -> str:
    return (builder.published.bundle("here", name, number).content / "index.html").read_text()


async def test_a_version_is_built_and_what_is_done_to_the_draft_leaves_it_alone(tmp_path: Path) -> None:
    async with published_app(tmp_path) as (builder, session):
        status = await published(session)
        assert (status["state"], status["number"], status["message"]) == ("done", 1, "")
        assert "built" in status["log"]
        assert status["url"] == "appbuilder/apps/past/"
        assert "first" in page(builder, 1)
        await session.send("second")
        await session.wait()
        assert "first" in page(builder, 1)
        [live] = session.summary.published
        assert (live["number"], live["name"], live["target"]) == (1, "past", "here")
        assert (await published(session))["number"] == 2
        assert "second" in page(builder, 2)
        [there] = await session.publishing.publications()
        assert (there.live, [one.number for one in there.releases]) == (2, [2, 1])
        await session.roll_back("here", 1)
        [there] = await session.publishing.publications()
        assert there.live == 1
        assert session.summary.published[0]["number"] == 1
        await session.unpublish("here")
        assert not await session.publishing.publications()
        assert not session.summary.published
        with pytest.raises(NotFound):
            builder.published.bundle("here", "past", 1)
        other = await builder.create(name="other")
        with pytest.raises(Conflict, match="was published as 'past'"):
            await other.publish(name="past")  # at once, not after it was built
        # A number is never used again.
        assert (await published(session))["number"] == 3
        assert not list((builder.published.folder / ".making").iterdir())


async def test_a_process_that_died_before_it_said_so_has_published_all_the_same(tmp_path: Path) -> None:
    async with published_app(tmp_path) as (builder, session):
        await published(session)
        [there] = await session.publishing.publications()
        shelf, entry = builder.published, there.releases[0]
        with shelf.taking(session.id, "here", "past"):
            shutil.copytree(shelf.bundle("here", "past", 1).folder, shelf.folder / "here/past/releases/2")
            assert shelf.number(session.id, "here", "past", "Past") == 2
            shutil.copytree(shelf.bundle("here", "past", 1).folder, shelf.folder / "here/past/releases/2")
            shelf.publish("here", "past", replace(entry, number=2), {})
        assert session.summary.published[0]["number"] == 1
        await builder.release(session.id)
        again = await builder.session(session.id)
        assert again.summary.published[0]["number"] == 2
        # What a fork's person publishes anyway, they say.
        version = (await again.checkpoints())[0].id
        fork, _ = await builder.fork(session.id, checkpoint=version, name="fork")
        await fork.ready()
        assert not fork.summary.published
        await fork.publish(name="other")
        status = await fork.publishing.finished()
        assert status is not None
        assert status["state"] == "waiting"
        await fork.cancel_publishing()
        await builder.delete(session.id)
        assert builder.published.find("here", "past") is None


async def test_what_was_found_needs_a_reason_once_and_an_administrators_word_needs_none(tmp_path: Path) -> None:
    # Written so that no scanner takes the test for a leak.
    token = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    async with published_app(tmp_path) as (_, session):
        page = f"<!doctype html><title>Pay</title><script>const key = '{token}'</script>\n"
        await session.call("write_file", {"path": "index.html", "content": page}, by="person")
        await session.checkpoint("Pays")
        newest = (await session.checkpoints())[0].id
        await session.publish(checkpoint=newest)
        status = await session.publishing.finished()
        assert status is not None
        assert status["state"] == "waiting"
        secret = next(one for one in status["findings"] if one["kind"] == "secret")
        assert (secret["path"], secret["line"]) == ("index.html", 1)
        assert token not in str(status)
        with pytest.raises(Conflict):
            await session.publish()
        with pytest.raises(InvalidInput):
            await session.answer_gate({secret["id"]: " "})
        with pytest.raises(InvalidInput):
            await session.answer_gate({"another": WHY})
        assert (await session.answer_gate({secret["id"]: WHY}))["state"] == "waiting"
        await session.answer_gate({one["id"]: WHY for one in status["findings"]})
        status = await session.publishing.finished()
        assert status is not None
        assert status["state"] == "done"
        logged = next(event for event in session.stored if event.type == "app.published")
        assert secret["id"] in {one["id"] for one in logged.data["accepted"]}
        # The same again asks nothing, until an administrator decides otherwise.
        await session.publish(checkpoint=newest)
        again = await session.publishing.finished()
        assert again is not None
        assert (again["state"], again["number"]) == ("done", 2)
    async with published_app(tmp_path / "hard", publish_hard=["secret"]) as (_, session):
        await session.call("write_file", {"path": "index.html", "content": page}, by="person")
        await session.checkpoint("Pays")
        await session.publish(checkpoint=(await session.checkpoints())[0].id, accepted={secret["id"]: WHY})
        refused = await session.publishing.finished()
        assert refused is not None
        hard = next(one for one in refused["findings"] if one["kind"] == "secret")
        assert (refused["state"], hard["hard"], hard["accepted"]) == ("waiting", True, None)
        with pytest.raises(InvalidInput, match="No reason"):
            await session.answer_gate({hard["id"]: WHY})
        await session.cancel_publishing()
        stopped = session.publishing.status
        assert stopped is not None
        assert stopped["state"] == "stopped"
        assert not await session.publishing.publications()


def test_what_is_too_much_to_show_goes_out_with_a_reason_too_and_a_secret_is_always_shown() -> None:
    many: list[Any] = [
        {"id": f"a{n}", "kind": "accessibility", "severity": "low" if n else "medium"} for n in range(MOST_FINDINGS + 9)
    ]
    found: list[Any] = [*many, {"id": "s", "kind": "secret", "severity": "high"}]
    shown = listed(found, ())
    assert len(shown) == MOST_FINDINGS
    assert [one["id"] for one in shown[:3]] == ["s", "a0", "a1"]
    assert (shown[-1]["kind"], shown[-1]["count"]) == ("not_looked_at", 11)
    # A reason for the rest is none for another one.
    others: list[Any] = [*many[:-1], {**many[-1], "id": "other"}, found[-1]]
    assert listed(others, ())[-1]["id"] != shown[-1]["id"]
    assert listed(found, ("accessibility",))[0]["id"] == "a0"
    assert listed(found[:MOST_FINDINGS], ()) == found[:MOST_FINDINGS]


async def test_a_build_that_fails_or_makes_links_and_pipes_leaves_readers_what_they_have(tmp_path: Path) -> None:
    build = "mkdir dist; cp index.html dist; cd dist; ln -s /etc/passwd p; mkfifo f; ln -s .. up; sh ../more.sh"
    odd = PUBLISH.replace("mkdir -p dist && cp index.html dist/ && echo built", build)
    async with published_app(tmp_path, odd) as (builder, session):
        await session.call("write_file", {"path": "more.sh", "content": "true\n"}, by="person")
        await session.checkpoint("Sound")
        status = await published(session, checkpoint=(await session.checkpoints())[0].id)
        assert (status["state"], status["number"]) == ("done", 1), status
        assert [file.name for file in builder.published.bundle("here", "past", 1).content.iterdir()] == ["index.html"]
        for more, said in (
            ("exit 3\n", "could not be built"),
            ("rm index.html\n", "no index.html"),
            ("cd ..; rm -r dist; ln -s /etc dist\n", "no folder dist/"),
            ("truncate -s 3G hole\n", "largest a file may be"),
            ("i=0; while [ $i -lt 90 ]; do mkdir d; cd d; i=$((i+1)); done\n", "folders in one another"),
        ):
            await session.call("write_file", {"path": "more.sh", "content": more}, by="person")
            await session.checkpoint("Odd")
            status = await published(session, checkpoint=(await session.checkpoints())[0].id)
            assert status["state"] == "failed", more
            assert said in status["message"], status["message"]
            assert (session.summary.published[0]["number"], page(builder, 1)[:9]) == (1, "<!doctype")
        assert not list((builder.published.folder / ".making").iterdir())


FIXED = """
[publish]
kind = "server"
base = "fixed"
build = ["sh", "-c", "mkdir -p dist && echo {base} > dist/base"]
output = ["dist/"]
serve = ["node", "-e", "const base = require('fs').readFileSync('dist/base', 'utf8').trim(); if (base !== process.argv[2]) throw Error(base); require('http').createServer((q, a) => a.end('built')).listen(Number(process.argv[1]), '127.0.0.1')", "{port}", "{base}"]
"""  # noqa: E501


class OwnPublisher:
    """A target as another package makes it."""

    name = "own"
    title = "Own"
    kinds = ("static", "server")
    settings = ()
    history = False
    keeps = False

    def unavailable(self) -> str:
        return ""

    async def publish(self, order: Order, tell: Tell) -> Published:
        return Published(note=f"It has {', '.join(sorted(file.name for file in order.bundle.content.iterdir()))}")

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        pass


async def test_what_runs_below_one_path_alone_is_built_for_the_one_where_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, str]", OWN), "own", f"{__name__}:OwnPublisher")
    async with published_app(tmp_path, FIXED) as (_, session):
        # A container of this template there is none of, which is said before anything is built, with who takes it.
        with pytest.raises(Conflict, match="no recipe") as refused:
            await session.publish(target="container")
        assert "Own" in refused.value.hint
        status = await published(session, target="own")
        assert (status["state"], "dist" in status["note"]) == ("done", True), status


async def test_what_a_template_leaves_is_left_of_what_was_built_too(tmp_path: Path) -> None:
    build = PUBLISH.replace("&& echo built", "&& mkdir -p dist/cache/deep && echo key > dist/cache/deep/key")
    async with published_app(tmp_path, f'{build}leave = ["dist/cache/"]\n') as (builder, session):
        assert (await published(session))["state"] == "done"
        assert [file.name for file in builder.published.bundle("here", "past", 1).content.iterdir()] == ["index.html"]


async def test_who_stops_it_stops_the_build_and_leaves_nothing_behind(tmp_path: Path) -> None:
    slow = PUBLISH.replace("mkdir -p dist", "echo begun; [ ! -e slow ] || sleep 600; mkdir -p dist")
    async with published_app(tmp_path, slow) as (builder, session):
        assert (await published(session))["number"] == 1
        await session.call("write_file", {"path": "slow", "content": "yes"}, by="person")
        await session.checkpoint("Slow")
        await session.publish(checkpoint=(await session.checkpoints())[0].id)
        async with asyncio.timeout(30):
            while (status := session.publishing.status) is None or "begun" not in status["log"]:
                await asyncio.sleep(0.02)
        assert builder.busy
        await session.cancel_publishing()
        status = session.publishing.status
        assert status is not None
        assert (status["state"], status["number"]) == ("stopped", None)
        assert [step["state"] for step in status["steps"]] == ["skipped", *["waiting"] * 4]
        assert not builder.busy
        assert session.summary.published[0]["number"] == 1
        assert not list((builder.published.folder / ".making").iterdir())
        assert not (session.workspace.folder.parent / ".versions").exists()
        # Closing the app stops one, too.
        await session.publish(checkpoint=(await session.checkpoints())[0].id)
        await builder.release(session.id)
        assert not (session.workspace.folder.parent / ".versions").exists()
