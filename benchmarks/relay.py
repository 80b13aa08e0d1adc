"""From the model's byte to the browser's message: a real server between a model and WebSockets, each in its process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .jupyter import Jupyter, cpu_seconds, jupyter
from .report import heading, percentile, row

STREAMS = (1, 100)
TEMPLATES = Path(__file__).parent / "templates"


def python(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    said = process.stdout.readline()
    if not said:
        raise RuntimeError(f"{process.args!r} ended without a word.")
    return said


def ask(port: int, token: str, session: str) -> None:
    Jupyter(port, token, 0).post(f"sessions/{session}/messages", {"text": "go"})


def relayed(server: Jupyter, sessions: Sequence[str]) -> tuple[list[float], float]:
    """(milliseconds from model to browser, the server's CPU seconds for each 1,000 tokens)."""
    browsers = python("watchers")
    try:
        assert browsers.stdin
        browsers.stdin.write(json.dumps({"port": server.port, "token": server.token, "sessions": sessions}) + "\n")
        browsers.stdin.flush()
        line(browsers)
        before = cpu_seconds(server.pid)
        with ThreadPoolExecutor(8) as people:
            list(people.map(lambda session: ask(server.port, server.token, session), sessions))
        latencies = json.loads(line(browsers))["latencies"]
        return latencies, (cpu_seconds(server.pid) - before) / len(latencies) * 1000
    finally:
        browsers.kill()
        browsers.wait()


def consumed(url: str, streams: int) -> tuple[list[float], float]:
    reader = python("openai_consumer", url, str(streams))
    try:
        result = json.loads(line(reader))
        return result["latencies"], result["cpu"] / len(result["latencies"]) * 1000
    finally:
        reader.kill()
        reader.wait()


def idle_sessions(server: Jupyter, count: int) -> list[str]:
    """Sessions without a dev server: only the relay is measured, not a hundred previews."""
    sessions = [server.post("sessions", {"title": "Relay"})["id"] for _ in range(count)]
    for session in sessions:
        server.get(f"sessions/{session}/files")  # waits until they stand
    return sessions


def main() -> None:
    heading("Relay: model byte to browser message, 50 tokens a second each")
    model = python("token_stream")
    try:
        url = line(model).strip()
        traits: dict[str, Any] = {
            "model": "custom:clock",
            "providers": {"custom": {"base_url": url, "api_key": "none"}},
            "template": "still",
            "template_path": [str(TEMPLATES)],
        }
        with tempfile.TemporaryDirectory(prefix="bench-") as home, jupyter(Path(home), **traits) as server:
            sessions = idle_sessions(server, max(STREAMS))
            relayed(server, sessions[:1])  # the first request imports the SDK
            time.sleep(2)
            for streams in STREAMS:
                latencies, cpu = relayed(server, sessions[:streams])
                peers, peer_cpu = consumed(url, streams)
                of = "bare openai consumer"
                named = f"{streams} stream{'s' * (streams > 1)}"
                for share in (0.5, 0.99):
                    peer = percentile(peers, share)
                    row(
                        f"{named}, added latency p{share * 100:.0f}",
                        percentile(latencies, share),
                        "ms",
                        peer=peer,
                        of=of,
                    )
                row(f"{named}, CPU for 1,000 tokens", cpu * 1000, "ms", peer=peer_cpu * 1000, of=of)
                print(f"- {named}: {len(latencies):,} tokens relayed, {len(peers):,} consumed")
    finally:
        model.kill()
        model.wait()


if __name__ == "__main__":
    main()
