"""The process that speaks with Hugging Face (``clients.ask``)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from .clients import say, serve

MARKS = ".appbuilder/"
"""Of a Space of ours: the file in this folder has the publication's name."""
KEPT = frozenset({".gitattributes"})
NOT_THEIRS = frozenset({".gitignore", ".gitattributes", "README.md"})
"""Files of a site that mean something else in a Space."""


def work(request: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    constants.ENDPOINT = request["server"]  # what is not given one asks there, too
    api = HfApi(endpoint=request["server"], token=request["secret"], library_name="jupyter-appbuilder")
    try:
        return (_publish if request["do"] == "publish" else _unpublish)(api, request)
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
            f"Hugging Face did not take a large file: {error}",
            hint="See the quota of your account; the release that was there before still is.",
            reason="refused",
        ) from None
    except Exception as error:
        if _is_network(error):
            raise unreachable(request, error) from None
        raise


def _publish(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import RepositoryNotFoundError

    space = _space(api, request)
    say(f"The Space is {space}.")
    try:
        info = api.space_info(space)
    except RepositoryNotFoundError:
        info = None
    made = info is None
    if made:
        api.create_repo(space, repo_type="space", space_sdk="static", private=request["private"])
        say(f"Made it, {'private' if request['private'] else 'public'}.")
        info = api.space_info(space)
        there: set[str] = set(api.list_repo_files(space, repo_type="space"))
    else:
        there = set(api.list_repo_files(space, repo_type="space"))
        # One that was made and got nothing yet, by somebody's hand or by a publishing that was stopped, can be taken.
        if len(api.list_repo_commits(space, repo_type="space")) > 1:
            _check_ours(space, there, request)
        if bool(info.private) != request["private"]:
            api.update_repo_settings(space, repo_type="space", private=request["private"])
            say(f"It is {'private' if request['private'] else 'public'} now.")
    folder = Path(request["folder"])
    mark = {"release": request["number"], "made_by": "Jupyter App Builder"}
    added: dict[str, Path | bytes] = {
        path: folder / path for path in request["files"] if path not in NOT_THEIRS and not path.startswith(MARKS)
    }
    added |= {_mark(request): json.dumps(mark).encode(), "README.md": card(request["title"])}
    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(what) if isinstance(what, Path) else what)
        for path, what in added.items()
    ]
    gone = sorted(there - added.keys() - KEPT)
    operations += [CommitOperationDelete(path_in_repo=path) for path in gone]
    say(f"Sending {len(added):,} files" + (f", {len(gone):,} are no longer there." if gone else "."))
    try:
        # One commit: readers get the whole release, or the one before.
        api.create_commit(
            space,
            operations,
            repo_type="space",
            commit_message=f"{request['title']}, release {request['number']}",
            parent_commit=info.sha,
        )
    except BaseException:
        if made:
            _drop(api, space)
        raise
    return {"url": f"{request['server']}/spaces/{space}", "private": request["private"]}


def _drop(api: Any, space: str) -> None:
    """A Space that was made for a release that did not come."""
    try:
        api.delete_repo(space, repo_type="space", missing_ok=True)
    except Exception as error:
        say(f"The empty Space {space} stays: {type(error).__name__}.")


def _unpublish(api: Any, request: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub.errors import RepositoryNotFoundError

    space = _space(api, request)
    try:
        there = set(api.list_repo_files(space, repo_type="space"))
    except RepositoryNotFoundError:
        return {}
    _check_ours(space, there, request)
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


def card(title: str) -> bytes:
    """The Space's README, whose head tells Hugging Face what the Space is."""
    head = {"title": title[:100], "emoji": "🪐", "colorFrom": "blue", "colorTo": "indigo", "sdk": "static"}
    head |= {"app_file": "index.html", "pinned": False}
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


if __name__ == "__main__":
    serve(work)
    sys.exit(0)
