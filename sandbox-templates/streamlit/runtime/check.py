"""Is the app sound? Ruff reads every file; then the app runs once, without a browser."""

import logging
import subprocess
import sys
import tomllib
from pathlib import Path

RULES = "E9,F50,F52,F6,F7,F81,F82,B006,PLE"


def main() -> int:
    lint = subprocess.run(
        ["ruff", "check", "--quiet", "--no-cache", "--output-format", "concise", "--select", RULES, "."], check=False
    )
    if lint.returncode:
        return 1
    settings = Path(".streamlit/config.toml")
    try:
        tomllib.loads(settings.read_text() if settings.is_file() else "")
    except ValueError as error:
        print(f"{settings}: error: {error}. Streamlit would go on without these settings.")
        return 1
    logging.disable(logging.WARNING)  # Streamlit says of each run that nobody looks
    from streamlit.testing.v1 import AppTest

    pages = [Path("app.py"), *sorted(Path("pages").glob("*.py"))]
    wrong = 0
    for page in pages:
        for error in AppTest.from_file(str(page.resolve()), default_timeout=60).run().exception:
            wrong += 1
            print(f"{page}: {error.message}", *error.stack_trace, sep="\n  ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main())
