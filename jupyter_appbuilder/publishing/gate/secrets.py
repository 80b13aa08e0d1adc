"""Keys, passwords and tokens in files: by the shapes that providers give theirs, by the names that they are bound to
together with how random a value looks, and the values of the app's own secrets.

All expressions are bounded, and start at a fixed text that is looked for first: the time grows with the file's length.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from ...vault.mask import forms_of
from ...workspace.ignore import is_secret_path
from .base import Found
from .files import Content

ROTATE = (
    "Take it out of the app, give the app a secret in its place, and have its provider replace it: it was written down."
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the keys of one provider look like. ``start``: a text that each has, ``before`` characters from its
    beginning. ``random``: characters at the beginning that are the same in all of them are left out of how random
    a value looks."""

    rule: str
    title: str
    start: str
    pattern: re.Pattern[str]
    before: int = 0
    check: Callable[[str], bool] | None = None
    severity: str = "high"


def _shape(rule: str, title: str, start: str, pattern: str, **more: Any) -> Shape:
    return Shape(rule, title, start, re.compile(pattern), **more)


_END = r"(?![A-Za-z0-9_])"


def _is_told(token: str) -> bool:
    """False for a JWT that is meant to be read by everybody, and for what is none."""
    head, claims, _ = token.split(".", 2)
    try:
        header, payload = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims)
        )
    except (ValueError, RecursionError):
        return False
    if not isinstance(header, dict) or "alg" not in header or not isinstance(payload, dict):
        return False
    fields = cast("dict[str, Any]", payload)
    of_docs = fields.get("name") == "John Doe" and fields.get("sub") == "1234567890"  # of jwt.io
    return not of_docs and fields.get("role") != "anon"  # Supabase's key for pages


SHAPES: Sequence[Shape] = (
    # Models
    _shape("openai", "a key of OpenAI", "sk-proj-", r"sk-proj-[\w-]{20,250}"),
    _shape("openai", "a key of OpenAI", "sk-svcacct-", r"sk-svcacct-[\w-]{20,250}"),
    _shape("openai", "a key of OpenAI", "sk-admin-", r"sk-admin-[\w-]{20,250}"),
    _shape("anthropic", "a key of Anthropic", "sk-ant-", r"sk-ant-[a-z]{2,8}\d{2}-[\w-]{20,150}"),
    _shape("openrouter", "a key of OpenRouter", "sk-or-", r"sk-or-v1-[0-9a-f]{40,80}"),
    _shape("langfuse", "a key of Langfuse", "sk-lf-", r"sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    _shape("openai", "a key of OpenAI or of a provider like it", "sk-", rf"sk-[A-Za-z0-9]{{32,80}}{_END}"),
    _shape("google-api", "an API key of Google", "AIza", r"AIza[\w-]{35}(?![\w-])", severity="medium"),
    _shape("google-oauth", "a client secret of Google", "GOCSPX-", r"GOCSPX-[\w-]{28}"),
    _shape("google-oauth", "an access token of Google", "ya29.", r"ya29\.[\w-]{30,500}"),
    _shape(
        "huggingface", "a token of Hugging Face", "hf_", rf"hf_[A-Za-z]{{30,40}}{_END}|hf_[A-Za-z0-9]{{34,40}}{_END}"
    ),
    _shape("replicate", "a token of Replicate", "r8_", rf"r8_[A-Za-z0-9]{{37}}{_END}"),
    _shape("groq", "a key of Groq", "gsk_", rf"gsk_[A-Za-z0-9]{{40,70}}{_END}"),
    _shape("xai", "a key of xAI", "xai-", rf"xai-[A-Za-z0-9]{{60,100}}{_END}"),
    _shape("perplexity", "a key of Perplexity", "pplx-", rf"pplx-[A-Za-z0-9]{{40,64}}{_END}"),
    _shape("nvidia", "a key of NVIDIA", "nvapi-", r"nvapi-[\w-]{50,100}"),
    _shape("tavily", "a key of Tavily", "tvly-", rf"tvly-(?:dev-|prod-)?[A-Za-z0-9]{{24,40}}{_END}"),
    _shape("e2b", "a key of E2B", "e2b_", rf"e2b_[0-9a-f]{{40}}{_END}"),
    _shape("langsmith", "a key of LangSmith", "lsv2_", rf"lsv2_(?:pt|sk)_[0-9a-f]{{32}}_[0-9a-f]{{10}}{_END}"),
    _shape("pinecone", "a key of Pinecone", "pcsk_", r"pcsk_\w{40,100}"),
    _shape("elevenlabs", "a key of ElevenLabs", "sk_", rf"sk_[0-9a-f]{{48}}{_END}"),
    _shape("databricks", "a key of Databricks", "dapi", rf"dapi[0-9a-f]{{32}}(?:-\d)?{_END}"),
    # Clouds
    *(
        _shape("aws", "an access key of AWS", start, rf"{start}[A-Z0-9]{{16}}{_END}")
        for start in ("AKIA", "ASIA", "ABIA", "ACCA")
    ),
    _shape("azure-storage", "a key of Azure Storage", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{60,90}={0,2}"),
    _shape("azure-ad", "a client secret of Azure", "Q~", r"[\w.~]{3}\dQ~[\w.~-]{31,34}", before=4),
    _shape("alibaba", "an access key of Alibaba Cloud", "LTAI", rf"LTAI[A-Za-z0-9]{{16,24}}{_END}"),
    _shape("digitalocean", "a token of DigitalOcean", "_v1_", rf"do[opr]_v1_[0-9a-f]{{64}}{_END}", before=3),
    _shape("cloudflare", "a key of Cloudflare", "v1.0-", rf"v1\.0-[0-9a-f]{{24}}-[0-9a-f]{{146}}{_END}"),
    _shape("heroku", "a key of Heroku", "HRKU-", r"HRKU-[\w-]{36,70}"),
    _shape("fly", "a token of Fly.io", "FlyV1 ", r"FlyV1 fm\d[\w=+/,-]{40,1000}"),
    _shape("vercel", "a token of Vercel", "vercel_blob_rw_", r"vercel_blob_rw_[A-Za-z0-9]{10,20}_[A-Za-z0-9]{20,60}"),
    _shape("supabase", "a secret key of Supabase", "sb_secret_", r"sb_secret_[\w-]{20,60}"),
    _shape("supabase", "a token of Supabase", "sbp_", rf"sbp_[0-9a-f]{{40}}{_END}"),
    _shape("planetscale", "a password of PlanetScale", "pscale_", r"pscale_(?:pw|tkn|oauth)_[\w.-]{32,64}"),
    _shape("vault", "a token of HashiCorp Vault", "hvs.", r"hvs\.[\w-]{24,150}"),
    _shape(
        "terraform", "a token of Terraform Cloud", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,80}", before=14
    ),
    _shape(
        "doppler",
        "a token of Doppler",
        "dp.",
        rf"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{{2,35}}\.)?[A-Za-z0-9]{{40,44}}{_END}",
    ),
    _shape("age", "a key of age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    _shape("1password", "a token of 1Password", "ops_eyJ", r"ops_eyJ[A-Za-z0-9+/=_-]{100,2000}"),
    # Code and packages
    *(
        _shape("github", "a token of GitHub", start, rf"{start}[A-Za-z0-9]{{36,251}}{_END}")
        for start in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    _shape("github", "a token of GitHub", "github_pat_", rf"github_pat_\w{{50,100}}{_END}"),
    _shape("gitlab", "a token of GitLab", "gl", r"gl(?:pat|dt|rt|ptt|agent|soat|cbt|ft|imt|oas|ffct)-[\w-]{20,100}"),
    _shape("npm", "a token of npm", "npm_", rf"npm_[A-Za-z0-9]{{36}}{_END}"),
    _shape("pypi", "a token of PyPI", "pypi-AgE", r"pypi-AgE[\w-]{50,250}"),
    _shape("rubygems", "a key of RubyGems", "rubygems_", rf"rubygems_[0-9a-f]{{48}}{_END}"),
    _shape("sentry", "a token of Sentry", "sntry", r"sntry(?:s_eyJ[\w+/=]{60,500}|u_[0-9a-f]{64})"),
    _shape("grafana", "a token of Grafana", "glsa_", rf"glsa_[A-Za-z0-9]{{32}}_[0-9A-Fa-f]{{8}}{_END}"),
    _shape("grafana", "a token of Grafana", "glc_eyJ", r"glc_eyJ[\w+/=]{30,400}"),
    _shape("newrelic", "a key of New Relic", "NRAK-", rf"NRAK-[A-Z0-9]{{27}}{_END}"),
    _shape("postman", "a key of Postman", "PMAK-", rf"PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}{_END}"),
    # Messages, money, documents
    _shape("slack", "a token of Slack", "xox", r"xox[abeoprs](?:\.xox[bp])?-[\w-]{20,250}"),
    _shape("slack", "a token of Slack", "xapp-", r"xapp-\d-[A-Z0-9]{8,15}-\d{8,16}-[0-9a-f]{40,80}"),
    _shape(
        "slack-webhook",
        "a webhook of Slack",
        "hooks.slack.com/",
        r"hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,12}/[A-Z0-9]{6,14}/[A-Za-z0-9/]{18,60}",
    ),
    _shape("discord-webhook", "a webhook of Discord", "/api/webhooks/", r"/api/webhooks/\d{17,20}/[\w-]{60,80}"),
    _shape("telegram", "a token of a Telegram bot", ":AA", r"\d{8,10}:AA[\w-]{33}(?![\w-])", before=10),
    *(
        _shape("stripe", "a secret key of Stripe", start, rf"{start}[A-Za-z0-9]{{16,150}}{_END}")
        for start in ("sk_live_", "sk_test_", "rk_live_", "rk_test_")
    ),
    _shape("stripe-webhook", "a webhook secret of Stripe", "whsec_", r"whsec_[A-Za-z0-9+/=]{24,80}"),
    _shape("square", "a token of Square", "sq0", r"sq0(?:atp|csp)-[\w-]{22,43}"),
    _shape("shopify", "a token of Shopify", "shp", rf"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}}{_END}"),
    _shape("twilio", "a key of Twilio", "SK", rf"SK[0-9a-f]{{32}}{_END}"),
    _shape("sendgrid", "a key of SendGrid", "SG.", r"SG\.[\w-]{16,32}\.[\w-]{30,64}"),
    _shape("mailgun", "a key of Mailgun", "key-", rf"key-[0-9a-f]{{32}}{_END}"),
    _shape("mailchimp", "a key of Mailchimp", "-us", rf"[0-9a-f]{{32}}-us\d{{1,2}}{_END}", before=32),
    _shape("resend", "a key of Resend", "re_", rf"re_[A-Za-z0-9]{{8}}_[A-Za-z0-9]{{22,30}}{_END}"),
    _shape("facebook", "an access token of Meta", "EAA", rf"EAA[A-Za-z0-9]{{90,300}}{_END}"),
    _shape("notion", "a token of Notion", "ntn_", rf"ntn_[A-Za-z0-9]{{40,50}}{_END}"),
    _shape("linear", "a key of Linear", "lin_api_", rf"lin_api_[A-Za-z0-9]{{40}}{_END}"),
    _shape("airtable", "a token of Airtable", "pat", rf"pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}{_END}"),
    _shape("atlassian", "a token of Atlassian", "ATATT3", r"ATATT3[\w=-]{100,250}"),
    _shape("figma", "a token of Figma", "figd_", r"figd_[\w-]{38,60}"),
    _shape("posthog", "a personal key of PostHog", "phx_", rf"phx_[A-Za-z0-9]{{40,60}}{_END}"),
    _shape("mapbox", "a secret token of Mapbox", "sk.eyJ", r"sk\.eyJ[\w-]{20,200}\.[\w-]{20,40}"),
    _shape("contentful", "a token of Contentful", "CFPAT-", r"CFPAT-[\w-]{43}"),
    _shape("linear", "a token of Linear", "lin_oauth_", r"lin_oauth_[0-9a-f]{60,70}"),
    _shape("adafruit", "a key of Adafruit", "aio_", rf"aio_[A-Za-z0-9]{{28}}{_END}"),
    _shape("clojars", "a token of Clojars", "CLOJARS_", r"CLOJARS_[0-9a-f]{50,64}"),
    _shape("dynatrace", "a token of Dynatrace", "dt0", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _shape("flutterwave", "a secret key of Flutterwave", "FLWSECK", r"FLWSECK(?:_TEST)?-[0-9a-f]{32}-X"),
    _shape("frameio", "a token of Frame.io", "fio-u-", r"fio-u-[\w=-]{60,66}"),
    _shape(
        "amazon-mws", "a token of Amazon MWS", "amzn.mws.", r"amzn\.mws\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    ),
    # Others whose keys begin with what only they begin with
    *(
        _shape(rule, f"a key of {title}", start, pattern + _END)
        for rule, title, start, pattern in (
            ("1password", "1Password", "A3-", r"A3-[A-Z0-9]{6}-[A-Z0-9]{6,11}(?:-[A-Z0-9]{5}){3,4}"),
            ("artifactory", "Artifactory", "AKCp", r"AKCp[A-Za-z0-9]{69}"),
            ("adobe", "Adobe", "p8e-", r"p8e-[A-Za-z0-9]{32}"),
            ("clickhouse", "ClickHouse", "4b1d", r"4b1d[A-Za-z0-9]{38}"),
            ("duffel", "Duffel", "duffel_", r"duffel_(?:test|live)_[\w=-]{43}"),
            ("easypost", "EasyPost", "EZ", r"EZ[AT]K[A-Za-z0-9]{54}"),
            ("fly", "Fly.io", "fm2_", r"fm2_[A-Za-z0-9+/]{100,600}={0,3}"),
            ("gitlab", "GitLab", "GR1348941", r"GR1348941[\w-]{20}"),
            ("grafana", "Grafana", "eyJrIjoi", r"eyJrIjoi[A-Za-z0-9]{60,400}={0,3}"),
            ("harness", "Harness", "pat.", r"[ps]at\.[\w-]{22}\.[0-9A-Za-z]{24}\.[0-9A-Za-z]{20}"),
            ("huggingface", "Hugging Face", "api_org_", r"api_org_[A-Za-z]{34}"),
            ("infracost", "Infracost", "ico-", r"ico-[A-Za-z0-9]{32}"),
            ("newrelic", "New Relic", "NRII-", r"NRII-[A-Za-z0-9-]{32}"),
            ("octopus", "Octopus Deploy", "API-", r"API-[A-Z0-9]{26}"),
            ("openshift", "OpenShift", "sha256~", r"sha256~[\w-]{43}"),
            (
                "plaid",
                "Plaid",
                "access-",
                r"access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            ),
            ("prefect", "Prefect", "pnu_", r"pnu_[A-Za-z0-9]{36}"),
            ("pulumi", "Pulumi", "pul-", r"pul-[0-9a-f]{40}"),
            ("readme", "ReadMe", "rdme_", r"rdme_[a-z0-9]{70}"),
            ("brevo", "Brevo", "xkeysib-", r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
            ("shippo", "Shippo", "shippo_", r"shippo_(?:live|test)_[0-9a-fA-F]{40}"),
            ("dropbox", "Dropbox", "sl.", r"sl\.(?:[a-z]\.)?[\w=-]{130,1500}"),
            ("scalingo", "Scalingo", "tk-us-", r"tk-us-[\w-]{48}"),
            ("typeform", "Typeform", "tfp_", r"tfp_[\w.=-]{59}"),
            ("fly", "Fly.io", "fo1_", r"fo1_[\w-]{43}"),
            ("sourcegraph", "Sourcegraph", "sgp_", r"sgp_(?:[0-9a-fA-F]{16}_|local_)?[0-9a-fA-F]{40}"),
            ("vault", "HashiCorp Vault", "hvb.", r"hvb\.[\w-]{100,300}"),
            ("yandex", "Yandex", "AQVN", r"AQVN[\w-]{35,38}"),
        )
    ),
    _shape(
        "teams-webhook",
        "a webhook of Teams",
        ".webhook.office.com/",
        r"\.webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36}",
    ),
    # Keys and tokens of any maker
    _shape(
        "private-key",
        "a private key",
        "-----BEGIN ",
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:\\[rn]|[\s\"'+,\\]){0,40}"
        r"(?:[A-Za-z-]{4,20}: [^\n]{0,100}\s{1,4}){0,4}"
        r"[A-Za-z0-9+/=\s\\]{60,20000}(?:-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    _shape("putty", "a private key of PuTTY", "PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: [\w-]{3,30}"),
    _shape(
        "jwt",
        "a signed token (JWT)",
        "eyJ",
        r"eyJ[\w-]{10,1000}\.[\w-]{10,6000}\.[\w-]{20,1200}",
        check=_is_told,
    ),
)

FOR_PAGES = {
    "google-api": "Whoever opens the page can use it: allow it for this address and the services it needs alone, at "
    "Google's console, or call Google from a function that has it as a secret.",
}

# ---- values that are bound to a name which says what they are

NAMED = re.compile(
    r"(?:api|secret|access|private|auth|encryption|signing|master|admin|session|subscription|account|license|client)"
    r"[_.-]?key|apikey|secret|token|passw(?:or)?d|passwd|\bpwd|[_.-]pwd|passphrase|credential|service[_.-]?role"
    r"|webhook[_.-]?url|authorization|bearer",
    re.ASCII,
)
BINDING = re.compile(
    r"(?P<rest>[\w.-]{0,40})(?:\\?[\"'`])?\]?\s{0,8}(?:\|\||\?\?|=>|:=|==?=?|:|,)\s{0,8}\\?(?:[rbfu]{0,2})?"
    r"\\?(?P<quote>[\"'`])(?P<prefix>(?:Bearer|Basic|Token|token)\s)?(?P<value>[^\"'`\s\\]{6,500})\\?(?P=quote)"
)
PLAIN = re.compile(
    r"(?P<rest>[\w.-]{0,40})[ \t]{0,8}[=:][ \t]{0,8}(?P<value>[^\s\"'`#]{6,500})[ \t]{0,8}(?:\r?$|#)", re.M
)
IN_ADDRESS = re.compile(r"(?P<rest>[\w.-]{0,20})=(?P<value>[^\s\"'`&<>\\)]{12,300})")
BEARER = re.compile(r"(?:Bearer|Basic|Token)\s(?P<value>[A-Za-z0-9._~+/=-]{20,2000})(?![A-Za-z0-9._~+/=-])")

HARMLESS = re.compile(
    r"public|publish|csrf|xsrf|_?id\Z|ids\Z|name\Z|label|url\Z|uri\Z|path\Z|file\Z|hash|digest|checksum|integrity|storage"
    r"|cache|type\Z|length|(?<!ac)count|limit|max|(?<!ad)min|title|text|hint|placeholder|message|error|help|header\Z|field|param|regex"
    r"|pattern|class|style|color|colour|icon|expir|header_?name|tokeniz|prefix|suffix|endpoint|policy|column|format"
)
A_WEBHOOK = re.compile(r"webhook[_.-]?url", re.ASCII)
OF_A_PASSWORD = re.compile(r"passw(?:or)?d\Z|passwd\Z|pwd\Z|passphrase\Z|pass\Z")
PLACEHOLDER = re.compile(
    r"your|example|change[-_ ]?(?:me|this)|placeholder|dummy|redacted|replace|insert|xxxx"
    r"|\.\.\.|\xe2\x80[\xa2\xa6]|\*\*\*"
    r"|\A<|>\Z|\A\{|\}\Z|\{\{|\$\{|\$\(|\A\$[A-Za-z_]|%\(|%[A-Z_]+%|process\.env|import\.meta|environ|getenv|secrets?\.|\bnull\b|undefined|todo|foobar"
    r"|sample|fake|not[-_]?real|my[-_](?:secret|token|key|api|password)|[-_]here\b|_goes_|dev[-_]only|test[-_]?(?:key|token|secret)",
    re.I,
)
SETTINGS = re.compile(
    r"(?:\A|/)(?:\.?env[\w.-]*|[\w.-]*\.env|[\w.-]*\.(?:ya?ml|toml|ini|cfg|conf|properties|tfvars|sh|envrc)|\.?(?:npmrc|pypirc|netrc|"
    r"pgpass)|Dockerfile|Containerfile|docker-compose[\w.-]*|Procfile|secrets\.toml)\Z",
    re.I,
)
LOCKS = re.compile(
    r"(?:\A|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|poetry\.lock|uv\.lock|Pipfile\.lock|"
    r"requirements[\w.-]*\.lock|[\w.-]*\.lock|go\.sum|Cargo\.lock)\Z"
)
"""Lists of packages with their hashes: only shapes are looked for there."""

OF_A_BUILD = re.compile(
    r"(?:\A|/)\.next/(?:\w+/)?(?:prerender-manifest|preview-props|server-reference-manifest)\.js(?:on)?\Z"
)
"""Files in which Next.js keeps keys that it makes for each build, for its own server."""

CONNECTION = re.compile(
    r"://(?P<user>[^\s:/@\"'`<>(){}]{0,100}):(?P<value>[^\s/@\"'`<>]{3,200})@(?P<host>[\w.\[\]:-]{1,200})"
)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,20}\Z")
ON_THIS_MACHINE = re.compile(
    r"localhost|127\.|\[?::1|0\.0\.0\.0|host\.docker|db\b|postgres\b|mysql\b|redis\b|mongo|database\b"
)

JOINED = re.compile(r"[\"'`]\s{0,20}\+\s{0,20}[\"'`]")
BESIDE = re.compile(r"(?<=\w)[\"']\s{1,40}[\"'](?=\w)")
ARRAY_END = re.compile(r"\]\s{0,4}\.join\(\s{0,4}(?:\"\"|''|``)\s{0,4}\)")
LITERAL = re.compile(r"\"([^\"\\\n]{0,300})\"|'([^'\\\n]{0,300})'|`([^`\\\n]{0,300})`")
INLINED = re.compile(
    r"\b(?:NEXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|NUXT_PUBLIC|GATSBY|PUBLIC)_(?:[A-Z0-9]+_){0,6}"
    r"(?:SECRET|SERVICE_ROLE|PRIVATE_KEY|PASSWORD|CREDENTIALS|(?:OPENAI|ANTHROPIC|CLAUDE|GROQ|OPENROUTER|MISTRAL|GEMINI|DEEPSEEK"
    r"|HF|HUGGINGFACE|COHERE|REPLICATE|SENDGRID|RESEND|GITHUB|AWS)_(?:API_)?(?:KEY|TOKEN))(?![A-Z])",
    re.ASCII,
)
"""Names of secrets with a beginning by which build tools write the value into the page."""

ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
DIGITS = re.compile(r"(?:[0-9a-f]{2}){16,}")
ESCAPED = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}){6,}")
LONGEST_ENCODED = 1 << 20
PRINTABLE = re.compile(rb"[\t\r\n\x20-\x7e]*\Z")
WORD = re.compile(r"[A-Za-z]?[a-z]{3,}|[A-Z]{4,}")
VOWELS = re.compile(r"[aeiouyAEIOUY]")
CONSONANTS = re.compile(r"[^aeiouyAEIOUY]{5,}")
CLASSES = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")))

MOST_TRIES = 200_000
MOST_IN_A_FILE = 300

Span = tuple[int, int]


class Values:
    """The app's own secrets, in all forms in which a text may hold them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.forms = [
            (name, value, form.encode().decode("latin-1"))
            for name, value in values.items()
            if len(value) >= 6
            for form in sorted(forms_of(value), key=len, reverse=True)
        ]

    def find(self, text: str) -> Iterator[tuple[str, str, int, int]]:
        """Name, value and place of each that stands in ``text``."""
        told: set[str] = set()
        for name, value, form in self.forms:
            if name not in told and (at := text.find(form)) >= 0:
                told.add(name)
                yield name, value, at, at + len(form)


def find_secrets(content: Content, values: Values) -> list[Found]:
    """Every secret in a file, each place once."""
    found: list[Found] = []
    taken: list[Span] = []

    def note(
        rule: str, title: str, start: int, end: int, value: str, severity: str = "high", hint: str = ROTATE
    ) -> None:
        if len(found) >= MOST_IN_A_FILE or any(start < b and a < end for a, b in taken):
            return
        taken.append((start, end))
        found.append(
            Found(
                "secret",
                rule,
                f"{content.path} holds {title}.",
                path=content.path,
                line=content.line(start),
                where=content.where,
                excerpt=content.around(start, end),
                hint=hint,
                severity=cast("Any", severity),
                secret=value,
            )
        )

    text = content.text
    for name, value, start, end in values.find(text):
        note("app-secret", f"the value of the app's secret {name}", start, end, value)
    for shape, start, end in shapes_in(text):
        note(shape.rule, shape.title, start, end, text[start:end], shape.severity, FOR_PAGES.get(shape.rule, ROTATE))
    if content.binary:
        if b"\0" in content.data:  # UTF-16, or texts in a program
            for shape, _, _, value in _inside(content.data.replace(b"\0", b"").decode("latin-1"), values):
                note(shape.rule, shape.title, 0, 0, value)
        return found
    for match in INLINED.finditer(text):
        found.append(_inlined(content, match))
    for title, rule, start, end, value in _connections(content):
        note(rule, title, start, end, value)
    for shape, start, end, value in _hidden(content, values):
        note(shape.rule, f"{shape.title}, {_how(text, start)}", start, end, value, shape.severity)
    if not LOCKS.search(content.path) and not OF_A_BUILD.search(content.path):
        for title, rule, start, end, value, severity in _named(content):
            note(rule, title, start, end, value, severity)
    if is_secret_path(content.path.replace("!/", "/")) and not found and (at := _setting(content)) is not None:
        found.append(
            Found(
                "secret",
                "secret-file",
                f"{content.path} is a file that holds secrets by its name.",
                path=content.path,
                line=content.line(at),
                where=content.where,
                excerpt="",
                hint="Put it where it is not published, and its values into the app's secrets.",
                severity="medium",
                key=f"file\0{content.path}",
            )
        )
    return found


def shapes_in(text: str) -> Iterator[tuple[Shape, int, int]]:
    """What looks like a provider's key. A text in which its beginning stands ``MOST_TRIES`` times is made to take time:
    no further one is looked at."""
    for shape in SHAPES:
        at = text.find(shape.start)
        tries = 0
        while at >= 0 and tries < MOST_TRIES:
            stop = at + len(shape.start)
            match = None
            for begin in range(max(at - shape.before, 0), max(at - shape.before, 0) + (3 if shape.before else 1)):
                if begin == 0 or not _goes_on(text[begin - 1], text[begin]):
                    tries += 1
                    if match := shape.pattern.match(text, begin):
                        break
            if match and _is_real(match[0], shape) and (shape.check is None or shape.check(match[0])):
                yield shape, match.start(), match.end()
                stop = max(stop, match.end())
            at = text.find(shape.start, stop)


def _goes_on(before: str, first: str) -> bool:
    """Whether a word that a key cannot be in goes on there."""
    return before.isascii() and (before.isalnum() or before == "_") and first != "-" and first != "/" and first != "."


def _is_real(value: str, shape: Shape) -> bool:
    if shape.rule in ("private-key", "putty", "jwt", "slack-webhook", "discord-webhook", "teams-webhook"):
        return shape.rule != "private-key" or len(set(re.sub(r"-----[^-]*-----|\\n|\s", "", value))) > 20
    rest = value[len(shape.start) :] if not shape.before else value
    if value in KNOWN or value.endswith("EXAMPLE"):
        return False
    return not is_made_up(rest) and entropy(rest) >= 2.5


KNOWN = {
    *("sk_test_4eC39HqLyjWDarjtT1zdp7dc", "sk_test_BQokikJOvBiI2HlWgH4olfQ2", "sk_test_26PHem9AhJZvU623DfE1x4sd"),
    *(
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "2YotnFZFEjr1zCsicMWpAA",
        "tGzv3JOkF0XG5Qx2TlKWIA",
        "czZCaGRSa3F0MzpnWDFmQmF0M2JW",
    ),
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
}
"""Of documentation, standards and emulators: everybody has them."""


def entropy(text: str) -> float:
    """Bits a character."""
    if not text:
        return 0.0
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


def is_made_up(value: str) -> bool:
    """True for what stands in place of a secret: ``your-key``, ``xxxxxxxx``, ``1234567890abcdef``."""
    if value in KNOWN or PLACEHOLDER.search(value):
        return True
    if len(set(value)) < min(5, len(value)) or Counter(value).most_common(1)[0][1] * 2 > len(value):
        return True
    run = best = 1
    for a, b in pairwise(value):
        run = run + 1 if ord(b) - ord(a) == 1 or a + b in ("90", "9a", "9A") else 1
        best = max(best, run)
    return best >= 8 or best * 2 > len(value)


def looks_random(value: str) -> bool:
    """True for what a machine made: letters and digits in no order, not words, paths, addresses or numbers."""
    if len(value) < 16 or not re.fullmatch(r"[\w+/=.~:!@#$%^&*-]+", value, re.ASCII):
        return False
    if not re.search(r"\d", value) and not (len(value) >= 20 and value.upper() != value != value.lower()):
        return False
    if not re.search(r"[A-Za-z]", value) or entropy(value) < (3.0 if re.fullmatch(r"[0-9a-fA-F-]+", value) else 3.4):
        return False
    if (
        re.match(r"[a-z+.-]+://|[./@#]|data:", value)
        or re.search(r"\b20\d\d-[01]\d-[0-3]\d\b", value)
        or re.fullmatch(r"[\d.,:+eE-]+", value)
    ):
        return False
    words = _in_words(value)
    if not re.search(r"\d", value) or NAMED.search(value.lower()):  # a name of something
        return words < 0.25
    return words < 0.55


def _in_words(value: str) -> float:
    """How much of a text are words, or what sounds like one."""
    length = 0
    for match in WORD.finditer(value):
        word = match[0]
        vowels = len(VOWELS.findall(word))
        if 0.15 * len(word) <= vowels <= 0.7 * len(word) and not CONSONANTS.search(word):
            length += len(word)
    return length / len(value)


def _is_password(value: str) -> bool:
    """True for what a person may have thought of as a password: no word, path or sentence."""
    if not 6 <= len(value) <= 100 or re.match(r"[a-z+.-]+://|[./#]", value) or re.search(r"[()\[\];,]|=>", value):
        return False
    if re.fullmatch(r"[A-Za-z_.:-]+", value):  # a name of something
        return False
    classes = sum(bool(one.search(value)) for one in CLASSES)
    return classes >= 3 or (len(value) >= 8 and classes == 2 and bool(re.search(r"\d", value)) and _in_words(value) < 1)


def _named(content: Content) -> Iterator[tuple[str, str, int, int, str, str]]:
    """Values with a name that says what they are."""
    text, lower = content.text, content.lower
    plain = SETTINGS.search(content.path) is not None
    for match in NAMED.finditer(lower):
        end = match.end()
        bound = BINDING.match(text, end) or (PLAIN.match(text, end) if plain else None)
        in_address = False
        if bound is None and text[max(0, match.start() - 1) : match.start()] in ("?", "&"):
            bound, in_address = IN_ADDRESS.match(text, end), True
        if bound is None:
            continue
        start = match.start()
        while start > 0 and match.start() - start < 40 and (lower[start - 1].isalnum() or lower[start - 1] in "_-."):
            start -= 1
        name = lower[start : end + len(bound["rest"])].strip("\"'-.")
        value = bound["value"]
        last = name.rpartition(".")[2].rstrip("0123456789_")
        if HARMLESS.search(last) and not A_WEBHOOK.search(last):
            continue
        if is_made_up(value):
            continue
        severity = "high"
        if A_WEBHOOK.search(last):
            if not value.startswith("http") or not looks_random(value.rpartition("/")[2]):
                continue
        elif OF_A_PASSWORD.search(last):
            if not _is_password(value) or in_address:
                continue
            severity = "high" if looks_random(value) else "medium"
        elif not looks_random(value):
            continue
        yield f"what looks like a secret, as {as_name(name)}", "named", *bound.span("value"), value, severity
    at = text.find(" ")
    for word in ("Bearer ", "Basic "):
        at = text.find(word)
        while at >= 0:
            match = BEARER.match(text, at)
            if match and not is_made_up(match["value"]) and looks_random(match["value"]):
                yield "a token of a request's header", "header", *match.span("value"), match["value"], "high"
            at = text.find(word, at + len(word))


def as_name(name: str) -> str:
    return name[-60:]


def _connections(content: Content) -> Iterator[tuple[str, str, int, int, str]]:
    """Addresses with a password in them."""
    text = content.text
    at = text.find("://")
    while at >= 0:
        match = CONNECTION.match(text, at)
        if match and SCHEME.search(text[max(0, at - 22) : at].lower()):
            value, host = match["value"], match["host"]
            weak = not looks_random(value) and (ON_THIS_MACHINE.match(host) or value.lower() in WEAK)
            if (
                not weak
                and not is_made_up(value)
                and not PLACEHOLDER.search(host)
                and match["user"].lower() != value.lower()
            ):
                yield "an address with a password in it", "connection", *match.span("value"), value
        at = text.find("://", at + 3)


WEAK = {
    "password",
    "pass",
    "passwd",
    "secret",
    "pwd",
    "admin",
    "root",
    "postgres",
    "mysql",
    "user",
    "test",
    "token",
    "key",
}
"""Words that stand for a password in documentation."""


def _inside(text: str, values: Values) -> Iterator[tuple[Shape, int, int, str]]:
    """What of a text that was decoded is a secret."""
    for name, value, start, end in values.find(text):
        yield Shape("app-secret", f"the value of the app's secret {name}", "", ESCAPED), start, end, value
    for shape, start, end in shapes_in(text):
        yield shape, start, end, text[start:end]


def _hidden(content: Content, values: Values) -> Iterator[tuple[Shape, int, int, str]]:
    """Secrets that are put together from pieces, or encoded."""
    text = content.text
    for pattern in (JOINED, BESIDE) if content.suffix == ".py" else (JOINED,):
        pieces: list[str] = []
        marks: list[tuple[int, int]] = []  # a position in the joined text, and in the file
        at = length = 0
        for match in pattern.finditer(text):
            pieces.append(text[at : match.start()])
            length += match.start() - at
            at = match.end()
            marks.append((length, at))
        if not marks:
            continue
        joined = "".join(pieces) + text[at:]
        for shape, start, end, value in _inside(joined, values):
            if inner := [mark for mark in marks if start < mark[0] < end]:
                before = [mark for mark in marks if mark[0] <= start]
                origin = before[-1][1] + start - before[-1][0] if before else start
                yield shape, origin, inner[-1][1] + end - inner[-1][0], value
    for match in ARRAY_END.finditer(text):
        start = text.rfind("[", max(0, match.start() - 4000), match.start())
        if start >= 0 and text.find("]", start, match.start()) < 0:
            joined = "".join("".join(groups) for groups in LITERAL.findall(text[start : match.start()]))
            for shape, _, _, value in _inside(joined, values):
                yield shape, start, match.end(), value
    for match in ENCODED.finditer(text):
        if match.end() - match.start() <= LONGEST_ENCODED and (decoded := _decoded(match[0])):
            for shape, _, _, value in _inside(decoded, values):
                yield shape, match.start(), match.end(), value
    for match in DIGITS.finditer(content.lower):
        data = bytes.fromhex(match[0][:LONGEST_ENCODED])
        if PRINTABLE.match(data):
            for shape, _, _, value in _inside(data.decode("latin-1"), values):
                yield shape, match.start(), match.end(), value
    for match in ESCAPED.finditer(text):
        digits = re.findall(r"[0-9a-fA-F]{2}(?=\\|\Z)", match[0].replace("u00", "x"))
        for shape, _, _, value in _inside(bytes.fromhex("".join(digits)).decode("latin-1"), values):
            yield shape, match.start(), match.end(), value


def _decoded(text: str) -> str:
    """What base64 holds, if that can be read."""
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    plain = plain[: len(plain) - (1 if len(plain) % 4 == 1 else 0)]
    try:
        head = base64.b64decode(plain[:32])
        if not PRINTABLE.match(head):
            return ""
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (ValueError, binascii.Error):
        return ""
    return data.decode("latin-1") if PRINTABLE.match(data) else ""


def _how(text: str, at: int) -> str:
    if text[at : at + 1] == "[" or JOINED.search(text, at, at + 400) or BESIDE.search(text, at, at + 400):
        return "put together from pieces"
    return "encoded"


def _inlined(content: Content, match: re.Match[str]) -> Found:
    """The name of a setting whose value the build writes into the page, for everybody."""
    name = match[0]
    return Found(
        "secret",
        "inlined",
        f"{content.path} reads {name}: what a name that begins so holds is written into the page, for everybody.",
        path=content.path,
        line=content.line(match.start()),
        where=content.where,
        excerpt=content.around(match.start(), match.end(), hide=False),
        hint="Read it in a function of the app's server, as one of the app's secrets, without that beginning.",
        key=f"inlined\0{name}",
    )


def _setting(content: Content) -> int | None:
    """Where a file of settings has its first value; its beginning in others; None for one that has none."""
    if not content.data.strip() or (b"-----BEGIN" in content.data and b"PRIVATE KEY" not in content.data):
        return None  # certificates, which are there to be shown
    if not re.search(r"(?:\A|/)(?:\.env|\.dev\.vars|[\w.-]+\.env)", content.path):
        return 0
    match = re.search(r"^[ \t]*(?:export[ \t]+)?\w{1,64}[ \t]*=[ \t]*(?P<value>[^\s#][^\n]{0,400})", content.text, re.M)
    return match.start() if match and not PLACEHOLDER.search(match["value"]) else None
