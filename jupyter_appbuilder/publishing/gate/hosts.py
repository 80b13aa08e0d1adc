"""Requests to other hosts: whoever opens the app tells them so, and what they send is run or shown in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .base import Found, Severity
from .files import Content

CODE = (".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".vue", ".svelte")
PAGES = (".html", ".htm", ".xhtml", ".svg")
STYLES = (".css", ".scss", ".less", ".sass")
TOLD = (*CODE, *PAGES, *STYLES, ".py", ".json", ".webmanifest")
NOT_SERVED = re.compile(
    r"(?:\A|/)(?:package(?:-lock)?\.json|tsconfig[\w.-]*\.json|components\.json|[\w.-]+\.config\.[cm]?[jt]s|ui\.schema\.json|"
    r"[\w.-]+\.(?:test|spec|stories|d)\.[jt]sx?|manifest\.json\.map)\Z|(?:\A|/)(?:tests?|__tests__|e2e|scenarios)/"
)
"""Settings of tools and tests: no reader's browser sees them."""

HOST = r"(?i:(?:https?|wss?):)?\\?/\\?/(?P<host>[A-Za-z0-9$\{\}\[\].:_-]{1,200})"
ATTRIBUTE = re.compile(
    rf"(?<![\w-])(?P<name>src|srcset|srcSet|href|xlink:href|xlinkHref|data|action|formaction|formAction|poster|ping|background|content|manifest)\s{{0,4}}=\s{{0,4}}\{{?\s{{0,4}}[\"'`]?(?:\d+;\s{{0,4}}url=)?{HOST}",
)
TAG = re.compile(r"<(?P<tag>[A-Za-z][\w:-]{0,40})(?=[\s/>])")
REL = re.compile(r"\brel\s{0,4}=\s{0,4}\{?[\"']?\s{0,4}([\w -]{1,60})", re.I)
FETCHED_RELS = {
    *("stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "import"),
    *("icon", "manifest", "apple-touch-icon", "mask-icon", "shortcut"),
}
FETCHED: dict[str, tuple[str, Severity]] = {
    "script": ("a script", "high"),
    "iframe": ("a frame", "high"),
    "frame": ("a frame", "high"),
    "embed": ("a frame", "high"),
    "object": ("a frame", "high"),
    "form": ("what is sent by a form", "high"),
    "button": ("what is sent by a form", "high"),
    "input": ("what is sent by a form", "high"),
    "base": ("all that the page loads", "high"),
    "img": ("a picture", "medium"),
    "image": ("a picture", "medium"),
    "source": ("a picture or sound", "medium"),
    "video": ("a video", "medium"),
    "audio": ("a sound", "medium"),
    "track": ("subtitles", "medium"),
    "use": ("a picture", "medium"),
    "feimage": ("a picture", "medium"),
}
IMPORT_MAP = re.compile(r"<script[^<>]{0,200}importmap[^<>]{0,200}>(?P<map>[^<]{0,100000})", re.I)
IN_A_MAP = re.compile(rf":\s{{0,9}}\"{HOST}")
STYLE_IMPORT = re.compile(rf"@import\s{{1,9}}(?:url\(\s{{0,9}})?[\"']?\s{{0,4}}{HOST}", re.I)
STYLE_URL = re.compile(rf"(?<!namespace )(?<![\w$.])url\(\s{{0,9}}\\?[\"']?\s{{0,4}}{HOST}")

CALL = re.compile(
    r"(?<![\w$])(?P<call>(?:\w{1,20}\.)?fetch|import|importScripts|(?:new\s{1,4})?(?:WebSocket|EventSource|Worker|SharedWorker|Request)"
    r"|(?:\w{1,20}\.)?sendBeacon|axios(?:\.\w{1,12})?|ky(?:\.\w{1,12})?|got(?:\.\w{1,12})?|useSWR|\$\.(?:get|post|getJSON|ajax|getScript)"
    r"|\w{0,20}\.loadScript|addModule|(?:d3\.)?(?:csv|tsv|json|text|dsv)|requests\.\w{1,12}|httpx\.\w{1,12}|urlopen|urlretrieve"
    r"|(?:pd|pl|pandas|polars)\.(?:read|scan)_\w{1,12}|(?:client|session|http|api)\.(?:get|post|put|patch|delete|request|stream)"
    r"|(?:st|components)\.(?:image|video|audio|iframe)|pn\.pane\.\w{1,12}|(?:new\s{1,4})?Audio)\s{0,4}\(\s{0,9}"
    r"|\.open\s{0,4}\(\s{0,9}[\"'][A-Za-z]{3,7}[\"']\s{0,4},\s{0,9}"
    r"|\.setAttribute\s{0,4}\(\s{0,9}[\"'](?:src|data|action)[\"']\s{0,4},\s{0,9}"
)
QUOTED = re.compile(rf"f?\\?[\"'`]\s{{0,4}}{HOST}")
FROM = re.compile(rf"(?<![\w$.])(?:from|import)\s{{0,4}}[\"']{HOST}")
PROPERTY = re.compile(
    rf"(?<![\w$-])[\"']?(?P<name>src|srcSet|srcset|poster|baseURL|baseUrl|base_url|apiUrl|apiURL|endpoint|tileUrl|tiles|css_files|js_files|dsn|api_host)[\"']?\s{{0,4}}[:=]\s{{0,4}}\[?\s{{0,4}}[\"'`]{HOST}"
)
STYLE_LINK = re.compile(rf"(?<![\w$])[\"']?href[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"'`]{HOST}")
CONSTANT = re.compile(
    rf"(?<![\w$.])(?P<name>[\w$]{{1,60}})\s{{0,4}}(?::\s{{0,4}}\w{{1,20}}\s{{0,4}})?[=:]\s{{0,4}}f?[\"'`]{HOST}"
)
WORDS = re.compile(r"[\w$]{1,60}")

NONE_OF_A_HOST = re.compile(
    r"(?:localhost|127\.\d|0\.0\.0\.0|\[?::1|\[::\]|10\.0\.2\.2|host\.docker\.internal|.*\.localhost)(?::|\]|\Z)", re.I
)
EXAMPLES = re.compile(r"(?:.*\.)?(?:example\.(?:com|org|net|edu)|example|test|invalid|your-?\w+\.\w+)(?::\d+)?\Z", re.I)
NAMESPACES = re.compile(
    r"(?:www\.)?(?:w3\.org|xmlns\.com|purl\.org|schema\.org|ns\.adobe\.com|schemas\.\w+\.(?:com|org)|json-schema\.org)\Z",
    re.I,
)
TRACKERS = re.compile(
    r"(?:.*\.)?(?:google-analytics\.com|googletagmanager\.com|doubleclick\.net|segment\.(?:io|com)|mixpanel\.com|amplitude\.com|hotjar\.com|"
    r"clarity\.ms|facebook\.(?:net|com)|posthog\.com|plausible\.io|fullstory\.com|heap\.io|heapanalytics\.com|matomo\.cloud|umami\.is|"
    r"cloudflareinsights\.com|bat\.bing\.com|analytics\.tiktok\.com|snap\.licdn\.com|newrelic\.com|nr-data\.net|datadoghq\.com|sentry\.io)\Z"
)
FONTS = re.compile(r"fonts\.(?:googleapis|gstatic)\.com|use\.typekit\.net|fonts\.bunny\.net")
NEAR = 4_000
"""Characters after which a name of one or two letters, as minifiers give them, may be another's."""


def host_of(text: str) -> str:
    """A host as it is told, without what a program puts into it; "" for one that is no other."""
    host = re.sub(r"\$?\{[^{}]{0,100}\}?", "*", text).strip(".").lower()
    host = re.sub(r":\d{1,5}\Z", "", host)
    if not host or NONE_OF_A_HOST.match(host) or EXAMPLES.match(host) or NAMESPACES.match(host):
        return ""
    return (
        host
        if re.fullmatch(r"[\w*-]+(?:\.[\w*-]+)*\.[a-z*][a-z0-9*-]{1,30}|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]", host)
        else ""
    )


def find_hosts(content: Content) -> Iterator[Found]:
    """Requests that a file makes to other hosts."""
    suffix = content.suffix
    if (
        suffix not in TOLD
        or content.binary
        or ("//" not in content.text and "\\/\\/" not in content.text)
        or NOT_SERVED.search(content.path)
    ):
        return
    if suffix in PAGES or suffix in (".tsx", ".jsx", ".vue", ".svelte", ".js", ".mjs", ".py"):
        yield from _of_tags(content)
    if suffix not in (".py", ".json", ".webmanifest"):
        for pattern in (STYLE_IMPORT, STYLE_URL):
            for match in pattern.finditer(content.text):
                what = "a font or style" if pattern is STYLE_IMPORT else "a picture or font"
                yield from _request(content, match, what, "medium")
    if suffix not in STYLES:
        yield from _of_code(content)


def _of_tags(content: Content) -> Iterator[Found]:
    text = content.text
    for match in IMPORT_MAP.finditer(text):
        for one in IN_A_MAP.finditer(text, match.start("map"), match.end("map")):
            yield from _request(content, one, "a module", "high")
    for tag in TAG.finditer(text):
        name = tag["tag"].lower()
        known = FETCHED.get(name)
        if known is None and name not in ("link", "meta"):
            continue
        end = text.find(">", tag.end(), tag.end() + 4000)
        end = end if end >= 0 else min(len(text), tag.end() + 4000)
        for match in ATTRIBUTE.finditer(text, tag.end(), end):
            attribute = match["name"].lower()
            if name == "link":
                rels = set((rel[1] if (rel := REL.search(text, tag.end(), end)) else "").lower().split())
                if attribute != "href" or not rels & FETCHED_RELS:
                    continue
                known = ("a style" if "stylesheet" in rels else "a file", "high" if "stylesheet" in rels else "medium")
            elif name == "meta":
                if "refresh" not in text[tag.end() : end].lower():
                    continue
                known = ("another page in its place", "high")
            elif (
                attribute in ("content", "manifest")
                or (attribute == "data" and name != "object")
                or (name in ("button", "input") and attribute not in ("formaction", "src"))
            ):
                continue
            if known:
                yield from _request(content, match, *known)


def _of_code(content: Content) -> Iterator[Found]:
    text = content.text
    server = content.suffix == ".py"
    what = "what the app's server asks for" if server else "what it asks for"
    used: dict[str, list[int]] = {}
    for call in CALL.finditer(text):
        quoted = QUOTED.match(text, call.end())
        if quoted:
            kind = _kind(call["call"] or "open")
            yield from _request(content, quoted, kind or what, "medium" if server else "high")
            continue
        until = re.compile(r"[,);\n]").search(text, call.end(), call.end() + 200)
        first = text[call.end() : until.start() if until else call.end() + 200]
        if first.startswith(("new URL(", "URL(")):
            first = text[call.end() : call.end() + 200].partition(")")[0]
        for word in WORDS.findall(first)[:12]:
            places = used.setdefault(word, [])
            if len(places) < 50:
                places.append(call.start())
    for match in FROM.finditer(text):
        yield from _request(content, match, "a module", "high")
    for match in PROPERTY.finditer(text):
        picture = match["name"].lower() in ("src", "srcset", "poster")
        yield from _request(content, match, "a picture or script" if picture else what, "medium")
    for match in STYLE_LINK.finditer(text):
        if re.search(r"stylesheet|preconnect|preload", text[max(0, match.start() - 120) : match.end() + 120]):
            yield from _request(content, match, "a style", "high")
    for match in CONSTANT.finditer(text):
        places = used.get(match["name"], ())
        short = len(match["name"]) <= 2
        if any(not short or 0 <= place - match.start() <= NEAR for place in places):
            yield from _request(content, match, what, "medium" if server else "high")


def _kind(call: str) -> str:
    name = call.rpartition(".")[2].split()[-1]
    if name in ("import", "importScripts", "addModule", "loadScript", "getScript", "Worker", "SharedWorker"):
        return "a script"
    return "what it tells of its readers" if name == "sendBeacon" else ""


def _request(content: Content, match: re.Match[str], what: str, severity: Severity) -> Iterator[Found]:
    host = host_of(match["host"])
    if host:
        start = match.start("host")
        yield _found(
            host,
            what,
            severity,
            content.path,
            content.line(start),
            content.where,
            content.around(start, match.end("host"), hide=False),
        )


def _found(host: str, what: str, severity: Severity, path: str, line: int | None, where: str, excerpt: str) -> Found:
    plain = "a host that is made up as it runs" if host.strip("*.") == "" else host
    if TRACKERS.match(host):
        message, hint = (
            f"The app tells {plain} who reads it.",
            "Take the tracker out. App Builder counts visits by day without one.",
        )
    elif FONTS.match(host):
        message, hint = (
            f"The app loads fonts from {plain}, which learns who reads it.",
            "Put the font into the app: an npm package such as @fontsource/… has its files.",
        )
    else:
        message, hint = (
            f"The app asks {plain} for {what}.",
            "Put what it loads into the app, or ask through a function of the app's server. Else say why it has to.",
        )
    return Found(
        "other_host",
        "host",
        message,
        path=path,
        line=line,
        where="page" if where == "page" else "bundle" if where == "bundle" else "app",
        excerpt=excerpt,
        hint=hint,
        severity=severity,
        key=host,
    )


def seen_hosts(hosts: Sequence[str]) -> Iterator[Found]:
    """Those that the page asked while it was looked at."""
    for host in hosts:
        name = host_of(re.sub(r"\A\w+://", "", host).split("/")[0])
        if name:
            yield _found(name, "something, as was seen when it was looked at", "high", "", None, "page", "")
