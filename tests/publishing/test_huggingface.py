"""A release as a Space, by Hugging Face's own client library against their Hub on loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import AppBuilderError, Conflict, Forbidden, InvalidInput
from jupyter_appbuilder.publishing.targets.huggingface import HuggingFacePublisher
from publishing.bundles import SITE, bundle, order, server_bundle
from publishing.hugging_face import READ, WRITE, Hub, hugging_face
from publishing.loopback import Request


@pytest.fixture
def hub():
    with hugging_face() as made:
        yield made


def publish(made, hub: Hub, number: int = 1, /, **settings: str):
    told: list[str] = []
    settings = {"server": hub.url, "token": WRITE} | settings
    done = asyncio.run(HuggingFacePublisher().publish(order(made, number, **settings), told.append))
    assert WRITE not in "\n".join(told)
    return done, told


def test_a_space_is_private_and_holds_the_release_alone(tmp_path, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_server_itself")
    large = bytes(range(256)) * 45_000  # more than what a commit holds itself
    published, told = publish(bundle(tmp_path / "1", {**SITE, "assets/map.bin": large}), hub)
    space = hub.spaces["ada/tea-times"]
    assert space.private
    assert space.sdk == "static"
    assert space.files["index.html"].decode() == SITE["index.html"]
    assert space.files["assets/map.bin"] == large
    assert published.url == f"{hub.url}/spaces/ada/tea-times"
    assert "signed in" in published.note
    assert any("Sending" in line for line in told)

    _, told = publish(bundle(tmp_path / "2", {"index.html": "second", ".gitignore": "*"}), hub, 2, visibility="public")
    assert not space.private
    assert space.files.keys() == {".gitattributes", "README.md", ".appbuilder/tea-times", "index.html"}
    assert space.files["index.html"] == b"second"
    assert len(space.commits) == 3, "a release is one commit"

    asyncio.run(HuggingFacePublisher().unpublish("tea-times", {"server": hub.url, "token": WRITE}, told.append))
    assert not hub.spaces
    asyncio.run(HuggingFacePublisher().unpublish("tea-times", {"server": hub.url, "token": WRITE}, told.append))
    assert not any("telemetry" in path for _, path in hub.asked)


def test_an_app_with_a_server_is_a_private_docker_space_that_is_waited_for(tmp_path, hub):
    first = server_bundle(tmp_path / "1", secrets=["API_KEY"], data=["data/"])
    published, told = publish(first, hub)
    space = hub.spaces["ada/tea-times"]
    assert (space.private, space.sdk) == (True, "docker")
    assert space.files["app/api/main.py"] == b"app = None\n"
    container = space.files["Dockerfile"].decode()
    assert "TRUST_PROXY=1 FORWARDED_ALLOW_IPS=*" in container
    assert "app/data/.keep" in space.files
    assert not {"Containerfile", "compose.yaml", "app/dist/index.html"} & space.files.keys()
    assert "API_KEY" in published.note
    assert "/app/data/" in published.note
    assert "https://ada-tea-times.hf.space" in published.note
    assert "npm ci" in told
    assert "The Space runs." in told

    panel = {"app.py": "1\n", "requirements.lock": ""}
    publish(server_bundle(tmp_path / "p", "panel", panel, name="panel"), hub)
    assert "BOKEH_ALLOW_WS_ORIGIN=ada-panel.hf.space" in hub.spaces["ada/panel"].files["Dockerfile"].decode()

    # What does not run there leaves readers the release before; what was made for it is gone.
    changed = {**dict.fromkeys(("package.json", "package-lock.json", "requirements.lock"), ""), "serve.py": "second"}
    files = dict(space.files)
    for stage, said in (("BUILD_ERROR", "could not be built"), ("RUNTIME_ERROR", "does not start")):
        hub.fails = stage
        with pytest.raises(Conflict, match=said) as error:
            publish(server_bundle(tmp_path / stage, files=changed), hub, 2, visibility="public")
        assert "exit code: 1" in str(error.value)
        assert (space.files, space.private) == (files, True)  # which nobody was to see
        with pytest.raises(Conflict):
            publish(server_bundle(tmp_path / f"{stage}-new", name="new"), hub)
        assert "ada/new" not in hub.spaces
    hub.fails = ""
    publish(server_bundle(tmp_path / "3", files=changed), hub, 3, visibility="public")
    assert (space.files["app/serve.py"], space.private) == (b"second", False)
    assert "app/api/main.py" not in space.files


def test_what_hugging_face_will_refuse_is_known_before_anything_is_built(tmp_path, hub):
    publisher, told = HuggingFacePublisher(), []

    def ask(**settings: str) -> None:
        given = {"server": hub.url, "token": WRITE} | settings
        asyncio.run(publisher.preflight("tea-times", "fastapi-react", given, told.append))

    ask()
    assert not hub.spaces
    with pytest.raises(Forbidden, match="expired"):
        ask(token="hf_expired_expired_expired")
    publish(bundle(tmp_path / "1", name="coffee"), hub, space="tea-times")
    with pytest.raises(Conflict, match="coffee"):
        ask()
    assert "no recipe" in publisher.refusal("mine", "server")
    assert publisher.refusal("mine", "static") == publisher.refusal("streamlit", "server") == ""


def test_somebody_elses_space_stays(tmp_path, hub):
    made = bundle(tmp_path / "1")
    publish(made, hub)
    space = hub.spaces["ada/tea-times"]
    space.files = {"README.md": b"", "app.py": b"theirs"}
    for settings in ({}, {"space": "ada/tea-times"}):
        with pytest.raises(Conflict, match="something else"):
            publish(made, hub, 2, **settings)
    with pytest.raises(Conflict):
        asyncio.run(HuggingFacePublisher().unpublish("tea-times", {"server": hub.url, "token": WRITE}, print))
    assert space.files == {"README.md": b"", "app.py": b"theirs"}
    publish(made, hub, space="other")
    with pytest.raises(Conflict, match="tea-times"):
        publish(bundle(tmp_path / "2", name="coffee"), hub, space="other")


def test_what_the_hub_refuses_is_said_in_plain_words_and_nothing_stays_half_done(tmp_path, hub):
    made = bundle(tmp_path / "1")

    def refused(**settings: str) -> AppBuilderError:
        with pytest.raises(AppBuilderError) as error:
            publish(made, hub, **settings)
        assert WRITE not in str(error.value)
        assert error.value.hint
        assert not hub.spaces
        return error.value

    assert "expired" in str(refused(token="hf_expired_expired_expired"))
    assert refused(token=READ).reason == "no_write_right"
    assert isinstance(refused(space="grace/tea"), Forbidden)
    assert isinstance(refused(token=""), InvalidInput)
    assert isinstance(refused(space="a/b/c"), InvalidInput)
    assert isinstance(refused(server="http://example.org"), InvalidInput)
    assert refused(server="http://127.0.0.1:1").reason == "unreachable"

    def at_the_commit(status: int, message: str):
        def refuse(request: Request):
            return hub.refused(status, message) if request.path.endswith("/commit/main") else None

        return refuse

    for status, message, reason in (
        (403, f"Private repository storage limit reached {WRITE}", "quota"),
        (412, "A commit has happened since", "pushed_meanwhile"),
        (413, "Payload too large", "too_large"),
        (404, "Repository not found", "unknown_space"),
    ):
        hub.refuse = at_the_commit(status, message)
        assert refused().reason == reason


def test_a_commit_that_was_made_though_nobody_heard_of_it_is_undone(tmp_path, hub):
    publish(bundle(tmp_path / "1"), hub)
    space = hub.spaces["ada/tea-times"]
    files = dict(space.files)

    def made_all_the_same(request: Request):
        if request.path.endswith("/commit/main"):
            hub.refuse = lambda request: None
            hub.commit(space, request)
            return hub.refused(504, "Gateway timeout")
        return None

    hub.refuse = made_all_the_same
    second = bundle(tmp_path / "2", {"index.html": "second"})
    second.manifest["title"] = "Tea\n\n" + "times " * 99
    with pytest.raises(AppBuilderError, match="504"):
        publish(second, hub, 2)
    assert space.files == files


def test_stopping_ends_the_client_and_the_next_release_goes_through(tmp_path, hub):
    made = bundle(tmp_path / "1")

    async def stop() -> None:
        loop, reached, held = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        def hold(request: Request):
            if request.path.endswith("/commit/main"):
                loop.call_soon_threadsafe(reached.set)
                asyncio.run_coroutine_threadsafe(held.wait(), loop).result()
                return hub.refused(500, "too late")
            return None

        hub.refuse = hold
        work = asyncio.create_task(HuggingFacePublisher().publish(order(made, 1, server=hub.url, token=WRITE), print))
        waiting = asyncio.create_task(reached.wait())
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
        lines = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
        assert b"huggingface_client" in lines
        assert WRITE.encode() not in lines
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        held.set()

    asyncio.run(stop())
    hub.refuse = lambda request: None
    publish(made, hub, 2)
    assert json.loads(hub.spaces["ada/tea-times"].files[".appbuilder/tea-times"])["release"] == 2


def test_stopping_while_a_space_is_built_puts_the_release_before_back(tmp_path, hub):
    publish(server_bundle(tmp_path / "1"), hub)
    space = hub.spaces["ada/tea-times"]
    files = dict(space.files)
    hub.never = True

    async def stop() -> None:
        built = asyncio.Event()

        def tell(line: str) -> None:
            if "is being built" in line:
                built.set()

        second = server_bundle(tmp_path / "2", files={"serve.py": "second", "package.json": ""})
        work = asyncio.create_task(HuggingFacePublisher().publish(order(second, 2, server=hub.url, token=WRITE), tell))
        await built.wait()
        assert space.files["app/serve.py"] == b"second"
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(stop())
    assert space.files == files
