from __future__ import annotations

import stat
from pathlib import Path

import pytest
from preview.stage import BASE_URL, Target

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.preview import PageStorage, Previews
from jupyter_appbuilder.preview.capabilities import kept_key, new_key


def test_one_session_has_one_capability_until_it_is_closed(target: Target) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    capability = prefix.split("/")[-2]
    assert prefix == f"/user/ada/appbuilder/preview/{capability}/"
    assert len(capability) >= 43  # 256 bits
    assert previews.open(target) == prefix
    assert previews.find(capability) is target
    assert previews.find(capability[:-1]) is None
    previews.close("s1")
    previews.close("s1")
    assert previews.find(capability) is None
    assert previews.open(target) != prefix


def test_an_unused_capability_ends_and_a_used_one_lives_on(target: Target) -> None:
    now = [0.0]
    previews = Previews("/", idle=100, clock=lambda: now[0])
    capability = previews.open(target).split("/")[-2]
    for now[0] in (90.0, 180.0, 270.0):
        assert previews.find(capability)
    now[0] = 371.0
    assert previews.unused("s1") == 101.0
    assert previews.unused("s2") == float("inf")
    assert previews.find(capability) is None
    assert capability not in previews.open(target)


def test_a_sandbox_that_lets_the_page_out_cannot_be_configured() -> None:
    assert Previews("/", allow=["allow-downloads"]).policy.endswith("allow-modals allow-downloads")
    for token in ("allow-same-origin", "allow-top-navigation", "allow-scripts; script-src *"):
        with pytest.raises(ValueError, match="cannot be given"):
            Previews("/", allow=[token])


@pytest.mark.parametrize("damage", [b"", b"\n", b"\xff\xfe\x00", "ключ".encode(), b"short", b"\0" * 43, b"a b" * 14])
def test_a_damaged_key_of_the_person_is_replaced_and_kept(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "deep" / "visitor.key"
    first = kept_key(path)
    assert kept_key(path) == first
    path.write_bytes(damage)
    mended = kept_key(path)
    assert len(mended) == len(new_key())
    assert mended != first
    assert kept_key(path) == mended
    assert Previews(BASE_URL, person=lambda: kept_key(path)).person == mended
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_where_no_key_can_be_kept_there_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "visitor.key").mkdir()
    (tmp_path / "file").touch()
    assert kept_key(tmp_path / "visitor.key") != kept_key(tmp_path / "file" / "visitor.key")
    assert {one.name for one in tmp_path.iterdir()} == {"visitor.key", "file"}


def test_storage_is_kept_on_disk_and_limited(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s1.json"
    storage = PageStorage(path)
    storage.change({"local": {"set": {"a": "1", "b": "2"}}, "cookies": {"set": {"c": ";x"}}})
    storage.change({"local": {"remove": ["a"], "set": {"d": "3"}}})
    assert PageStorage(path).read() == {"local": {"b": "2", "d": "3"}, "cookies": {"c": ";x"}, "databases": False}
    with pytest.raises(InvalidInput, match="5120 KB"):
        storage.change({"local": {"set": {"big": "x" * 6_000_000}}})
    storage.change({"local": {"clear": True, "set": {"e": "4"}}})
    assert PageStorage(path).read()["local"] == {"e": "4"}
    storage.write_databases(b"[1]")
    assert PageStorage(path).read()["databases"]
    with pytest.raises(InvalidInput):
        storage.write_databases(b"[" + b" " * 50 * 1024 * 1024 + b"]")
    assert storage.databases() == b"[1]"
    assert {one.name for one in path.parent.iterdir()} == {"s1.json", "s1.json.indexeddb"}
    path.write_text("{ damaged")
    assert PageStorage(path).read()["local"] == {}
    storage.clear()
    assert list(path.parent.iterdir()) == []
