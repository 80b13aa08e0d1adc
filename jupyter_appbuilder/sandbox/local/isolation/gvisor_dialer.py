"""Brings connections into a sandbox of gVisor, which takes no open sockets along. A program of its own, run inside.

gvisor_dialer.py PATH PORT      keeps some connections to the host's unix socket at PATH open; each that gets
                                something to carry is joined with a new one to the dev server at PORT
"""

from __future__ import annotations

import socket
import sys
import threading
import time

IDLE = 4
AGAIN = 0.02  # seconds until the next try to reach a dev server that is still starting
START_SECONDS = 300

path, port = sys.argv[1], int(sys.argv[2])
room = threading.Semaphore(IDLE)
answered = threading.Event()


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:  # noqa: SIM105
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def reach() -> socket.socket | None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        for host in ("127.0.0.1", "::1"):
            try:
                server = socket.create_connection((host, port))
            except OSError:
                continue
            answered.set()
            return server
        # Before the first answer the dev server is still starting: the client waits rather than fails.
        if answered.is_set() or time.monotonic() > deadline:
            return None
        time.sleep(AGAIN)


def carry() -> None:
    try:
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        first = client.recv(65536)
    except OSError:
        time.sleep(AGAIN)
        first = b""
        client = None
    room.release()
    if client is None:
        return
    with client:
        server = reach() if first else None
        if server is None:
            return
        with server:
            server.sendall(first)
            back = threading.Thread(target=copy, args=(server, client), daemon=True)
            back.start()
            copy(client, server)
            back.join()


while True:
    room.acquire()
    threading.Thread(target=carry, daemon=True).start()
