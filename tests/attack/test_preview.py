"""A dev server and a page that mean harm, through the preview proxy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from building import app_builder
from preview.stage import BASE_URL, Target, served
from tornado import websocket

from jupyter_appbuilder.preview import PageStorage, Previews
from jupyter_appbuilder.preview.modules import broken_modules
from jupyter_appbuilder.sandbox.base import Address

from .conftest import SECRET, MakeBox

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Dest": "iframe"}

# Answers by path with whatever a hostile server may say, byte by byte where that is the point.
SERVER = r"""
import net from 'node:net';
const long = 'x'.repeat(1000);
const answers = {
  headers: ['HTTP/1.1 200 OK', 'Content-Type: text/html', 'Set-Cookie: _xsrf=owned; Path=/', 'Set-Cookie2: a=b',
    'Content-Security-Policy: frame-ancestors *', 'Service-Worker-Allowed: /', 'Clear-Site-Data: "*"',
    'Access-Control-Allow-Credentials: true', 'Access-Control-Allow-Origin: http://127.0.0.1',
    'X-Accel-Redirect: /files/', 'X-Accel-Expires: 9', 'X-Sendfile: /etc/passwd', 'X-LIGHTTPD-send-file: /etc',
    'Surrogate-Control: max-age=9', 'Use-As-Dictionary: match="/*"', 'WWW-Authenticate: Basic realm="Jupyter"',
    'Strict-Transport-Security: max-age=1', 'Alt-Svc: h3=":443"', 'Permissions-Policy: camera=*', 'Report-To: {}',
    'Cache-Control: public, s-maxage=99', 'Content-Length: 2', '', 'ok'].join('\r\n'),
  redirect: 'HTTP/1.1 302 Found\r\nLocation: /api/contents?token=\r\nContent-Length: 0\r\n\r\n',
  split: 'HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: owned=1\r\nX-C: d\nSet-Cookie: owned=2\r\nContent-Length: 2\r\n\r\nok',
  twice: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    + 'HTTP/1.1 200 OK\r\nSet-Cookie: owned=1\r\nContent-Length: 2\r\n\r\nno',
  smuggle: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  huge: 'HTTP/1.1 200 OK\r\n' + `X-Long: ${long}\r\n`.repeat(3000) + 'Content-Length: 2\r\n\r\nok',
  line: 'HTTP/1.1 200 ' + 'O'.repeat(10_000_000) + '\r\n\r\n',
  switching: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI',
  garbage: '\x16\x03\x01\x02\x00\x01\x00' + long,
  short: 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok',
};
net.createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (data) => {
    const path = String(data).split(' ')[1] ?? '';
    const what = path.split('/').pop().split('?')[0];
    if (what === 'endless' || what === 'page' ) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>');
      const send = () => { if (!socket.destroyed) socket.write('y'.repeat(65536), () => setImmediate(send)); };
      return send();
    }
    if (what === 'drip') {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n');
      return setInterval(() => { if (!socket.destroyed) socket.write('z'); }, 100);
    }
    if (what === 'echo') {
      const body = String(data);
      return socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
    socket.end(Buffer.from(answers[what] ?? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'latin1'));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
"""


class Stage:
    """A hostile dev server in a sandbox, behind the preview's proxy."""

    def __init__(self, origin: str, path: str, address: Address) -> None:
        self.origin, self.path, self.address = origin, path, address

    async def get(self, name: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.get(f"{self.origin}{self.path}{name}", headers=headers)


@pytest.fixture
def stage(usual: MakeBox, tmp_path: Path) -> Any:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def make() -> Any:
        async with usual() as here:
            (here.app / "server.mjs").write_text(SERVER)
            previews = Previews(BASE_URL)
            target = Target(PageStorage(tmp_path / "storage" / "s.json"))
            path = previews.open(target)
            target.server = await here.sandbox.serve(path)
            assert target.server.address, target.server.message
            async with served(previews) as origin:
                yield Stage(origin, path, target.server.address)

    return make


DROPPED = """
    set-cookie2 service-worker-allowed clear-site-data access-control-allow-credentials x-accel-redirect
    x-accel-expires x-sendfile x-lighttpd-send-file surrogate-control report-to use-as-dictionary www-authenticate
    strict-transport-security alt-svc permissions-policy
"""
WHO = """
    Authorization Cookie Cookie2 Proxy-Authorization X-XSRFToken X-CSRFToken Referer X-Forwarded-User Remote-User
    X-Auth-Request-Email X-Remote-User X-Jupyterhub-Api-Token X-Amzn-Oidc-Data X-Goog-Iap-Jwt-Assertion
    CF-Access-Jwt-Assertion X-MS-Client-Principal X-Real-IP Forwarded Via X-WebAuth-User X-Pomerium-Jwt-Assertion
    Tailscale-User-Login OIDC_CLAIM_email X-Vouch-User X-Authenticated-User SSL_CLIENT_S_DN X-SSO-Token
"""


async def test_headers_that_would_act_on_jupyters_origin_are_taken_off(stage: Any):
    async with stage() as here:
        answer = await here.get("headers")
        assert answer.text.endswith("ok")
        names = {name.lower() for name in answer.headers}
        assert not names & set(DROPPED.split())
        assert "owned" not in answer.headers["set-cookie"]  # ours, which tells visitors apart
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert answer.headers["content-security-policy"].startswith("frame-ancestors 'self'; sandbox ")
        assert "allow-same-origin" not in answer.headers["content-security-policy"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"].startswith("private")


async def test_a_redirect_to_jupyters_api_is_not_followed_for_the_page(stage: Any):
    async with stage() as here:
        answer = await here.get("redirect")
        assert answer.status_code == 302  # the page's own, without credentials of anybody
        assert "set-cookie" not in answer.headers
        assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("what", ["split", "twice", "smuggle", "huge", "line", "switching", "garbage", "short"])
async def test_an_answer_that_is_not_well_formed_smuggles_nothing(stage: Any, what: str):
    async with stage() as here:
        assert (await here.get("fine")).text == "ok"
        try:
            answer = await here.get(what)
        except httpx.HTTPError:
            pass
        else:
            assert "set-cookie" not in answer.headers
            assert "owned" not in answer.text
            assert sum(len(name) + len(value) for name, value in answer.headers.items()) < 200_000
        assert (await here.get("fine")).text == "ok"  # what came too much is nobody else's answer


async def test_an_endless_answer_fills_nothing_and_ends_with_its_reader(stage: Any):
    import resource

    async with stage() as here:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with httpx.AsyncClient(timeout=10) as client:
            url = f"{here.origin}{here.path}endless"
            async with client.stream("GET", url, headers=NAVIGATION, follow_redirects=True) as answer:
                await anext(answer.aiter_bytes())
                await asyncio.sleep(1)  # nobody reads
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KiB
        assert (await here.get("fine")).text == "ok"


async def test_looking_for_broken_modules_ends_though_the_server_does_not(stage: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_appbuilder.preview.modules.MODULE_SECONDS", 1)
    async with stage() as here:
        for what in ("drip", "endless", "garbage", "huge"):
            async with asyncio.timeout(15):
                assert await broken_modules(here.address, f"{here.path}{what}") is not None


async def test_nothing_that_says_who_the_person_is_reaches_the_dev_server(stage: Any):
    async with stage() as here:
        secrets = dict.fromkeys(WHO.split(), SECRET)
        answer = await here.get("echo", **secrets, **{"X-AppBuilder-Header-X-Of-The-App": "mine"})
        assert "X-Of-The-App: mine" in answer.text
        assert SECRET not in answer.text


async def test_a_capability_opens_one_preview_and_no_path_around_it(stage: Any, tmp_path: Path):
    async with stage() as here:
        capability = here.path.removeprefix(f"{BASE_URL}appbuilder/preview/").strip("/")
        async with httpx.AsyncClient() as client:
            for other in (capability[:-1], capability + "A", capability.swapcase(), "..", "%2e%2e", "*", ""):
                answer = await client.get(f"{here.origin}{BASE_URL}appbuilder/preview/{other}/fine")
                assert answer.text != "ok", other
        raw = f"GET {here.path}../../../api/contents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        host, port = here.origin.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw.encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")  # it went to the dev server, as everything below the capability
        assert b"sandbox allow-scripts" in answer


async def test_a_socket_from_another_site_is_refused(stage: Any):
    async with stage() as here:
        url = f"ws{here.origin.removeprefix('http')}{here.path}fine"
        from tornado.httpclient import HTTPClientError, HTTPRequest

        with pytest.raises((HTTPClientError, websocket.WebSocketError, OSError)):
            await websocket.websocket_connect(HTTPRequest(url, headers={"Origin": "http://evil.example"}))


# What got people files through Vite's own file serving, now and in the past.
FILES = """
@fs{path} @fs/{path} @fs{path}?raw @fs{path}?import @fs{path}?import&raw @fs{path}??raw @fs{path}?raw?? @fs{path}?url
@fs{path}?inline&import @fs{path}?.svg?.wasm?init @fs{path}?import&?inline=1.wasm?init @fs{path}/.?raw @fs{path}%00.js
@fs{path}?import&raw?? @fs/x/x/x/../../../../..{path}?import&raw @fs{path}#/ @fs//{path} @fs/..%2f..%2f..%2f{path}
@fs/C:{path} @id/__x00__{path} @id{path}?raw ../../../../../../../..{path} ..%2f..%2f..%2f..%2f..%2f..{path}
%2e%2e/%2e%2e/%2e%2e/%2e%2e{path} @vite/..{path} node_modules/.vite/../../../../..{path} .//..//..//..//..{path}
src/..%5c..%5c..{path} __open-in-editor?file={path} @fs{path}.map?sourcemap @fs/proc/self/root{path} @fs/proc/1/environ
"""


async def test_the_dev_servers_own_file_serving_shows_nothing_of_this_machine(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
):
    """A real Vite in a real session, asked through its preview."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    async with app_builder(tmp_path, template="react-vite") as builder:
        builder.base_url = BASE_URL
        session = await builder.create(name="served")
        server = await session.app.ensure()
        assert server.address, server.message
        (session.workspace.app / "own.txt").write_text("mine to read")
        async with served(builder.previews) as origin:
            path = session.app.base_path
            assert "mine to read" in await raw(origin, f"{path}@fs/workspace/own.txt?raw")
            for form in FILES.split():
                for file in (str(secret), f"{builder.data_dir}/appbuilder/log.db", "/etc/passwd", "/proc/self/environ"):
                    text = await raw(origin, path + form.replace("{path}", file))
                    for found in (SECRET, "SQLite format", "root:x:0:0"):
                        assert found not in text, (form, file)


async def raw(origin: str, target: str) -> str:
    """The answer to a request for exactly ``target``, which no client would send as it is."""
    host, port = origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer.decode("latin-1")
