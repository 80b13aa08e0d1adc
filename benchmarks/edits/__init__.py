"""Edits as models get them wrong: how many land right, fail loudly, or land wrong.

``cases.json`` names places in files of npm packages that the React template installs, and a mistake for each;
``mistakes.py`` makes the mistake; ``runner.py`` hands it to the product's own ``edit_file``.
"""


def main() -> None:
    from .table import main as print_table

    print_table()
