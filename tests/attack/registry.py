"""A package registry of an attacker's, on loopback: it serves whatever packages it is given."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


def packed(
    files: Mapping[str, str],
    *,
    links: Mapping[str, str] | None = None,
    hard: Mapping[str, str] | None = None,
    devices: Sequence[str] = (),
) -> bytes:
    """A package's archive; names are taken as they are, whatever they lead to."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for names, kind in ((links or {}, tarfile.SYMTYPE), (hard or {}, tarfile.LNKTYPE)):
            for name, target in names.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, target
                archive.addfile(info)
        for name in devices:
            info = tarfile.TarInfo(name)
            info.type = tarfile.FIFOTYPE
            archive.addfile(info)
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o755
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def package(name: str, manifest: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None) -> bytes:
    content = {"name": name, "version": "1.0.0", "main": "index.js", **(manifest or {})}
    return packed({"package/package.json": json.dumps(content), "package/index.js": "exports.a = 1\n", **(files or {})})


@contextmanager
def registry(packages: Mapping[str, bytes], **more: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the paths it was asked for. ``more`` adds to what is said about a package, by its name."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            name = self.path.strip("/").split("/-/")[0].replace("%2f", "/")
            content = packages.get(name)
            if content is None:
                self.send_error(404)
                return
            body = content if self.path.endswith(".tgz") else json.dumps(self.about(name, content)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def about(self, name: str, content: bytes) -> dict[str, Any]:
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
            dist = {"tarball": f"{url}{name}/-/{name}-1.0.0.tgz", "integrity": integrity}
            said = {"name": name, "version": "1.0.0", "dist": dist, **more.get(name, {})}
            return {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": said}}

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url, asked
    finally:
        server.shutdown()
        server.server_close()
