"""A release at Posit Connect, by their own client library against a Connect on loopback."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_appbuilder.errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound
from jupyter_appbuilder.publishing.targets.posit import PositPublisher
from publishing.bundles import SITE, bundle, order, server_bundle
from publishing.loopback import Answer, Request
from publishing.posit_connect import KEY, VIEWER, Connect, posit_connect


@pytest.fixture
def connect():
    with posit_connect() as made:
        yield made


def publish(made, connect: Connect, number: int = 1, /, **settings: str):
    told: list[str] = []
    settings = {"server": connect.url, "key": KEY} | settings
    done = asyncio.run(PositPublisher().publish(order(made, number, **settings), told.append))
    assert KEY not in "\n".join(told)
    return done, told


def test_a_release_is_deployed_for_those_that_the_maker_names(tmp_path, connect):
    made = bundle(tmp_path / "1", {**SITE, "manifest.json": "{}", "pwa/manifest.json": "{}"})
    published, told = publish(made, connect)
    content = connect.named("tea-times")
    assert content.site["index.html"].decode() == SITE["index.html"]
    assert content.site.keys() == {*SITE, "pwa/manifest.json"}
    assert content.fields["title"] == "Tea times"
    assert content.fields["access_type"] == "acl"
    assert published.url == content.fields["content_url"]
    assert "add them there" in published.note
    assert "Launching static content" in told, "Connect's own log"
    assert any("manifest.json is not sent" in line for line in told)

    second = bundle(tmp_path / "2", {"index.html": "second"})
    connect.fails = True  # then nobody else gets the release that is there
    with pytest.raises(Conflict):
        publish(second, connect, 2, access="logged_in")
    assert content.fields["access_type"] == "acl"
    connect.fails = False
    publish(second, connect, 2, access="logged_in")
    assert content.site == {"index.html": b"second"}
    assert content.fields["access_type"] == "logged_in"
    assert len(connect.content) == 1

    for _ in range(2):
        asyncio.run(PositPublisher().unpublish("tea-times", {"server": connect.url, "key": KEY}, told.append))
    assert not connect.content


def test_an_app_with_a_server_is_content_of_its_own_kind(tmp_path, connect):
    published, told = publish(server_bundle(tmp_path / "1", secrets=["API_KEY"], data=["data/"]), connect)
    content = connect.named("tea-times")
    manifest = content.manifests["1"]
    assert (manifest["metadata"]["appmode"], manifest["metadata"]["entrypoint"]) == ("python-fastapi", "serve:app")
    assert manifest["python"]["version"] == "3.12.4", "the nearest to what it was tried with"
    assert manifest["environment"] == {"python": {"requires": "~=3.12.0"}}
    assert content.site["requirements.txt"] == b"fastapi==0.165.0\nuvicorn==0.40.0 ; sys_platform != 'win32'\n"
    assert content.site["dist/index.html"] == b"built"
    assert content.environment == {"TRUST_PROXY": "1"}
    assert "API_KEY" in published.note
    assert "begins anew" in published.note
    assert "Connect runs it with Python 3.12.4." in told

    connect.does_not_start = True
    with pytest.raises(Conflict, match="does not start"):
        publish(server_bundle(tmp_path / "4", files={**content.site, "serve.py": "4"}), connect, 4)
    assert content.live == "1"
    connect.does_not_start = False

    node = {"package.json": "{}", "package-lock.json": "{}", "dist/app.js": ""}
    publish(server_bundle(tmp_path / "2", "serverless", node, name="board"), connect)
    board = connect.named("board")
    assert board.manifests["1"]["node"]["version"] == "24.11.0"
    assert b"./server/serve.mjs" in board.site["connect.mjs"]
    assert "server/serve.mjs" in board.site
    with pytest.raises(InvalidInput, match=r"package-lock\.json"):
        publish(server_bundle(tmp_path / "3", "serverless", {"package.json": "{}"}, name="board"), connect)


def test_what_connect_cannot_run_is_known_before_anything_is_built(tmp_path, connect):
    publisher, told = PositPublisher(), []

    def ask(template: str, **settings: str) -> None:
        given = {"server": connect.url, "key": KEY} | settings
        asyncio.run(publisher.preflight("tea-times", template, given, told.append))

    ask("streamlit")
    ask("react-vite")
    assert not connect.content
    with pytest.raises(Forbidden, match="not publish them"):
        ask("react-vite", key=VIEWER)
    with pytest.raises(Conflict, match=r"such apps need 2025\.10"):
        ask("panel")
    connect.python = ("3.8.1", "3.10.4")
    with pytest.raises(Conflict, match=r"needs Python 3\.11 or newer, and it has 3\.8\.1, 3\.10\.4"):
        ask("streamlit")
    connect.node_enabled = False
    with pytest.raises(Conflict, match="has not enabled"):
        ask("serverless")
    connect.node = None
    with pytest.raises(Conflict, match=r"knows no Node\.js"):
        ask("serverless")
    assert "built for one" in publisher.refusal("nextjs", "server")
    assert publisher.refusal("nextjs", "static") == publisher.refusal("panel", "server") == ""


@pytest.mark.parametrize("version", ["2025.09.0", "2023.01.0"])
def test_what_does_not_work_leaves_the_release_before(tmp_path, connect, version):
    connect.version = version
    publish(bundle(tmp_path / "1"), connect)
    connect.fails = True
    with pytest.raises(Conflict, match="does not start"):
        publish(bundle(tmp_path / "2", {"index.html": "second"}), connect, 2)
    assert connect.named("tea-times").site["index.html"].decode() == SITE["index.html"]
    with pytest.raises(Conflict):
        publish(bundle(tmp_path / "3", name="coffee"), connect)
    assert len(connect.content) == 1, "what was made for a release that did not come is gone"


def test_what_connect_refuses_is_said_in_plain_words(tmp_path, connect):
    made = bundle(tmp_path / "1")

    def refused(kind: type[AppBuilderError], **settings: str) -> AppBuilderError:
        with pytest.raises(kind) as error:
            publish(made, connect, **settings)
        assert error.value.hint
        assert KEY not in str(error.value)
        return error.value

    assert "was deleted" in str(refused(Forbidden, key="an-old-key-of-last-year"))
    assert "publisher" in str(refused(Forbidden, key=VIEWER))
    assert isinstance(refused(InvalidInput, key=""), InvalidInput)
    refused(InvalidInput, server="http://connect.example.org")
    assert refused(AppBuilderError, server="http://127.0.0.1:1").reason == "unreachable"
    refused(NotFound, server=f"{connect.url}/elsewhere")
    for status, said in ((429, "slow down"), (500, "a fault"), (413, "too large"), (409, "taken")):

        def refuse(request: Request, status: int = status, said: str = said) -> Answer | None:
            return Answer({"error": f"{said} {KEY}"}, status) if request.path.endswith("/bundles") else None

        connect.refuse = refuse
        refused(AppBuilderError)
        assert not connect.content
    connect.refuse = lambda request: None

    publish(made, connect)
    connect.named("tea-times").fields["description"] = "the quarterly report"
    assert refused(Conflict).reason == "not_ours"
