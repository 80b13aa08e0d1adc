"""What the service keeps of who looks at sessions: codes that tell once, and copies for one person."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_appbuilder.errors import NotFound, Unavailable
from jupyter_appbuilder.hub import looks
from jupyter_appbuilder.hub.looks import CODE_SECONDS, COPY_SECONDS, MOST_COPIES, Looks

from .service_process import hub_api, service


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_code_tells_who_came_once_and_to_the_server_that_it_is_for():
    clock = Clock()
    known = Looks(clock)
    code = known.came("ada", "bob", ("team",))
    with pytest.raises(NotFound):
        known.who(code, "eve")
    came = known.who(code, "ada")
    assert (came.name, came.groups) == ("bob", ("team",))
    with pytest.raises(NotFound):
        known.who(code, "ada")
    late = known.came("ada", "bob", ())
    clock.now += CODE_SECONDS + 1
    with pytest.raises(NotFound):
        known.who(late, "ada")


async def test_a_copy_is_for_one_person_and_a_while(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    known = Looks(clock)
    copy = await known.leave("ada", "bob", b"an app")
    with pytest.raises(NotFound):
        await known.fetch(copy, "eve")
    assert await known.fetch(copy, "bob") == ("ada", b"an app")
    clock.now += COPY_SECONDS + 1
    with pytest.raises(NotFound):
        await known.fetch(copy, "bob")

    mine = [await known.leave("ada", "bob", b"x") for _ in range(MOST_COPIES + 1)]
    others = await known.leave("eve", "bob", b"y")
    with pytest.raises(NotFound):
        await known.fetch(mine[0], "bob")
    assert (await known.fetch(mine[1], "bob"))[1] == b"x"
    monkeypatch.setattr(looks, "MOST_BYTES", MOST_COPIES + 2)
    with pytest.raises(Unavailable, match="Too many copies"):
        await known.leave("dan", "bob", b"zz")
    # What others wait for is there all the same.
    assert (await known.fetch(others, "bob"))[1] == b"y"
    assert (await known.fetch(mine[-1], "bob"))[1] == b"x"


def test_a_copy_as_large_as_a_server_sends_arrives_and_no_larger_one(tmp_path: Path):
    with hub_api() as api, service(tmp_path, api, database=f"sqlite:///{tmp_path}/hub.sqlite") as found:
        ada, bob = api.add("ada"), api.add("bob")
        pack = b"x" * looks.LARGEST
        with found.client(ada) as client:
            sent = client.post("api/looks/copies?to=bob", content=pack)
            assert sent.status_code == 200, sent.text
            too_large = client.post("api/looks/copies?to=bob", content=pack + b"x")
            assert (too_large.status_code, "takes 16,777,216" in too_large.text) == (413, True)
            assert client.post("api/looks/copies?to=bob").status_code == 400
        with found.client(bob) as client:
            assert client.get(f"api/looks/copies/{sent.json()['copy']}").content == pack
        with found.client("nobody") as client:
            assert client.post("api/looks/copies?to=bob", content=b"x").status_code == 403
