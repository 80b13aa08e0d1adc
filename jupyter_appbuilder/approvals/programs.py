"""Facts about programs on a command line: which ones run other programs or code, and how these are passed.

Options are written as their program takes them: ``-c`` also where it stands in a cluster (``-lc``) or with its value
attached (``-cVALUE``), ``--command`` also as ``--command=VALUE`` and shortened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that runs the one in its arguments, after its own options and its first ``operands``.

    ``valued`` are options that take a value, ``lines`` those whose value is a command line. ``joined``: what follows is
    put together to a command line. ``each``: each operand is a command line. ``package``: what is run may have a
    version in its name."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    lines: frozenset[str] = frozenset()
    joined: bool = False
    each: bool = False
    package: bool = False


def _runner(valued: str = "", operands: int = 0, lines: str = "", *flags: str) -> Runner:
    return Runner(_words(valued), operands, _words(lines), **dict.fromkeys(flags, True))


RUNNERS: dict[str, Runner] = {
    # the shell's own
    "command": _runner(),
    "builtin": _runner(),
    "exec": _runner("-a"),
    "coproc": _runner(),
    "time": _runner("-f -o --format --output"),
    "noglob": _runner(),
    "nocorrect": _runner(),
    # another environment, other limits
    "env": _runner("-u --unset -C --chdir -P", 0, "-S --split-string"),
    "nohup": _runner(),
    "gtime": _runner("-f -o --format --output"),
    "timeout": _runner("-k -s --kill-after --signal", 1),
    "gtimeout": _runner("-k -s --kill-after --signal", 1),
    "nice": _runner("-n --adjustment"),
    "ionice": _runner("-c -n -p -P -u --class --classdata --pid"),
    "chrt": _runner("-T -P -D --sched-runtime --sched-period --sched-deadline", 1),
    "taskset": _runner("", 1),
    "numactl": _runner("-N -m -C -i -p --cpunodebind --membind --physcpubind --interleave --preferred"),
    "prlimit": _runner("-p --pid -o --output"),
    "cpulimit": _runner("-l -p -e --limit --pid --exe"),
    "stdbuf": _runner("-i -o -e --input --output --error"),
    "setsid": _runner(),
    "setarch": _runner("", 1),
    "linux64": _runner(),
    "choom": _runner("-n -p --adjust --pid"),
    "unbuffer": _runner(),
    "chronic": _runner(),
    "ifne": _runner(),
    "ts": _runner(),
    "busybox": _runner(),
    "toybox": _runner(),
    "rtk": _runner(),
    "catchsegv": _runner(),
    "rlwrap": _runner("-a -b -f -g -H -i -l -m -M -O -p -P -q -S -s -t -w -C -D -e -z"),
    "systemd-run": _runner(
        "-p -u -E -M -H --property --unit --setenv --machine --host --uid --gid --slice --working-directory"
    ),
    "systemd-inhibit": _runner(),
    "dbus-run-session": _runner("--config-file --dbus-daemon"),
    "dbus-launch": _runner(),
    "xvfb-run": _runner(
        "-n -s -e -f -p -w --server-num --server-args --error-file --auth-file --xauth-protocol --wait"
    ),
    # another user or root
    "sudo": _runner("-u -g -C -D -h -p -r -t -U -T -R --user --group --chdir --host --prompt --role --type --chroot"),
    "doas": _runner("-u -C"),
    "runuser": _runner("-u -g -G -s -w --user --group --supp-group --shell", 0, "-c --command --session-command"),
    "pkexec": _runner("-u --user"),
    "gosu": _runner("", 1),
    "su-exec": _runner("", 1),
    "setpriv": _runner(),
    "sg": _runner("", 1, "-c", "joined"),
    "chroot": _runner("", 1),
    "fakeroot": _runner("-l -s -i -b --lib --faked"),
    "fakechroot": _runner(),
    "unshare": _runner("-S -G -R -w --setuid --setgid --root --wd"),
    "nsenter": _runner("-t -S -G -N --target --setuid --setgid"),
    "proot": _runner("-r -b -w -q -k --rootfs --bind --cwd"),
    "firejail": _runner(),
    "ip netns exec": _runner("", 1),
    # watched, traced, measured, repeated
    "strace": _runner("-o -e -p -s -a -u -E -S -I -b -O -P -X"),
    "ltrace": _runner("-o -e -p -s -a -u -n -l -x -F"),
    "valgrind": _runner(),
    "gdb": _runner("-x -s -e -c -d -p -ex -iex --eval-command --init-eval-command"),
    "perf stat": _runner("-e -o -r -p -t -C -I --event --output --repeat"),
    "perf record": _runner("-e -o -F -c -p -t -C -g --event --output"),
    "heaptrack": _runner(),
    "coverage run": _runner("--source --rcfile --include --omit"),
    "hyperfine": _runner(
        "-w -r -m -M -N -n -L -P -S -u --warmup --runs --min-runs --max-runs --command-name --shell --export-json",
        0,
        "-p -s -c --prepare --setup --cleanup --conclude",
        "each",
    ),
    "watch": _runner("-n -q --interval --equexit", 0, "", "joined"),
    "entr": _runner(),
    "watchexec": _runner("-w -e -f -i -d -s --watch --exts --filter --ignore --debounce --signal", 0, "", "joined"),
    "nodemon": _runner("-w -e -i -d --watch --ext --ignore --delay --signal", 0, "-x --exec"),
    "concurrently": _runner(
        "-n -c -p -t -k --names --prefix-colors --prefix --timestamp-format --restart-tries --max-processes -m",
        0,
        "",
        "each",
    ),
    "flock": _runner("-w -E --timeout --wait --conflict-exit-code", 1, "-c --command"),
    "script": _runner("-T -I -O -B -E -m -o --log-timing --log-in --log-out --echo --output-limit", 1, "-c --command"),
    "parallel": _runner(
        "-j -I -a -S -C -N -n -L -P -d -s --jobs --arg-file --sshlogin --colsep --delimiter --max-args --max-procs "
        "--delay --timeout --joblog --results --retries --tmpdir --wd --workdir --halt --load --memfree --nice "
        "--tagstring --env"
    ),
    "xargs": _runner(
        "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --max-chars --process-slot-var"
    ),
    "start-stop-daemon": _runner(
        "-p -n -u -g -s -c -d -r -N -P -R --pidfile --name --user --group --signal --chuid --chdir --chroot",
        0,
        "-x -a --exec --startas",
    ),
    "daemonize": _runner("-a -c -e -o -p -l -u -E"),
    "screen": _runner("-S -c -e -h -p -s -t -T"),
    "tmux": _runner("-c -f -L -S", 0, "", "each"),
    # elsewhere
    "ssh": _runner("-p -i -l -F -J -L -R -D -E -c -m -b -e -I -O -Q -S -W -w -B", 1, "", "joined"),
    "mosh": _runner("-p --port --ssh", 1),
    "docker exec": _runner("-e -u -w --env --user --workdir --env-file", 1),
    "podman exec": _runner("-e -u -w --env --user --workdir --env-file", 1),
    # of package managers and project tools
    "npx": _runner("-p -w --package --workspace --prefix --cache", 0, "-c --call", "package"),
    "npm exec": _runner("-p -w --package --workspace --prefix --cache", 0, "-c --call", "package"),
    "npm x": _runner("-p -w --package --workspace --prefix --cache", 0, "-c --call", "package"),
    "npm explore": _runner("", 1),
    "pnpx": _runner("--package", 0, "", "package"),
    "pnpm exec": _runner("--filter -F --dir -C", 0, "", "package"),
    "pnpm dlx": _runner("--package", 0, "", "package"),
    "yarn exec": _runner(),
    "yarn node": _runner(),
    "yarn dlx": _runner("-p --package", 0, "", "package"),
    "yarn workspace": _runner("", 1),
    "yarn workspaces foreach": _runner("-j --jobs --include --exclude --from"),
    "bunx": _runner("-p --package", 0, "", "package"),
    "bun x": _runner("-p --package", 0, "", "package"),
    "bun exec": _runner("", 0, "", "joined"),
    "lerna exec": _runner("--scope --ignore --concurrency"),
    "corepack": _runner("", 0, "", "package"),
    "volta run": _runner("--node --npm --yarn --pnpm"),
    "fnm exec": _runner("--using"),
    "nvm exec": _runner("", 1),
    "mise exec": _runner("-C --cd", 0, "-c --command"),
    "asdf exec": _runner(),
    "pyenv exec": _runner(),
    "rbenv exec": _runner(),
    "bundle exec": _runner(),
    "direnv exec": _runner("", 1),
    "dotenv": _runner("-e -v -p -f -c --file"),
    "dotenvx run": _runner("-f --env-file -e --env"),
    "cross-env": _runner(),
    "cross-env-shell": _runner("", 0, "", "joined"),
    "env-cmd": _runner("-f -r -e --file --rc-file --environments"),
    "uv run": _runner("-p --with --python --project --directory --extra --group --env-file --with-requirements"),
    "uvx": _runner("-p --with --from --python", 0, "", "package"),
    "uv tool run": _runner("-p --with --from --python", 0, "", "package"),
    "pipx run": _runner("--spec --python --pip-args --index-url", 0, "", "package"),
    "poetry run": _runner(),
    "pipenv run": _runner(),
    "pdm run": _runner("-p --project -s --site-packages"),
    "rye run": _runner(),
    "hatch run": _runner(),
    "conda run": _runner("-n -p --name --prefix --cwd"),
    "mamba run": _runner("-n -p --name --prefix --cwd"),
    "micromamba run": _runner("-n -p -e --name --prefix --cwd --env"),
    "git bisect run": _runner(),
    "git submodule foreach": _runner("", 0, "", "joined"),
    "git for-each-repo": _runner("--config"),
}
"""Commands that run the command in their arguments, by their name and subcommands."""

RUNNER_NAMES = frozenset(key.split()[0] for key in RUNNERS if " " in key)
"""Programs of which a subcommand runs another."""

GLOBALS = {
    "git": _words("-C -c --git-dir --work-tree --namespace --exec-path --config-env --super-prefix"),
    "npm": _words("--prefix -w --workspace --loglevel --cache --userconfig"),
    "pnpm": _words("-C --dir -F --filter --loglevel"),
    "yarn": _words("--cwd"),
    "bun": _words("--cwd"),
    "uv": _words("--directory --project --config-file --cache-dir"),
    "docker": _words("-H --host --context -c --config -l --log-level"),
    "poetry": _words("-C --directory -P --project"),
}
"""Options with a value that may stand before these programs' subcommands."""

LINE_OPTIONS: dict[str, frozenset[str]] = {
    "tar": _words("--to-command -I --use-compress-program -F --info-script --new-volume-script --rsh-command"),
    "bsdtar": _words("--use-compress-program"),
    "rsync": _words("-e --rsh --rsync-path"),
    "split": _words("--filter"),
    "sort": _words("--compress-program"),
    "zip": _words("-TT --unzip-command"),
    "man": _words("-P --pager"),
    "scp": _words("-S"),
    "sftp": _words("-S"),
    "nc": _words("-e -c"),
    "ncat": _words("-e -c --exec --sh-exec"),
    "tcpdump": _words("-z"),
    "make": _words("--eval -E"),
    "gmake": _words("--eval -E"),
    "git rebase": _words("-x --exec"),
    "git difftool": _words("-x --extcmd"),
    "git grep": _words("--open-files-in-pager"),
    "git clone": _words("-u --upload-pack"),
    "git fetch": _words("--upload-pack"),
    "git pull": _words("--upload-pack"),
    "git ls-remote": _words("--upload-pack --exec"),
    "git push": _words("--receive-pack --exec"),
    "git archive": _words("--exec"),
}
"""Options of other programs whose value is a command line."""

LINE_VARIABLES = re.compile(
    r"\w*(?:PAGER|EDITOR|VISUAL|ASKPASS)|(?:\w+_)?(?:RSH|SSH_COMMAND|PROXY_COMMAND|BROWSER)|FCEDIT|GIT_SSH"
    r"|GIT_EXTERNAL_DIFF|LESSOPEN|LESSCLOSE|PROMPT_COMMAND|FZF_DEFAULT_COMMAND"
    r"|(?i:npm_config_(?:script_shell|shell|editor|viewer|git))"
)
"""Variables that hold a command line for programs to run."""

CODE_VARIABLES = {
    "NODE_OPTIONS": "node", "PERL5OPT": "perl", "PERL5DB": "perl", "RUBYOPT": "ruby", "MAKEFLAGS": "make",
    "GNUMAKEFLAGS": "make", "VIMINIT": "vim", "EXINIT": "vim",
}  # fmt: skip
"""Variables that hold code, or options with code in them."""

OPTION_VARIABLES = {"TAR_OPTIONS": "tar"}
"""Variables that hold options, some of which take a command line."""

GIT_SETTING = re.compile(r"GIT_CONFIG_(KEY|VALUE)_(\d+)")
GIT_SETTINGS = "GIT_CONFIG_PARAMETERS"
"""Variables that hold settings of git's: a name or a value by its number, and many of them, quoted for a shell."""

EXPANDED_VARIABLES = _words("BASH_ENV ENV PS0 PS1 PS2 PS4")
"""Variables in whose value a shell carries out command substitutions."""

LINE_SETTINGS = re.compile(
    r"alias\..+|core\.(?:pager|editor|sshcommand|fsmonitor|askpass|gitproxy)|pager\..+|sequence\.editor|diff\.external"
    r"|diff\..+\.(?:command|textconv)|merge\..+\.driver|(?:diff|merge)tool\..+\.cmd|credential\.(?:.+\.)?helper"
    r"|filter\..+\.(?:clean|smudge|process)|gpg\.(?:.+\.)?program|browser\..+\.cmd|interactive\.difffilter"
    r"|core\.alternaterefscommand|uploadpack\.packobjectshook|(?:man|guitool)\..+\.cmd"
    r"|sendemail\..*cmd|remote\..+\.(?:uploadpack|receivepack)|submodule\..+\.update|trailer\..+\.(?:command|cmd)",
    re.IGNORECASE,
)
"""Settings of git's that hold a command line."""

SHELLS = _words("sh bash dash ash zsh ksh ksh93 mksh fish rbash lksh yash posh elvish")
READERS = _words("at batch")
"""Programs that run the lines which are fed to them."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A program that runs code given as text, as the value of an option of ``code``, or as its first operand where
    ``operand`` says so. ``valued`` are other options with a value; ``attached`` those whose value, if any, is the rest
    of the word."""

    code: frozenset[str]
    valued: frozenset[str] = frozenset()
    attached: frozenset[str] = frozenset()
    operand: bool = False
    subcommand: str = ""  # after which the code stands


def _interpreter(code: str, valued: str = "", attached: str = "", **more: bool | str) -> Interpreter:
    return Interpreter(_words(code), _words(valued), _words(attached), **more)  # type: ignore[arg-type]


_NODE = _interpreter("-e -p --eval --print", "-r -C --require --import --loader --env-file --conditions --input-type")
INTERPRETERS: dict[str, Interpreter] = {
    "python": _interpreter("-c", "-W -X -m"),
    "node": _NODE,
    "tsx": _NODE,
    "ts-node": _interpreter("-e -p --eval --print", "-r -P -O --require --project --compilerOptions"),
    "electron": _NODE,
    "bun": _interpreter("-e -p --eval --print", "-r --preload --cwd"),
    "deno": _interpreter("", "--ext", subcommand="eval", operand=True),
    "perl": _interpreter("-e -E", "-I", "-i -M -m -F -D -C -x"),
    "ruby": _interpreter("-e", "-r -I -C -E", "-i -F -K -W -T -x -0"),
    "php": _interpreter("-r -B -R -E", "-d -c -z -f -S -t"),
    "lua": _interpreter("-e", "-l"),
    "luajit": _interpreter("-e", "-l -j -O"),
    "Rscript": _interpreter("-e"),
    "R": _interpreter("-e", "-f"),
    "julia": _interpreter("-e -E --eval --print", "-p -L -C -J --project"),
    "elixir": _interpreter("-e --eval", "-r -S"),
    "erl": _interpreter("-eval", "-pa -s -name -sname"),
    "ghc": _interpreter("-e"),
    "groovy": _interpreter("-e", "-cp"),
    "guile": _interpreter("-c", "-L -l -s -e"),
    "racket": _interpreter("-e --eval", "-l -t -f"),
    "sbcl": _interpreter("--eval", "--load"),
    "emacs": _interpreter("--eval -eval --execute", "-l -f --load --funcall"),
    "expect": _interpreter("-c", "-f"),
    "tclsh": _interpreter("", "-encoding"),
    "dc": _interpreter("-e --expression", "-f --file"),
    "m4": _interpreter("", "-I -D -U -o --define --undefine"),
    "osascript": _interpreter("-e", "-l"),
    "vim": _interpreter("-c --cmd", "-u -S -T -i"),
    "ed": _interpreter("", "-p --prompt"),
    "gdb": _interpreter("-ex -iex --eval-command --init-eval-command", "-x -s -e -c -d -p"),
    "lldb": _interpreter("-o -O -k -K --one-line --one-line-before-file --one-line-on-crash", "-s -S -f -n -p"),
    "gnuplot": _interpreter("-e", "-c -d"),
    "octave": _interpreter("--eval", "--path --exec-path"),
    "sftp": _interpreter("", "-P -i -o -F -J -l -R -s -S -B -c -D -X"),
    "ftp": _interpreter(""),
    "lftp": _interpreter("-c -e", "-u -p -f"),
    "awk": _interpreter("-e --source", "-F -v -f -i -E --file --assign --field-separator --include", operand=True),
    "sed": _interpreter("-e --expression", "-f -l --file --line-length", "-i", operand=True),
}
"""Programs that run code given as text, and how it is given."""

ALIASES = {
    "nodejs": "node", "gawk": "awk", "mawk": "awk", "nawk": "awk", "original-awk": "awk", "gsed": "sed", "vi": "vim",
    "nvim": "vim", "ex": "vim", "view": "vim", "red": "ed", "gxargs": "xargs", "gtar": "tar", "gsort": "sort",
    "jruby": "ruby", "genv": "env", "gnice": "nice", "gnohup": "nohup", "gstdbuf": "stdbuf",
}  # fmt: skip
"""Other names of these programs."""

DRIVEN = _words("vim ed gdb lldb gnuplot sftp ftp lftp")
"""Programs that take commands from what is fed to them, whatever operands and code they have."""

SCRIPTS_OF = {"awk": "-f -E --file --exec", "sed": "-f --file"}
"""Options with which these have their code from a file, and no operand is code."""

CODE_MODULES = _words("timeit")
"""Modules of Python's whose operands are code."""

NO_CODE = frozenset(["-m", "--version", "--help", "-V", "-v", "-h", "--test", "--run"])
"""Options with which these run none that is fed to them."""

DATABASES = _words(
    "sqlite3 sqlite psql pgcli mysql mariadb mycli duckdb libsql turso cockroach clickhouse clickhouse-client mongosh "
    "mongo sqlcmd wrangler prisma usql litecli cqlsh"
)

# In code of another language, and in statements for a database.
DELETES = re.compile(
    r"\brmtree\s*\(|\b(?:rm|rmSync|rmdir|rmdirSync)\s*\([^)]{0,1000}recursive|\brimraf\b|\brm_rf?\b|\bremove_tree\b"
    r"|\bDeno\.remove(?:Sync)?\s*\([^)]{0,1000}recursive|\brm\b['\",\s]+-\w*[rR]"
    r"|\bdelete\s*\([^)]{0,1000}['\"]rf?['\"]"
)
RUNS = re.compile(
    r"(?:\b(?:system|popen[23]?|shell_exec|passthru|proc_open|exec|execSync|execFile|execFileSync|execa\w*|spawn\w*"
    r"|getoutput|getstatusoutput|check_output|check_call|call|run|Popen|Command|execute|create_subprocess_shell)|\$)"
    r"[(\s\[{]{0,20}(?P<mark>[\"'`])(?P<line>(?:\\.|(?!(?P=mark))[^\\]){1,2000})(?P=mark)"
    r"(?P<words>(?:\s*,\s*\[?\s*(?:\"[^\"\\]{0,500}\"|'[^'\\]{0,500}')){0,40})(?P<more>\s*[^\s,);\]}])?",
    re.DOTALL,
)
"""Code that has a command run: its line, or its words; ``more`` where that is not all of it."""
_TCL = re.compile(r"\b(?:exec|spawn|system)\s+(?:-\w+\s+|--\s+){0,5}(?P<line>[^\n\]]{1,2000})")
_BANG = r"![!\s]{0,5}(?P<line>[\w./~$\\'\"({][^\n]{0,2000})"
_TICKS = r"`(?P<line>[^`]{1,2000})`"
NATIVE = {
    "awk": re.compile(r"\|&?\s*\"(?P<line>[^\"\\]{1,2000})\"|\"(?P<read>[^\"\\]{1,2000})\"\s*\|&?\s*getline"),
    "perl": re.compile(_TICKS + r"|\bqx\s?[\[({/|!](?P<read>[^\])}/|!]{1,2000})"),
    "ruby": re.compile(_TICKS + r"|%x[\[({](?P<read>[^\])}]{1,2000})"),
    "php": re.compile(_TICKS),
    "vim": re.compile(_BANG + r"|\bterm(?:inal)?!?\s+(?:\+\+\S+\s+){0,5}(?P<read>[^\n]{1,2000})"),
    "ed": re.compile(_BANG),
    "sftp": re.compile(_BANG),
    "ftp": re.compile(_BANG),
    "lftp": re.compile(_BANG),
    "gnuplot": re.compile(_BANG),
    "gdb": re.compile(_BANG + r"|\b(?:shell|make)\s+(?P<read>[^\n]{1,2000})"),
    "lldb": re.compile(_BANG + r"|\bshell\s+(?:--\s+)?(?P<read>[^\n]{1,2000})"),
    "expect": _TCL,
    "tclsh": _TCL,
    "dc": re.compile(r"!\s?(?P<line>\w[^\n]{0,2000})"),
    "m4": re.compile(r"\b(?:sys|es)cmd\(\s*`{0,2}(?P<line>[^')]{1,2000})"),
    "database": re.compile(
        r"\\!\s?(?P<line>[^\n\"']{1,2000})|(?:\.shell|\.system|\bsystem)\s(?P<read>[^\n\"']{1,2000})"
    ),
}
"""Commands in code that no function names: awk's pipes, back quotes, the ``!`` of editors and clients."""
WRITTEN = dict.fromkeys(
    ("vim", "ed"),
    re.compile(
        r"^[^\S\n]*:?[^A-Za-z!\n]{0,200}(?:w|W|write|saveas|sav)!?[^\S\n]+(?!!|>>)(?P<file>\S[^\n]{0,500})",
        re.MULTILINE,
    ),
)
"""Commands in code that write a file which they name."""
STATEMENTS = re.compile(
    r"\b(?:(?P<drop>DROP)\s+(?P<what>TABLE|DATABASE|SCHEMA|VIEW|COLUMN|COLLECTION|KEYSPACE|USER|ROLE)\b"
    r"|(?P<truncate>TRUNCATE)\s+(?:TABLE\s+)?[\w\"`\[.]+"
    r"|(?P<delete>DELETE\s+FROM)\s+[\w\"`\[\].]+\s*(?:;|[\"']|$))"
    r"|\b(?P<mongo>dropDatabase|drop|deleteMany)\s*\(\s*(?:\{\s*\}\s*)?\)",
    re.IGNORECASE | re.MULTILINE,
)
