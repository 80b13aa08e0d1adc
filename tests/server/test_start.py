"""What the installed but idle extension costs a server."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("openai", "pydantic", "e2b", "pydantic_ai", "playwright", "anywidget")

BOOT = """
import sys
from jupyter_server.serverapp import ServerApp

app = ServerApp()
app.initialize(argv=["--no-browser", "--allow-root", "--port=0"], find_extensions=False)
if len(sys.argv) > 1:
    app.extension_manager.add_extension("jupyter_appbuilder", enabled=True)
    app.extension_manager.link_extension("jupyter_appbuilder")
    app.extension_manager.load_extension("jupyter_appbuilder")
    assert app.web_app.settings["jupyter_appbuilder"].builder
print(*sorted(sys.modules))
"""


def modules_after_boot(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", BOOT, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_model_or_sandbox_sdk_is_imported_when_a_server_starts(jp_environ):
    added = modules_after_boot("with the extension") - modules_after_boot()
    assert "jupyter_appbuilder.extension" in added
    heavy = {name for name in added if name.split(".")[0] in HEAVY}
    assert heavy == set()
    foreign = {name.split(".")[0] for name in added} - {"jupyter_appbuilder"} - set(sys.stdlib_module_names)
    assert not foreign, f"the extension brings {foreign} into every server"
