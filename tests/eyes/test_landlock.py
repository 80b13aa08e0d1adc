"""Eyes where only Landlock isolates: they see and try the same, and reach no more."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from eyes.stage import Site, eye, html, messages, needs_landlock, opened
from tornado import httpserver, netutil, web

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.base import Look
from jupyter_appbuilder.sandbox.local import LocalSandbox

PAGE = """<main><h1 style="color: #fff">Tasks</h1><button>Go</button><button>Save</button><p id="told"></p></main>
<script>
  const [go, save] = document.querySelectorAll("button");
  go.onclick = () => { throw new Error("It broke"); };
  save.onclick = () => Object.assign(document.createElement("a"), { download: "a.txt", href: "data:,Milk" }).click();
  fetch("rows.js").then((rows) => rows.text()).then((text) => (told.textContent = text));
</script>"""

LOOKS_AROUND = """
const { readdirSync, readFileSync, readlinkSync } = require("node:fs");
const tried = (act) => { try { act(); return true; } catch { return false; } };
const which = (names, act) => names.filter((name) => tried(() => act(name)));
const [pid, secret, opened] = process.argv.slice(1);
console.log(JSON.stringify({
  own: tried(() => readdirSync("/proc/self/fd")),
  told: which(["environ", "mem", "maps", "auxv"], (name) => readFileSync(`/proc/${pid}/${name}`)),
  led: which(["cwd", "exe", "root", `fd/${opened}`, "ns/net"], (name) => readlinkSync(`/proc/${pid}/${name}`)),
  read: which([`/proc/${pid}/fd/${opened}`, `/proc/${pid}/root${secret}`, secret], (path) => readFileSync(path)),
  listed: which(["map_files", "cwd/", "root/"], (name) => readdirSync(`/proc/${pid}/${name}`)),
}));
"""


async def test_an_app_is_seen_and_tried(tmp_path: Path) -> None:
    site = Site(index=html(PAGE), **{"rows.js": "Bread"})
    async with opened(tmp_path, site, isolation="landlock") as page:
        assert "Text cannot be read" in messages(await page.audit())[0]
        assert "Bread" in await page.describe()
        assert await page.picture()
        saved = await page.act({"do": "click", "role": "button", "name": "Save"})
        assert [(one.name, one.head) for one in saved.saved] == [("a.txt", "Milk")]
        tried = await page.trial()
    assert any("It broke" in message for message in messages(list(tried.findings)))


async def test_a_browser_that_cannot_start_there_says_what_to_install(tmp_path: Path) -> None:
    needs_landlock()
    whole = shutil.which("chromium")
    if not whole:
        pytest.skip("No whole Chromium is installed.")
    site = Site(index=html("<h1>Hi</h1>"))
    async with eye(tmp_path, site, isolation="landlock", browser=whole) as chromium:
        with pytest.raises(Unavailable, match="only a headless shell") as refused:
            async with chromium.open(Look()):
                pass
    assert "--install-browser" in refused.value.hint


async def test_of_other_processes_nothing_can_be_opened(tmp_path: Path) -> None:
    needs_landlock()
    told: list[bytes] = []
    server = httpserver.HTTPServer(web.Application([]))
    server.add_socket(netutil.bind_unix_socket(str(tmp_path / "way.sock")))
    secret = tmp_path / "secret"
    secret.write_text("key")
    provider = LocalSandbox(tmp_path / "cache", isolation="landlock")
    try:
        with secret.open() as file:
            argv = ["/opt/node/bin/node", "-e", LOOKS_AROUND, str(os.getpid()), str(secret), str(file.fileno())]
            program = await provider.run_program(
                argv, shown={}, way_out=tmp_path / "way.sock", on_line=told.append, longest=10_000
            )
            async with asyncio.timeout(120):
                await program.wait()
    finally:
        await provider.close()
        server.stop()
    assert told == [b'{"own":true,"told":[],"led":[],"read":[],"listed":[]}']
