"""Is the app sound? Ruff reads every file; then the page is made once, without a browser."""

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

RULES = "E9,F50,F52,F6,F7,F81,F82,B006,PLE"


def main() -> int:
    lint = subprocess.run(
        ["ruff", "check", "--quiet", "--no-cache", "--output-format", "concise", "--select", RULES, "."], check=False
    )
    if lint.returncode:
        return 1
    from bokeh.application.application import SessionContext
    from bokeh.document import Document
    from panel.io.application import build_single_handler_application

    class Visit(SessionContext):
        """What makes Panel take the run for a visitor's: it shows nothing to nobody."""

        destroyed = False
        request = SimpleNamespace(arguments={}, cookies={}, headers={}, path="/app", uri="/app", protocol="http")

        async def with_locked_document(self, func):
            await func(self._document)

    logging.disable()  # it would say the same once more
    document = Document()
    visit = Visit(None, "check")
    document._session_context = lambda: visit
    try:
        application = build_single_handler_application("app.py")
        application.initialize_document(document)
    except SystemExit:
        traceback.print_exc(limit=-4)
        return 1
    wrong = [handler.error_detail or handler.error for handler in application.handlers if handler.failed]
    if wrong:
        print(*wrong, sep="\n")
    elif not document.roots:
        print("app.py shows nothing: end it with page.servable().")
    return 1 if wrong or not document.roots else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main())
