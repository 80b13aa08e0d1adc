"""A PostgreSQL server of the tests' own: the system's programs, started as a person without rights."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

ADMIN = "admin"
PASSWORD = "of-the-administrator-alone"
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Server:
    """``url`` is its administrator's. ``log`` is what it says, with every statement."""

    programs: Path
    folder: Path
    url: str

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def ask(self, sql: str, database: str = "postgres") -> str:
        """What the administrator is answered: a row a line, its columns with ``|`` between."""
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        where = ["-h", str(self.folder), "-U", ADMIN, "-d", database]
        asked = [str(self.programs / "psql"), "-XAtq", *where, "-c", sql]
        found = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=SECONDS)
        assert found.returncode == 0, found.stderr
        return found.stdout.strip()


def programs() -> Path | None:
    """The newest of the system's PostgreSQL servers with all that is needed here."""
    shelf = Path("/usr/lib/postgresql")
    places = sorted(shelf.glob("*/bin"), key=lambda place: int(place.parent.name) if place.parent.name.isdigit() else 0)
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    needed = ("initdb", "pg_ctl", "postgres", "psql", "pg_dump")
    return next((place for place in reversed(places) if all((place / one).exists() for one in needed)), None)


@contextlib.contextmanager
def postgres_server() -> Generator[Server]:
    """Skips where the system has none, or nobody but root could start it."""
    place = programs()
    if place is None:
        pytest.skip("The system has no PostgreSQL server (package postgresql).")
    as_other: list[str] = []
    if os.geteuid() == 0:
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("A PostgreSQL server does not run as root, and there is no setpriv.")
        as_other = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
    # Its socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    data = folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run([*as_other, *command], capture_output=True, text=True, timeout=SECONDS, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        folder.chmod(0o777)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        auth = ["-A", "scram-sha-256", "-U", ADMIN, f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
        run(str(place / "initdb"), "-D", str(data), "--no-sync", *auth)
        # How passwords are asked for is this file's to say: roles of these names log in in older ways.
        rules = data / "pg_hba.conf"
        rules.write_text("local all clear password\nlocal all old md5\n" + rules.read_text())
        settings = f"-k {folder} -c listen_addresses= -c fsync=off -c log_statement=all -c max_connections=60"
        run(
            str(place / "pg_ctl"),
            "-D",
            str(data),
            "-l",
            str(folder / "log"),
            "-o",
            settings,
            "-w",
            "-t",
            "110",
            "start",
        )
        try:
            yield Server(place, folder, f"postgresql://{ADMIN}:{PASSWORD}@/postgres?host={folder}")
        finally:
            run(str(place / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "-t", "110", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
