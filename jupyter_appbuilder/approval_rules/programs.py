"""What is known of the programs on a command line: which run another, or code, and which options take a value."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHELLS = _words("sh bash dash ash zsh ksh mksh fish rbash")
CODE_OPTIONS = {
    "python": ("-c",),
    "node": ("-e", "--eval", "-p", "--print"),
    "bun": ("-e", "--eval", "-p"),
    "deno": ("eval",),
    "perl": ("-e", "-E"),
    "ruby": ("-e",),
    "php": ("-r",),
}
"""Programs that run code given as text, and how it is given."""

NO_CODE = frozenset(["-m", "--version", "--help", "-V", "-v", "-h", "--test", "--run"])
"""Options with which these run none that is fed to them."""

DATABASES = _words(
    "sqlite3 sqlite psql pgcli mysql mariadb mycli duckdb libsql turso cockroach clickhouse clickhouse-client mongosh "
    "mongo sqlcmd wrangler prisma usql litecli cqlsh"
)

WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    name: (frozenset(options.split()), operands)
    for name, options, operands in (
        ("env", "-u --unset -C --chdir", 0),
        ("sudo", "-u -g -C -D -h -p -r -t -U -T --user --group --chdir", 0),
        ("doas", "-u -C", 0),
        ("nohup", "", 0),
        ("time", "-f -o", 0),
        ("gtime", "-f -o", 0),
        ("timeout", "-k -s --kill-after --signal", 1),
        ("gtimeout", "-k -s --kill-after --signal", 1),
        ("nice", "-n --adjustment", 0),
        ("ionice", "-c -n -p", 0),
        ("stdbuf", "-i -o -e", 0),
        ("setsid", "", 0),
        ("command", "", 0),
        ("builtin", "", 0),
        ("exec", "-a", 0),
        ("coproc", "", 0),
        ("busybox", "", 0),
        ("toybox", "", 0),
        ("chronic", "", 0),
        ("unbuffer", "", 0),
        ("strace", "-o -e -p", 0),
        ("flock", "-w --timeout -E", 1),
        ("chroot", "", 1),
        ("xvfb-run", "-n -s", 0),
        ("script", "", 0),
        ("npx", "-p --package", 0),
        ("pnpx", "", 0),
        ("bunx", "-p --package", 0),
        ("npm exec", "-p --package", 0),
        ("npm x", "-p --package", 0),
        ("pnpm exec", "", 0),
        ("pnpm dlx", "", 0),
        ("yarn exec", "", 0),
        ("yarn dlx", "-p", 0),
        ("bun x", "", 0),
        ("uv run", "--with --python -p --project --directory", 0),
        ("uvx", "--with --from --python", 0),
        ("poetry run", "", 0),
        ("pipenv run", "", 0),
        ("corepack", "", 0),
        ("rtk", "", 0),
    )
}
"""Commands that run the command in their arguments: their options that take a value, and the operands before it."""

LINE_OPTIONS = {
    "npx": ("-c", "--call"),
    "npm exec": ("-c", "--call"),
    "env": ("-S", "--split-string"),
    "script": ("-c",),
}
"""Options of these whose value is a command line."""

XARGS = _words("-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --replace --max-lines")
PARALLEL = _words("-j --jobs -I -a --arg-file -S --colsep -N -n")
GIT = _words("-C -c --git-dir --work-tree --namespace --exec-path --config-env")

# In code of another language, and in statements for a database.
DELETES = re.compile(
    r"\brmtree\s*\(|\b(?:rm|rmSync|rmdir|rmdirSync)\s*\([^)]*recursive|\brimraf\b|\brm_rf?\b|\bremove_tree\b"
    r"|\bDeno\.remove(?:Sync)?\s*\([^)]*recursive|\brm\b['\",\s]+-\w*[rR]"
)
STATEMENTS = re.compile(
    r"\b(?:(?P<drop>DROP)\s+(?P<what>TABLE|DATABASE|SCHEMA|VIEW|COLUMN|COLLECTION|KEYSPACE|USER|ROLE)\b"
    r"|(?P<truncate>TRUNCATE)\s+(?:TABLE\s+)?[\w\"`\[.]+"
    r"|(?P<delete>DELETE\s+FROM)\s+[\w\"`\[\].]+\s*(?:;|[\"']|$))"
    r"|\b(?P<mongo>dropDatabase|drop|deleteMany)\s*\(\s*(?:\{\s*\}\s*)?\)",
    re.IGNORECASE | re.MULTILINE,
)
