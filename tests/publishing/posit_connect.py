"""Posit Connect on loopback, as far as static content needs it, by its published API."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from publishing.loopback import Answer, Request, serving

KEY, VIEWER = "XbLuPublisherPublisherPublisher1", "XbLuViewerViewerViewerViewerView"


@dataclass
class Content:
    fields: dict[str, Any]
    bundles: dict[str, dict[str, bytes]] = field(default_factory=dict)
    live: str | None = None
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def site(self) -> dict[str, bytes]:
        return self.bundles[self.live] if self.live else {}


@dataclass
class Connect:
    url: str = ""
    version: str = "2025.09.0"
    content: dict[str, Content] = field(default_factory=dict)
    tasks: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuse: Callable[[Request], Answer | None] = lambda request: None
    python: tuple[str, ...] = ("3.10.4", "3.12.4", "3.14.0")
    node: tuple[str, ...] | None = ("22.1.0", "24.11.0")
    """None: it knows no Node.js."""
    node_enabled: bool = True
    does_not_start: bool = False
    fails: bool = False
    """What is deployed is found not to work."""

    def named(self, name: str) -> Content:
        return next(each for each in self.content.values() if each.fields["name"] == name)

    def answer(self, request: Request) -> Answer:
        self.asked.append((request.method, request.path))
        if (refused := self.refuse(request)) is not None:
            return refused
        if re.fullmatch(r"/content/[\w-]+/_bundle\d+/", request.path):
            return Answer(b"Draft", 502 if self.does_not_start else 200)
        if not request.path.startswith("/__api__/"):
            return Answer({"error": "no such page"}, 404)
        path = request.path.removeprefix("/__api__/")
        if path == "server_settings":
            return Answer({"version": self.version, "hostname": "connect"})
        key = request.headers.get("Authorization", "").removeprefix("Key ")
        if key not in (KEY, VIEWER):
            return Answer({"code": 30, "error": "The specified API key is not valid"}, 401)
        if path == "v1/user":
            return Answer({"username": "ada", "guid": "u-1", "user_role": "publisher" if key == KEY else "viewer"})
        if path == "v1/server_settings/python":
            there = [{"version": version, "cluster_name": "Local"} for version in self.python]
            return Answer({"installations": there, "api_enabled": True})
        if path == "v1/server_settings/nodejs" and self.node is not None:
            there = [{"version": version, "publishable": True} for version in self.node]
            status = {"enabled": self.node_enabled, "licensed": True, "configured": True}
            return Answer({"installations": there, "enabled": True, "status": status})
        if path.startswith("v1/server_settings/"):
            return Answer({"code": 4, "error": "The requested object does not exist"}, 404)
        if request.method != "GET" and key == VIEWER:
            return Answer({"code": 22, "error": "You do not have permission to perform this operation"}, 403)
        if path == "v1/content":
            return self.contents(request)
        if match := re.fullmatch(r"v1/tasks/([\w-]+)", path):
            lines, code = self.tasks[match[1]]
            first = int(request.query.get("first", "0"))
            done = {"output": lines[first:], "last": len(lines), "finished": True, "code": code, "result": None}
            return Answer({"id": match[1], "error": "It does not start" if code else "", **done})
        match = re.fullmatch(r"v1/content/([\w-]+)(/.*)?", path)
        assert match, path
        if match[1] not in self.content:
            return Answer({"code": 4, "error": "The requested object does not exist"}, 404)
        return self.of(self.content[match[1]], match[2] or "", request)

    def contents(self, request: Request) -> Answer:
        if request.method == "GET":
            assert request.query["owner_guid"] == "u-1"
            found = [each.fields for each in self.content.values() if each.fields["name"] == request.query["name"]]
            return Answer(found)
        name = request.json["name"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{3,64}", name):
            return Answer({"code": 4, "error": "The name is not valid"}, 400)
        if any(each.fields["name"] == name for each in self.content.values()):
            return Answer({"code": 26, "error": "The specified name already exists"}, 409)
        guid = str(uuid.uuid4())
        fields = {"guid": guid, "id": "1", "name": name, "title": None, "description": "", "access_type": "acl"}
        fields |= {"content_url": f"{self.url}/content/{guid}/", "bundle_id": None, "app_mode": "unknown"}
        fields |= {"dashboard_url": f"{self.url}/connect/#/apps/{guid}"}
        self.content[guid] = Content(fields)
        return Answer(fields)

    def of(self, content: Content, what: str, request: Request) -> Answer:
        if what == "" and request.method == "GET":
            return Answer(content.fields)
        if what == "" and request.method == "PATCH":
            assert request.json.get("access_type", "acl") in ("acl", "logged_in", "all")
            content.fields |= request.json
            return Answer(content.fields)
        if what == "" and request.method == "DELETE":
            del self.content[content.fields["guid"]]
            return Answer(b"", 204)
        if what == "/bundles":
            with tarfile.open(fileobj=io.BytesIO(request.body), mode="r:gz") as archive:
                files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
            manifest = json.loads(files.pop("manifest.json"))
            wrong = self.wrong(manifest, files)
            if wrong:
                return Answer({"code": 4, "error": wrong}, 400)
            sums = {path: hashlib.md5(body).hexdigest() for path, body in files.items()}
            if {path: entry["checksum"] for path, entry in manifest["files"].items()} != sums:
                return Answer({"code": 4, "error": "The bundle's checksums are wrong"}, 400)
            bundle = str(len(content.bundles) + 1)
            content.bundles[bundle], content.manifests[bundle] = files, manifest
            return Answer({"id": bundle, "content_guid": content.fields["guid"]})
        if what == "/environment":
            content.environment |= {one["name"]: one["value"] for one in request.json}
            return Answer(list(content.environment))
        assert what == "/deploy", what
        bundle, activate = request.json["bundle_id"], request.json.get("activate", True)
        task = f"task-{len(self.tasks)}"
        self.tasks[task] = (["Unpacking the bundle", f"The key is {KEY}", "Launching static content"], int(self.fails))
        if activate and not self.fails:
            content.live = content.fields["bundle_id"] = bundle
        return Answer({"task_id": task})

    def wrong(self, manifest: dict[str, Any], files: dict[str, bytes]) -> str:
        """What is wrong with a bundle, by what Connect's guides say of its kinds of content."""
        mode, entry = manifest["metadata"]["appmode"], manifest["metadata"]["entrypoint"]
        if mode == "static":
            return "" if manifest["metadata"]["primary_html"] in files else "There is no primary document"
        module = entry.partition(":")[0] + ".py" if mode == "python-fastapi" else entry
        if module not in files:
            return "There is no entrypoint"
        if mode == "nodejs":
            known = manifest["node"]["version"] in (self.node or ())
            needed = {"package.json", "package-lock.json", manifest["node"]["package_manager"]["package_file"]}
        else:
            assert mode in ("python-fastapi", "python-streamlit", "python-panel"), mode
            known = manifest["python"]["version"] in self.python
            needed = {manifest["python"]["package_manager"]["package_file"]}
        return "" if known and needed <= files.keys() else "The environment cannot be made"


@contextlib.contextmanager
def posit_connect() -> Iterator[Connect]:
    connect = Connect()
    with serving(connect.answer) as url:
        connect.url = url
        yield connect
