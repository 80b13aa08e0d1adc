"""Our own pages: while the app starts, and where it does not run. They say nothing of how it works inside."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from html import escape
from pathlib import Path

from ..preview.pages import embedded, style
from .app import Status

_FOLDER = Path(__file__).parent / "pages"


def waiting(base: str, title: str, status: Status, request: str) -> str:
    """Shown until the app answers; it follows the status by itself."""
    data = {"base": base, "title": title[:200] or "the app", "request": request, "status": asdict(status)}
    return _page("waiting.html").replace("/*STATUS*/null", embedded(data))


def message(title: str, text: str, request: str, beginning: str = "") -> str:
    """``beginning``: where the app begins, if that is a way on."""
    way = f'<p><a href="{escape(beginning)}">Open the app</a></p>' if beginning else ""
    page = _page("message.html").replace("/*TITLE*/", escape(title)).replace("/*TEXT*/", escape(text))
    return page.replace("/*WAY*/", way).replace("/*REQUEST*/", escape(f"Request {request}" if request else ""))


@cache
def _page(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").replace("/*STYLE*/", style())
