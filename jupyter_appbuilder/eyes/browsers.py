"""Finds a browser on this machine for looking at apps."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import Unavailable

NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
"""Programs of that name, in this order."""
SYSTEM = ("/usr/", "/bin/", "/lib")  # shown in every sandbox
LIBRARIES = ("/usr/lib", "/usr/lib64")  # where distributions keep what their launchers start
INSTALL = "Install one: jupyter appbuilder doctor --install-browser (no root needed), or apt install chromium."
INSTALL_SHELL = (
    "Install one: jupyter appbuilder doctor --install-browser (no root needed), or apt install chromium-headless-shell."
)


@dataclass(frozen=True, slots=True)
class Browser:
    """A Chromium. ``folder`` is what a sandbox must be shown besides the system's own folders; None if nothing."""

    executable: Path
    folder: Path | None
    source: str  # where it was found, for people


def find_browser(configured: str, data: Path, isolation: str = "") -> Browser:
    """The browser to look with. ``configured``: a program's path, or empty to look for one. ``isolation``: what will be
    around it (``sandbox.base.Isolation.kind``); behind Landlock only a headless shell starts.

    Raises ``Unavailable`` saying which were looked for.
    """
    if configured == "none":
        raise Unavailable("Looking at apps is switched off (c.AppBuilder.browser).", reason="browser_off")
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise Unavailable(
                f"There is no browser {configured!r} (c.AppBuilder.browser).",
                hint="Set c.AppBuilder.browser to the path of a Chromium, or leave it empty to have one looked for.",
                reason="browser_missing",
            )
        return _browser(Path(found), "c.AppBuilder.browser")
    whole: list[Path] = []
    for executable, source in _candidates(data):
        if isolation != "landlock" or _is_shell(executable, data):
            return _browser(executable, source)
        whole.append(executable)
    if whole:
        raise Unavailable(
            f"Behind Landlock only a headless shell of Chromium can look at apps, and {whole[0]} is none: "
            "`jupyter appbuilder doctor --install-browser` brings one.",
            hint=INSTALL_SHELL,
            reason="browser_not_isolated",
        )
    raise Unavailable(
        f"There is no browser to look at apps with (looked for {', '.join(NAMES)}, Playwright's own and "
        f"{data / 'browser'}).",
        hint=INSTALL_SHELL if isolation == "landlock" else INSTALL,
        reason="browser_missing",
    )


def unstarted(error: Unavailable, isolation: str) -> Unavailable:
    """Why a browser did not start, with what to do about it."""
    if isolation != "landlock":
        return error
    message = f"Behind Landlock only a headless shell of Chromium can look at apps. {error.message}"
    return Unavailable(message, hint=INSTALL_SHELL, reason=error.reason)


def _is_shell(executable: Path, data: Path) -> bool:
    """Whether it is Chromium without a window's parts, which wants no unix socket to find other windows by."""
    return "headless" in executable.name or executable.is_relative_to(data)


def _candidates(data: Path) -> Iterator[tuple[Path, str]]:
    for name in NAMES:
        # Ubuntu's chromium is a snap, which nothing but snapd can start.
        if (found := shutil.which(name)) and not os.path.realpath(found).startswith(("/snap/", "/usr/bin/snap")):
            yield Path(found), "installed on this machine"
    playwright = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or str(Path.home() / ".cache" / "ms-playwright")
    for pattern in ("chromium_headless_shell-*/*/*headless*shell", "chromium-*/chrome-linux*/chrome"):
        for found in sorted(Path(playwright).glob(pattern), reverse=True):
            if found.is_file() and os.access(found, os.X_OK):
                yield found, "Playwright's own"
    if os.access(own := data / "browser" / "chromium", os.X_OK):
        yield own, "installed by jupyter appbuilder doctor --install-browser"


def _browser(executable: Path, source: str) -> Browser:
    real = _program_of(executable.resolve())
    return Browser(real, None if str(real).startswith(SYSTEM) else real.parent, source)


def _program_of(started: Path) -> Path:
    """The program that a launcher script starts: scripts read settings from places that a sandbox is not shown, such as
    /etc/chromium.d, and end without them."""
    if not _is_script(started):
        return started
    name = started.name.removesuffix(".sh").removesuffix("-stable")
    folders = (started.parent, *(Path(lib, each) for lib in LIBRARIES for each in dict.fromkeys((name, "chromium"))))
    candidates = (folder / each for folder in folders for each in ("chrome", name))
    return next((each for each in candidates if os.access(each, os.X_OK) and not _is_script(each)), started)


def _is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def find_playwright() -> Path:
    """Playwright's own program, which comes with its Python package. Raises ``Unavailable``."""
    spec = importlib.util.find_spec("playwright")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(folder, "driver", "package")).is_dir():
            return found
    raise Unavailable(
        "Looking at apps needs Playwright, which is not installed.",
        hint="Install it: pip install 'jupyter-appbuilder[browser]'",
        reason="playwright_missing",
    )
