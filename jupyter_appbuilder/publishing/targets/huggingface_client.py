"""The process that speaks with Hugging Face (``clients.ask``)."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from .clients import say, serve

MARKS = ".appbuilder/"
"""Of a Space of ours: the file in this folder has the publication's name."""
KEPT = frozenset({".gitattributes"})
NOT_THEIRS = frozenset({".gitignore", ".gitattributes", "README.md"})
"""Files of a site that mean something else in a Space."""

SECONDS = 1500  # that a Space may take to be built and to start
LINES = 1000  # of its build
STAGES = {
    "BUILDING": "is being built",
    "RUNNING_BUILDING": "is being built; readers still get the release before",
    "APP_STARTING": "is starting",
    "RUNNING_APP_STARTING": "is starting; readers still get the release before",
    "RUNNING": "runs",
    "SLEEPING": "sleeps, and wakes when it is opened",
}
FAILED = {
    "BUILD_ERROR": "it could not be built there",
    "RUNTIME_ERROR": "it does not start there",
    "CONFIG_ERROR": "the Space's configuration is refused",
    "NO_APP_FILE": "the Space has nothing to run",
    "DELETING": "the Space is being deleted",
}
RESTS = {"PAUSED": "The Space is paused: restart it there.", "STOPPED": "The Space is stopped: restart it there."}


def work(request: dict[str, Any]) -> dict[str, Any]:
    os.environ["HF_ENDPOINT"] = request["server"]  # read at import: what is not given one asks there, too
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=request["server"], token=request["secret"], library_name="jupyter-appbuilder")
    try:
        return DOES[request["do"]](api, request)
    except HfHubHTTPError as error:
        raise refused(error, request) from None
    except HFValidationError as error:
        raise InvalidInput(
            f"Hugging Face takes no such name: {error}.", hint="Choose another.", field="space"
        ) from None
    except AppBuilderError:
        raise
    except ValueError as error:
        if "LFS batch" not in str(error):
            raise
        raise Conflict(  # what the store of large files refuses
            f"Hugging Face did not take a large file: {str(error)[:300]}",
            hint="See the quota of your account; the release that was there before still is.",
            reason="refused",
        ) from None
    except Exception as error:
        if _is_network(error):
            raise unreachable(request, error) from None
        raise


def _look(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Before anything is built: the token, and whose Space it is."""
    space = _space(api, request)
    say(f"The Space is {space}.")
    info = _info(api, space)
    if info is not None and len(api.list_repo_commits(space, repo_type="space")) > 1:
        _check_ours(space, set(api.list_repo_files(space, repo_type="space")), request)
    return {}


def _info(api: Any, space: str) -> Any:
    """What is known of a Space; None where there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.space_info(space)
    except RepositoryNotFoundError:
        return None


def _publish(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    space, runs = _space(api, request), request["sdk"] == "docker"
    say(f"The Space is {space}.")
    info = _info(api, space)
    made = info is None
    if made:
        api.create_repo(space, repo_type="space", space_sdk=request["sdk"], private=request["private"])
        say(f"Made it, {'private' if request['private'] else 'public'}.")
        info = api.space_info(space)
        there: set[str] = set(api.list_repo_files(space, repo_type="space"))
    else:
        there = set(api.list_repo_files(space, repo_type="space"))
        # One that was made and got nothing yet, by somebody's hand or by a publishing that was stopped, can be taken.
        if len(api.list_repo_commits(space, repo_type="space")) > 1:
            _check_ours(space, there, request)
        # Fewer see it before the release comes, more only when it is there: never who may not see the one that is.
        if request["private"] and not info.private:
            _show(api, space, private=True)
    folder = Path(request["folder"])
    mark = {"release": request["number"], "made_by": "Jupyter App Builder"}
    added: dict[str, Path | bytes] = {
        path: folder / path for path in request["files"] if path not in NOT_THEIRS and not path.startswith(MARKS)
    }
    host = str(info.host or "")
    texts = {path: text.replace("{host}", host.rpartition("/")[2]) for path, text in request["texts"].items()}
    added |= {path: text.encode() for path, text in texts.items()}
    added |= {_mark(request): json.dumps(mark).encode(), "README.md": card(request)}
    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(what) if isinstance(what, Path) else what)
        for path, what in added.items()
    ]
    gone = sorted(there - added.keys() - KEPT)
    operations += [CommitOperationDelete(path_in_repo=path) for path in gone]
    say(f"Sending {len(added):,} files" + (f", {len(gone):,} are no longer there." if gone else "."))
    sent = False
    try:
        # One commit: readers get the whole release, or the one before.
        commit = api.create_commit(
            space, operations, repo_type="space", commit_message=_message(request), parent_commit=info.sha
        )
        sent = True
        note = _wait(api, space, commit.oid) if runs else ""
        if info.private and not request["private"] and not made:
            _show(api, space, private=False)
    except BaseException:
        if made:
            _drop(api, space)
        else:
            if request["private"] and not info.private:
                _show(api, space, private=False, quiet=True)
            try:
                _put_back(api, request)  # whatever was said of the commit: one may be made that nobody heard of
            except Exception as error:
                if sent:
                    say(f"The release before is not put back: {type(error).__name__}. Publish that version again.")
        raise
    url = f"{request['server']}/spaces/{space}"
    return {"url": url, "private": request["private"], "space_url": url, "host": host, "note": note}


def _show(api: Any, space: str, *, private: bool, quiet: bool = False) -> None:
    """Have nobody else see a Space, or everybody. ``quiet``: after a failure, of which another tells."""
    try:
        api.update_repo_settings(space, repo_type="space", private=private)
    except Exception:
        if not quiet:
            raise
        say("The Space stays private: make it public there.")
    else:
        say(f"It is {'private' if private else 'public'} now.")


def _message(request: dict[str, Any]) -> str:
    """One line, by which the commit is known again."""
    return f"{' '.join(request['title'].split())[:60].strip()}, release {request['number']}"


def _wait(api: Any, space: str, commit: str) -> str:
    """Until the Space runs ``commit``, telling what is said of its build; a note for people. Raises ``Conflict`` where
    it does not run."""
    threading.Thread(target=_tell_build, args=(api, space), daemon=True).start()
    begun, told, worked = time.monotonic(), "", False
    while time.monotonic() < begun + SECONDS:
        runtime = api.get_space_runtime(space)
        stage, of = str(getattr(runtime.stage, "value", runtime.stage)), runtime.raw.get("sha")
        # For a moment it still is as it was for the commit before.
        ours = of == commit if of else worked or time.monotonic() > begun + 20
        worked = worked or "BUILDING" in stage or "STARTING" in stage
        if stage != told and (ours or worked):
            say(f"The Space {STAGES[stage]}." if stage in STAGES else f"The Space: {stage}")
            told = stage
        if ours and stage in FAILED:
            for line in _lines(api, space, build=stage == "BUILD_ERROR")[-30:]:
                say(line)
            why = str(runtime.raw.get("errorMessage") or "").strip()[:300].rstrip(".")
            raise Conflict(
                f"Hugging Face took the app, but {FAILED[stage]}{f': {why}' if why else ''}.",
                hint="Its log is above; the release that was there before is put back.",
                reason="not_deployed",
            )
        if ours and stage in ("RUNNING", "SLEEPING", *RESTS):
            return RESTS.get(stage, "")
        time.sleep(1)
    raise Unavailable(
        f"The Space was not ready within {SECONDS // 60} minutes.",
        hint="Look at its log there, and publish again; the release that was there before is put back.",
        reason="timed_out",
    )


def _tell_build(api: Any, space: str) -> None:
    try:
        for _, line in zip(range(LINES), api.fetch_space_logs(space, build=True, follow=True), strict=False):
            say(str(line).rstrip())
    except Exception as error:  # the log is a courtesy: how the build ends is asked for
        say(f"The log of the build cannot be read: {type(error).__name__}.")


def _lines(api: Any, space: str, *, build: bool) -> list[str]:
    if build:  # they were told as they came
        return []
    try:
        found = zip(range(LINES), api.fetch_space_logs(space, build=False), strict=False)
        return [str(line).rstrip() for _, line in found]
    except Exception:
        return []


def _put_back(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Undo this release's commit, if it is the last one: by one that holds what was there before."""
    from huggingface_hub import CommitOperationCopy, CommitOperationDelete

    space = _space(api, request)
    commits = api.list_repo_commits(space, repo_type="space")
    if len(commits) < 2 or commits[0].title != _message(request):
        return {}
    now, before = commits[0].commit_id, commits[1].commit_id
    there = set(api.list_repo_files(space, repo_type="space"))
    wanted = set(api.list_repo_files(space, repo_type="space", revision=before))
    operations: list[Any] = [CommitOperationCopy(path, path, src_revision=before) for path in sorted(wanted)]
    operations += [CommitOperationDelete(path_in_repo=path) for path in sorted(there - wanted)]
    api.create_commit(
        space, operations, repo_type="space", commit_message="The release before, put back", parent_commit=now
    )
    say("Put the release before back.")
    return {}


def _drop(api: Any, space: str) -> None:
    """A Space that was made for a release that did not come."""
    try:
        api.delete_repo(space, repo_type="space", missing_ok=True)
    except Exception as error:
        say(f"The empty Space {space} stays: {type(error).__name__}.")


def _unpublish(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    space = _space(api, request)
    if _info(api, space) is None:
        return {}
    _check_ours(space, set(api.list_repo_files(space, repo_type="space")), request)
    api.delete_repo(space, repo_type="space", missing_ok=True)
    say(f"Deleted the Space {space}.")
    return {}


def _space(api: Any, request: dict[str, Any]) -> str:
    user = api.whoami()["name"]
    return request["space"] if "/" in request["space"] else f"{user}/{request['space']}"


def _check_ours(space: str, there: set[str], request: dict[str, Any]) -> None:
    found = next((path for path in there if path.startswith(MARKS)), "")
    if found == _mark(request):
        return
    what = f"the app {found[len(MARKS) :]!r}" if found else "something else"
    raise Conflict(
        f"The Space {space} is there already, and holds {what}.",
        hint="Choose another name for the Space; nothing was changed.",
        reason="not_ours",
    )


def _mark(request: dict[str, Any]) -> str:
    return f"{MARKS}{request['name']}"


def card(request: dict[str, Any]) -> bytes:
    """The Space's README, whose head tells Hugging Face what the Space is."""
    title, sdk = request["title"], request["sdk"]
    head = {"title": title[:100], "emoji": "🪐", "colorFrom": "blue", "colorTo": "indigo", "sdk": sdk}
    head |= {"app_port": request["port"]} if sdk == "docker" else {"app_file": "index.html"}
    head |= {"pinned": False}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    return "\n".join(["---", *lines, "---", "", f"{title}, published by Jupyter App Builder.", ""]).encode()


def refused(error: Any, request: dict[str, Any]) -> AppBuilderError:
    """What Hugging Face answered, as an error for people."""
    status = error.response.status_code if error.response is not None else 0
    said = str(getattr(error, "server_message", None) or "").strip()[:300].rstrip(".")
    tail = f": {said}" if said else ""
    space, server = request["space"], request["server"]
    if status == 401:
        return Forbidden(
            f"{server} does not accept the access token: it is wrong or has expired.",
            hint=f"Make a new one with the right to write ({server}/settings/tokens), and set it.",
            reason="not_accepted",
        )
    if status == 402 or "quota" in said.lower() or "storage limit" in said.lower():
        return Conflict(
            f"The account's quota does not allow it{tail}.",
            hint="Make room there (Settings > Billing shows what is used), or publish elsewhere.",
            reason="quota",
        )
    if status == 403:
        return Forbidden(
            f"The access token may not write the Space {space}{tail}.",
            hint="Make one with the right to write to this account or organisation, and set it.",
            reason="no_write_right",
        )
    if status == 404:
        return NotFound(
            f"{server} has no account or Space of that name: {space}.",
            hint="Check the owner's name; the token has to belong to a member of an organisation.",
            reason="unknown_space",
        )
    if status in (409, 412):
        return Conflict(
            f"The Space {space} was changed by somebody else in the meantime{tail}.",
            hint="Publish again; nothing was changed.",
            reason="pushed_meanwhile",
        )
    if status == 413:
        return Conflict(f"The app is too large for Hugging Face{tail}.", hint="Make it smaller.", reason="too_large")
    if status == 429:
        return Unavailable(
            f"{server} takes no more requests for now{tail}.", hint="Wait some minutes, and publish again."
        )
    if status >= 500:
        return Unavailable(
            f"{server} has a fault of its own ({status}){tail}.",
            hint="Publish again later; the release that was there before still is.",
        )
    return Unavailable(f"{server} refused ({status}){tail}.", hint="See the log above.", reason="refused")


def unreachable(request: dict[str, Any], error: Exception) -> Unavailable:
    return Unavailable(
        f"{request['server']} cannot be reached: {str(error)[:200] or type(error).__name__}.",
        hint="Check the network, and publish again; the release that was there before still is.",
        reason="unreachable",
    )


def _is_network(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TransportError", "ConnectionError", "TimeoutError", "RequestError", "OfflineModeIsEnabled"})


DOES = {"look": _look, "publish": _publish, "unpublish": _unpublish, "put_back": _put_back}

if __name__ == "__main__":
    serve(work)
    sys.exit(0)
