"""Hosts' own client libraries, each in a process of its own: imported on use alone, ended when publishing is stopped,
without this server's environment. What it is asked, the token too, goes over its input; what it says comes line by
line.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from ...vault.mask import Mask
from ..base import Tell
from .programs import environment, plain, run

SECONDS = 1800
QUIET = {
    # None of them tells anybody of its use, or looks for a newer version of itself.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_XET": "1",
    "DO_NOT_TRACK": "1",
    "RSCONNECT_DISABLE_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
}
KINDS = {kind.__name__: kind for kind in (Conflict, Forbidden, InvalidInput, NotFound, Unavailable)}


def missing(module: str, extra: str) -> str:
    """Why a client library cannot be used; "" if it can."""
    if importlib.util.find_spec(module) is not None:
        return ""
    return f'It needs {module}, which is not installed: pip install "jupyter-appbuilder[{extra}]".'


async def ask(
    module: str, request: Mapping[str, Any], secret: str, tell: Tell, what: str, *, seconds: float = SECONDS
) -> dict[str, Any]:
    """What ``module``, one of ours whose ``work`` uses a client library, answers to ``request``. Raises the error that
    it raises."""
    mask = Mask()
    mask.learn([secret])
    answer: dict[str, Any] = {}

    def take(line: str) -> None:
        try:
            said: Any = json.loads(line)
        except ValueError:
            said = {"line": line}  # a library that prints
        if not isinstance(said, dict):
            return
        fields = cast("dict[str, Any]", said)
        if text := plain(mask.text(str(fields.get("line", "")))):
            tell(text)
        answer.update({key: fields[key] for key in ("done", "error") if key in fields})

    python = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="appbuilder-client-", ignore_cleanup_errors=True) as home:
        ran = await run(
            # -P: the folder it starts in is none that modules come from.
            [sys.executable, "-P", "-m", f"{__package__}.{module}"],
            env=environment(Path(home)) | QUIET | python,
            cwd=Path(home),
            mask=mask.text,
            seconds=seconds,
            tell=tell,
            take=take,
            given=json.dumps({**request, "secret": secret}).encode(),
            what=what,
        )
    if error := mask.data(answer.get("error")):
        kind = KINDS.get(error.get("kind", ""), Unavailable)
        raise kind(error["message"], hint=error["hint"], reason=error["reason"], field=error["field"])
    if "done" not in answer:
        last = ran.lines[-1] if ran.lines else f"it ended with {ran.code}"
        raise Unavailable(
            f"{what} failed: {last}.", hint="See the log above; the release that was there before still is."
        )
    return cast("dict[str, Any]", mask.data(answer["done"]))


def say(line: str) -> None:
    """In the client's process: a line of the log. Of any thread."""
    sys.stdout.write(json.dumps({"line": line}) + "\n")
    sys.stdout.flush()


def serve(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """In the client's process: answer what it was asked."""
    try:
        answer: dict[str, Any] = {"done": work(json.load(sys.stdin))}
    except AppBuilderError as error:
        answer = {"error": {"field": "", **error.to_json(), "kind": type(error).__name__}}
    print(json.dumps(answer), flush=True)


def address(given: str, field: str, example: str) -> str:
    """The address of a host, without a slash at its end. Raises ``InvalidInput``."""
    given = given.strip().rstrip("/")
    try:
        read = urlsplit(given)
        host, _ = read.hostname, read.port
    except ValueError:
        host, read = None, urlsplit("")
    if (
        not host
        or read.username
        or read.password
        or read.query
        or read.fragment
        or read.scheme not in ("https", "http")
    ):
        raise InvalidInput(f"{given[:200]!r} is no address.", hint=f"Such as {example}.", field=field)
    if read.scheme == "http" and host not in ("127.0.0.1", "::1", "localhost"):
        raise InvalidInput(
            "The token would be sent without encryption.",
            hint="Give an address that begins with https://.",
            field=field,
        )
    return given


def sent_alone(token: str, field: str = "token") -> str:
    """A token as a header can hold it. Raises ``InvalidInput``."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("There is no token." if not token else "That is no token.", hint="Set it.", field=field)
    return token
