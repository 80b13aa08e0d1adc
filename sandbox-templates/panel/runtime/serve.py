"""Panel's own command, whose server also tells the App Builder which functions of the notebook the app calls: serve.py
FOLDER …, which has what carries them (notebook_calls.py)."""

import sys
from pathlib import Path

sys.path.insert(1, sys.argv.pop(1))
import notebook_routes  # Panel finds it by this name


def main():
    sys.path[:2] = [str(Path.cwd())]  # where the app's modules are, not this file
    from panel.command import main as run

    sys.argv = ["panel", *sys.argv[1:], "--plugins", notebook_routes.__name__]
    run(sys.argv)


if __name__ == "__main__":
    main()
