"""How long after an agent's write its problem is known, beside the template's whole check of the same files."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from building import app_builder

from .report import heading, median, row

ROUNDS = 5
TYPE = "export const size: 'size {n}' = 'large';\n"
NAME = "def size{n}() -> int:\n    return large{n}\n"
MISTAKES = {
    "react-vite": ("src/lib/size.ts", TYPE),
    "fastapi-react": ("src/lib/size.ts", TYPE),
    "vue-vite": ("src/lib/size.ts", TYPE),
    "nextjs": ("lib/size.ts", TYPE),
    "streamlit": ("size.py", NAME),
    "panel": ("size.py", NAME),
    "static": ("index.html", '<!doctype html><title>Size</title><img src="size{n}.png" alt="">\n'),
}
"""By template: a new file, and a mistake that differs each time."""


async def measure(folder: Path, template: str) -> tuple[list[float], list[float]]:
    """Milliseconds until a problem is known, and of the whole check; the first write is not counted."""
    path, mistake = MISTAKES[template]
    ours: list[float] = []
    checks: list[float] = []
    async with app_builder(folder, model="demo:recorded") as builder:
        session = await builder.create(template=template)
        await session.ready()
        await session.start_preview()
        sandbox = await session.app.sandbox()
        diagnostics = session.runner.diagnostics
        assert diagnostics
        for n in range(ROUNDS + 1):
            arguments = {"path": path, "content": mistake.format(n=n)}
            began = time.perf_counter()
            await session.runner.run("write_file", arguments, call=f"r{n}.0", by="agent", turn="t1")
            await diagnostics.idle()
            ours.append((time.perf_counter() - began) * 1000)
            result = await session.runner.run("list_files", {}, call=f"r{n}.1", by="agent", turn="t1")
            assert result.detail["diagnostics"]["problems"], result.text
            began = time.perf_counter()
            checked = await sandbox.exec(builder.library.find(template).check)
            checks.append((time.perf_counter() - began) * 1000)
            assert checked.exit_code
    return ours[1:], checks[1:]


def main() -> None:
    heading("From a write to its problem")
    for template in MISTAKES:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            ours, checks = asyncio.run(measure(Path(folder), template))
        row(f"{template}, p50", median(ours), "ms", peer=median(checks), of="the whole check alone")


if __name__ == "__main__":
    main()
