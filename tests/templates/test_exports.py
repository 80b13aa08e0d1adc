"""What an exported app says of the machine it needs."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from jupyter_appbuilder.templates.templates import find_templates

from .template_app import NODE

NODE_TEMPLATES = sorted(name for name, found in find_templates().items() if (found.files / "package.json").is_file())

UNFIT = """
const semver = require(process.argv[1]);
const [ours, ...theirs] = JSON.parse(process.argv[2]);
const unfit = theirs.filter((range) => !semver.subset(ours, range));
if (!semver.satisfies(process.version, ours)) unfit.push(`this ${process.version}`);
console.log(JSON.stringify(unfit));
"""


@pytest.mark.parametrize("template", NODE_TEMPLATES)
def test_every_package_runs_on_the_nodes_that_an_export_names(template: str) -> None:
    found = find_templates()[template]
    ours = json.loads((found.files / "package.json").read_text())["engines"]["node"]
    locked = json.loads((found.files / found.lock).read_text())["packages"].values()
    needed: list[dict[str, Any]] = [package for package in locked if not package.get("optional")]
    engines: list[dict[str, str]] = [package.get("engines") or {} for package in needed]
    asked = {one["node"] for one in engines if "node" in one}
    assert asked
    semver = NODE / "lib" / "node_modules" / "npm" / "node_modules" / "semver"
    command = [NODE / "bin" / "node", "-e", UNFIT, semver, json.dumps([ours, *sorted(asked)])]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(told.stdout) == []
