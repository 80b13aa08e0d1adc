"""The process that speaks with Posit Connect (``clients.ask``)."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from .clients import say, serve

MANIFEST = "manifest.json"  # theirs
OURS = "Published by Jupyter App Builder"
"""How the description of content of ours begins."""
SECONDS = 1200
NEAREST = {"python": 13, "node": 0}
"""The minor version that apps are tried with, of those that are new enough; of Node the newest."""
WIDTHS = ("acl", "logged_in", "all")
"""Who may open content, each more than the one before."""
NPM = "11.6.0"
FLAGS = ("enabled", "licensed", "available", "usable", "configured")
"""Of Connect's Node.js: each has to be true where it is told."""


def work(request: dict[str, Any]) -> dict[str, Any]:
    from rsconnect.api import RSConnectClient, RSConnectServer
    from rsconnect.exception import RSConnectException

    try:
        with RSConnectClient(RSConnectServer(request["server"], request["secret"])) as client:
            return DOES[request["do"]](client, request)
    except RSConnectException as error:
        raise refused(error, request) from None


def _look(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Before anything is built: the key, whose content it is, and what Connect can run."""
    _runtime(client, request, str(client.server_settings().get("version") or ""))
    _find(client, request)
    return {}


def _runtime(client: Any, request: dict[str, Any], version: str) -> str:
    """The version of Python or Node that Connect is to run it with; "" for a site. Raises ``Conflict``."""
    from rsconnect.exception import RSConnectException

    if request["connect"] and _numbers(version) < _numbers(request["connect"]):
        raise _cannot(f"it is Connect {version or 'of an unknown version'}, and such apps need {request['connect']}")
    if not request["runtime"]:
        return ""
    python = request["runtime"] == "python"
    name = "Python" if python else "Node.js"
    try:
        told: dict[str, Any] = client.python_settings() if python else client.nodejs_settings()
    except RSConnectException as error:
        if error.status != 404:
            raise
        raise _cannot(f"it knows no {name}") from None
    status: dict[str, Any] = told.get("status") or {}
    flags: list[object] = [told.get("enabled", True), *(status.get(flag, True) for flag in FLAGS)]
    if not all(flags) or (python and told.get("api_enabled") is False):
        raise _cannot(f"its administrator has not enabled {name}")
    installed: list[dict[str, Any]] = told.get("installations") or []
    there = [one for one in installed if one.get("publishable", True)]
    versions = [str(one.get("version") or "") for one in there]
    fit = [one for one in versions if _numbers(one) >= _numbers(request["oldest"])]
    if not fit:
        has = ", ".join(versions[:10]) or "none"
        raise _cannot(f"the app needs {name} {request['oldest']} or newer, and it has {has}")
    wanted = NEAREST[request["runtime"]]
    chosen = min(fit, key=lambda one: abs(_numbers(one)[1] - wanted)) if wanted else max(fit, key=_numbers)
    say(f"Connect runs it with {name} {chosen}.")
    return chosen


def _numbers(version: str) -> tuple[int, ...]:
    found = tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:3])
    return found + (0,) * (3 - len(found))


def _cannot(why: str) -> Conflict:
    return Conflict(
        f"This Connect cannot run the app: {why}.",
        hint="Ask its administrator, or publish the app to the Hub or as a container; nothing was changed.",
        reason="no_runtime",
    )


def _publish(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    from rsconnect.api import server_supports_draft_deploy

    version = str(client.server_settings().get("version") or "")
    runtime = _runtime(client, request, version)
    content = _find(client, request)
    made = content is None
    if content is None:
        content = client.content_create(request["name"])
        say("Made the content.")
    guid = content["guid"]
    # Fewer may open it before the release comes, more only when it is there: never who may not see the one that is.
    wanted, before = request["access"], str(content.get("access_type") or "")
    narrower = before not in WIDTHS or WIDTHS.index(wanted) < WIDTHS.index(before)
    try:
        if narrower:
            client.content_update(guid, {"access_type": wanted})
        with tempfile.TemporaryFile() as archive:
            _pack(archive, request, runtime)
            say(f"Sending {len(request['files']):,} files, {archive.tell() / 1e6:,.1f} MB packed.")
            archive.seek(0)
            bundle = client.upload_bundle(guid, archive)["id"]
        if request["runtime"]:  # guesses of passwords are counted by who asks, not by Connect's own address
            client._server.handle_bad_response(client.add_environment_vars(guid, [("TRUST_PROXY", "1")]))
        updates = {"title": request["title"], "description": f"{OURS}."}
        draft = server_supports_draft_deploy(version)
        _wait(client, client.content_deploy(guid, bundle, activate=not draft)["task_id"])
        if draft and request["runtime"]:
            _try_out(client, guid, bundle)
        client.content_update(guid, updates)
        if draft:  # it is what readers get only now that it was found to work
            _wait(client, client.content_deploy(guid, bundle, activate=True)["task_id"])
        if not narrower:
            client.content_update(guid, {"access_type": wanted})
    except BaseException:
        if made:
            _drop(client, guid)
        elif narrower and before:
            _open_again(client, guid, before)
        raise
    return {"url": client.content_get(guid)["content_url"]}


def _open_again(client: Any, guid: str, access: str) -> None:
    """For whom it was, after a release that did not come."""
    try:
        client.content_update(guid, {"access_type": access})
    except Exception as error:
        say(f"Fewer people may open the release before than could: {type(error).__name__}. Change that at Connect.")


def _try_out(client: Any, guid: str, bundle: str) -> None:
    """Ask the draft for its page, which starts it. Raises ``Conflict``."""
    from rsconnect.exception import RSConnectException

    say("Starting it as a draft.")
    try:
        client.access_content(guid, bundle)
    except RSConnectException as error:
        if error.cause is not None:
            raise
        raise Conflict(
            "Connect deployed it, but it does not start.",
            hint=f"Its log is at Connect ({client.content_get(guid)['dashboard_url']}/logs). Readers still get the "
            "release before.",
            reason="not_deployed",
        ) from None


def _unpublish(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    content = _find(client, request)
    if content is not None:
        answer = client.delete(f"v1/content/{content['guid']}", decode_response=False)
        client._server.handle_bad_response(answer, is_httpresponse=True)
        say("Deleted the content.")
    return {}


def _drop(client: Any, guid: str) -> None:
    """Content that was made for a release that did not come."""
    try:
        client.delete(f"v1/content/{guid}", decode_response=False)
    except Exception as error:
        say(f"The empty content {guid} stays: {type(error).__name__}.")


def _find(client: Any, request: dict[str, Any]) -> Any:
    """The content of that name; None where there is none. Raises ``Conflict`` for somebody else's."""
    user = client.me()
    say(f"Connect knows you as {user['username']}.")
    if user.get("user_role") == "viewer":
        raise Forbidden(
            f"Your account at Connect, {user['username']}, may look at apps, not publish them.",
            hint="Publishing needs the role of a publisher: ask an administrator of Connect.",
            reason="no_write_right",
        )
    found = client.content_list({"name": request["name"], "owner_guid": user["guid"]})
    content = next((each for each in found if each["name"] == request["name"]), None)
    if content is None:
        return None
    # What nothing was deployed to yet was made by hand, or by a publishing that was stopped.
    if content.get("bundle_id") and not str(content.get("description") or "").startswith(OURS):
        raise Conflict(
            f"There is content called {request['name']} at Connect already, and this program did not put it there.",
            hint="Publish the app under another name; nothing was changed.",
            reason="not_ours",
        )
    return content


def _pack(archive: IO[bytes], request: dict[str, Any], runtime: str) -> None:
    """The release as Connect takes it: ``manifest.json`` with the checksum of each file, and the files."""
    folder = Path(request["folder"])
    files: dict[str, dict[str, str]] = {}
    texts: dict[str, str] = request["texts"]
    with tarfile.open(mode="w:gz", fileobj=archive) as tar:
        for path in sorted({*request["files"], *texts}):
            if path == MANIFEST:
                say(f"{MANIFEST} is not sent: Connect has a file of its own of that name.")
                continue
            content = texts[path].encode() if path in texts else (folder / path).read_bytes()
            files[path] = {"checksum": hashlib.md5(content, usedforsecurity=False).hexdigest()}
            _add(tar, path, content)
        metadata = {"appmode": request["mode"], "entrypoint": request["entry"]}
        manifest: dict[str, Any] = {"version": 1, "locale": "en_US", "metadata": metadata, "files": files}
        if request["mode"] == "static":
            metadata["primary_html"] = request["entry"]
        elif request["runtime"] == "python":
            pip = {"name": "pip", "version": "", "package_file": "requirements.txt"}
            manifest["python"] = {"version": runtime, "package_manager": pip}
            # Where that one is gone some day, Connect makes it anew with another of the same minor version.
            major, minor, _ = _numbers(runtime)
            manifest["environment"] = {"python": {"requires": f"~={major}.{minor}.0"}}
        else:
            npm = {"name": "npm", "version": NPM, "package_file": "package.json"}
            manifest["node"] = {"version": runtime, "package_manager": npm}
        _add(tar, MANIFEST, json.dumps(manifest).encode())


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))


def _wait(client: Any, task: str) -> None:
    """Tell the lines of Connect's work, to its end. Raises ``Conflict`` where it failed."""
    _, done = client.wait_for_task(task, say, timeout=SECONDS, raise_on_error=False)
    if done["code"]:
        raise Conflict(
            f"Connect could not deploy it: {str(done.get('error') or 'see its log above')[:300].rstrip('.')}.",
            hint="Readers still get the release before.",
            reason="not_deployed",
        )


def refused(error: Any, request: dict[str, Any]) -> AppBuilderError:
    """What Connect answered, as an error for people."""
    server, said = request["server"], str(error.message).rstrip(".")[:300]
    status = error.status or 0
    if error.cause is not None:
        return Unavailable(
            f"{server} cannot be reached: {str(error.cause)[:200] or type(error.cause).__name__}.",
            hint="Check the address and the network, and publish again.",
            reason="unreachable",
        )
    if status == 401 or "API key is not valid" in said or "key is not valid" in said.lower():
        return Forbidden(
            f"{server} does not accept the API key: it is wrong, or was deleted.",
            hint="Make a new one at Connect (your name > Manage Your API Keys), and set it.",
            reason="not_accepted",
        )
    if status == 403:
        return Forbidden(
            f"Your account at Connect may not do that: {said}.",
            hint="Publishing needs the role of a publisher: ask an administrator of Connect.",
            reason="no_write_right",
        )
    if status == 404:
        return NotFound(
            f"There is no Posit Connect at {server}, or the content was deleted meanwhile.",
            hint="Check the address: it is that of Connect itself, without /connect/ and what follows.",
            reason="unknown_server",
        )
    if status == 409:
        return Conflict(f"Connect refused: {said}.", hint="Publish the app under another name.", reason="taken")
    if status == 413 or "quota" in said.lower() or "too large" in said.lower():
        return Conflict(f"The app is too large for Connect: {said}.", hint="Make it smaller.", reason="too_large")
    if status == 429:
        return Unavailable(f"{server} takes no more requests for now.", hint="Wait some minutes, and publish again.")
    if status == 400:
        return InvalidInput(f"Connect refused: {said}.", hint="See the log above.")
    if "timed out" in said.lower() or "did not complete" in said.lower():
        return Unavailable(f"Connect did not end in time: {said}.", hint="See its log there, and publish again.")
    return Unavailable(
        f"{server} failed{f' ({status})' if status else ''}: {said}.",
        hint="Publish again later; readers still get the release before.",
    )


DOES = {"look": _look, "publish": _publish, "unpublish": _unpublish}

if __name__ == "__main__":
    serve(work)
    sys.exit(0)
