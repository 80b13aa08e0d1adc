"""Templates that a person adds: from elsewhere, and of their own apps."""

from __future__ import annotations

import shutil
import subprocess

from .conftest import TEMPLATES


def repository(folder, subfolder="board"):
    shutil.copytree(TEMPLATES / "page", folder / subfolder)
    author = ["-c", "user.name=Jane", "-c", "user.email=jane@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Templates"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return f"file://{folder}#{subfolder}"


async def names(call):
    return [template["name"] for template in (await call("GET", "templates")).data]


async def test_a_template_is_added_from_a_repository_makes_an_app_and_is_removed(call, new_session, tmp_path):
    source = repository(tmp_path)
    before = await names(call)
    added = await call("POST", "templates", json={"source": source})
    assert (added.status, added.data["title"], added.data["origin"]) == (201, "One page", "person")
    assert added.data["source"] == source
    again = await call("POST", "templates", json={"source": source})
    assert again.data["name"] == added.data["name"]
    assert sorted(await names(call)) == sorted([*before, added.data["name"]])

    session = await new_session(template=added.data["name"])
    assert (await call("DELETE", "templates", added.data["name"])).status == 204
    assert sorted(await names(call)) == sorted(before)
    files = (await call("GET", "sessions", session, "files")).data
    assert "index.html" in [file["path"] for file in files], "its app goes on"
    assert await new_session(template=added.data["name"]), "and a notebook of it finds it"


async def test_what_is_no_template_is_refused_with_the_next_step(call, tmp_path):
    for source in (
        "board",
        "https://jane:secret@git.example.org/t.git",
        str(tmp_path),
        str(tmp_path / "none"),
        "x:y/z",
    ):
        refused = await call("POST", "templates", json={"source": source})
        assert refused.status in (400, 404, 503), source
        assert refused.data["hint"], source
        assert "secret@" not in refused.data["message"]
    page = await call("POST", "templates", json={"source": "https://git.example.org/team/t/tree/main/board"})
    assert "https://git.example.org/team/t.git#board" in page.data["hint"]
    for name in ("page", "react-vite", "../x", "none"):
        assert (await call("DELETE", "templates", name)).status == 404


async def test_a_token_in_an_address_is_not_kept(call, tmp_path, builder):
    builder.library._gallery().add("page-0123", "https://ghp_token@git.example.org/t.git")
    assert b"ghp_token" not in (await call("GET", "templates")).body


async def test_pictures_of_templates(call, tmp_path, builder):
    shown = await call("GET", "templates", "static", "picture")
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/webp")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert (await call("GET", "templates", "page", "picture")).status == 404
    shutil.copytree(TEMPLATES / "page", tmp_path / "evil")
    (tmp_path / "evil/picture.webp").write_text("<svg onload=alert(1)>")
    added = (await call("POST", "templates", json={"source": str(tmp_path / "evil")})).data
    assert (await call("GET", "templates", added["name"], "picture")).status == 404


async def test_an_app_becomes_a_template_without_what_is_its_own(call, new_session, builder):
    id = await new_session(title="Sales board")
    app = (await builder.session(id)).workspace.app
    (app / "index.html").write_text("<h1>Sales</h1>")
    (app / ".env").write_text("TOKEN=x")
    (app / "data").mkdir(exist_ok=True)
    (app / "data/sales.csv").write_text("a,b\n")
    (app / "node_modules/x").mkdir(parents=True)
    (app / "node_modules/x/index.js").write_text("x")
    (app / "out").symlink_to("/etc/hostname")
    told = (await call("GET", "sessions", id, "template")).data
    assert {one["what"]: one["names"] for one in told["left_out"]} == {"data": ["data/sales.csv"], "links": ["out"]}

    words = {"title": 'Our "sales" \\ board 👩\u200d💻', "summary": "Numbers by region, für alle."}
    made = await call("POST", "sessions", id, "template", json=words)
    assert (made.status, made.data["title"], made.data["source"]) == (201, words["title"], "Sales board")
    other = await new_session(template=made.data["name"])
    files = {file["path"] for file in (await call("GET", "sessions", other, "files")).data}
    assert "serve.mjs" in files
    assert not files & {".env", "data/sales.csv", "node_modules/x/index.js", "out"}
    page = await call("GET", "sessions", other, "files", "index.html")
    assert b"<h1>Sales</h1>" in page.body
    assert "Our" in builder.library.find(made.data["name"]).hints
    # Another app of the same title takes nobody's place; the same app takes its own.
    again = await call("POST", "sessions", await new_session(title="Sales board"), "template", json=words)
    (app / "index.html").write_text("<h1>Sales by region</h1>")
    later = await call("POST", "sessions", id, "template", json=words)
    offered = [one["name"] for one in (await call("GET", "templates")).data if one["source"] == "Sales board"]
    assert sorted(offered) == sorted([again.data["name"], later.data["name"]])
    for wrong in ({"title": " ", "summary": "x"}, {"title": "x" * 81, "summary": "x"}, {"title": "x", "summary": ""}):
        assert (await call("POST", "sessions", id, "template", json=wrong)).status == 400


async def test_settings_say_who_set_them(call, builder):
    told = {one["name"]: one for one in (await call("GET", "settings")).data}
    assert (told["template"]["value"], told["template"]["origin"]) == ("page", "administrator")
    assert (told["max_steps"]["value"], told["max_steps"]["origin"]) == (60, "default")
    assert told["day_budget"]["origin"] == "default"
    await call("PUT", "usage", "budgets", json={"day": {"dollars": 3}})
    told = {one["name"]: one for one in (await call("GET", "settings")).data}
    assert (told["day_budget"]["value"], told["day_budget"]["origin"]) == (3, "person")
