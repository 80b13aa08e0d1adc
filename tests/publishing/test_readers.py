"""A reader's own address opens one app, one release and one storage, for some days, and nothing made up does."""

from __future__ import annotations

from pathlib import Path

from jupyter_appbuilder.preview.capabilities import redacted
from jupyter_appbuilder.publishing.readers import BURST, PASS_DAYS, Readers
from jupyter_appbuilder.publishing.shelf import Shelf

from .test_shelf import release


def capability_of(readers: Readers, way_in: str) -> str:
    return way_in.removeprefix(readers.prefix).removesuffix("/")


def test_an_address_opens_what_it_was_made_for_until_it_ends(tmp_path: Path) -> None:
    shelf, now = Shelf(tmp_path), [20_000 * 86400.0]
    release(shelf)
    release(shelf, "s2", "other")
    readers = Readers("/user/jane/", shelf, clock=lambda: now[0])
    board, other = readers.published("board"), readers.published("other")
    assert board
    assert other
    jane, joe = readers.reader(board, "jane"), readers.reader(board, "joe")
    assert len({jane, joe, readers.reader(other, "jane")}) == 3
    assert "jane" not in jane
    given = capability_of(readers, readers.way_in(board, jane))
    opened = readers.opened(given)
    assert opened
    assert (opened.number, opened.reader) == (1, jane)
    assert readers.root(opened).is_dir()
    # The same address all day: what it names may be cached.
    assert capability_of(readers, readers.way_in(board, jane)) == given
    name, _, words = given.partition("/~")
    number, day, _, signed = words.split("-")
    for made_up in (
        f"{name}/~2-{day}-{jane}-{signed}",
        f"{name}/~{number}-{int(day) + 1}-{jane}-{signed}",
        f"{name}/~{number}-{day}-{joe}-{signed}",
        f"{name}/~{number}-{day}-{jane}-{'0' * 32}",
        f"other/~{words}",
        f"../here/{name}/~{words}",
        f"{name}/~{words}x",
        f"{name}/~",
        name,
        "",
        "\0/~" + words,
        f"{name}/~{'9' * 5000}-{day}-{jane}-{signed}",
    ):
        assert readers.opened(made_up) is None, made_up
    # Another release: the open page goes on with its own.
    release(shelf)
    assert readers.opened(given)
    assert capability_of(readers, readers.way_in(readers.published("board") or board, jane)) != given
    now[0] += PASS_DAYS * 86400
    assert readers.opened(given)
    now[0] += 86400
    assert readers.opened(given) is None
    now[0] -= 86400
    with shelf.taking("s1", "here", "board"):
        shelf.unpublish("here", "board")
    assert readers.opened(given) is None
    assert release(shelf) == 3
    assert readers.opened(given) is None


def test_a_release_that_was_gone_back_from_is_open_nowhere_until_it_is_live_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    readers = Readers("/", shelf)

    def address() -> str:
        board = readers.published("board")
        assert board
        return capability_of(readers, readers.way_in(board, readers.reader(board, "jane")))

    def go_back(number: int) -> None:
        with shelf.taking("s1", "here", "board"):
            shelf.roll_back("here", "board", number)

    release(shelf)
    first = address()
    release(shelf)
    second = address()
    assert readers.opened(first)
    go_back(1)
    assert readers.opened(first)
    assert readers.opened(second) is None
    release(shelf)
    assert readers.opened(second) is None, "that a third is live brings it back to nobody"
    assert readers.opened(first)
    go_back(2)
    assert readers.opened(second)


def test_a_reader_who_asks_too_much_waits_and_nobody_else_does(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    release(shelf)
    readers = Readers("/", shelf)
    board = readers.published("board")
    assert board
    one, other = (
        readers.opened(capability_of(readers, readers.way_in(board, readers.reader(board, who)))) for who in "ab"
    )
    assert one
    assert other
    asked = [readers.may_ask(one) for _ in range(int(BURST) + 200)]
    assert asked.count(True) < BURST + 100
    assert not asked[-1]
    assert readers.may_ask(other)


def test_no_log_has_an_address_of_a_readers_own(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    release(shelf)
    readers = Readers("/user/jane/", shelf)
    board = readers.published("board")
    assert board
    own = readers.way_in(board, readers.reader(board, "jane"))
    assert redacted(f"GET {own}css/a.css?x=1") == "GET /user/jane/appbuilder/apps/board/~…/css/a.css?x=1"
