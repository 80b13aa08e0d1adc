"""Hugging Face's Hub on loopback, as far as Spaces need it; strict where theirs is."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs

import yaml

from publishing.loopback import Answer, Request, serving

LARGE = 10 * 1024 * 1024
WRITE, READ = "hf_writesWRITESwritesWRITES", "hf_readsREADSreadsREADSreads"


@dataclass
class Space:
    private: bool
    sdk: str
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    commits: list[str] = field(default_factory=list[str])
    earlier: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    """The files of each commit."""
    stages: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """How it stands, one for each time that somebody asks, with the commit; the last one stays."""
    running: str = ""

    def __post_init__(self) -> None:
        files = {".gitattributes": b"", "README.md": b""} | ({"index.html": b""} if self.sdk == "static" else {})
        self.take("initial commit", files)

    @property
    def sha(self) -> str:
        return self.sha_of(len(self.commits))

    def sha_of(self, count: int) -> str:
        return hashlib.sha1("\n".join(self.commits[:count]).encode()).hexdigest()

    def take(self, title: str, files: dict[str, bytes]) -> None:
        self.commits.append(title)
        self.files = self.earlier[self.sha] = files


@dataclass
class Hub:
    url: str = ""
    spaces: dict[str, Space] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    refuse: Callable[[Request], Answer | None] = lambda request: None
    fails: str = ""
    """The stage at which a Docker Space ends in place of running."""
    never: bool = False
    """It is built for ever."""

    def refused(self, status: int, message: str) -> Answer:
        codes = {401: "InvalidCredentials", 404: "RepoNotFound"}
        headers = [("X-Error-Message", message)]
        if status in codes:
            headers.append(("X-Error-Code", codes[status]))
        return Answer({"error": message}, status, tuple(headers))

    def answer(self, request: Request) -> Answer:
        self.asked.append((request.method, request.path))
        self.agents.add(request.headers.get("User-Agent", ""))
        if (refused := self.refuse(request)) is not None:
            return refused
        if request.path.startswith("/store/"):
            assert "Authorization" not in request.headers, "the store is given no token"
            oid = request.path.removeprefix("/store/")
            assert hashlib.sha256(request.body).hexdigest() == oid
            self.store[oid] = request.body
            return Answer(b"")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in (WRITE, READ):
            return self.refused(401, "Invalid user token.")
        if request.path == "/api/whoami-v2":
            return Answer({"type": "user", "name": "ada", "orgs": [], "auth": {}})
        if request.path == "/api/validate-yaml":
            assert request.json["content"].startswith("---\n")
            return Answer({"errors": [], "warnings": []})
        if request.method in ("POST", "PUT", "DELETE") and token != WRITE:
            return self.refused(403, "You don't have the rights to write here.")
        if request.path == "/api/repos/create":
            return self.create(request)
        if request.path == "/api/repos/delete":
            given = request.json
            assert given["type"] == "space"
            if self.spaces.pop(f"{given['organization'] or 'ada'}/{given['name']}", None) is None:
                return self.refused(404, "Repository not found")
            return Answer({})
        found = re.fullmatch(r"/(?:api/)?spaces/([\w-]+/[\w-]+)(\.git/info/lfs/objects/batch|/.*)?", request.path)
        if not found or found[1] not in self.spaces:
            return self.refused(404, "Repository not found")
        return self.of_a_space(found[1], self.spaces[found[1]], found[2] or "", request)

    def create(self, request: Request) -> Answer:
        given = request.json
        space = f"{given['organization'] or 'ada'}/{given['name']}"
        assert given["type"] == "space"
        if not space.startswith("ada/"):
            return self.refused(403, "You don't have the rights to create a space under this namespace")
        if space in self.spaces:
            return self.refused(409, "You already created this space repo")
        private = given.get("private", given.get("visibility") == "private")
        self.spaces[space] = Space(private, given["sdk"])
        return Answer({"url": f"{self.url}/spaces/{space}", "id": space})

    def of_a_space(self, name: str, space: Space, what: str, request: Request) -> Answer:
        if what in ("", "/revision/main"):
            subdomain = re.sub(r"[^a-z0-9-]", "-", name.lower())
            where = {"host": f"https://{subdomain}.hf.space", "subdomain": subdomain}
            return Answer(
                {"id": name, "sha": space.sha, "private": space.private, "sdk": space.sdk, "tags": [], **where}
            )
        if what == "/runtime":
            stage, sha = space.stages.pop(0) if len(space.stages) > 1 else space.stages[0]
            if stage == "RUNNING":
                space.running = sha
            said = {"errorMessage": "Job failed with exit code: 1"} if stage.endswith("ERROR") else {}
            return Answer({"stage": stage, "hardware": {"current": None, "requested": "cpu-basic"}, "sha": sha, **said})
        if what in ("/logs/build", "/logs/run"):
            lines = (
                ["Building the image", f"The token is {WRITE}", "npm ci"] if what == "/logs/build" else ["Traceback"]
            )
            now = datetime.now(UTC).isoformat()
            events = [f"data: {json.dumps({'data': line, 'timestamp': now})}\n\n" for line in lines]
            return Answer("".join(events).encode(), headers=(("Content-Type", "text/event-stream"),))
        if what == "/settings":
            given = request.json
            space.private = given.get("private", given.get("visibility") == "private")
            return Answer({})
        if match := re.fullmatch(r"/(tree|paths-info|resolve)/(main|[0-9a-f]{40})(?:/(.*))?", what):
            files = space.files if match[2] == "main" else space.earlier[match[2]]
            if match[1] == "resolve":
                return Answer(files[match[3]])
            asked = parse_qs(request.body.decode())["paths"] if match[1] == "paths-info" else list(files)
            return Answer(
                [
                    {
                        "type": "file",
                        "path": path,
                        "size": len(files[path]),
                        "oid": hashlib.sha1(files[path]).hexdigest(),
                    }
                    for path in asked
                    if path in files
                ]
            )
        if what == "/commits/main":
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            return Answer(
                [
                    {"id": space.sha_of(n), "authors": [{"user": "ada"}], "date": now, "title": title, "message": ""}
                    for n, title in reversed(list(enumerate(space.commits, 1)))
                ]
            )
        if what == "/preupload/main":
            return Answer(
                {
                    "files": [
                        {
                            "path": file["path"],
                            "uploadMode": "lfs" if file["size"] > LARGE else "regular",
                            "shouldIgnore": False,
                        }
                        for file in request.json["files"]
                    ]
                }
            )
        if what.endswith("/objects/batch"):
            given = request.json
            assert given["hash_algo"] == "sha256"
            return Answer(
                {
                    "transfer": "basic",
                    "objects": [
                        {**each, "actions": {"upload": {"href": f"{self.url}/store/{each['oid']}"}}}
                        for each in given["objects"]
                    ],
                }
            )
        if what == "/commit/main":
            return self.commit(space, request)
        raise AssertionError(request.path)

    def commit(self, space: Space, request: Request) -> Answer:
        lines = [json.loads(line) for line in request.body.splitlines()]
        head = next(line["value"] for line in lines if line["key"] == "header")
        if head.get("parentCommit") not in (None, space.sha):
            return self.refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(space.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.store:
                    return self.refused(400, "The large file was not uploaded")
                files[value["path"]] = self.store[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        if files["README.md"]:
            self.configured(space, files)
        before = space.sha
        space.take(head["summary"].partition("\n")[0], files)
        if space.sdk == "docker":
            known = [("RUNNING", before), ("RUNNING_BUILDING", space.sha)] if space.running else []
            end = "BUILDING" if self.never else self.fails or "RUNNING"
            space.stages = [*known, ("BUILDING", space.sha), (end, space.sha)]
        return Answer(
            {"success": True, "commitOid": space.sha, "commitUrl": f"{self.url}/spaces/ada/x/commit/{space.sha}"}
        )

    def configured(self, space: Space, files: dict[str, bytes]) -> None:
        """What the head of the README says, as their documentation has it."""
        _, head, _ = files["README.md"].decode().split("---\n", 2)
        told = yaml.safe_load(head)
        assert told["sdk"] in ("static", "docker")
        space.sdk = told["sdk"]
        if space.sdk == "static":
            assert told["app_file"] in files
            return
        container = files["Dockerfile"].decode()
        assert f"EXPOSE {told['app_port']}\n" in container
        # Containers run as this user, whatever they say; what is copied has to be readable and its data writable.
        assert "USER 1000:1000\n" in container
        assert "10001" not in container


@contextlib.contextmanager
def hugging_face() -> Iterator[Hub]:
    hub = Hub()
    with serving(hub.answer) as url:
        hub.url = url
        yield hub
