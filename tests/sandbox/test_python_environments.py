"""Python environments: made once from wheels of the person's indexes, shared read-only, usable without a network."""

from __future__ import annotations

import asyncio
import io
import shutil
import tarfile
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput, Unavailable
from jupyter_appbuilder.sandbox.base import Progress
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.packages.interpreter import Interpreter
from jupyter_appbuilder.sandbox.local.packages.python_environments import PythonEnvironments
from jupyter_appbuilder.sandbox.local.processes.layout import find_node
from jupyter_appbuilder.sandbox.local.sandbox import AppSandbox
from jupyter_appbuilder.sandbox.network.registries import Registries, read_registries
from jupyter_appbuilder.templates.templates import PythonPackages, Template

from .conftest import isolations

CUT_OFF = {"upstream": "http://127.0.0.1:1", "direct": ()}
"""No network: the only way leads through a proxy that is not there."""


async def registries(**changes: object) -> Registries:
    node = find_node()
    known = await read_registries([str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")])
    remote = tuple(url for url in known.python if url.startswith("http"))  # what this machine has besides may vary
    return replace(known, **{"python": remote, "python_links": ()} | changes)  # type: ignore[arg-type]


@asynccontextmanager
async def python_app(
    folder: Path, requirements: str, name: str = "app", isolation: str = "auto", **changes: object
) -> AsyncGenerator[tuple[AppSandbox, Path]]:
    """A sandbox on an app with these requirements, and the app's folder."""
    app = folder / name
    app.mkdir(exist_ok=True)
    if not (app / "requirements.txt").exists():
        (app / "requirements.txt").write_text(requirements)
    command = ("python", "-m", "http.server", "{port}", "--bind", "127.0.0.1")
    template = Template("tiny", "Tiny", "Python.", folder, command, (), strip=True, python=PythonPackages())
    provider = LocalSandbox(folder / "cache", registries=await registries(**changes), isolation=isolation)
    try:
        yield await provider.create(name, app, template), app
    finally:
        await provider.close()


def entries(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache/python").iterdir() if path.is_dir()]


async def test_an_app_has_its_packages_and_not_the_servers(tmp_path: Path):
    async with python_app(tmp_path, "six==1.17.0  # old and small\n") as (sandbox, app):
        found = await sandbox.exec("python -c 'import six, sys; print(six.__version__, six.__cached__, sys.prefix)'")
        assert found.stdout.split()[0] == "1.17.0", found.stderr
        assert found.stdout.split()[2] == "/opt/venv"
        # Imports are quick: compiled before, in a folder that nobody can write.
        assert (await sandbox.exec(["test", "-f", found.stdout.split()[1]])).exit_code == 0
        written = await sandbox.exec("touch $VIRTUAL_ENV/x; touch $(python -c 'import six; print(six.__file__)')")
        assert written.stderr.count("Read-only") == 2
        # This very process has these packages: neither they nor pip are there.
        for module in ("traitlets", "pytest", "pip", "jupyter_appbuilder"):
            assert "ModuleNotFoundError" in (await sandbox.exec(["python", "-c", f"import {module}"])).stderr
        seen = "import sys, pathlib; print(*pathlib.Path(sys.base_prefix).glob('lib*/python3*/site-packages/*'))"
        assert (await sandbox.exec(["python", "-c", seen])).stdout.strip() == ""
        lock = (app / "requirements.lock").read_text()
        assert "six==1.17.0" in lock
        assert "--hash=sha256:" in lock
        assert "//" not in lock  # fits any index
        server = await sandbox.serve("/a/")
        assert server.state == "ready", server.message
        assert "install_packages" in (await sandbox.exec("pip install six")).stderr


async def test_sessions_share_an_environment_and_need_no_network_for_it(tmp_path: Path):
    async with python_app(tmp_path, "six\n") as (sandbox, app):
        await sandbox.prepare()
    (made,) = entries(tmp_path)
    files = {name: (app / name).read_text() for name in ("requirements.txt", "requirements.lock")}
    other = tmp_path / "other"
    other.mkdir()
    for name, text in files.items():
        (other / name).write_text(text)
    async with python_app(tmp_path, "", "other", **CUT_OFF) as (sandbox, _):
        assert (await sandbox.exec("python -c 'import six'")).exit_code == 0
        assert entries(tmp_path) == [made]
        # Evicted: made again from what was downloaded, also while offline.
        shutil.rmtree(made)
        await sandbox.prepare()
        assert entries(tmp_path) == [made]
        # What was never fetched cannot be had: the reason and the next step are told.
        (other / "requirements.txt").write_text("six\nidna\n")
        with pytest.raises(Unavailable, match="could not be fetched") as caught:
            await sandbox.prepare()
        assert "pip config set" in caught.value.hint
        assert (other / "requirements.lock").read_text() == files["requirements.lock"]


async def test_an_edit_by_hand_while_packages_are_added_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with python_app(tmp_path, "# none yet\n") as (sandbox, app):
        resolve = PythonEnvironments._resolve

        async def meanwhile(*given: Any) -> Any:
            (app / "requirements.txt").write_text("# mine\n")
            return await resolve(*given)

        monkeypatch.setattr(PythonEnvironments, "_resolve", meanwhile)
        with pytest.raises(Conflict, match="changed while packages were installed"):
            await sandbox.install(["nothing; python_version < '3'"])
        assert (app / "requirements.txt").read_text() == "# mine\n"


async def test_adding_a_package_keeps_the_versions_that_are_there(tmp_path: Path):
    async with python_app(tmp_path, "idna==3.7\n# and more to come\n") as (sandbox, app):
        await sandbox.prepare()
        (app / "requirements.txt").write_text("idna\n# and more to come\n")
        output: list[str] = []
        result = await sandbox.install(["six>=1.16"], on_output=lambda _, text: output.append(text))
        assert result.exit_code == 0, result.stderr
        assert "+ six 1" in result.stdout
        assert "idna" not in result.stdout
        assert "".join(output).endswith(result.stdout)
        assert (app / "requirements.txt").read_text() == "idna\n# and more to come\nsix>=1.16\n"
        assert "idna==3.7 " in (app / "requirements.lock").read_text()
        assert (await sandbox.exec("python -c 'import six, idna'")).exit_code == 0

        before = (app / "requirements.txt").read_text()
        unknown = await sandbox.install(["jupyter-appbuilder-no-such-package"])
        assert unknown.exit_code != 0
        assert "was not found" in unknown.stderr
        for bad in ("-r /etc/passwd", "x @ file:///etc", "git+https://x/y", "./x"):
            with pytest.raises(InvalidInput, match="is not the name of a Python package"):
                await sandbox.install([bad])
        assert (app / "requirements.txt").read_text() == before

        # Edited by hand, the lock file follows; what names no package is told with its line.
        (app / "requirements.txt").write_text("idna>=3.8\n")
        await sandbox.prepare()
        assert "idna==3.7 " not in (app / "requirements.lock").read_text()
        (app / "requirements.txt").write_text("idna\n\n-e .\n")
        with pytest.raises(InvalidInput, match=r"requirements\.txt, line 3"):
            await sandbox.prepare()


@pytest.mark.parametrize("isolation", isolations())
async def test_an_environment_is_made_and_used_by_each_isolation(tmp_path: Path, isolation: str):
    async with python_app(tmp_path, "uvicorn\n", isolation=isolation) as (sandbox, _):
        ran = await sandbox.exec("uvicorn --version")  # a script of the environment
        assert ran.stdout.startswith("Running uvicorn"), ran.stderr
        compiled = await sandbox.exec("python -c 'import uvicorn, os; print(os.path.exists(uvicorn.__cached__))'")
        assert compiled.stdout == "True\n"
        server = await sandbox.serve("/a/")
        assert server.state == "ready", server.message


def wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    info = f"{name}-1.0.dist-info"
    content = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)


async def test_nothing_of_a_package_runs_while_it_is_installed(tmp_path: Path):
    """Not even in the sandbox that installs it, which can write what later sessions install from."""
    links = tmp_path / "links"
    trap = "import os; [open(p + '/ran', 'w') for p in ('/uv', '/workspace', '/opt/venv', '/tmp') if os.access(p, 2)]\n"
    wheel(links, "appbuilder_trap", {"trap.pth": trap, "trap.py": "", "sitecustomize.py": trap})
    async with python_app(tmp_path, "appbuilder-trap\n", python_links=(str(links),)) as (sandbox, _):
        await sandbox.prepare()
        (made,) = entries(tmp_path)
        assert (made / "venv").is_dir()
        assert [path.name for path in (tmp_path / "cache").rglob("ran")] == []
        await sandbox.install(["six"])  # begins where the trap is installed already
        assert [path.name for path in (tmp_path / "cache").rglob("ran")] == []
        assert (await sandbox.exec("python -c 'import trap'; ls /workspace")).stdout.split().count("ran") == 1

        buffer = io.BytesIO()
        setup = b"open('/uv/ran', 'w'); from setuptools import setup; setup(name='appbuilder-built', version='1.0')"
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, data in {
                "setup.py": setup,
                "PKG-INFO": b"Metadata-Version: 2.1\nName: appbuilder-built\nVersion: 1.0\n",
            }.items():
                entry = tarfile.TarInfo(f"appbuilder_built-1.0/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        (links / "appbuilder_built-1.0.tar.gz").write_bytes(buffer.getvalue())
        refused = await sandbox.install(["appbuilder-built"])
        assert refused.exit_code != 0
        assert "no usable wheels" in refused.stderr
        assert [path.name for path in (tmp_path / "cache").rglob("ran")] == []


async def test_two_sessions_make_one_environment_and_see_how_far_it_is(tmp_path: Path):
    shared = "idna\nsix\ntyping-extensions\n"
    async with python_app(tmp_path, shared) as (one, app):
        await one.prepare()
        shutil.copytree(app, tmp_path / "second")
        shutil.rmtree(tmp_path / "cache")
        told: list[Progress] = []
        async with python_app(tmp_path, shared, "second") as (two, _):
            await asyncio.gather(one.prepare(told.append), two.prepare(told.append))
            assert len(entries(tmp_path)) == 1
            assert [path for path in (tmp_path / "cache/python").iterdir() if path.name.startswith(".")] == []
        messages = [step.message for step in told]
        assert "Installing Python packages: 0 of 3" in messages
        assert "Another session is installing the same packages" in messages
        fractions = [step.fraction for step in told if step.fraction is not None]
        assert fractions == sorted(fractions)


async def test_a_cancelled_installation_leaves_nothing_and_can_be_repeated(tmp_path: Path):
    async with python_app(tmp_path, "idna\nsix\n") as (sandbox, _):
        began = asyncio.Event()
        task = asyncio.create_task(sandbox.prepare(lambda step: "Installing" in step.message and began.set()))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert entries(tmp_path) == []
        await sandbox.prepare()
        assert len(entries(tmp_path)) == 1


def test_of_an_interpreter_only_what_it_needs_is_shown(tmp_path: Path):
    conda = tmp_path / "conda"
    for folder in (
        "bin",
        "lib/python3.12/site-packages",
        "lib/python3.12/json",
        "envs/other",
        "pkgs",
        "etc",
        "conda-meta",
    ):
        (conda / folder).mkdir(parents=True)
    executable = conda / "bin/python3.12"
    executable.touch()
    empty = tmp_path / "empty"
    binds = Interpreter(executable, conda, "3.12.1").binds(empty)
    shown = [(bind.source, bind.target, bind.writable) for bind in binds]
    assert shown == [
        (executable, str(executable), False),
        (conda / "lib", str(conda / "lib"), False),
        (empty, str(conda / "lib/python3.12/site-packages"), False),
    ]
    assert Interpreter(Path("/usr/bin/python3.12"), Path("/usr"), "3.12.1").binds(empty) == []
