"""What the service keeps of who looks at sessions: codes that tell once, and copies for one person."""

from __future__ import annotations

import pytest

from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.hub import looks
from jupyter_appbuilder.hub.looks import CODE_SECONDS, COPY_SECONDS, MOST_COPIES, Looks


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


def test_a_copy_is_for_one_person_and_a_while(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    known = Looks(clock)
    copy = known.leave("ada", "bob", b"an app")
    with pytest.raises(NotFound):
        known.fetch(copy, "eve")
    assert known.fetch(copy, "bob") == ("ada", b"an app")
    clock.now += COPY_SECONDS + 1
    with pytest.raises(NotFound):
        known.fetch(copy, "bob")

    mine = [known.leave("ada", "bob", b"x") for _ in range(MOST_COPIES + 1)]
    others = known.leave("eve", "bob", b"y")
    with pytest.raises(NotFound):
        known.fetch(mine[0], "bob")
    assert known.fetch(mine[1], "bob")[1] == b"x"
    monkeypatch.setattr(looks, "MOST_BYTES", 3)
    newest = known.leave("dan", "bob", b"zz")
    assert known.fetch(newest, "bob")[1] == b"zz"
    assert known.fetch(others, "bob")[1] == b"y"
    with pytest.raises(NotFound):
        known.fetch(mine[-1], "bob")
