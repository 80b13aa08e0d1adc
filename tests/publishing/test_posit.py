"""A release at Posit Connect, by their own client library against a Connect on loopback."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_appbuilder.errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound
from jupyter_appbuilder.publishing.targets.posit import PositPublisher
from publishing.bundles import SITE, bundle, order
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

    publish(bundle(tmp_path / "2", {"index.html": "second"}), connect, 2, access="logged_in")
    assert content.site == {"index.html": b"second"}
    assert content.fields["access_type"] == "logged_in"
    assert len(connect.content) == 1

    for _ in range(2):
        asyncio.run(PositPublisher().unpublish("tea-times", {"server": connect.url, "key": KEY}, told.append))
    assert not connect.content


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
