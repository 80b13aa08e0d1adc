"""How the templates' apps are built and run in a container: one recipe each.

Base images are named by major and minor version. Nothing runs as root, and nothing is written to but the folders of the
app's data, and ``/tmp``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PORT = 8000
USER = "10001:10001"
NODE = "node:24.11-slim"
PYTHON = "python:3.13-slim"

Explained = tuple[str, str]  # a variable's value unless told, and what it is for


@dataclass(frozen=True, slots=True)
class Recipe:
    """``lines`` make the image for a path (``{base}``, ``{prefix}``). ``ready``: the path below it that answers once
    the app runs. ``written``: folders besides its data that it writes to. ``environment``: what can be set. ``by``: the
    program that asks whether the app is well. ``strips``: it knows no base, the proxy in front takes the path off.
    ``framed``: variables for a host that shows the app in a frame, with a proxy of its own at ``{host}``."""

    lines: str
    ready: str = ""
    written: tuple[str, ...] = ()
    environment: Mapping[str, Explained] = field(default_factory=dict[str, Explained])
    by: str = "node"
    strips: bool = False
    framed: Mapping[str, str] = field(default_factory=dict[str, str])


TRUST_PROXY = {
    "TRUST_PROXY": ("", "1 behind a proxy that sets X-Forwarded-For: guesses of passwords are counted by it")
}

STATIC = Recipe(
    f"""
FROM {NODE}
WORKDIR /app
COPY --chown={USER} serve.mjs ./
COPY --chown={USER} site ./site
USER {USER}
CMD ["node", "serve.mjs", "site", "{PORT}", "{{base}}"]
"""
)

SERVERLESS = Recipe(
    f"""
FROM {NODE} AS build
WORKDIR /app
COPY app/package.json app/package-lock.json ./
RUN npm ci --ignore-scripts
COPY app ./
RUN npm run build

FROM {NODE}
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY app/package.json app/package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev
COPY --chown={USER} app ./
COPY --from=build --chown={USER} /app/dist ./dist
USER {USER}
CMD ["node", "server/serve.mjs", "{PORT}", "{{base}}", "--built"]
""",
    environment=TRUST_PROXY,
    framed={"TRUST_PROXY": "1"},
)

NEXTJS = Recipe(
    f"""
FROM {NODE} AS build
WORKDIR /app
ENV NEXT_TELEMETRY_DISABLED=1 BASE_PATH={{prefix}}
COPY app/package.json app/package-lock.json ./
RUN npm ci --ignore-scripts
COPY app ./
RUN npm run build

FROM {NODE}
WORKDIR /app
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 BASE_PATH={{prefix}}
COPY app/package.json app/package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev
COPY --chown={USER} app ./
COPY --from=build --chown={USER} /app/.next ./.next
USER {USER}
CMD ["node", "node_modules/next/dist/bin/next", "start", "--hostname", "0.0.0.0", "--port", "{PORT}"]
""",
    written=(".next/cache",),
    environment=TRUST_PROXY,
    framed={"TRUST_PROXY": "1"},
)

FASTAPI = Recipe(
    f"""
FROM {NODE} AS build
WORKDIR /app
COPY app/package.json app/package-lock.json ./
RUN npm ci --ignore-scripts
COPY app ./
RUN npm run build

FROM {PYTHON}
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY app/requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY --chown={USER} app ./
COPY --from=build --chown={USER} /app/dist ./dist
USER {USER}
CMD ["python", "-m", "uvicorn", "serve:app", "--host", "0.0.0.0", "--port", "{PORT}", "--no-access-log", \
"--timeout-graceful-shutdown", "3"]
""",
    ready="api/health",
    environment=TRUST_PROXY
    | {"FORWARDED_ALLOW_IPS": ("", "the address of the proxy in front, whose X-Forwarded headers count")},
    by="python",
    strips=True,
    framed={"TRUST_PROXY": "1", "FORWARDED_ALLOW_IPS": "*"},
)

STREAMLIT = Recipe(
    f"""
FROM {PYTHON}
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp STREAMLIT_SERVER_BASE_URL_PATH={{prefix}}
COPY app/requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY --chown={USER} app ./
USER {USER}
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "{PORT}", \
"--server.headless", "true", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false", \
"--client.toolbarMode", "viewer", "--client.showErrorDetails", "none"]
""",
    ready="_stcore/health",
    by="python",
    # In another site's frame it gets no cookies, and takes no file that is uploaded without one.
    framed={"STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false", "STREAMLIT_SERVER_ENABLE_CORS": "false"},
)

PANEL = Recipe(
    f"""
FROM {PYTHON}
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp BOKEH_ALLOW_WS_ORIGIN=localhost:{PORT}
COPY app/requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY --chown={USER} app ./
USER {USER}
CMD ["python", "-m", "panel", "serve", "app.py", "--address", "0.0.0.0", "--port", "{PORT}", "--prefix", "{{prefix}}", \
"--index", "app"]
""",
    ready="app",
    environment={"BOKEH_ALLOW_WS_ORIGIN": (f"localhost:{PORT}", "the names it is asked by, such as app.example.org")},
    by="python",
    framed={"BOKEH_ALLOW_WS_ORIGIN": "{host}"},
)

RECIPES: Mapping[str, Recipe] = {
    "serverless": SERVERLESS,
    "nextjs": NEXTJS,
    "fastapi-react": FASTAPI,
    "streamlit": STREAMLIT,
    "panel": PANEL,
}
"""Of apps that have to run, by template."""

_ASK: Mapping[str, Callable[[str], str]] = {
    "node": lambda url: (
        f'["node", "-e", "fetch(\'{url}\').then((a) => process.exit(a.status < 500 ? 0 : 1), () => process.exit(1))"]'
    ),
    "python": lambda url: f'["python", "-c", "import urllib.request as u; u.urlopen(\'{url}\', timeout=4).close()"]',
}


def containerfile(recipe: Recipe, base: str, *, user: str = USER, environment: Mapping[str, str] | None = None) -> str:
    """Its Containerfile for an app below ``base``, with a slash at both ends."""
    lines = recipe.lines.strip().replace("{base}", base).replace("{prefix}", base.rstrip("/")).replace(USER, user)
    before, _, command = lines.rpartition("\nCMD ")
    at = "/" if recipe.strips else base
    check = _ASK[recipe.by](f"http://127.0.0.1:{PORT}{at}{recipe.ready}")
    return (
        "# Made by Jupyter App Builder.\n"
        f"{before}\n"
        + (f"ENV {' '.join(f'{name}={value}' for name, value in environment.items())}\n" if environment else "")
        + f"EXPOSE {PORT}\n"
        f"HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD {check}\n"
        f"CMD {command}\n"
    )


def compose(name: str, number: int, recipe: Recipe, data: tuple[str, ...]) -> str:
    """Its ``compose.yaml``: the app alone, with no more rights than it needs."""
    volumes = [json.dumps(f"{_volume(path)}:/app/{path.rstrip('/')}") for path in data]
    temporary = ["/tmp:mode=1777", *(f"/app/{path}:mode=1777" for path in recipe.written)]
    lines = [
        f"name: {name}",
        "services:",
        "  app:",
        "    build:",
        "      context: .",
        "      dockerfile: Containerfile",
        f"    image: {name}:{number}",
        "    restart: unless-stopped",
        "    init: true",
        "    ports:",
        f'      - "127.0.0.1:${{PORT:-{PORT}}}:{PORT}"',
        "    env_file:",
        "      - path: .env",
        "        required: false",
        "    read_only: true",
        "    tmpfs:",
        *(f"      - {path}" for path in temporary),
        "    cap_drop:",
        "      - ALL",
        "    security_opt:",
        '      - "no-new-privileges:true"',
        "    mem_limit: 1g",
        "    pids_limit: 512",
    ]
    if volumes:
        lines += ["    volumes:", *(f"      - {one}" for one in volumes)]
        lines += ["volumes:", *(f"  {_volume(path)}:" for path in data)]
    return "\n".join(lines) + "\n"


def _volume(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", path.strip("/")).strip("-.") or "data"
