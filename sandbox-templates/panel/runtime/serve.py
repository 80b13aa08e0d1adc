"""Panel's own command, whose server also tells the App Builder which functions of the notebook the app calls."""

import sys
from pathlib import Path

import notebook_routes  # Panel finds it by this name


def main():
    sys.path[0] = str(Path.cwd())  # where the app's modules are, not this file
    from panel.command import main as run

    sys.argv = ["panel", *sys.argv[1:], "--plugins", notebook_routes.__name__]
    run(sys.argv)


if __name__ == "__main__":
    main()
