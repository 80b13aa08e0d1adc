"""Which browser is found, as systems install them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.browsers import find_browser

LAUNCHER = '#!/bin/sh\n. /etc/browser.d/settings\nexec "$(dirname "$0")/chrome" "$@"\n'


def install(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text:
        path.write_text(text)
    else:
        shutil.copy("/bin/true", path)
    path.chmod(0o755)
    return path


def test_behind_a_launcher_script_the_program_itself_is_found(tmp_path: Path) -> None:
    launcher = install(tmp_path / "opt" / "google-chrome", LAUNCHER)
    program = install(tmp_path / "opt" / "chrome")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "google-chrome-stable").symlink_to(launcher)

    found = find_browser(str(tmp_path / "bin" / "google-chrome-stable"), tmp_path)

    assert (found.executable, found.folder) == (program, tmp_path / "opt")


def test_a_launcher_of_a_distribution_is_seen_through_too(tmp_path: Path) -> None:
    launcher = install(tmp_path / "lib" / "chromium-browser.sh", LAUNCHER)
    program = install(tmp_path / "lib" / "chromium-browser")

    assert find_browser(str(launcher), tmp_path).executable == program


def test_a_script_whose_program_is_nowhere_is_started_as_it_is(tmp_path: Path) -> None:
    script = install(tmp_path / "my-browser", LAUNCHER)

    assert find_browser(str(script), tmp_path).executable == script


def test_a_browser_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="There is no browser '/nowhere/chrome'"):
        find_browser("/nowhere/chrome", tmp_path)


def test_behind_landlock_a_headless_shell_is_taken_though_another_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = install(tmp_path / "bin" / "chromium")
    monkeypatch.setenv("PATH", str(whole.parent))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    data = tmp_path / "data"

    assert find_browser("", data, "bubblewrap").executable == whole
    with pytest.raises(Unavailable, match="only a headless shell") as none:
        find_browser("", data, "landlock")
    assert "--install-browser" in none.value.hint

    own = install(data / "browser" / "chromium")
    assert find_browser("", data, "landlock").executable == own
    shell = install(tmp_path / "bin" / "chromium-headless-shell")
    assert find_browser("", data, "landlock").executable == shell
