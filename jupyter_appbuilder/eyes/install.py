"""Installs a headless Chromium for this person, without root: npm's ``@sparticuz/chromium``, unpacked once."""

from __future__ import annotations

import asyncio
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..cancellation import in_thread, output_of
from ..errors import Unavailable
from ..sandbox.local.processes.layout import find_node

PACKAGE = "@sparticuz/chromium@147.0.0"
SIZE = "68 MB, unpacked 190 MB"
LARGEST = 400 * 1024 * 1024  # bytes of what is unpacked
MEMBER = "package/bin/chromium.br"
UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const [from, to] = process.argv.slice(1);
require("node:stream").pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to), (error) => {
  if (error) { console.error(error.message); process.exit(1); }
});
"""


async def install_browser(data: Path, told: Callable[[str], None]) -> Path:
    """Download and unpack it into ``<data>/browser``; its executable. ``told`` hears what is being done.

    Raises ``Unavailable`` saying what failed. Cancelling leaves nothing half-done.
    """
    node = find_node()
    target = data / "browser"
    await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".new-") as made:
        folder = Path(made)
        told(f"Downloading {PACKAGE} ({SIZE})")
        npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
        await _run([*npm, "pack", PACKAGE, "--silent", "--pack-destination", made], "The download failed")
        archive = await in_thread(lambda: next(folder.glob("*.tgz"), None))
        if archive is None:
            raise Unavailable("The download brought nothing.", hint="See whether npm works here: npm ping.")
        told("Unpacking")
        await in_thread(_extract, archive, folder / "chromium.br")
        unpacked = folder / "chromium"
        await _run([npm[0], "-e", UNPACK, str(folder / "chromium.br"), str(unpacked)], "It could not be unpacked")
        if not 0 < unpacked.stat().st_size <= LARGEST:
            raise Unavailable("The download is not a browser.", hint="Report this: the package has changed.")
        unpacked.chmod(0o755)
        unpacked.replace(target / "chromium")
    return target / "chromium"


def _extract(archive: Path, to: Path) -> None:
    """The one file that is wanted of the package, wherever its archive would put it."""
    with tarfile.open(archive) as package:
        source = package.extractfile(MEMBER)
        if source is None:
            raise Unavailable(f"{PACKAGE} has no {MEMBER}.", hint="Report this: the package has changed.")
        with source, to.open("wb") as file:
            shutil.copyfileobj(source, file)


async def _run(command: Sequence[str], failed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await output_of(process)
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            f"{failed}: {lines[-1][:300] if lines else 'no reason was given'}.",
            hint="Check the network and npm's settings (npm config list), or install Chromium with apt.",
        )
