"""The app's API as the preview serves it: where it does not start, each request is told why, at once.

Uvicorn's reloader keeps the port open for an API whose process has ended: without this a request would wait for ever.
It is also what the App Builder gives the app's secrets to; serve.mjs keeps them while the API starts anew. And it tells
which functions of the notebook the app calls (notebook_calls.py).
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
LARGEST_ANSWER = 51 * 1024 * 1024  # of what a function of the notebook returned
KEEPER = os.environ.pop("APPBUILDER_KEEPER", "")  # what the API starts gets no way to them
CALLS = os.environ.pop("APPBUILDER_CALLS", "")
BUILT = bool(os.environ.pop("APPBUILDER_BUILT", ""))
APP = "serve" if BUILT else "api.main"  # with the page that was built, or alone


class GuardedApi:
    """An ASGI application: the app's own, or, after ``trouble``, one that tells of it."""

    def __init__(self):
        self.trouble = None
        with contextlib.suppress(OSError, ValueError):
            _have(_asked({"act": "read"}))
        try:
            self.app = importlib.import_module(APP).app
            _tell_errors(self.app)
        except (Exception, SystemExit) as error:
            if BUILT:  # readers are told nothing of it, and its log has it
                raise
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
                await self.app(scope, receive, send if BUILT else tell)
                return
            except (Exception, SystemExit) as error:
                if BUILT or not failed:
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
    """What the App Builder sends, the only one whose token the keeper takes: secrets, a question for calls of the
    notebook, or the name of a JupyterHub's user."""
    sent = dict(scope["headers"])
    token, head = (sent.get(name, b"").decode("latin-1") for name in (b"x-appbuilder-control", b"x-appbuilder-answer"))
    body, more, most = bytearray(), True, LARGEST_ANSWER if head else LARGEST
    while more and len(body) <= most:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        asked = {"act": "python"} if head else json.loads(body)
        if asked["act"] == "python":
            await asyncio.to_thread(_asked, {"act": "own", "token": token})
            status, told = await calls.control(token, head, bytes(body))
        elif asked["act"] == "enter":
            await asyncio.to_thread(_asked, {"act": "own", "token": token})
            cookie = await asyncio.to_thread(_entered, str(asked["name"]), str(asked["cookie"]))
            status, told = 200, {"ok": {"cookie": cookie} if cookie else {}}
        else:
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


def _entered(name, cookie):
    """Log in whoever a JupyterHub says this is, where the app knows people so: the cookie, or nothing."""
    accounts = sys.modules.get("api.accounts")
    return accounts.enter(name, cookie) if getattr(accounts, "BY", "") == "hub" else ""


def _carrier():
    """What carries calls of the notebook, as the app's code finds it; from nowhere else are modules to be had there."""
    sys.path.insert(0, CALLS)
    try:
        return importlib.import_module("notebook_calls").calls
    finally:
        sys.path.remove(CALLS)


def _tell_errors(app):
    """Have an error of a call that no route catches answered with its sentence."""
    try:
        kind = importlib.import_module("api.call_python").PythonError
        if kind not in app.exception_handlers:
            app.add_exception_handler(kind, _told_error)
    except (Exception, SystemExit):  # an app without such calls, or with a server of another kind
        return


async def _told_error(_, error):
    from starlette.responses import JSONResponse

    return JSONResponse({"detail": str(error)}, error.status if error.status in (422, 503, 504) else 500)


def _own(name):
    return Path(name).is_relative_to(Path.cwd()) and "site-packages" not in name


def _short(name):
    return str(Path(name).relative_to(Path.cwd())) if _own(name) else name


calls = _carrier() if CALLS else None
sys.path.insert(0, str(Path.cwd()))
app = GuardedApi()
