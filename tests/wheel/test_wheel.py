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
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder, REPOSITORY)
    (made,) = folder.glob("jupyter_appbuilder-*.whl")
    return made


def environment_with(folder, *packages):
    """The bin folder of an environment that holds nothing but these packages and what they need."""
    venv.create(folder / "env", with_pip=True)
    bin = folder / "env" / "bin"
    run(bin / "pip", "install", "-q", "-c", REPOSITORY / "constraints.txt", *packages)
    return bin


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of an environment that holds nothing but the wheel, and a PATH without the system's Node."""
    folder = tmp_path_factory.mktemp("installed")
    bin = environment_with(folder, wheel)
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
    shelf = REPOSITORY / "jupyter_appbuilder" / "models" / "demo" / "recordings"
    shipped = len(list(shelf.glob("*/recording.json")))
    run(
        bin / "python",
        "-c",
        "from jupyter_appbuilder.templates.templates import find_template, SHIPPED\n"
        "template = find_template('react-vite')\n"
        "assert template.folder.is_relative_to(SHIPPED), template.folder\n"
        "assert (template.files / 'package-lock.json').is_file() and (template.files / '.gitignore').is_file()\n"
        "from jupyter_appbuilder.models.demo import recordings\n"
        f"assert len(recordings.find_recordings()) == {shipped}\n"
        "import jupyter_appbuilder, pathlib\n"
        "package = pathlib.Path(jupyter_appbuilder.__file__).parent\n"
        "assert (package / 'static' / 'widget.js').is_file()\n"
        "built = {path.name for path in (package / 'static').iterdir()}\n"
        "assert {'axe.min.js', 'LICENSE.axe-core', 'parquet-reader.js'} <= built\n"
        "assert (package / 'py.typed').is_file()\n"
        "from jupyterlab_server.translation_utils import get_installed_packages_locale\n"
        "german = get_installed_packages_locale('de_DE')[0]['jupyter_appbuilder']\n"
        "assert german['']['language'] == 'de-DE' and len(german) > 800, german['']\n",
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


@pytest.fixture(scope="module")
def package(wheel, tmp_path_factory):
    """The package of docs/extending.md, installed beside the wheel as its author has it: its folder and Python."""
    folder = tmp_path_factory.mktemp("author")
    told = (REPOSITORY / "docs" / "extending.md").read_text()
    files = dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", told, re.M | re.S))
    assert set(files) == {"pyproject.toml", "wordcount.py", "tests/test_wordcount.py"}
    for name, content in files.items():
        place = folder / "wordcount" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    bin = environment_with(folder, f"{wheel}[testing]")
    run(bin / "pip", "install", "-q", "-e", folder / "wordcount")
    return folder / "wordcount", bin / "python"


def author_runs(python, folder):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    return subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rf"],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
    )


def test_a_package_of_somebody_else_passes_the_suites_of_the_wheel(package):
    folder, python = package
    found = run(python, "-c", "import jupyter_appbuilder; print(jupyter_appbuilder.__file__)", cwd="/")
    assert str(folder.parent / "env") in found
    said = author_runs(python, folder)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "passed" in said.stdout
    assert "failed" not in said.stdout


def test_a_tool_of_theirs_that_breaks_its_word_is_told_which_claim_it_breaks(package):
    folder, python = package
    module = folder / "wordcount.py"
    right = module.read_text()
    # It says that it only reads, and leaves a file.
    count = '["wc", "--words", "--", arguments.path]'
    wrong = right.replace(count, '["sh", "-c", \'wc -w -- "$0" | tee count.txt\', arguments.path]')
    assert wrong != right
    module.write_text(wrong)
    try:
        said = author_runs(python, folder)
    finally:
        module.write_text(right)
    assert said.returncode == 1, said.stdout + said.stderr
    failed = set(re.findall(r"^FAILED \S+::(\w+)\[", said.stdout, re.M))
    assert "test_it_changes_files_as_its_effect_says" in failed
    assert failed <= {
        "test_it_changes_files_as_its_effect_says",
        "test_a_replay_of_the_notebook_does_what_the_call_did",
        "test_a_cancelled_call_ends_and_leaves_nothing",
    }
    assert "What a tool must do" in said.stdout
    assert "``read`` changes no file." in said.stdout
