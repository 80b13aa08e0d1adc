"""The app's API as the preview serves it: where it does not start, each request is told why, at once.

Uvicorn's reloader keeps the port open for an API whose process has ended: without this a request would wait for ever.
It is also what the App Builder gives the app's secrets to; serve.mjs keeps them while the API starts anew.
"""

import asyncio
import contextlib
import importlib
import json
import os
import socket
import sys
import traceback
from pathlib import Path

MOST_FRAMES = 5
MOST_TOLD = 4000  # characters
CONTROL = "/api/_appbuilder/control"
LARGEST = 8 * 1024 * 1024  # bytes of a request
KEEPER = os.environ.pop("APPBUILDER_KEEPER", "")  # what the API starts gets no way to them


class GuardedApi:
    """An ASGI application: the app's own, or, after ``trouble``, one that tells of it."""

    def __init__(self):
        self.trouble = None
        with contextlib.suppress(OSError, ValueError):
            _have(_asked({"act": "read"}))
        try:
            self.app = importlib.import_module("api.main").app
        except (Exception, SystemExit) as error:
            self._fail(error)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(CONTROL):
            await _take(scope, receive, send)
        elif self.trouble is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            body = json.dumps(self.trouble).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "websocket.close", "code": 1011})

    async def _live(self, scope, receive, send):
        failed = False

        async def tell(message):
            nonlocal failed
            failed = failed or message["type"] == "lifespan.startup.failed"
            if not failed:
                await send(message)

        if self.trouble is None:
            try:
                await self.app(scope, receive, tell)
                return
            except (Exception, SystemExit) as error:
                if not failed:
                    raise
                self._fail(error)
        else:
            await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    def _fail(self, error):
        told = traceback.TracebackException.from_exception(error)
        own = [frame for frame in told.stack if _own(frame.filename)]
        told.stack = traceback.StackSummary.from_list(own[-MOST_FRAMES:])
        place = (own[-1].filename, own[-1].lineno) if own else ("api/main.py", 0)
        if isinstance(error, SyntaxError) and error.filename:
            place = error.filename, error.lineno
        source = _short(place[0]) + (f":{place[1]}" if place[1] else "")
        text = "".join(told.format()).replace(f"{Path.cwd()}/", "")
        message = list(told.format_exception_only())[-1].strip()
        self.trouble = {
            "detail": f"The API does not start: {message} ({source})"[:MOST_TOLD],
            "source": source,
            "traceback": text[-MOST_TOLD:],
        }
        print(f"The API does not start.\n{text}", file=sys.stderr)


async def _take(scope, receive, send):
    """Secrets from the App Builder, the only one whose token the keeper takes."""
    body, more = b"", True
    while more and len(body) <= LARGEST:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    token = dict(scope["headers"]).get(b"x-appbuilder-control", b"").decode("latin-1")
    try:
        asked = json.loads(body)
        given = await asyncio.to_thread(_asked, {"act": "give", "token": token, "secrets": asked["secrets"]})
        _have(given)
        status, told = 200, {"ok": {}}
    except PermissionError as error:
        status, told = 403, {"error": str(error)}
    except Exception:  # its words may be a secret
        status, told = 400, {"error": "The request makes no sense."}
    content = json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _asked(request):
    """What the keeper of the secrets answers (keeper.mjs)."""
    if not KEEPER:
        raise OSError("nobody keeps secrets here")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(KEEPER)
        connection.sendall(json.dumps(request).encode() + b"\n")
        told = b""
        while piece := connection.recv(1 << 16):
            told += piece
    answer = json.loads(told)
    if "error" in answer:
        raise PermissionError(answer["error"])
    return answer["ok"]


def _have(secrets):
    try:
        take = importlib.import_module("api.secrets").give
    except (Exception, SystemExit):  # an app that has no use for them, or whose code is broken
        return
    take(secrets)


def _own(name):
    return Path(name).is_relative_to(Path.cwd()) and "site-packages" not in name


def _short(name):
    return str(Path(name).relative_to(Path.cwd())) if _own(name) else name


sys.path.insert(0, str(Path.cwd()))
app = GuardedApi()
