"""Relays connections into a sandbox without network. A program of its own, run inside.

    bridge.py in FD PORT            accepts on an inherited unix socket, connects to the dev server inside
    bridge.py out PATH PORT READY   accepts on the loopback inside, connects to the egress proxy's unix socket; then
                                    makes the file READY

One runs beside each dev server all day, so it imports only the modules in C that it cannot do without: 3 MB, where
``asyncio`` or Node would hold 12 to 20.
"""

from __future__ import annotations

import sys
import time
from _socket import AF_INET, AF_INET6, AF_UNIX, SHUT_WR, SO_ERROR, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, epoll

TYPE_CHECKING = False  # typing is not worth its memory here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SIZE = 64 * 1024
AGAIN = 0.01  # seconds until the next try to reach a dev server that is still starting
START_SECONDS = 300
CROWDED = 0.05  # seconds to wait when no more connections can be open

poll = epoll()
at: dict[int, Callable[[int], None]] = {}  # descriptor -> what is called with its events
waiting: list[tuple[float, socket, int]] = []  # (when, accepted connection, number of the try)


def watch(connection: socket, events: int, call: Callable[[int], None]) -> None:
    """Have ``call`` get the events of ``connection`` from now on."""
    number = connection.fileno()
    if number in at:
        poll.modify(number, events)
    else:
        poll.register(number, events)
    at[number] = call


def forget(connection: socket) -> None:
    if at.pop(connection.fileno(), None):
        poll.unregister(connection.fileno())


class End:
    """One end of a connection that is carried across; what it receives goes to the ``other``."""

    __slots__ = ("connection", "ended", "other", "unsent")
    other: End

    def __init__(self, connection: socket) -> None:
        self.connection = connection
        self.unsent = b""
        self.ended = False  # it will send no more

    def wait(self) -> None:
        """Ask for the events that matter now. One that may not be read is forgotten: epoll would tell of its end, over
        and over, before what it sent is read."""
        reads = not self.ended and not self.other.unsent
        if reads or self.unsent or self.ended:
            watch(self.connection, (EPOLLIN if reads else 0) | (EPOLLOUT if self.unsent else 0), self)
        else:
            forget(self.connection)

    def __call__(self, events: int) -> None:
        try:
            if events & EPOLLOUT and self.unsent:
                self.send(b"")
            if events & EPOLLERR or (events & EPOLLHUP and self.ended):
                raise OSError
            if events & (EPOLLIN | EPOLLHUP) and not self.ended and not self.other.unsent:
                data = self.connection.recv(SIZE)
                self.ended = not data
                self.other.send(data)
            if self.ended and self.other.ended and not self.unsent and not self.other.unsent:
                raise OSError
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.close()
            return
        self.wait()
        self.other.wait()

    def send(self, data: bytes) -> None:
        data = self.unsent + data
        sent = 0
        if data:
            try:  # noqa: SIM105
                sent = self.connection.send(data)
            except (BlockingIOError, InterruptedError):
                pass
        self.unsent = data[sent:]
        if self.other.ended and not self.unsent:
            self.connection.shutdown(SHUT_WR)

    def close(self) -> None:
        for end in (self, self.other):
            forget(end.connection)
            end.connection.close()


def join(client: socket, server: socket) -> None:
    one, two = End(client), End(server)
    one.other, two.other = two, one
    one.wait()
    two.wait()


def connect(family: int, address: Any, done: Callable[[socket | None], None]) -> None:
    """Connect; ``done`` gets the connection, or None."""
    connection = socket(family, SOCK_STREAM)
    connection.setblocking(False)

    def settle(_: int) -> None:
        forget(connection)
        if connection.getsockopt(SOL_SOCKET, SO_ERROR):
            connection.close()
            done(None)
        else:
            done(connection)

    try:
        connection.connect(address)
    except BlockingIOError:
        watch(connection, EPOLLOUT, settle)
    except OSError:
        connection.close()
        done(None)
    else:
        done(connection)


def serve(listener: socket, take: Callable[[socket], None]) -> None:
    """Give each accepted connection to ``take``."""

    def accept(_: int) -> None:
        try:
            descriptor = int(listener._accept()[0])  # pyright: ignore
        except BlockingIOError:
            return
        except OSError:
            time.sleep(CROWDED)
            return
        client = socket(fileno=descriptor)
        client.setblocking(False)
        take(client)

    listener.setblocking(False)
    watch(listener, EPOLLIN, accept)


def inward(descriptor: int, port: int) -> Callable[[socket, int], None]:
    """Returns what tries again to reach the dev server for a connection."""
    deadline = time.monotonic() + START_SECONDS
    hosts = ((AF_INET, ("127.0.0.1", port)), (AF_INET6, ("::1", port)))
    answered = False

    def reach(client: socket, attempt: int) -> None:
        def done(server: socket | None) -> None:
            nonlocal answered
            if server is not None:
                answered = True
                join(client, server)
            elif attempt % 2 == 0:
                reach(client, attempt + 1)
            # Before the first answer the dev server is still starting: the client waits rather than fails.
            elif not answered and time.monotonic() < deadline:
                waiting.append((time.monotonic() + AGAIN, client, attempt + 1))
            else:
                client.close()

        try:
            connect(*hosts[attempt % 2], done)
        except OSError:  # no such family here, or too many connections
            done(None)

    serve(socket(fileno=descriptor), lambda client: reach(client, 0))
    return reach


def outward(path: str, port: int, ready: str) -> None:
    def take(client: socket) -> None:
        connect(AF_UNIX, path, lambda proxy: join(client, proxy) if proxy is not None else client.close())

    listener = socket(AF_INET, SOCK_STREAM)
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    serve(listener, take)
    open(ready, "w").close()


def main() -> None:
    way, *rest = sys.argv[1:]
    reach = inward(int(rest[0]), int(rest[1])) if way == "in" else None
    if reach is None:
        outward(rest[0], int(rest[1]), rest[2])
    while True:
        for number, events in poll.poll(AGAIN if waiting else -1):
            if call := at.get(number):
                call(events)
        now = time.monotonic()
        due = [one for one in waiting if one[0] <= now]
        waiting[:] = [one for one in waiting if one[0] > now]
        for _, client, attempt in due:
            if reach:
                reach(client, attempt)


if __name__ == "__main__":
    main()
