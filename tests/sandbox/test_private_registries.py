"""Registries that want a token: packages come from them, and the token is nowhere in a sandbox or an error."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import io
import json
import socket
import ssl
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import AppBuilderError
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.processes.runner import Setting
from jupyter_appbuilder.sandbox.network.credentials import read_credentials
from jupyter_appbuilder.sandbox.network.egress import EgressProxy
from jupyter_appbuilder.templates.templates import PythonPackages, Template

from .test_egress import ask

TOKEN = "npm-secret-7f3a9c"
USER, PASSWORD = "jane", "pip-secret-51b2e8"


def tarball() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in {
            "package.json": '{"name": "@corp/hello", "version": "1.0.0", "main": "index.js"}',
            "index.js": "module.exports = 'hello from the company'",
        }.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


@cache  # the archive holds the time at which it was made
def wheel() -> bytes:
    packed = io.BytesIO()
    info = "corp_hello-1.0.dist-info"
    files = {
        "corp_hello.py": "WORDS = 'hello from the company'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: corp-hello\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": rows}.items():
            archive.writestr(name, text)
    return packed.getvalue()


@dataclass
class Registry:
    """npm's and pip's protocol for one package each, at ``registry.test``; who does not say who it is gets a 401 that
    repeats what was sent. Files are sent from ``files.test``, as stores do, which must not see the token."""

    port: int = 0
    scheme: str = "https"
    requests: list[tuple[str, str, str]] = field(
        default_factory=list[tuple[str, str, str]]
    )  # host, path, authorization

    @property
    def url(self) -> str:
        return f"{self.scheme}://registry.test:{self.port}"

    def answer(self, host: str, path: str, authorization: str) -> tuple[int, str, bytes, str]:
        """Status, type, body, and where it lies instead."""
        self.requests.append((host, path, authorization))
        package, wheels = tarball(), wheel()
        if host.startswith("files.test"):
            body = package if path.endswith(".tgz") else wheels
            return (400, "text/plain", b"no tokens here", "") if authorization else (200, "application/zip", body, "")
        wanted = f"Bearer {TOKEN}" if path.startswith("/npm/") else f"Basic {basic()}"
        if authorization != wanted:
            return 401, "text/plain", f"Not you: {authorization}".encode(), ""
        store = f"{self.scheme}://files.test:{self.port}"
        if path in ("/npm/@corp%2fhello", "/npm/@corp/hello"):
            dist = {
                "tarball": f"{self.url}/npm/@corp/hello/-/hello-1.0.0.tgz",
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode(),
            }
            version = {"name": "@corp/hello", "version": "1.0.0", "dist": dist}
            listing = {"name": "@corp/hello", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            return 200, "application/json", json.dumps(listing | {"_echo": authorization}).encode(), ""
        if path.endswith("hello-1.0.0.tgz"):
            return 302, "text/plain", b"", f"{store}/hello.tgz"
        if path == "/simple/corp-hello/":
            link = f"{self.url}/files/corp_hello-1.0-py3-none-any.whl"
            page = f'<html><body><a href="{link}#sha256={hashlib.sha256(wheels).hexdigest()}">'
            return 200, "text/html", f"{page}corp_hello-1.0-py3-none-any.whl</a></body></html>".encode(), ""
        if path.startswith("/files/"):
            return 200, "application/octet-stream", wheels, ""
        return 404, "text/plain", b"no such thing", ""


def basic() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@asynccontextmanager
async def registry(folder: Path, monkeypatch: pytest.MonkeyPatch, scheme: str = "https") -> AsyncGenerator[Registry]:
    """A registry on this machine's loopback under names of its own, with a certificate that ``ca.pem`` vouches for."""
    found = Registry(scheme=scheme)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        path = head[0].split(" ")[1]
        status, kind, body, location = found.answer(headers["host"], path, headers.get("authorization", ""))
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"Location: {location}"] if location else []
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    lookup = loop.getaddrinfo

    async def resolve(host: Any, port: Any, **options: Any) -> Any:
        return await lookup("127.0.0.1" if str(host).endswith(".test") else host, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    # Both names lie on this machine; only the registry's own is trusted to.
    monkeypatch.setattr("jupyter_appbuilder.sandbox.network.egress.is_public", lambda address: True)
    monkeypatch.setattr("jupyter_appbuilder.sandbox.network.egress._is_this_machine", lambda writer: False)
    context = None
    if scheme == "https":
        names = "subjectAltName=DNS:registry.test,DNS:files.test"
        line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry.test"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem"), "-addext", names]
        subprocess.run([*line, *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(folder / "ca.pem"))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, family=socket.AF_INET)
    async with server:
        found.port = server.sockets[0].getsockname()[1]
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        npmrc = folder / "npmrc"
        npmrc.write_text(
            f"@corp:registry={found.url}/npm/\n//registry.test:{found.port}/npm/:_authToken=${{CORP_TOKEN}}\n"
        )
        monkeypatch.setenv("CORP_TOKEN", TOKEN)
        monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(npmrc))
        monkeypatch.setenv("PIP_INDEX_URL", f"{scheme}://{USER}:{PASSWORD}@registry.test:{found.port}/simple/")
        yield found


def traces(folder: Path) -> list[Path]:
    """Files below ``folder`` that hold a secret, in any of its forms."""
    secrets = [TOKEN.encode(), PASSWORD.encode(), basic().encode()]
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    assert files
    return [file for file in files if any(secret in file.read_bytes() for secret in secrets)]


LOOK = "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; cat /opt/appbuilder/npmrc 2>/dev/null; npm config list -l"


@asynccontextmanager
async def provider(folder: Path) -> AsyncGenerator[LocalSandbox]:
    made = LocalSandbox(folder / "cache")
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_an_npm_package_comes_from_a_registry_that_wants_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
):
    app = tmp_path / "app"
    app.mkdir()
    template = Template("tiny", "Tiny", "", tmp_path, ("true",), ("true",))
    async with registry(tmp_path, monkeypatch, scheme) as corp, provider(tmp_path) as local:
        sandbox = await local.create("s", app, template)
        output: list[str] = []
        result = await sandbox.install(["@corp/hello"], on_output=lambda _, text: output.append(text))
        assert result.exit_code == 0, result.stderr
        result = await sandbox.exec(f"node -p \"require('@corp/hello')\"; {LOOK}")
        assert result.stdout.startswith("hello from the company")
        spoken = [(path, bool(token)) for host, path, token in corp.requests if host.startswith("registry.test")]
        assert spoken
        assert all(token for _, token in spoken)
        assert [token for host, _, token in corp.requests if host.startswith("files.test")] == [""]
        for text in (*output, result.stdout, result.stderr):
            assert TOKEN not in text
        lock = (app / "package-lock.json").read_text()
        assert "registry.test" not in lock  # works with any mirror, and says nothing of the company's
        # The packages, npm's cache and its logs:
        assert traces(tmp_path / "cache") == []
        assert traces(app) == []


async def test_npm_itself_sees_no_token_while_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process of the same sandbox looks at npm from within: its environment, arguments and files."""
    app = tmp_path / "app"
    app.mkdir()
    seen = tmp_path / "seen"
    async with registry(tmp_path, monkeypatch) as corp, provider(tmp_path) as local:
        sandbox = await local.create("s", app, Template("tiny", "Tiny", "", tmp_path, ("true",), ("true",)))
        network = await local._network()
        look = f"{LOOK}; find / -xdev -type f -newer /proc/1 -size -2000k -exec cat {{}} + 2>/dev/null; true"
        get = f"curl -s http://registry.test:{corp.port}/npm/@corp%2fhello -x http://127.0.0.1:3128"
        runner = sandbox._runner
        result = await runner.run(
            runner.cell("look"),
            ["/bin/sh", "-c", f"{get}; {look}"],
            Setting(network.binds, network.environment, "/", network.socket, max_output=50_000_000),
        )
        assert '"1.0.0"' in result.stdout  # it did get what only the token opens
        assert f"http://registry.test:{corp.port}/npm/@corp/hello/-/" in result.stdout
        assert '"_echo": "Bearer [removed]"' in result.stdout  # also where the registry itself repeats it
        seen.write_text(result.stdout + result.stderr)
        assert TOKEN not in seen.read_text()
        assert PASSWORD not in seen.read_text()


async def test_a_python_package_comes_from_an_index_that_wants_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    app = tmp_path / "app"
    app.mkdir()
    (app / "requirements.txt").write_text("")
    template = Template("tiny", "Tiny", "", tmp_path, ("true",), ("true",), python=PythonPackages())
    async with registry(tmp_path, monkeypatch) as corp, provider(tmp_path) as local:
        sandbox = await local.create("s", app, template)
        output: list[str] = []
        result = await sandbox.install(["corp-hello"], on_output=lambda _, text: output.append(text))
        assert result.exit_code == 0, result.stderr
        result = await sandbox.exec(f"python -c 'import corp_hello; print(corp_hello.WORDS)'; {LOOK}")
        assert result.stdout.startswith("hello from the company"), result
        assert all(token == f"Basic {basic()}" for _, _, token in corp.requests)
        for text in (*output, result.stdout, result.stderr):
            assert PASSWORD not in text
            assert basic() not in text
        assert traces(tmp_path / "cache") == []
        assert traces(app) == []


async def test_a_package_from_elsewhere_needs_the_persons_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    app = tmp_path / "app"
    app.mkdir()
    refused: list[str] = []
    async with registry(tmp_path, monkeypatch) as corp, provider(tmp_path) as local:
        host = f"files.test:{corp.port}"
        (app / "package.json").write_text(json.dumps({"dependencies": {"@corp/hello": f"https://{host}/hello.tgz"}}))
        sandbox = await local.create("s", app, Template("tiny", "Tiny", "", tmp_path, ("true",), ("true",)))
        await sandbox.allow((), lambda name, _: refused.append(name))
        with pytest.raises(AppBuilderError, match=f"may not reach: {host}.*Network") as error:
            await sandbox.prepare()
        assert error.value.reason == "host_refused"
        assert set(refused) == {host}
        assert not corp.requests
        await sandbox.allow([host])
        await sandbox.prepare()
        assert (await sandbox.exec("node -p \"require('@corp/hello')\"")).stdout == "hello from the company\n"


async def test_a_wrong_token_is_an_error_that_does_not_show_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    app = tmp_path / "app"
    app.mkdir()
    async with registry(tmp_path, monkeypatch) as corp, provider(tmp_path) as local:
        monkeypatch.setenv("CORP_TOKEN", "wrong-secret-99")
        sandbox = await local.create("s", app, Template("tiny", "Tiny", "", tmp_path, ("true",), ("true",)))
        try:
            result = await sandbox.install(["@corp/hello"])
            said = result.stdout + result.stderr
        except AppBuilderError as error:
            said = str(error)
        assert corp.requests
        assert "401" in said
        assert "wrong-secret-99" not in said


async def test_a_token_goes_only_to_what_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with registry(tmp_path, monkeypatch) as corp:
        url = f"https://registry.test:{corp.port}"
        private = await read_credentials([f"{url}/npm/"], [tmp_path / "npmrc"], [], tmp_path / "ca.pem")
        name = f"registry.test:{corp.port}"
        proxy = EgressProxy(tmp_path / "e.sock", [name], trusted=[name], private=private)
        await proxy.start()
        try:
            sent_for = {"/npm/x": True, "/npm/@corp%2fhello": True, "/other/x": False, "/npm": False, "/npmx": False}
            sent_for |= dict.fromkeys(["/npm/../x", "/npm/%2e%2e/x", "/npm/%252e%2E/x", "/npm/..%5cx"], False)
            for path, sent in sent_for.items():
                await ask(proxy, f"GET http://{name}{path} HTTP/1.1\r\nAuthorization: Bearer mine\r\n\r\n")
                assert (corp.requests[-1][2] == f"Bearer {TOKEN}") is sent, path
                assert "mine" not in corp.requests[-1][2]
            assert "405" in await ask(proxy, f"POST http://{name}/npm/x HTTP/1.1\r\n\r\n")
            assert TOKEN not in repr(private)
        finally:
            await proxy.close()


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ("//npm.test/:_authToken=abcd1234", "Bearer abcd1234"),
        ("//npm.test/:_auth=amFuZTpzZWNyZXQ=", "Basic amFuZTpzZWNyZXQ="),
        ("//npm.test/:username=jane\n//npm.test/:_password=c2VjcmV0", "Basic amFuZTpzZWNyZXQ="),
        ('//npm.test/ : x\n//npm.test/:_authToken="quoted-1"', "Bearer quoted-1"),
        ("//other.test/:_authToken=abcd1234", None),
        ("; a note\u2028//npm.test/:_authToken=abcd1234", None),
        ("a=b\r//npm.test/:_authToken=abcd1234", "Bearer abcd1234"),
    ],
)
async def test_npms_ways_of_saying_who_is_there(tmp_path: Path, lines: str, sent: str | None):
    (tmp_path / "npmrc").write_text(f"; a comment\n{lines}\n")
    private = await read_credentials(["https://npm.test/"], [tmp_path / "npmrc", tmp_path / "none"], [])
    assert private.authorization("npm.test:443", "/left-pad") == sent
    assert private.inside("https://npm.test/") == ("http://npm.test:443/" if sent else "https://npm.test/")


async def test_pip_finds_passwords_in_addresses_netrc_and_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "netrc").write_text("machine two.test login jane password from-netrc\ndefault login x password y\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    keyring = tmp_path / "keyring"
    keyring.write_text('#!/bin/sh\n[ "$2 $3" = "three.test jane" ] && echo from-keyring\n')
    keyring.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    urls = ["https://jane:in%20url@one.test/simple", "https://two.test/simple", "https://jane@three.test/simple"]
    private = await read_credentials([], [], [*urls, "https://four.test/simple"])

    def password(host: str) -> str:
        sent = private.authorization(f"{host}:443", "/files/x.whl")
        return base64.b64decode(sent.removeprefix("Basic ")).decode() if sent else ""

    assert password("one.test") == "jane:in url"
    assert password("two.test") == "jane:from-netrc"
    assert password("three.test") == "jane:from-keyring"
    assert password("four.test") == ""
    assert private.inside("https://four.test/simple") == "https://four.test/simple"
