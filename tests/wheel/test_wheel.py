"""What users get: `pip install` of the built wheel, in an empty environment, must be enough."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.timeout(900)


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, **options)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin folder of an environment that holds nothing but the wheel, and a PATH without the system's Node."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder, REPOSITORY)
    (wheel,) = folder.glob("jupyter_appbuilder-*.whl")
    venv.create(folder / "env", with_pip=True)
    bin = folder / "env" / "bin"
    run(bin / "pip", "install", "-q", "-c", REPOSITORY / "constraints.txt", wheel)
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bwrap", "git", "bash", "sh", "env"):
        (tools / name).symlink_to(Path("/usr/bin") / name)
    environment = {
        **os.environ,
        "PATH": f"{bin}:{tools}",
        "HOME": str(folder / "home"),
        "JUPYTER_DATA_DIR": str(folder / "home" / "data"),
    }
    return bin, environment, folder


def test_server_and_lab_extension_are_enabled_and_ok(installed):
    bin, environment, _ = installed
    servers = run(bin / "jupyter", "server", "extension", "list", env=environment)
    assert "jupyter_appbuilder enabled" in " ".join(servers.split())
    assert "OK" in servers.partition("Validating jupyter_appbuilder")[2].partition("Validating")[0]
    labs = run(bin / "jupyter", "labextension", "list", env=environment)
    line = next(line for line in labs.splitlines() if "@jupyter-appbuilder/labextension" in line)
    assert "enabled" in line
    assert "OK" in line


def test_templates_demo_and_widget_come_with_the_wheel(installed):
    bin, environment, _ = installed
    run(
        bin / "python",
        "-c",
        "from jupyter_appbuilder.templates.templates import find_template, SHIPPED\n"
        "template = find_template('react-vite')\n"
        "assert template.folder.is_relative_to(SHIPPED), template.folder\n"
        "assert (template.files / 'package-lock.json').is_file() and (template.files / '.gitignore').is_file()\n"
        "from jupyter_appbuilder.models.demo import recordings\n"
        "assert len(recordings.find_recordings()) == 3\n"
        "import jupyter_appbuilder, pathlib\n"
        "package = pathlib.Path(jupyter_appbuilder.__file__).parent\n"
        "assert (package / 'static' / 'widget.js').is_file()\n"
        "assert (package / 'py.typed').is_file()\n",
        env=environment,
        cwd="/",
    )


def test_the_demo_builds_an_app_with_nothing_else_installed(installed):
    import json

    bin, environment, folder = installed
    root = folder / "work"
    root.mkdir()
    out = subprocess.run(
        [str(bin / "jupyter"), "appbuilder", "demo", "task-board", "--json", "--root", str(root)],
        env=environment,
        text=True,
        capture_output=True,
        timeout=600,
        cwd=root,
    )
    assert out.returncode == 0, out.stdout + out.stderr
    result = json.loads(out.stdout.strip().splitlines()[-1])
    assert Path(result["workspace"], "src", "App.tsx").is_file()
    assert Path(result["notebook"]).is_file()
