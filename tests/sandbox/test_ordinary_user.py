"""The sandbox for a person without any rights on this machine but their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from another_user import python_for_all

from .conftest import isolations

HERE = Path(__file__).resolve()
NOBODY = 65534


@pytest.mark.parametrize("isolation", isolations(slow=True))
def test_an_ordinary_person_has_the_same_sandbox(isolation: str):
    command = [sys.executable]
    if os.getuid() == 0:
        python, setpriv = python_for_all(), shutil.which("setpriv")
        if python is None or setpriv is None:
            pytest.skip("root's Python, or checkout, is open to nobody else")
        command = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", python]
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chmod(home, 0o777)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TMPDIR": home,
            "PYTHONPATH": os.pathsep.join(
                [str(HERE.parents[2]), *(path for path in sys.path if "site-packages" in path)]
            ),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        script = [*command, str(HERE.with_name("ordinary_user.py")), isolation]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=90, cwd="/")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["user"] == (NOBODY if os.getuid() == 0 else os.getuid())
        assert found["kind"] == isolation
        assert found["made"] == "mine\n"
        assert "/usr/x" in found["refused"]
        assert "/etc/shadow" in found["refused"]
        assert found["server"] == "ready"
        assert found["checks"]["isolation"]
