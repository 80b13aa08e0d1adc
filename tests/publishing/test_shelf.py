"""What readers get is whole at every moment: with processes that are killed, or that publish at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, Unavailable
from jupyter_appbuilder.publishing.base import Bundle, BundleManifest
from jupyter_appbuilder.publishing.bundles import read_bundle, write_manifest
from jupyter_appbuilder.publishing.shelf import KEPT, Entry, Shelf
from jupyter_appbuilder.publishing.visits import DAYS, Visits

MANIFEST: BundleManifest = {
    "format": 1,
    "kind": "static",
    "session": "",
    "name": "board",
    "title": "Board",
    "template": "static",
    "checkpoint": "c",
    "tree": "t",
    "built_at": "2026-01-01T00:00:00.000Z",
    "data_as_of": None,
    "promised": None,
    "serve": [],
    "ready": "",
    "strip": False,
    "environment": {},
    "data": [],
    "secrets": [],
    "hosts": [],
}
PUBLISHING = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_shelf import release
from jupyter_appbuilder.errors import Conflict
from jupyter_appbuilder.publishing.shelf import Shelf
shelf = Shelf(Path(sys.argv[1]))
while True:
    try:
        number = release(shelf)
        print(number, flush=True)
    except Conflict:
        time.sleep(0.001)
"""


def release(shelf: Shelf, session: str = "s1", name: str = "board") -> int:
    """Publish a page that says its own number, as ``session.publishing`` does."""
    making = shelf.make()
    try:
        folder = making.folder / "bundle"
        (folder / "site").mkdir(parents=True)
        bundle = write_manifest(folder, {**MANIFEST, "name": name})
        with shelf.taking(session, "here", name):
            number = shelf.number(session, "here", name, "Board")
            for part in range(3):
                (folder / "site" / f"{part}.html").write_text(str(number))
            shelf.place("here", name, number, bundle)
            shelf.publish("here", name, Entry(number, "c", "2026-01-01T00:00:00.000Z", None, "u"), {})
            return number
    finally:
        making.release()


def pages(bundle: Bundle) -> set[str]:
    return {file.read_text() for file in bundle.content.iterdir()}


def test_processes_that_are_killed_leave_a_whole_release_and_no_number_twice(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert release(shelf) == 1
    told: list[int] = [1]
    chosen = random.Random(15)
    for _ in range(12):
        command = [sys.executable, "-c", PUBLISHING, str(tmp_path), str(Path(__file__).parent)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert running[0].stdout is not None
        running[0].stdout.readline()  # it has begun
        time.sleep(chosen.uniform(0, 0.05))
        for process in running:
            process.send_signal(signal.SIGKILL)
        for process in running:
            said, _ = process.communicate()
            told += [int(line) for line in said.splitlines() if line.endswith(line.strip()) and line.strip().isdigit()]
        there = shelf.get("here", "board")
        assert there.live is not None
        assert pages(shelf.bundle("here", "board", there.live)) == {str(there.live)}
        assert there.live <= there.last
        assert max(told) <= there.last
    assert len(told) == len(set(told))
    assert release(shelf) > max(told)
    releases = tmp_path / "here/board/releases"
    assert len(list(releases.iterdir())) <= KEPT + 1
    shelf.make().release()
    assert not list((tmp_path / ".making").iterdir())


def test_only_the_newest_are_kept_and_what_is_taken_down_leaves_its_numbers(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for _ in range(KEPT + 2):
        release(shelf)
    there = shelf.get("here", "board")
    assert [one.number for one in there.releases if one.kept] == [7, 6, 5, 4, 3]
    with shelf.taking("s1", "here", "board"):
        with pytest.raises(NotFound):
            shelf.roll_back("here", "board", 2)
        shelf.roll_back("here", "board", 3)
        with pytest.raises(Conflict):
            release(shelf)
    assert shelf.get("here", "board").live == 3
    with pytest.raises(Conflict, match="Another app"):
        release(shelf, "s2")
    key = there.key
    # What readers wrote outlives that; by which address they did does not.
    served = tmp_path / "here/board/served"
    served.mkdir()
    for name in ("live.json", "address", "cookies"):
        (served / name).write_text("{}")
    with shelf.taking("s1", "here", "board"):
        shelf.unpublish("here", "board")
    assert [one.name for one in served.iterdir()] == ["live.json"]
    assert shelf.get("here", "board").key != key
    assert not shelf.get("here", "board").releases
    assert release(shelf) == 8
    shelf.forget("s1")
    assert shelf.find("here", "board") is None
    assert not served.exists()
    assert release(shelf, "s2") == 1
    # Numbers of one that is damaged would begin anew: it says so instead.
    (tmp_path / "here/board/publication.json").write_text("{")
    with pytest.raises(Unavailable, match="damaged"):
        release(shelf, "s2")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"kind": "other"},
        {"name": "../x"},
        {"title": 1},
        {"serve": "node"},
        {"serve": ["x"] * 501},
        {"kind": "server", "serve": []},
        {"data": ["../x/"]},
        {"data": ["/etc/"]},
        {"data": ["a/../../b/"]},
        {"environment": {"A=B": "x"}},
        {"environment": {"A": 1}},
        {"strip": "yes"},
        {"data_as_of": 3},
        {"promised": -1},
        {"promised": True},
        {"ready": None},
    ],
)
def test_a_bundle_from_elsewhere_is_taken_for_anything(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "app").mkdir()
    write_manifest(tmp_path, MANIFEST)
    assert read_bundle(tmp_path).manifest == MANIFEST
    write_manifest(tmp_path, {**MANIFEST, **change})  # type: ignore[typeddict-item]
    with pytest.raises(InvalidInput, match="no bundle"):
        read_bundle(tmp_path)


def test_a_bundle_whose_manifest_is_a_link_a_pipe_or_no_json_is_none(tmp_path: Path) -> None:
    import os

    for number, make in enumerate(
        (
            lambda path: None,
            lambda path: path.symlink_to("/etc/passwd"),
            os.mkfifo,
            lambda path: path.write_text("[" * 100_000),
            lambda path: path.write_bytes(b"{" * 1_000_000),
            lambda path: path.write_text("[]"),
        )
    ):
        folder = tmp_path / str(number)
        (folder / "site").mkdir(parents=True)
        make(folder / "appbuilder.json")
        with pytest.raises(InvalidInput, match="no bundle"):
            read_bundle(folder)


def test_visits_are_counted_by_day_and_no_more_is_kept(tmp_path: Path) -> None:
    visits = Visits(tmp_path)
    visits.add()
    visits.add(2)
    assert list(visits.days().values()) == [3]
    for day in range(DAYS + 5):
        visits.add(at=datetime.fromtimestamp(day * 86400, UTC))
    assert len(visits.days()) == DAYS
    (tmp_path / "visits.json").write_text("{")
    visits.add()
    assert list(visits.days().values()) == [1]
