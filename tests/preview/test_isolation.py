"""A hostile page in a preview below a real Jupyter server, in Chromium: it must not act as the person."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from preview.stage import BASE_URL, PanelHandler, Target, chromium, free_port, upstream
from tornado import httpserver, web

from jupyter_appbuilder.preview import Previews, preview_handlers
from jupyter_appbuilder.sandbox.base import DevServer

HOSTILE = """<!doctype html><html><head><title>x</title></head><body><p>content</p><script>
const out = {};
async function attempt(name, run) { try { out[name] = await run(); } catch (e) { out[name] = 'refused ' + e.name; } }
(async () => {
  await attempt('origin', () => self.origin);
  await attempt('cookie', () => document.cookie);
  await attempt('parent', () => parent.document.title);
  await attempt('parent cookie', () => parent.document.cookie);
  for (const credentials of ['include', 'same-origin']) {
    await attempt('api ' + credentials, async () => (await fetch('BASEapi/contents', { credentials })).status);
    await attempt('write ' + credentials, async () => (await fetch('BASEapi/contents/evil.txt',
      { method: 'PUT', credentials, body: '{"type":"file","format":"text","content":"x"}' })).status);
  }
  await attempt('blind write', async () => (await fetch('BASEapi/contents', { method: 'POST', mode: 'no-cors',
    credentials: 'include', body: '{}' })).type);
  await attempt('socket', () => new Promise((yes, no) => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + 'BASEapi/events/subscribe');
    socket.onopen = () => yes('open'); socket.onerror = () => no({ name: 'error' });
  }));
  if (top !== self) await attempt('top', () => { top.location = 'about:blank'; return 'moved'; });
  await attempt('popup', () => String(open('BASElab')));
  const pre = document.createElement('pre');
  pre.id = 'out';
  pre.textContent = JSON.stringify(out);
  document.body.append(pre);
})();
</script></body></html>""".replace("BASE", BASE_URL)


class Hostile(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html")
        self.finish(HOSTILE)


async def test_a_hostile_page_cannot_act_as_the_person(
    jp_serverapp: Any, jp_root_dir: Path, target: Target, tmp_path: Path
) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    app = jp_serverapp.web_app
    app.settings["allow_unauthenticated_access"] = False
    # A Hub sets this on all that a single-user server answers.
    app.settings["headers"] = {"Content-Security-Policy": "frame-ancestors 'none'"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Jupyter warns of routes that do not say who may use them
        app.add_handlers(".*$", preview_handlers(BASE_URL, previews))
    app.add_handlers(".*$", [(BASE_URL + "panel", PanelHandler)])
    port = free_port()
    server = httpserver.HTTPServer(app)
    server.listen(port, "127.0.0.1")
    origin = f"http://127.0.0.1:{port}"
    before = sorted(path.name for path in jp_root_dir.iterdir())
    async with upstream(tmp_path, (".*", Hostile)) as address, chromium() as browser:
        target.server = DevServer("ready", address)
        page = await (await browser.new_context()).new_page()
        # Logged in for good: the token becomes a cookie.
        token = jp_serverapp.identity_provider.token
        await page.goto(f"{origin}{BASE_URL}api/contents?token={token}")
        logged_in = await page.goto(f"{origin}{BASE_URL}api/contents")
        assert logged_in.status == 200
        await page.goto(f"{origin}{BASE_URL}panel?src={prefix}")
        framed = json.loads(await page.frame_locator("#app").locator("#out").inner_text())
        assert page.url.endswith(prefix)  # it did not move the top
        await page.goto(origin + prefix)
        alone = json.loads(await page.locator("#out").inner_text())
    server.stop()
    await server.close_all_connections()

    for seen in (framed, alone):
        assert seen["origin"] == "null"
        assert seen["cookie"] == ""
        for credentials in ("include", "same-origin"):
            assert str(seen[f"api {credentials}"]) in ("refused TypeError", "403")
            assert str(seen[f"write {credentials}"]) in ("refused TypeError", "403")
        assert seen["socket"] == "refused error"
        assert seen["popup"] == "null"
    for name in ("parent", "parent cookie", "top"):
        assert framed[name] == "refused SecurityError"
    assert sorted(path.name for path in jp_root_dir.iterdir()) == before
    assert {"ready"} == {finding["kind"] for finding in target.findings if finding["kind"] in ("ready", "build")}
