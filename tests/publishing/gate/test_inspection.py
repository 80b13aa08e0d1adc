"""The gate as publishing uses it: in a process of its own, with bounds, whatever the files are made for."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import sqlite3
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jupyter_appbuilder.publishing.gate import Bounds, inspect

from .releases import made, release, seen, told, write

KEY = made("gsk_", 52)
LEAK = {"src/a.ts": f"// a\nconst k = '{KEY}';\n"}


async def test_an_accepted_finding_is_known_again_where_it_moved_and_another_key_is_not(tmp_path: Path) -> None:
    (before,) = await inspect(release(tmp_path / "1", LEAK))
    (moved,) = await inspect(release(tmp_path / "2", {"src/b.ts": f"\n\n\n{LEAK['src/a.ts']}"}))
    (other,) = await inspect(release(tmp_path / "3", {"src/a.ts": f"// a\nconst k = '{made('gsk_', 52, seed=8)}';\n"}))
    assert (moved.id, moved.line) == (before.id, 5)
    assert other.id != before.id


async def test_a_file_that_ends_the_look_is_named_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    nothing = b"[" * 4_000_000  # more than a process of this size reads
    one = release(tmp_path, LEAK | {"data/deep.json": nothing, "data/more.json": b'{"a":' * 400_000})
    started = time.monotonic()
    findings = await inspect(one, bounds=Bounds(memory=1 << 30, seconds=60))
    assert "secret src/a.ts:2" in told(findings)
    assert {one.path for one in findings if one.kind == "not_looked_at"} == {"data/deep.json"}
    assert time.monotonic() - started < 60


async def test_a_look_that_takes_too_long_says_so(tmp_path: Path) -> None:
    many = {f"src/{n}.js": "x" * 1000 + '"a"+"b",' * 100_000 for n in range(60)}
    findings = await inspect(release(tmp_path, many), bounds=Bounds(seconds=1))
    assert [one.kind for one in findings] == ["not_looked_at"]
    assert "too long" in findings[0].message


async def test_cancelling_ends_the_process(tmp_path: Path) -> None:
    many = {f"src/{n}.js": '"a"+"b",' * 200_000 for n in range(60)}
    work = asyncio.ensure_future(inspect(release(tmp_path, many)))
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    before = set(children.read_text().split()) if children.exists() else set()
    async with asyncio.timeout(30):
        while children.exists() and set(children.read_text().split()) <= before:
            await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not children.exists() or set(children.read_text().split()) <= before


def test_what_is_no_file_is_not_opened_and_named(tmp_path: Path) -> None:
    one = release(tmp_path, LEAK)
    os.mkfifo(one.files / "pipe")
    (one.files / "etc").symlink_to("/etc")
    (one.files / "up").symlink_to("../../..")
    (one.files / "inside").symlink_to("src")
    with open(one.files / "holes.js", "wb") as file:
        file.truncate(1 << 32)
    with open(one.files / "some-holes.js", "wb") as file:
        file.truncate(40 << 20)
    folder = one.files
    for _ in range(70):
        folder = folder / "d"
        folder.mkdir()
    findings = seen(one)
    left = {finding.path: finding.message for finding in findings if finding.kind == "not_looked_at"}
    assert "secret src/a.ts:2" in told(findings)
    assert "pipe, socket or device" in left["pipe"]
    assert "2 files (it is a link that leads out of the app)" in left["etc"]
    assert "larger than 64 MB" in left["holes.js"]
    assert "holes" in left["some-holes.js"]
    assert any("64 folders deep" in message for message in left.values())
    assert len(left) == 5


def bomb() -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(80 << 20))
    return to.getvalue()


def claims_rows() -> bytes:
    """A table of many rows in a few bytes: one value, a billion times."""
    to = io.BytesIO()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000_000, pa.int32()), pa.array(["x"]))
    pq.write_table(pa.table({"a": column}), to)
    return to.getvalue()


def endless_view(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE people (mail TEXT);"
        + "".join(f"INSERT INTO people VALUES ('a{n}@web.de');" for n in range(9))
        + "CREATE VIEW v AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t;"
        "CREATE TABLE computed (a TEXT, b TEXT AS (hex(zeroblob(90000000))));INSERT INTO computed (a) VALUES ('x');"
    )
    connection.close()
    return path.read_bytes()


def test_archives_tables_and_databases_that_are_made_to_take_all_are_left(tmp_path: Path) -> None:
    one = release(
        tmp_path,
        LEAK
        | {
            "a/bomb.zip": bomb(),
            "a/bomb.js.gz": gzip.compress(bytes(80 << 20)),
            "a/torn.zip": b"PK\x03\x04" + bytes(200),
            "b/rows.parquet": claims_rows(),
            "b/torn.parquet": b"PAR1" + b"\xff" * 400 + b"\xff\xff\xff\x7fPAR1",
            "c/view.db": endless_view(tmp_path / "view.db"),
            "c/torn.db": b"SQLite format 3\0" + b"\x10\0" + os.urandom(8000),
            "d/quotes.csv": 'a,b\n"' + "x" * 200_000,
            "d/utf.json": b"\xff\xfe{",
        },
    )
    findings = seen(one)
    assert "secret src/a.ts:2" in told(findings)
    assert "personal_data c/view.db:1" in told(findings)
    text = "\n".join(f"{finding.path} {finding.message} {finding.excerpt}" for finding in findings)
    for path in ("a/bomb.zip", "a/bomb.js.gz", "a/torn.zip", "b/rows.parquet", "b/torn.parquet", "c/torn.db", "d/"):
        assert path in text, text


LONG = 400_000
HOSTILE = {
    "quotes": '"' * LONG,
    "joins": '"a"+' * (LONG // 4),
    "array joins": '["a"].join("")' * (LONG // 14),
    "joins without a beginning": "[" + '"a"].join("")' * (LONG // 13),
    "begun tokens": "eyJ-" * (LONG // 4),
    "begun keys": "sk-proj-" * (LONG // 8),
    "begun private keys": "-----BEGIN PRIVATE KEY-----" * (LONG // 27),
    "one long key": "sk-proj-" + "a1B" * (LONG // 3),
    "names": "api_key_" * (LONG // 8),
    "bindings": 'token:"' * (LONG // 7),
    "addresses": "a://b:c" * (LONG // 7),
    "tags": "<img " * (LONG // 5),
    "attributes": "<img " + "src=//" * (LONG // 6),
    "calls": "fetch(" * (LONG // 6),
    "constants": 'a="https://a.io",' * (LONG // 17),
    "comments": "/*" * (LONG // 2),
    "escapes": "\\x41" * (LONG // 4),
    "digits": "1" * LONG,
    "mail": "a@" * (LONG // 2),
    "dots": "a.a@a." * (LONG // 6),
    "base64": "QUFB" * (LONG // 4),
    "exports": "export default " * (LONG // 15),
    "letters": "A" * LONG,
    "spaces": "import" + " " * LONG,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_that_is_made_to_take_time_takes_no_more_than_another(name: str, tmp_path: Path) -> None:
    text = HOSTILE[name]
    usual = release(tmp_path / "usual", {"a.html": ("const value = compute(input, 12); " * (LONG // 34))[:LONG]})
    one = release(tmp_path / "made", {"a.html": text, "functions/a.ts": text, "b.sql": f"INSERT INTO a VALUES {text}"})
    started = time.process_time()
    seen(usual)
    between = time.process_time()
    seen(one)
    assert time.process_time() - between < 30 * (between - started) + 2


def test_columns_beyond_those_that_are_read_are_said(tmp_path: Path) -> None:
    to = io.BytesIO()
    pq.write_table(pa.table({f"c{n}": [1] for n in range(600)}), to)
    wide = ",".join(f"c{n}" for n in range(600)) + "\n"
    keys = "{" + ",".join(f'"c{n}": 1' for n in range(600)) + "}"
    findings = seen(release(tmp_path, {"a.parquet": to.getvalue(), "b.csv": wide, "c.json": keys}))
    assert [finding.kind for finding in findings] == ["not_looked_at"]
    assert "3 files (of its columns only the first 500 were read)" in findings[0].message


def test_twenty_megabytes_in_a_line_are_looked_at(tmp_path: Path) -> None:
    line = "function a(b){return b&&c(b.d,{e:1,f:'g'})};" * (20_000_000 // 44)
    one = release(tmp_path, {}, {"assets/index.js": f"{line}let k='{KEY}'"})
    assert told(seen(one)) == ["secret assets/index.js:1"]


def test_findings_without_end_are_bounded_and_said(tmp_path: Path) -> None:
    keys = "".join(f"k('{made('gsk_', 52, seed=n)}')\n" for n in range(250))
    findings = seen(release(tmp_path, {"a.js": keys}))
    assert len(findings) == 101
    assert "150 more findings of the kind secret" in findings[-1].message


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    one = release(tmp_path, write(tmp_path / "files", {"a.js": "a()"}))
    (one.files / "a.js").unlink()
    one.files.rmdir()
    assert [finding.kind for finding in seen(one)] == ["not_looked_at"]
