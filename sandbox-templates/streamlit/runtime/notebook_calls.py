"""Calls of the app's code to what the person's notebook exposes; ``call_python.py`` of the app makes them. Templates
panel and fastapi-react use this file, too.

The App Builder asks the app's server for them, over a connection that is its own, carries them out and says what came
of them: nothing in the sandbox reaches Jupyter by itself.
"""

import asyncio
import concurrent.futures
import hashlib
import hmac
import json
import re
import threading

MOST = 16  # at a time; the App Builder takes no more
LONGEST = 1024 * 1024  # bytes of a call's arguments
LARGEST = 2 * 1024 * 1024  # of what is told of calls at once, unless one alone is larger
LARGEST_ANSWER = 51 * 1024 * 1024  # bytes of what a function returned
HOLD_SECONDS = 10.0  # for which the App Builder is kept waiting where there is no call
NEAR_SECONDS = 15.0  # within which it comes, if it is there at all
MOST_SECONDS = 640.0  # of a call: the App Builder ends it before
LEAST = 32  # characters of a token
NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,62}")


def _failing(status, reason, message):
    return status, "json", json.dumps({"error": {"message": message, "reason": reason}}).encode()


AWAY = _failing(503, "no_kernel", "The notebook that has this function cannot be reached: Jupyter does not answer.")


class Call:
    def __init__(self, id, name, given, rows):
        self.id, self.name, self.given, self.rows = id, name, given, rows
        self.told = threading.Event()
        self.answer = concurrent.futures.Future()

    def end(self, answer):
        if not self.answer.done():
            self.answer.set_result(answer)


class Calls:
    """Of this process, made in any thread, asked for in the server's loop."""

    def __init__(self):
        self._lock = threading.RLock()
        self._count = 0
        self._calls = {}  # by id
        self._waiting = []  # those that the App Builder has not been told of
        self._cancelled = []
        self._asking = None  # the loop and the future of whoever waits for a call
        self._owner = None  # whoever asks first, for as long as this process lives

    def call(self, name, given, rows="parquet"):
        """What came of a call, ``given``: its arguments as JSON; ``rows``: what a frame comes as. A status, what the
        body is, and the body."""
        call = self._begin(name, given, rows)
        if isinstance(call, tuple):
            return call
        try:
            return call.answer.result(MOST_SECONDS) if call.told.wait(NEAR_SECONDS) else AWAY
        except concurrent.futures.TimeoutError:
            return AWAY
        finally:
            self._leave(call)

    async def call_later(self, name, given, rows="parquet"):
        """The same, for code that must not block. Cancelling cancels the call."""
        call = self._begin(name, given, rows)
        if isinstance(call, tuple):
            return call
        answer = asyncio.wrap_future(call.answer)
        try:
            done, _ = await asyncio.wait([answer], timeout=NEAR_SECONDS)
            if not done and not call.told.is_set():
                return AWAY
            done, _ = await asyncio.wait([answer], timeout=MOST_SECONDS)
            return answer.result() if done else AWAY
        finally:
            self._leave(call)

    def _begin(self, name, given, rows):
        if not NAME.fullmatch(name):
            return _failing(404, "unknown_function", f"No function {name[:80]!r} is exposed.")
        if len(given.encode()) > LONGEST:
            return _failing(413, "request_too_large", "The arguments are over 1 MB.")
        with self._lock:
            if len(self._calls) >= MOST:
                said = f"Too many calls of the notebook at once: {MOST} of an app are under way. Ask again in a moment."
                return _failing(503, "busy", said)
            self._count += 1
            call = Call(f"c{self._count}", name, given, rows)
            self._calls[call.id] = call
            self._waiting.append(call)
            self._wake()
        return call

    def _leave(self, call):
        with self._lock:
            if self._calls.pop(call.id, None) is None:
                return
            if call in self._waiting:
                self._waiting.remove(call)
            else:
                self._cancelled.append(call.id)
                self._wake()

    def _wake(self):
        asking, self._asking = self._asking, None
        if asking:
            loop, future = asking
            loop.call_soon_threadsafe(lambda: future.done() or future.set_result(None))

    # What the App Builder asks

    async def control(self, token, head, body):
        """A status, and what is answered as JSON. ``head``: what came of which call, if ``body`` is that."""
        if not self._owns(token):
            return 403, {"error": "This is for the App Builder alone."}
        try:
            if head:
                self._answered(json.loads(head), body)
                return 200, {"ok": {}}
            asked = json.loads(body)
            if asked["act"] != "python":
                return 400, {"error": "There is no such act."}
            return 200, {"ok": await self._asked(asked.get("anew"), asked.get("hold", True))}
        except (ValueError, TypeError, KeyError):
            return 400, {"error": "The request makes no sense."}

    def _owns(self, token):
        if len(token) < LEAST:
            return False
        told = hashlib.sha256(token.encode()).digest()
        self._owner = self._owner or told
        return hmac.compare_digest(self._owner, told)

    async def _asked(self, anew, hold):
        with self._lock:
            if anew:  # whoever asks knows of no call before
                self._cancelled.clear()
                for call in list(self._calls.values()):
                    if call.told.is_set():
                        del self._calls[call.id]
                        call.end(AWAY)
            self._wake()  # another who waited has gone
            future = None
            if hold and not self._waiting and not self._cancelled:
                loop = asyncio.get_running_loop()
                future = loop.create_future()
                self._asking = loop, future
        if future:
            await asyncio.wait([future], timeout=HOLD_SECONDS)
        with self._lock:
            calls, size = [], 0
            while self._waiting and (not calls or size + len(self._waiting[0].given) <= LARGEST):
                call = self._waiting.pop(0)
                call.told.set()
                size += len(call.given)
                calls.append({"id": call.id, "name": call.name, "given": call.given, "rows": call.rows})
            cancelled, self._cancelled = self._cancelled, []
        return {"calls": calls, "cancelled": cancelled}

    def _answered(self, head, body):
        with self._lock:
            call = self._calls.pop(head["id"], None)
        if call:
            call.end((head["status"], head["form"], body))


calls = Calls()
