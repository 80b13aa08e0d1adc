"""Functions of an app's server that do something for whoever asks: without asking who that is.

What counts as asking, by template:

- ``serverless``: ``auth.need()``, ``auth.own``, ``auth.user``, ``export const access = "user"``; ``:user`` in a query
- ``nextjs``: ``userOf(request)``, ``own``; sessions of other libraries; a ``middleware`` that does
- ``fastapi-react``: a parameter ``accounts.SignedIn``; dependencies that ask, of a route, a router or the app
- other servers in Python or Node: decorators and middleware
- ``static``, ``react-vite``, ``vue-vite``, ``streamlit``, ``panel``: no functions that a page calls by itself

``access = "everyone"``, or a comment that says so, is an answer, too.

What changes something is a finding; what only tells is one where others of the app ask who wants to know it, and where
it spends what a secret of the app's pays for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .base import Found, Severity
from .files import Content

JS = (".ts", ".tsx", ".js", ".mjs", ".jsx")
WRITES = {"POST", "PUT", "PATCH", "DELETE", "default", "socket", "action", "WEBSOCKET"}
EVERYBODY = re.compile(r"access\s{0,4}[:=]\s{0,4}[\"']?everyone\b", re.I)
ASKS_JS = re.compile(
    r"\bauth\s{0,4}\.\s{0,4}(?:need|own|user)\b|\bauth\s{0,4}\(|\{[^{}]{0,80}\bauth\b[^{}]{0,80}\}\s{0,4}=\s{0,4}|export\s{1,4}const\s{1,4}access\s{0,4}=\s{0,4}[\"']user"
    r"|\buserOf\s{0,4}\(|\bown\s{0,4}\(|getServerSession|getSession\b|getToken\s{0,4}\(|currentUser\b|requireUser|require_?auth|isAuthenticated|verif(?:y|ied)\w{0,20}\s{0,4}\("
    r"|checkAuth|validateRequest|timingSafeEqual|\b40[13]\b|authoriz|authenticat|signature|passport\.|clerk|supabase\.auth|withAuth|protect\w{0,12}\(",
    re.I,
)
EXPORT = re.compile(
    r"^[ \t]{0,8}export\s{1,4}(?:default\b|(?:async\s{1,4})?function\s{0,4}\*?\s{0,4}(?P<function>\w{1,60})"
    r"|(?:const|let|var)\s{1,4}(?P<const>\w{1,60}))",
    re.M,
)
NAMED_EXPORTS = re.compile(r"export\s{0,4}\{(?P<names>[^{}]{1,400})\}")
METHODS = {"GET", "HEAD", "OPTIONS", *WRITES} - {"default", "action", "WEBSOCKET"}
CHANGES_JS = re.compile(
    r"\bdb\s{0,4}\.\s{0,4}(?:run|transaction|exec)\b|\b(?:INSERT\s{1,4}INTO|UPDATE\s{1,4}\w|DELETE\s{1,4}FROM)|writeFile|appendFile|\.(?:insert|create|update|delete|upsert)\s{0,4}\(",
    re.I,
)
TELLS_JS = re.compile(
    r"\bdb\s{0,4}\.|\bquery\s{0,4}\(|readFile|\.(?:findMany|findUnique|select)\s{0,4}\(|python\s{0,4}\(", re.I
)
SPENDS_JS = re.compile(
    r"\benv\s{0,4}\.\s{0,4}(?P<name>[A-Z][A-Z0-9_]{2,63})|secret\(\s{0,4}[\"'](?P<named>[A-Z][A-Z0-9_]{2,63})"
)
A_KEY = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH")
ROUTE_JS = re.compile(
    r"(?<![\w$])(?P<app>app|router|server|api|fastify|[a-z]\w{0,20}Router)\s{0,4}\.\s{0,4}(?P<method>get|post|put|patch|delete|all)\s{0,4}\(\s{0,4}[\"'`](?P<path>/[^\"'`]{0,200})[\"'`]"
)
USES_JS = re.compile(
    r"(?:app|router|server|api|fastify)\s{0,4}\.\s{0,4}(?:use|addHook|register)\s{0,4}\((?P<what>[^;]{0,300})"
)
SERVER_JS = re.compile(r"[\"'](?:express|hono|fastify|koa|node:http|@hapi/hapi)[\"'/]")

ASKS_PY = re.compile(
    r"signed_?in|current_?\w{0,20}user|active_?user|get_?user|auth|login|verify|require|permission|role|principal|api_?key|token|guard|protect|admin|session_?user",
    re.I,
)
PUBLIC_PATHS = re.compile(
    r"/(?:health\w*|ready|live|ping|status|version|docs|openapi\.json|login|log-?in|sign-?in|logout|log-?out|sign-?out|sign-?up|register|session|csrf|auth|oauth|callback|me)(?:/|\Z)",
    re.I,
)
METHODS_PY = {"get", "post", "put", "patch", "delete", "websocket", "api_route", "route"}
INCLUDED = re.compile(
    r"include_router\(\s{0,20}(?P<module>\w{1,60})\.\w{1,60}\s{0,20},(?P<how>[^\n]{0,300}dependencies[^\n]{0,300})"
)
COMMENT_JS = re.compile(r"//[^\n]*|/\*.{0,20000}?\*/", re.S)
STARTS = ("functions/", "app/functions/")


@dataclass(frozen=True, slots=True)
class Endpoint:
    content: Content
    line: int
    method: str
    path: str  # as it is asked for
    asks: bool
    everybody: bool  # said so
    changes: bool
    tells: bool
    spends: str = ""  # the name of the secret


def find_open(contents: Sequence[Content]) -> Iterator[Found]:
    """The functions of the app's own files (``contents``) that answer whoever asks."""
    endpoints: list[Endpoint] = []
    guarded = False
    included = _included(contents)
    for content in contents:
        if content.suffix == ".py" and content.name[:-3] in included:
            continue
        if content.binary or re.search(
            r"(?:\A|/)(?:tests?|__tests__|node_modules|scenarios)/|\.(?:test|spec)\.", content.path
        ):
            continue
        if re.search(r"(?:\A|/)(?:src/)?(?:middleware|proxy)\.[jt]s\Z", content.path) and ASKS_JS.search(
            _bare(content.text)
        ):
            guarded = True
        endpoints += _of(content)
    accounts = (
        guarded
        or any(one.asks for one in endpoints)
        or any(content.name == "ui.json" and '"accounts"' in content.text for content in contents)
    )
    for one in endpoints:
        if one.asks or one.everybody or guarded or PUBLIC_PATHS.search(one.path):
            continue
        if one.changes:
            yield _found(one, "changes", "changes what the app keeps, for whoever asks", "high")
        elif one.spends:
            yield _found(
                one,
                "spends",
                f"uses the app's secret {one.spends}, for whoever asks: who finds its address spends it",
                "high",
            )
        elif one.tells and accounts:
            yield _found(
                one,
                "tells",
                "tells what the app keeps to whoever asks, while others of the app ask who wants to know",
                "medium",
            )


def _included(contents: Sequence[Content]) -> set[str]:
    """Modules whose routes ask because the app takes them in so: ``include_router(notes.router, dependencies=[…])``."""
    return {
        match["module"]
        for content in contents
        if content.suffix == ".py"
        for match in INCLUDED.finditer(content.text)
        if ASKS_PY.search(match["how"])
    }


def _of(content: Content) -> list[Endpoint]:
    path = content.path
    if path.startswith(STARTS) and not content.name.startswith("_"):
        if content.suffix == ".sql":
            return [_query(content)]
        if content.suffix in JS and not content.name.endswith(".d.ts"):
            return _exports(content, "api/" + re.sub(r"\A(?:app/)?functions/|\.\w+\Z", "", path))
    elif re.search(r"(?:\A|/)app/(?:.{1,300}/)?route\.[jt]sx?\Z", path) or re.search(
        r"(?:\A|/)pages/api/.{1,300}\.[jt]sx?\Z", path
    ):
        if not re.search(r"/api/(?:accounts|auth)/", path):
            where = re.sub(r"\A(?:.{0,300}/)?app/|/route\.[jt]sx?\Z|\A(?:.{0,300}/)?pages/|\.[jt]sx?\Z", "", path)
            return _exports(content, where)
    elif content.suffix in JS and re.search(r"\A\s{0,40}[\"']use server[\"']", _bare(content.text[:4000])):
        return _actions(content)
    elif content.suffix in JS and SERVER_JS.search(content.text):
        return _routes(content)
    elif content.suffix == ".py":
        return _python(content)
    return []


def _bare(text: str) -> str:
    """Code without its comments, as long as before."""
    return COMMENT_JS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _query(content: Content) -> Endpoint:
    text = content.text
    asks = bool(re.search(r":user\b|--\s{0,4}access\s{0,4}[:=]\s{0,4}user\b", text, re.I))
    path = "api/" + re.sub(r"\A(?:app/)?functions/|\.sql\Z", "", content.path)
    return Endpoint(content, 1, "GET", path, asks, bool(EVERYBODY.search(text)), False, True)


def _exports(content: Content, path: str) -> list[Endpoint]:
    text = _bare(content.text)
    everybody = bool(EVERYBODY.search(content.text))
    all_ask = bool(re.search(r"export\s{1,4}const\s{1,4}access\s{0,4}=\s{0,4}[\"']user", text))
    exports = list(EXPORT.finditer(text))
    asking = _that_ask(text)
    found: list[Endpoint] = []
    for match in NAMED_EXPORTS.finditer(text):
        for name in re.findall(r"(?:\bas\s{1,4})?\b([A-Z]{3,7}|socket|default)\s{0,4}(?:,|\Z)", match["names"]):
            if name in METHODS or name == "default":
                asks = all_ask or bool(ASKS_JS.search(text))
                changes = (name in WRITES and name != "default") or bool(CHANGES_JS.search(text))
                found.append(_endpoint(content, match.start(), name, path, asks, everybody, changes, text))
    for number, match in enumerate(exports):
        name = match["function"] or match["const"] or "default"
        if name not in METHODS and name != "default":
            continue
        end = exports[number + 1].start() if number + 1 < len(exports) else len(text)
        if name == "default":
            end = len(text)
        body = text[match.start() : end]
        if name == "default" and (routes := _routes(content)):
            found += routes
            continue
        asks = all_ask or bool(ASKS_JS.search(body)) or any(re.search(rf"\b{one}\s{{0,4}}\(", body) for one in asking)
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        changes = (name in WRITES and name != "default") or bool(CHANGES_JS.search(body))
        found.append(_endpoint(content, start, name, path, asks, everybody, changes, body))
    return found


def _that_ask(text: str) -> list[str]:
    """Names of a file's own functions that ask who it is: a handler that calls one does, too."""
    names: list[str] = []
    for match in list(
        re.finditer(
            r"^(?:async\s{1,4})?function\s{1,4}(\w{1,60})|^const\s{1,4}(\w{1,60})\s{0,4}=\s{0,4}(?:async\s{0,4})?\(",
            text,
            re.M,
        )
    )[:200]:
        end = text.find("\n}", match.end())
        if ASKS_JS.search(text[match.end() : end if end >= 0 else match.end() + 2000]):
            names.append(match[1] or match[2])
    return names


def _endpoint(
    content: Content, at: int, method: str, path: str, asks: bool, everybody: bool, changes: bool, body: str
) -> Endpoint:
    spends = next(
        (name for match in SPENDS_JS.finditer(body) if A_KEY.search(name := match["name"] or match["named"])), ""
    )
    return Endpoint(
        content, content.line(at), method, path, asks, everybody, changes, bool(TELLS_JS.search(body)), spends
    )


def _actions(content: Content) -> list[Endpoint]:
    """Functions that a page of Next.js calls on its server: addresses like others, for whoever asks."""
    text = _bare(content.text)
    exports = list(EXPORT.finditer(text))
    everybody = bool(EVERYBODY.search(content.text))
    found: list[Endpoint] = []
    for number, match in enumerate(exports):
        end = exports[number + 1].start() if number + 1 < len(exports) else len(text)
        body = text[match.start() : end]
        if CHANGES_JS.search(body) or SPENDS_JS.search(body):
            name = match["function"] or match["const"] or "default"
            asks = bool(ASKS_JS.search(body))
            found.append(
                _endpoint(content, match.start(), "action", name, asks, everybody, bool(CHANGES_JS.search(body)), body)
            )
    return found


def _routes(content: Content) -> list[Endpoint]:
    """Of servers such as Express and Hono."""
    text = _bare(content.text)
    matches = list(ROUTE_JS.finditer(text))[:2000]
    everybody = bool(EVERYBODY.search(content.text))
    guards = [
        use.start()
        for use in USES_JS.finditer(text)
        if ASKS_JS.search(use["what"]) or re.search(r"auth|guard|protect|require", use["what"], re.I)
    ]
    found: list[Endpoint] = []
    for number, match in enumerate(matches):
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        body = text[match.end() : end]
        method = match["method"].upper().replace("ALL", "POST")
        asks = any(guard < match.start() for guard in guards) or bool(ASKS_JS.search(body))
        asks = asks or bool(
            re.match(r"\s{0,4},\s{0,4}\w{0,30}(?:auth|require|protect|guard|verify|ensure)\w{0,30}", body, re.I)
        )
        changes = method in WRITES or bool(CHANGES_JS.search(body))
        found.append(_endpoint(content, match.start(), method, match["path"], asks, everybody, changes, body))
    return found


def _python(content: Content) -> list[Endpoint]:
    """Routes of FastAPI, Starlette and Flask."""
    text = content.data.decode("utf-8", "replace")
    if "SignedIn =" in text:  # the template's own accounts: their routes are the way in
        return []
    if "@" not in text or not re.search(r"fastapi|starlette|flask|litestar|sanic|APIRouter", text, re.I):
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines = text.split("\n")
    found: list[Endpoint] = []
    routers: set[str] = set()  # names of routers that ask
    whole = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _dependencies(node.value):
            routers |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            re.search(r"middleware|before_request", ast.unparse(one)) for one in node.decorator_list
        ):
            whole = whole or bool(re.search(r"40[13]|auth|token|login", ast.unparse(node), re.I))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            how = decorator.func.attr
            if how not in METHODS_PY:
                continue
            first = decorator.args[0] if decorator.args else None
            path = str(first.value) if isinstance(first, ast.Constant) else ""
            if not path.startswith("/") and path:
                continue
            methods = _methods(decorator, how)
            body = "\n".join(map(ast.unparse, node.body))
            others = [one for one in node.decorator_list if one is not decorator]
            owner = ast.unparse(decorator.func.value)
            asks = (
                whole
                or owner in routers
                or _dependencies(decorator)
                or _parameters_ask(node)
                or any(ASKS_PY.search(ast.unparse(one)) for one in others)
                or bool(
                    re.search(
                        r"\b40[13]\b|HTTP_40[13]|compare_digest|current_user|is_authenticated|session\[|\.user\b", body
                    )
                )
            )
            near = "\n".join(lines[max(0, decorator.lineno - 3) : node.body[0].lineno + 1])
            everybody = bool(EVERYBODY.search(near)) or bool(EVERYBODY.search("\n".join(lines[:5])))
            spends = re.search(
                r"secret\(\s{0,4}[\"'](?P<name>[A-Z][A-Z0-9_]{2,63})|environ(?:\.get\(|\[)\s{0,4}[\"'](?P<other>[A-Z][A-Z0-9_]{2,63})",
                body,
            )
            name = (spends["name"] or spends["other"]) if spends else ""
            changes = any(method in WRITES for method in methods)
            tells = bool(re.search(r"\bdb\b|store\.|query|execute|read_|open\(|session\.", body))
            found.append(
                Endpoint(
                    content,
                    decorator.lineno,
                    methods[0],
                    path,
                    asks,
                    everybody,
                    changes,
                    tells,
                    name if A_KEY.search(name) else "",
                )
            )
    return found


def _methods(decorator: ast.Call, how: str) -> list[str]:
    if how == "websocket":
        return ["WEBSOCKET"]
    if how in ("route", "api_route"):
        for keyword in decorator.keywords:
            if keyword.arg == "methods":
                named = re.findall(r"[A-Z]{3,7}", ast.unparse(keyword.value))
                return sorted(named, key=lambda one: one not in WRITES) or ["GET"]
        return ["GET"]
    return [how.upper()]


def _dependencies(call: ast.Call) -> bool:
    return any(
        keyword.arg in ("dependencies", "guards", "middleware") and bool(ASKS_PY.search(ast.unparse(keyword.value)))
        for keyword in call.keywords
    )


def _parameters_ask(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for one in arguments:
        kind = ast.unparse(one.annotation) if one.annotation else ""
        if re.search(r"SignedIn|Current\w*|Auth\w*|Principal|(?:Depends|Security)\(", kind) and ASKS_PY.search(kind):
            return True
    defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
    return any(
        isinstance(one, ast.Call)
        and re.search(r"Depends|Security", ast.unparse(one.func))
        and ASKS_PY.search(ast.unparse(one))
        for one in defaults
    )


def _found(one: Endpoint, rule: str, what: str, severity: Severity) -> Found:
    name = (
        "The action"
        if one.method == "action"
        else "A socket at"
        if one.method in ("socket", "WEBSOCKET")
        else ""
        if one.method == "default"
        else one.method
    )
    start = one.content.data.split(b"\n", one.line)[one.line - 1 : one.line]
    return Found(
        "open_function",
        rule,
        f"{name} {one.path} {what}.".strip(),
        path=one.content.path,
        line=one.line,
        where="app",
        excerpt=start[0].decode("utf-8", "replace").strip() if start else "",
        hint=_hint(one),
        severity=severity,
        key=f"{rule}\0{one.content.path}\0{one.method}\0{one.path}",
    )


def _hint(one: Endpoint) -> str:
    if one.content.path.startswith(STARTS):
        if one.content.suffix == ".sql":
            return 'Say WHERE owner = :user, or "-- access: user"; "-- access: everyone" if it is for everybody.'
        return 'Give the app accounts and ask auth.need(), or say export const access = "everyone".'
    if one.content.suffix == ".py":
        return 'Take a parameter user: accounts.SignedIn, or say "# access: everyone" above the route.'
    return 'Ask userOf(request) first, or say "// access: everyone" above it.'
