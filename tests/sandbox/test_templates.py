"""The template format: what a manifest may say, what is told when it is wrong, and how its server is started."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from building import app_builder
from tornado import httpserver, netutil, web
from tornado.httpclient import AsyncHTTPClient

from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.preview.handlers import preview_handlers
from jupyter_appbuilder.sandbox.requirements import Requirements, with_packages
from jupyter_appbuilder.templates.templates import PythonPackages, Template, find_template, find_templates

LEAST = 'title = "T"\nsummary = "S"\n[serve]\ncommand = ["x"]\n'


def template(folder: Path, manifest: str) -> Path:
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "index.html").write_text("<p>x</p>")
    (folder / "template.toml").write_text(manifest)
    return folder


def test_a_manifest_needs_little_and_may_say_much(tmp_path: Path):
    least = Template.load(template(tmp_path / "least", LEAST))
    assert (least.check, least.python, least.port) == ((), None, 5173)
    assert least.serving("/a/b/").ready == "/a/b/"

    much = Template.load(
        template(
            tmp_path / "much",
            LEAST.replace(
                '["x"]', '["x", "{port}", "{base}", "{prefix}", "{template}/y"]\nport = 8501\nready = "api/health"'
            )
            + '[serve.environment]\nBASE = "{prefix}"\n[check]\ncommand = ["{template}/check"]\n'
            '[python]\nlock = "my.lock"\n'
            '[environment]\nA = "1"\n[e2b]\ncpu = 2\n',
        )
    )
    serving = much.serving("/a/b/")
    assert serving.command == ("x", "8501", "/a/b/", "/a/b", "/opt/template/y")
    assert serving.environment == {"A": "1", "BASE": "/a/b"}
    assert (serving.ready, serving.well, serving.strip) == ("/a/b/api/health", True, "")
    assert much.check == ("/opt/template/check",)
    assert much.python == PythonPackages("requirements.txt", "my.lock")


def test_a_manifest_says_how_its_apps_are_published(tmp_path: Path):
    publish = """
[publish]
kind = "server"
build = ["{template}/build", "{prefix}"]
output = ["dist"]
leave = ["notes/", "a.md"]
serve = ["serve", "{port}", "{base}", "{host}", "{data}"]
ready = "health"
base = "fixed"
environment = { BASE = "{prefix}" }
"""
    found = Template.load(template(tmp_path / "built", LEAST.replace("[serve]", 'data = ["state"]\n[serve]') + publish))
    assert found.building("/a/b/") == (("/opt/template/build", "/a/b"), {"BASE": "/a/b"})
    serving = found.published().serving("/a/b/")
    assert serving.command == ("serve", "5173", "/a/b/", "127.0.0.1", "state")
    assert (serving.environment, serving.ready, serving.strip) == ({"BASE": "/a/b"}, "/a/b/health", "")
    assert found.publish
    assert (found.publish.output, found.publish.leave, found.publish.fixed) == (("dist/",), ("notes/", "a.md"), True)
    static = Template.load(template(tmp_path / "site", LEAST + '[publish]\nkind = "static"\n'))
    with pytest.raises(Unavailable, match="no server of what was built"):
        static.published()


def test_a_manifest_may_name_several_services(tmp_path: Path):
    services = '[services.api]\ncommand = ["node", "api.mjs", "{port}", "{base}"]\nport = 8001\nready = "health"\n'
    services += '[services.docs]\ncommand = ["docs"]\nport = 8002\npath = "/help/docs"\nbase = "strip"\n'
    services += '[services.docs.environment]\nBASE = "{base}"\n'
    found = Template.load(template(tmp_path / "several", LEAST + services))
    assert list(found.services) == ["app", "api", "docs"]
    api, docs = (found.serving("/a/b/", service=name) for name in ("api", "docs"))
    assert (api.command, api.port) == (("node", "api.mjs", "8001", "/a/b/api/"), 8001)
    assert (api.ready, api.well, api.strip) == ("/a/b/api/health", True, "")
    assert (docs.environment, docs.page, docs.strip) == ({"BASE": "/"}, "/", "/a/b/help/docs/")
    assert found.serving("/a/b/").command == ("x",)


@pytest.mark.parametrize(
    ("manifest", "key", "hint"),
    [
        ("title = 'T'\n", "serve.command is missing", "Name the dev server"),
        (LEAST.replace("summary", "sumary"), "sumary is not a key", "Did you mean summary?"),
        (LEAST.replace('["x"]', '"x"'), "serve.command must be a list", "docs/templates.md"),
        (LEAST + '[publish]\nkind = "server"\n', "publish.serve is missing", "Name the server"),
        (LEAST + '[publish]\nkind = "lambda"\n', "publish.kind is 'lambda'", "static, server"),
        (LEAST + '[publish]\nserve = ["x"]\n', "publish.serve does not go with a static app", "Leave it out"),
        (LEAST + '[publish]\nleave = ["../x"]\n', "publish.leave names '../x'", "Name files and folders"),
        (LEAST + "port = '80'\n", "serve.port must be a whole number", "Correct it"),
        (LEAST + '[datasets]\nfolder = "../data"\n', "datasets.folder is no folder", '"data/"'),
        (LEAST + "[datasets]\nfolder = 'a\"b'\n", "datasets.folder is 'a\"b'", "letters, digits"),
        (LEAST + '[datasets]\nfolder = "data"\nloader = "svelte"\n', "datasets.loader is 'svelte'", "react, vue, next"),
        (LEAST + "port = 80\n", "serve.port is 80", "from 1024"),
        (LEAST + "base = 'cut'\n", "serve.base is 'cut'", "keep, strip"),
        (LEAST + "[install]\nlock = '../x'\n", "install.lock is no file's name", "directly in files/"),
        (LEAST + "[environment]\nA = 1\n", "environment must be a table of names and texts", "Correct it"),
        ("check = ['x']\n" + LEAST, "check must be a table", "[check]"),
        (LEAST.replace('"T"', '""'), "title is missing", "Add it"),
        ("prompts = ['a', 'b', 'c', 'd', 'e']\n" + LEAST, "prompts has 5 texts", "Keep 4"),
        (f"prompts = ['{'x' * 121}']\n" + LEAST, "prompts has 'xxx", "120 characters"),
        ('prompts = ["a\\u202eb"]\n' + LEAST, "prompts has 'a", "in one line"),
        ("prompts = 'a'\n" + LEAST, "prompts must be a list of short texts", "Correct it"),
        (LEAST + "[services.app]\n", "services.app is no name of a service", "but not app"),
        (LEAST + "[services.api]\nport = 8000\n", "services.api.command is missing", "Name its server"),
        (LEAST + "[services.api]\ncommand = ['x']\n", "services.api.port is 0", "from 1024"),
        (LEAST + "[services.api]\ncommand = ['x']\nport = 5173\n", "one port twice", "a port of its own"),
        (LEAST + "[services.api]\ncommand = ['x']\nport = 8000\npath = '../x'\n", "services.api.path is", "api/"),
        (LEAST + "[services.api]\ncomand = ['x']\n", "services.api.comand is not a key", "services.api.command"),
        ("title = ", "is not valid TOML", "Correct the file"),
    ],
)
def test_a_wrong_manifest_is_told_with_its_key_and_the_next_step(tmp_path: Path, manifest: str, key: str, hint: str):
    with pytest.raises(InvalidInput) as caught:
        Template.load(template(tmp_path / "wrong", manifest))
    assert "template.toml" in caught.value.message
    assert key in caught.value.message
    assert hint in caught.value.hint


def test_a_wrong_template_does_not_hide_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    template(tmp_path / "good", LEAST)
    template(tmp_path / "wrong", "title = 3")
    with caplog.at_level(logging.WARNING):
        found = find_templates([tmp_path])
    assert "good" in found
    assert "wrong" not in found
    assert "title must be a text" in caplog.text
    with pytest.raises(InvalidInput, match="title must be a text"):
        find_template("wrong", [tmp_path])


def test_which_packages_are_meant_is_told_by_the_app_or_the_names(tmp_path: Path):
    web_app = Template.load(template(tmp_path / "web", LEAST))
    python = Template.load(template(tmp_path / "python", LEAST + "[python]\n"))
    both = Template.load(template(tmp_path / "both", LEAST + "[python]\n"))
    (both.files / "package.json").write_text("{}")
    assert web_app.kind_of(["zod"]) == "npm"
    assert python.kind_of(["polars"]) == "python"
    assert both.kind_of(["@a/b", "zod@4"]) == "npm"
    assert both.kind_of(["polars>=1", "uvicorn[standard]"]) == "python"
    assert both.kind_of(["polars"], "python") == "python"
    with pytest.raises(InvalidInput, match="do not tell which"):
        both.kind_of(["polars"])
    with pytest.raises(InvalidInput, match="has no Python"):
        web_app.kind_of(["polars"], "python")


LOCK = b"""idna==3.7 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
numpy==2.4.0 ; python_full_version < '3.12'
numpy==2.5.0 ; python_full_version >= '3.12'
uvicorn[standard]==0.30.0
"""


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", True),
        ("idna\nIDNA>=3\n# a comment\nnumpy>=2.4", True),
        ("idna>=4", False),
        ("six", False),
        ("six ; sys_platform == 'win32'", True),
        ("uvicorn[standard]", True),
        ("idna[extra]", False),
    ],
)
def test_a_lock_file_fits_what_is_wanted(wanted: str, fits: bool):
    assert Requirements.parse(wanted.encode(), LOCK).fits() is fits


def test_a_lock_file_that_pins_nothing_is_told():
    for bad in (b"idna>=3\n", b"--index-url https://x\n", b"x @ https://y/z.whl\n", b"idna==3.*\n"):
        with pytest.raises(InvalidInput, match="pins no package"):
            Requirements.parse(b"idna", bad).fits()


def test_an_added_package_replaces_its_own_line_only():
    text = b"# mine\nIdna==3.1  # why\nsix\n"
    assert with_packages(text, ["idna>=3.7", "attrs"]) == b"# mine\nsix\nidna>=3.7\nattrs\n"


def test_only_line_ends_end_a_line_of_requirements():
    text = "# a note\u2028six\x0cattrs\r\nidna\rsix\n".encode()
    assert with_packages(text, []).decode() == "# a note\u2028six\x0cattrs\nidna\nsix\n"
    assert [wanted.name for wanted in Requirements.parse(text, LOCK).wanted] == ["idna", "six"]


BASELESS = """
import { createServer } from 'node:http'
let asked = 0
createServer((request, response) => {
  if (request.url === '/slow') response.writeHead(asked++ < 3 ? 503 : 204)
  if (request.url === '/old') response.writeHead(302, { Location: '/new?x=1' })
  if (request.url === '/slow' || request.url === '/old') return response.end()
  response.setHeader('Content-Type', 'text/plain')
  response.end(`${request.url} below ${request.headers['x-forwarded-prefix']}, asked ${asked} times`)
}).listen(Number(process.argv[2]), '127.0.0.1')
"""


async def test_a_server_that_knows_no_base_is_shown_below_one(tmp_path: Path):
    shelf = tmp_path / "shelf"
    command = '["node", "{template}/serve.mjs", "{port}"]\nbase = "strip"\nready = "slow"\nport = 7000'
    folder = template(shelf / "baseless", LEAST.replace('["x"]', command))
    (folder / "runtime").mkdir()
    (folder / "runtime" / "serve.mjs").write_text(BASELESS)
    async with app_builder(tmp_path, template_path=[str(shelf)], model="demo:recorded") as builder:
        server = httpserver.HTTPServer(web.Application([*preview_handlers("/", builder.previews)]))
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        session = await builder.create(name="app", template="baseless")
        await session.start_preview()
        assert session.app.server.state == "ready", session.app.server.message
        base = session.app.base_path
        client, origin = AsyncHTTPClient(force_instance=True), f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        for path, shown in (("", "/"), ("a/b?c=d", "/a/b?c=d"), ("old", "/new?x=1")):
            answer = await client.fetch(f"{origin}{base}{path}")
            assert answer.body.decode() == f"{shown} below {base.rstrip('/')}, asked 4 times"
        assert await session.app.problems() == []
        # The app's folder holds nothing of the template's own.
        assert {file.path for file in await session.workspace.list()} == {"index.html"}
        server.stop()
        await server.close_all_connections()
