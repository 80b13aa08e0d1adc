"""Is the app sound? check.mjs reads and builds the page, Ruff reads the API; then the API is loaded once."""

import importlib
import subprocess
import sys
import traceback
from pathlib import Path

RULES = "E9,F50,F52,F6,F7,F81,F82,B006,PLE"


def main() -> int:
    page = subprocess.Popen(
        ["node", str(Path(__file__).with_name("check.mjs"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lint = subprocess.run(
        ["ruff", "check", "--quiet", "--no-cache", "--output-format", "concise", "--select", RULES, "api"], check=False
    )
    wrong = lint.returncode != 0
    if not wrong:
        try:
            importlib.import_module("api.main")
        except (Exception, SystemExit):
            traceback.print_exc(limit=-4)
            wrong = True
    told, _ = page.communicate()
    print(told, end="")
    return 1 if wrong or page.returncode else 0


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    sys.exit(main())
