"""Our templates as E2B's: the definition, and a build through the real SDK."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.cli.main import parser, run
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.sandbox.e2b.cloud import load_sdk
from jupyter_appbuilder.sandbox.e2b.templates import define
from jupyter_appbuilder.templates.templates import Template, find_template, find_templates

from .cloud import cloud
from .stage import plain

GOLDEN = Path(__file__).with_name("react-vite.json")


async def definition(template: Template) -> dict[str, Any]:
    sdk = await load_sdk()
    return json.loads(sdk.AsyncTemplate.to_json(define(sdk, template)))


def lasting(definition: dict[str, Any]) -> dict[str, Any]:
    """Without what changes with each edit of the template's files."""
    for step in definition["steps"]:
        step.pop("filesHash", None)
        step["args"] = ["(the packages' marker)" if "printf %s" in word else word for word in step["args"]]
    return definition


async def test_the_definition_of_the_react_template_is_as_expected():
    """Looked at by a person when it changes: nothing here can run it as E2B does."""
    assert lasting(await definition(find_template("react-vite"))) == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", sorted(find_templates()))
async def test_every_template_has_a_definition_that_starts_nothing(name: str):
    made = await definition(find_template(name))
    assert "startCmd" not in made
    commands = [step["args"][0] for step in made["steps"] if step["type"] == "RUN"]
    assert any("python3" in command and "apt-get install" in command for command in commands)
    assert [step["args"][:2] for step in made["steps"] if step["type"] == "COPY"][-1] == ["files/", "/workspace/"]
    text = json.dumps(made)
    assert "http://" not in text.replace("npm http", "")
    assert "https://" not in text


async def test_a_template_says_what_it_wants_differently(tmp_path: Path):
    template = plain(tmp_path)
    manifest = template.folder / "template.toml"
    manifest.write_text(manifest.read_text() + '[e2b]\nimage = "debian:13"\napt = ["graphviz"]\nrun = ["true"]\n')
    made = await definition(Template.load(template.folder))
    assert made["fromImage"] == "debian:13"
    assert any("graphviz" in step["args"][0] for step in made["steps"])
    manifest.write_text(manifest.read_text().replace("apt =", "apk ="))
    with pytest.raises(InvalidInput, match=r"e2b\.apk"):
        await definition(Template.load(template.folder))


async def test_a_built_template_starts_an_app_with_nothing_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import asyncio

    template = plain(tmp_path, dependencies={"ms": "2.1.3"})
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    shutil.copytree(template.folder, tmp_path / "share/appbuilder/templates/small")
    async with cloud(tmp_path / "cloud", internet=True) as there:
        for name, value in {"KEY": there.key, "API_URL": there.url.removesuffix("/")}.items():
            monkeypatch.setenv("E2B_API_KEY" if name == "KEY" else "E2B_API_URL", value)
        monkeypatch.setenv("E2B_SANDBOX_URL", there.url)
        options = parser().parse_args(["templates", "build", "small", "--alias-prefix", "mine-", "--json"])
        assert await asyncio.to_thread(run, options) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["templates"][0]["alias"] == "mine-small"
        assert there.key not in printed.out + printed.err
        assert "npm ci" in printed.err or "npm install" in printed.err  # the build's lines are shown
        assert there.templates["mine-small"].status == "ready"

        provider = E2BSandbox(tmp_path / "cache", template_prefix="mine-")
        workspace = tmp_path / "app"
        shutil.copytree(template.files, workspace)
        sandbox = await provider.create("session", workspace, find_template("small"))
        said: list[str] = []
        try:
            server = await sandbox.serve("/", lambda step: said.append(step.message))
            assert server.state == "ready", server
            result = await sandbox.exec(["node", "-p", "require('ms')('2h')"])
            assert result.stdout == "7200000\n", result
        finally:
            await provider.close()
        assert not any("Installing" in line or "base image" in line for line in said), said


async def test_a_build_that_fails_says_which_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import asyncio

    template = plain(
        tmp_path, warm=["sh", "-c", "echo the disk is upside down >&2; exit 3"], dependencies={"ms": "2.1.3"}
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    shutil.copytree(template.folder, tmp_path / "share/appbuilder/templates/small")
    async with cloud(tmp_path / "cloud", internet=True) as there:
        monkeypatch.setenv("E2B_API_KEY", there.key)
        monkeypatch.setenv("E2B_API_URL", there.url)
        options = parser().parse_args(["templates", "build", "small"])
        assert await asyncio.to_thread(run, options) == 1
    printed = capsys.readouterr().err
    assert "the disk is upside down" in printed
    assert "could not build the template appbuilder-small" in printed
