"""What the extension costs a Jupyter server that does not use it: time to start, memory, modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from .report import heading, median, row

ROUNDS = 7
HEAVY = ("openai", "e2b", "pydantic", "pydantic_ai", "anywidget", "ipywidgets")

# Runs the real server application, and answers on a pipe which modules it has loaded once it answers requests.
SERVER = """
import json, sys, threading, urllib.request
from jupyter_server.serverapp import ServerApp
def report():
    sys.stdin.readline()
    print(json.dumps([name for name in sys.modules]), flush=True)
threading.Thread(target=report, daemon=True).start()
ServerApp.launch_instance(sys.argv[1:])
"""


def measure(extension: bool, port: int, home: Path) -> tuple[float, float, list[str]]:
    """(seconds until the first answer, MiB resident, modules)."""
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home / "c"), "JUPYTER_DATA_DIR": str(home / "d")}
    flags = [f"--ServerApp.jpserver_extensions=jupyter_appbuilder={extension}", f"--ServerApp.root_dir={home}"]
    flags += [
        f"--port={port}",
        "--no-browser",
        "--IdentityProvider.token=",
        "--allow-root",
        "--ServerApp.port_retries=0",
    ]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, *flags],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5):
                    break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("The server ended before it answered.") from None
                time.sleep(0.002)
        seconds = time.perf_counter() - began
        time.sleep(0.5)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        assert process.stdin
        assert process.stdout
        process.stdin.write("\n")
        process.stdin.flush()
        modules = json.loads(process.stdout.readline())
        return seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, modules
    finally:
        process.kill()
        process.wait()


def main() -> None:
    heading("Server start, installed and idle")
    results: dict[bool, list[tuple[float, float, list[str]]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as home:
        for number in range(ROUNDS + 1):
            for extension in (False, True):
                result = measure(extension, 18_000 + number * 2 + extension, Path(home))
                if number:  # the first round fills the disk's cache
                    results[extension].append(result)
    seconds = {key: median([result[0] for result in value]) for key, value in results.items()}
    memory = {key: median([result[1] for result in value]) for key, value in results.items()}
    row("start with the extension", seconds[True] * 1000, "ms", peer=seconds[False] * 1000, of="without")
    row("added to the start", (seconds[True] - seconds[False]) * 1000, "ms", target="≤ 150 ms")
    row("added memory", memory[True] - memory[False], "MiB", target="≤ 30 MiB")
    loaded = set(results[True][0][2]) - set(results[False][0][2])
    print(f"- modules added: {len(loaded)}; of {', '.join(HEAVY)}: {sorted(set(HEAVY) & loaded) or 'none'}")


if __name__ == "__main__":
    main()
