"""An app's files, versions and archive over REST."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
import zipfile

import pytest

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("notes.txt", b"plain\n", "text/plain; charset=UTF-8"),
        ("src/deep/er/App.tsx", b"export const a = 1\n", "text/plain; charset=UTF-8"),
        ("with space & 100%.md", b"# odd\n", "text/plain; charset=UTF-8"),
        ("häßlich/日本 #1?.txt", "ünï\n".encode(), "text/plain; charset=UTF-8"),
        ("page.html", b"<script>alert(1)</script>", "text/plain; charset=UTF-8"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=UTF-8"),
        ("picture.png", PNG, "image/png"),
        ("data.bin", bytes(range(256)), "application/octet-stream"),
        ("package.json", b'{"content": 1}', "text/plain; charset=UTF-8"),
        ("empty", b"", "text/plain; charset=UTF-8"),
    ],
)
async def test_a_file_comes_back_as_it_was_written(call, new_session, jp_root_dir, path, content, kind):
    id = await new_session(name="files")
    written = await call("PUT", "sessions", id, "files", path, body=content, headers={"Content-Type": "text/plain"})
    assert written.status == 201, written.body
    assert (written.data["path"], written.data["change"]) == (path, "created")
    assert (jp_root_dir / "appbuilder/files/app" / path).read_bytes() == content

    read = await call("GET", "sessions", id, "files", path)
    assert (read.body, read.headers["Content-Type"]) == (content, kind)
    assert read.headers["Content-Security-Policy"].startswith("sandbox;")
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert read.headers["Etag"] == written.headers["Etag"]
    same = await call("GET", "sessions", id, "files", path, headers={"If-None-Match": read.headers["Etag"]})
    assert (same.status, same.body) == (304, b"")

    listed = {file["path"]: file for file in (await call("GET", "sessions", id, "files")).data}
    assert listed[path]["size"] == len(content)
    assert (await call("DELETE", "sessions", id, "files", path)).status == 204
    assert (await call("GET", "sessions", id, "files", path)).status == 404


async def test_content_can_come_in_an_envelope(call, new_session):
    id = await new_session()
    body = {"content": base64.b64encode(PNG).decode(), "encoding": "base64"}
    assert (await call("PUT", "sessions", id, "files", "a.png", json=body)).status == 201
    assert (await call("GET", "sessions", id, "files", "a.png")).body == PNG
    assert (await call("PUT", "sessions", id, "files", "a.txt", json={"content": "grüße\n"})).status == 201
    assert (await call("GET", "sessions", id, "files", "a.txt")).body == "grüße\n".encode()


async def test_a_file_written_here_is_told_as_the_persons_change(call, new_session, builder):
    id = await new_session()
    await call("PUT", "sessions", id, "files", "index.html", body=b"<h1>Mine</h1>\n")
    await call("PUT", "sessions", id, "files", "logo.png", body=PNG)
    await call("DELETE", "sessions", id, "files", "logo.png")
    events = [e.data for e in await (await builder.session(id)).events() if e.type == "file.changed"]
    assert [(e["path"], e["change"], e["by"]) for e in events] == [
        ("index.html", "modified", "person"),
        ("logo.png", "created", "person"),
        ("logo.png", "deleted", "person"),
    ]
    assert all(e["patch"].startswith("diff --git") for e in events), "a replay needs the patch"
    assert "GIT binary patch" in events[1]["patch"]


async def test_a_file_written_during_a_turn_is_kept_and_told(call, new_session, builder, model):
    model.steps = [{"text": "Thinking. " * 20, "hang_after": 2}]
    id = await new_session()
    await call("POST", "sessions", id, "messages", json={"text": "Think"})
    assert (await call("PUT", "sessions", id, "files", "mine.txt", body=b"mine\n")).status == 201
    await call("POST", "sessions", id, "stop")
    session = await builder.session(id)
    assert [e.data["path"] for e in await session.events() if e.type == "file.changed"] == ["mine.txt"]
    assert (await call("GET", "sessions", id, "files", "mine.txt")).body == b"mine\n"


async def test_if_match_guards_against_writing_over_a_change(call, new_session):
    id = await new_session()
    tag = (await call("GET", "sessions", id, "files", "index.html")).headers["Etag"]
    first = await call("PUT", "sessions", id, "files", "index.html", body=b"one", headers={"If-Match": tag})
    assert first.status == 200
    late = await call("PUT", "sessions", id, "files", "index.html", body=b"two", headers={"If-Match": tag})
    assert (late.status, late.data["reason"]) == (412, "file_changed")
    assert (await call("DELETE", "sessions", id, "files", "index.html", headers={"If-Match": tag})).status == 412
    assert (await call("GET", "sessions", id, "files", "index.html")).body == b"one"
    new = {"If-Match": first.headers["Etag"]}
    assert (await call("DELETE", "sessions", id, "files", "index.html", headers=new)).status == 204
    missing = await call("PUT", "sessions", id, "files", "index.html", body=b"x", headers={"If-Match": "*"})
    assert missing.status == 412


async def test_of_writers_with_one_etag_exactly_one_is_told_yes(call, new_session):
    id = await new_session()
    for number in range(20):
        tag = {"If-Match": (await call("GET", "sessions", id, "files", "index.html")).headers["Etag"]}
        bodies = [f"{number} by {who}\n".encode() for who in range(4)]
        puts = [call("PUT", "sessions", id, "files", "index.html", body=body, headers=tag) for body in bodies]
        statuses = [answer.status for answer in await asyncio.gather(*puts)]
        assert sorted(statuses) == [200, 412, 412, 412]
        held = (await call("GET", "sessions", id, "files", "index.html")).body
        assert held == bodies[statuses.index(200)]


async def test_paths_cannot_leave_the_app(call, new_session, jp_root_dir):
    id = await new_session(name="inside")
    secret = jp_root_dir / "secret.txt"
    secret.write_text("secret")
    (jp_root_dir / "appbuilder/inside/app/link").symlink_to(secret)
    for path in ("../secret.txt", "a/../../secret.txt", "/etc/passwd", "link", ".git/config"):
        for method in ("GET", "PUT"):
            answer = await call(method, "sessions", id, "files", path, body=b"x" if method == "PUT" else None)
            assert answer.status in (400, 404), (method, path, answer.status)
            assert b"secret\n" not in answer.body
    assert secret.read_text() == "secret"


async def test_versions_are_listed_compared_and_restored(call, new_session, builder, model, jp_root_dir):
    page = jp_root_dir / "appbuilder/versions/app/index.html"
    id = await new_session(name="versions")
    before = page.read_text()
    write = {"name": "write_file", "arguments": {"path": "index.html", "content": "<h1>Blue</h1>\n"}}
    model.steps = [{"tool_calls": [write]}, {"text": "It is blue."}]
    await call("POST", "sessions", id, "messages", json={"text": "Make it blue"})
    await (await builder.session(id)).wait()

    newest, oldest = (await call("GET", "sessions", id, "checkpoints")).data
    assert (newest["title"], newest["parent"], newest["files"]) == ("Make it blue", oldest["id"], 1)
    diff = await call("GET", "sessions", id, "checkpoints", newest["id"], "diff")
    assert diff.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert "+<h1>Blue</h1>" in diff.body.decode()
    same = await call("GET", "sessions", id, "checkpoints", newest["id"], "diff", since=newest["id"])
    assert same.body == b""
    unknown = await call("GET", "sessions", id, "checkpoints", newest["id"], "diff", since="0123456789")
    assert unknown.status == 404

    restored = await call("POST", "sessions", id, "restore", json={"checkpoint": oldest["id"]})
    assert (restored.data["type"], restored.data["data"]["previous"]) == ("session.restored", newest["id"])
    assert page.read_text() == before
    undone = await call("POST", "sessions", id, "restore", json={"checkpoint": restored.data["data"]["previous"]})
    assert undone.status == 200
    assert page.read_text() == "<h1>Blue</h1>\n"
    assert len((await call("GET", "sessions", id, "checkpoints")).data) == 4


async def test_an_unknown_checkpoint_is_not_found(call, new_session):
    id = await new_session()
    for answer in (
        await call("GET", "sessions", id, "checkpoints", "0123456789", "diff"),
        await call("POST", "sessions", id, "restore", json={"checkpoint": "--help"}),
    ):
        assert (answer.status, answer.data["field"]) == (404, "checkpoint")


async def test_the_export_is_a_zip_of_the_app(call, new_session):
    id = await new_session(name="packed")
    await call("PUT", "sessions", id, "files", "src/new.ts", body=b"export {}\n")
    export = await call("GET", "sessions", id, "export")
    assert "packed.zip" in export.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(export.body)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert any(name.endswith("src/new.ts") and content == b"export {}\n" for name, content in files.items())
    assert not any(".git/" in name or "node_modules" in name for name in files)


async def test_an_app_whose_folder_was_deleted_says_so_and_comes_back_with_a_version(call, new_session, builder):
    id = await new_session()
    session = await builder.session(id)
    # Renamed first: what the starting app writes meanwhile must not keep the folder alive.
    deleted = session.workspace.app.rename(session.workspace.app.with_name("deleted"))
    shutil.rmtree(deleted, ignore_errors=True)
    for method, path, body in (("GET", ["export"], None), ("PUT", ["files", "a.txt"], b"x"), ("GET", ["files"], None)):
        answer = await call(method, "sessions", id, *path, **({"body": body} if body else {}))
        assert (answer.status, answer.data["reason"]) == (404, "folder_gone"), answer.data
        assert "restore a version" in answer.data["hint"]
    newest = (await call("GET", "sessions", id, "checkpoints")).data[0]["id"]
    restored = await call("POST", "sessions", id, "restore", json={"checkpoint": newest})
    assert restored.status == 200, restored.data
    assert (await call("GET", "sessions", id, "export")).status == 200
    assert (await call("GET", "sessions", id, "files", "index.html")).status == 200
