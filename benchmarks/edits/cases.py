"""The cases: which place of which file, and which mistake. ``python -m benchmarks.edits.cases`` chooses them anew."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from .mistakes import MISTAKES, Case, Place

DATA = Path(__file__).with_name("cases.json")
EACH = 8  # cases of each mistake
PACKAGES = (
    "@radix-ui",
    "@tanstack/table-core/src",
    "cmdk/dist",
    "date-fns",
    "lucide-react/dist/esm",
    "react-day-picker/dist/esm",
    "react-hook-form/dist",
    "recharts/es6",
    "sonner/dist",
    "tailwind-merge/src",
    "zod/v4",
)


class Moved(Exception):
    """A file of the cases is not what it was when they were chosen."""


@dataclass(frozen=True)
class Entry:
    mistake: str
    file: str  # below node_modules
    sha: str  # the first 16 hexadecimal digits of its SHA-256
    start: int
    length: int

    def case(self, modules: Path) -> Case:
        data = (modules / self.file).read_bytes()
        if hashlib.sha256(data).hexdigest()[:16] != self.sha:
            raise Moved(f"{self.file} is another version: run python -m benchmarks.edits.cases")
        case = MISTAKES[self.mistake](Place(tuple(data.decode().splitlines()), self.start, self.length))
        assert case
        return case


def load() -> list[Entry]:
    return [Entry(**entry) for entry in json.loads(DATA.read_text())]


async def installed(folder: Path) -> Path:
    """The ``node_modules`` of the React template, installed if need be. ``folder`` gets what an AppBuilder needs."""
    from building import CACHE, app_builder

    from jupyter_appbuilder.sandbox.local.packages.dependencies import read_manifest

    async with app_builder(folder, model="demo:recorded") as builder:
        template = builder.library.find("react-vite")
        app = folder / "app"
        app.mkdir()
        for name in ("package.json", template.lock):
            (app / name).write_bytes((template.files / name).read_bytes())
        sandbox = await builder.sandboxes.provider("local").create("edits", app, template)
        await sandbox.prepare()
        await sandbox.stop()
    manifest = read_manifest(template.files, template.lock)
    assert manifest
    return CACHE / "deps" / manifest.key / "node_modules"


def choose(modules: Path) -> list[Entry]:
    chance = random.Random(20261121)
    files: list[tuple[str, str, tuple[str, ...]]] = []
    for package in PACKAGES:
        found = [path for end in ("js", "mjs", "ts", "tsx") for path in (modules / package).rglob(f"*.{end}")]
        for path in chance.sample(sorted(found), min(len(found), 60)):
            data = path.read_bytes()
            lines = tuple(data.decode().splitlines())
            plain = all(len(line) < 200 and "\f" not in line for line in lines)
            if 20 <= len(lines) <= 600 and plain and b"\r" not in data and data.endswith(b"\n"):
                files.append((path.relative_to(modules).as_posix(), hashlib.sha256(data).hexdigest()[:16], lines))
    entries: list[Entry] = []
    for name, make in MISTAKES.items():
        made = 0
        for _ in range(5000):
            file, sha, lines = chance.choice(files)
            length = chance.choice([1, 2, 3, 4, 5, 8])
            start = chance.randrange(1, len(lines) - length)
            region = lines[start : start + length]
            unique = sum(lines[at : at + length] == region for at in range(len(lines))) == 1
            if not unique or not all(re.search(r"\w{3}", line) for line in (region[0], region[-1])):
                continue
            if make(Place(lines, start, length)) is None:
                continue
            entries.append(Entry(name, file, sha, start, length))
            made += 1
            if made == EACH:
                break
        assert made == EACH, f"{name}: {made}"
    return entries


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        chosen = choose(asyncio.run(installed(Path(name))))
    DATA.write_text("[\n" + ",\n".join(json.dumps(asdict(entry)) for entry in chosen) + "\n]\n")
    print(f"{len(chosen)} cases of {len(MISTAKES)} mistakes")
