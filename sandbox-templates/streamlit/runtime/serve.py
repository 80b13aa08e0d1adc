"""Streamlit's own command, whose server also tells the App Builder which functions of the notebook the app calls."""

import sys
from pathlib import Path

from notebook_calls import LARGEST_ANSWER, calls


def with_calls(make):
    """``make``, which makes the server's application, with a route more."""

    def made(runtime):
        from starlette.routing import Route
        from streamlit import config

        app = make(runtime)
        base = (config.get_option("server.baseUrlPath") or "").strip("/")
        path = f"/{base}/_appbuilder/control" if base else "/_appbuilder/control"
        app.router.routes.insert(0, Route(path, control, methods=["POST"]))
        return app

    return made


async def control(request):
    from starlette.responses import JSONResponse

    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_ANSWER:
            return JSONResponse({"error": "The request is too large."}, 413)
    token, head = (request.headers.get(name, "") for name in ("x-appbuilder-control", "x-appbuilder-answer"))
    status, told = await calls.control(token, head, bytes(body))
    return JSONResponse(told, status)


def main():
    sys.path[0] = str(Path.cwd())  # where the app's modules are, not this file
    from streamlit.web.cli import main as run

    try:
        from streamlit.web.server.starlette import starlette_server

        starlette_server.create_starlette_app = with_calls(starlette_server.create_starlette_app)
    except (ImportError, AttributeError):
        print("This version of Streamlit runs the app without calls of the notebook.", file=sys.stderr)
    run(prog_name="streamlit")


if __name__ == "__main__":
    main()
