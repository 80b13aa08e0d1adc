"""Uses a sandbox as whoever runs this; ``test_ordinary_user`` runs it as nobody. Prints what was found, as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.templates.templates import Template

SERVER = """
import http from 'node:http';
http.createServer((request, response) => response.end('here')).listen(Number(process.argv[2]), '127.0.0.1');
"""


async def use(isolation: str, folder: Path) -> dict[str, object]:
    app = folder / "app"
    app.mkdir()
    (app / "server.mjs").write_text(SERVER)
    template = Template("tiny", "Tiny", "One file.", folder, ("node", "server.mjs", "{port}"), ("true",))
    provider = LocalSandbox(folder / "cache", isolation=isolation)
    try:
        sandbox = await provider.create("session", app, template)
        made = await sandbox.exec("echo mine > made && chmod 755 made && cat made")
        kept = await sandbox.exec("echo x > /usr/x; cat /etc/shadow; ls ~/..; kill -9 -1; true")
        server = await sandbox.serve("/base/")
        return {
            "user": os.getuid(),
            "kind": (await provider.describe_isolation()).kind,
            "made": made.stdout,
            "refused": kept.stderr,
            "server": server.state,
            "checks": {check.name: check.ok for check in await provider.check()},
        }
    finally:
        await provider.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(use(sys.argv[1], Path(folder)))))
