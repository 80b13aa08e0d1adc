"""A host of git repositories on loopback: git's own server behind HTTP with Basic authentication."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
}


def git(folder: Path, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)} | GIT
    ran = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.decode(errors="replace")


@dataclass
class GitHost:
    folder: Path
    url: str = ""
    writers: set[str] = field(default_factory=set)
    """Tokens that may write."""
    readers: set[str] = field(default_factory=set)
    accounts: list[str] = field(default_factory=list)
    """That requests were made with."""
    asked: list[str] = field(default_factory=list)
    """Paths of requests."""
    answer: Callable[[str], int | None] = lambda path: None
    """Another status than the one that is due."""

    def repository(self, name: str) -> Path:
        made = self.folder / f"{name}.git"
        git(self.folder, "init", "-q", "--bare", "--initial-branch=main", str(made))
        git(made, "config", "http.receivepack", "true")
        return made

    def push(self, name: str, branch: str, files: dict[str, str]) -> None:
        """As somebody else does."""
        work = self.folder / f"work-{len(list(self.folder.iterdir()))}"
        work.mkdir()
        git(work, "init", "-q", "-b", branch)
        for path, text in files.items():
            (work / path).write_text(text)
        git(work, "add", "-A")
        git(work, "commit", "-qm", "Somebody else's")
        git(work, "push", "-q", "--force", str(self.folder / f"{name}.git"), branch)

    def files(self, name: str, branch: str) -> dict[str, str]:
        made = self.folder / f"{name}.git"
        names = git(made, "ls-tree", "-r", "--name-only", "-z", branch).split("\0")[:-1]
        return {path: git(made, "show", f"{branch}:{path}") for path in names}


@contextlib.contextmanager
def git_host(folder: Path) -> Iterator[GitHost]:
    host = GitHost(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def refuse(self, status: int, text: str) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            self.serve(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.serve(body)

        def serve(self, body: bytes) -> None:
            host.asked.append(self.path)
            if (status := host.answer(self.path)) is not None:
                self.refuse(status, "no")
                return
            given = self.headers.get("Authorization", "")
            account, _, token = (
                base64.b64decode(given.removeprefix("Basic ")).decode().partition(":") if given else ("", "", "")
            )
            if token not in host.writers | host.readers:
                self.refuse(401, "Invalid username or token.")
                return
            host.accounts.append(account)
            if "receive-pack" in self.path and token not in host.writers:
                self.refuse(403, "Write access to repository not granted.")
                return
            path, _, query = self.path.partition("?")
            if not (host.folder / path.split(".git/")[0].lstrip("/")).with_suffix(".git").is_dir():
                self.refuse(404, "Repository not found.")
                return
            env = {
                "PATH": os.environ["PATH"],
                "HOME": str(host.folder),
                "GIT_PROJECT_ROOT": str(host.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": account,
            } | GIT
            output = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True).stdout
            head, _, content = output.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            with contextlib.suppress(ConnectionError):  # whoever asked is gone
                self.end_headers()
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
