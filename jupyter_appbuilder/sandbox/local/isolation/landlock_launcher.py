"""Starts one command under Landlock and a filter of system calls, and ends all its processes. A program of its own.

    landlock_launcher.py FILE       FILE holds what to do, as ``marshal`` writes it; see ``landlock.Landlock.launch``

It stays beside the command. Its own domain only keeps it from sending signals to others; the command's domain lies
inside, so it can end every process of the command at one moment, and none of them can touch it. It imports only what is
built in: starting must not cost more than the command.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import marshal
import os
import select
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any
else:
    import _signal

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT, SECCOMP = 444, 445, 446, {"x86_64": 317, "aarch64": 277}

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
DEVICES = 1 << 6 | 1 << 11  # making them
REFER = 1 << 13  # moving and linking between folders
BIND, CONNECT = 1, 2
ABSTRACT_SOCKETS, SIGNALS = 1, 2

RECEIVE, ANSWER, VALID = 0xC0502100, 0xC0182101, 0x40082102
AT_CWD, NO_FOLLOW, EMPTY_PATH = -100, 0x100, 0x1000


def call(number: int, *arguments: Any) -> int:
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def prctl(option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def drop_capabilities() -> None:
    """For good: without new privileges, no program that is started gets them back."""
    for capability in range(64):
        if libc.prctl(24, ctypes.c_ulong(capability), *(ctypes.c_ulong(0),) * 3) < 0:
            break  # may not, or there are no more
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    call({"x86_64": 126, "aarch64": 91}[os.uname().machine], header, (ctypes.c_uint32 * 6)())


class Ruleset:
    """What is handled is refused, except below what ``allow`` and ``allow_port`` name."""

    def __init__(self, abi: int, files: bool, signals: bool) -> None:
        all_files = (1 << 13) - 1 | REFER | (TRUNCATE if abi >= 3 else 0) | (IOCTL if abi >= 5 else 0)
        self.files = all_files if files else REFER
        scoped = SIGNALS | (ABSTRACT_SOCKETS if files else 0) if abi >= 6 and signals else 0
        attributes = (ctypes.c_uint64 * 3)(self.files, BIND | CONNECT if files else 0, scoped)
        self.handle = call(LANDLOCK_CREATE, attributes, ctypes.c_size_t(24 if abi >= 6 else 16), 0)
        self.kept: list[int] = []
        if not files:
            self.allow("/", REFER)  # moving between folders is refused by any ruleset that does not allow it

    def allow(self, path: str, rights: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # what is not there cannot be reached
        self.kept.append(descriptor)
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
        rule = (ctypes.c_uint8 * 12).from_buffer_copy(
            (rights & self.files).to_bytes(8, "little") + descriptor.to_bytes(4, "little")
        )
        call(LANDLOCK_ADD, self.handle, 1, rule, 0)

    def allow_port(self, port: int, rights: int) -> None:
        call(LANDLOCK_ADD, self.handle, 2, (ctypes.c_uint64 * 2)(rights, port), 0)

    def enter(self) -> None:
        call(LANDLOCK_RESTRICT, self.handle, 0)
        os.close(self.handle)


def lay(where: str, what: str, beneath: list[tuple[str, str]]) -> None:
    """Show ``what`` at ``where`` by a link; as a folder of links where more is laid inside it."""
    if not beneath:
        if not os.path.islink(where) or os.readlink(where) != what:
            clear(where)
            os.symlink(what, where)
        return
    names = {name: f"{what}/{name}" for name in os.listdir(what)} | dict(beneath)
    if os.path.islink(where) or not os.path.isdir(where):
        clear(where)
        os.mkdir(where)
    for name in os.listdir(where):
        if name not in names or not os.path.islink(f"{where}/{name}") or os.readlink(f"{where}/{name}") != names[name]:
            clear(f"{where}/{name}")
    for name in set(names) - set(os.listdir(where)):
        os.symlink(names[name], f"{where}/{name}")


def clear(path: str) -> None:
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        for name in os.listdir(path):
            clear(f"{path}/{name}")
        os.rmdir(path)


def begin(spec: dict[str, Any], answers: Any) -> None:
    """In the process that becomes the command."""
    os.setsid()
    prctl(1, 9)  # die with the parent
    rules = Ruleset(spec["abi"], True, spec["scoped"])
    for path in spec["read"]:
        rules.allow(path, EXECUTE | READ_FILE | READ_DIR)
    for path in spec["files"]:
        rules.allow(path, READ_FILE)
    for path in spec["devices"]:
        rules.allow(path, READ_FILE | WRITE_FILE | IOCTL)
    for path in spec["write"]:
        rules.allow(path, rules.files & ~DEVICES)
    for port in spec["listen"]:
        rules.allow_port(port, BIND | CONNECT)
    for port in spec["connect"]:
        rules.allow_port(port, CONNECT)
    rules.enter()
    for where, what, beneath in spec["laid"]:
        lay(where, what, beneath)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # if memory runs out, rather this than what watches over it
    except OSError:
        pass
    os.chdir(spec["cwd"])
    code = ctypes.create_string_buffer(spec["filter"], len(spec["filter"]))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    program = Program(len(spec["filter"]) // 8, ctypes.cast(code, ctypes.c_void_p))
    listener = call(SECCOMP[os.uname().machine], 1, 8, ctypes.byref(program))
    answers.sendmsg([b"x"], [(SOL_SOCKET, SCM_RIGHTS, listener.to_bytes(4, "little"))])
    os.close(listener)
    for name in (_signal.SIGPIPE, _signal.SIGTERM, _signal.SIGCHLD, _signal.SIGINT):
        _signal.signal(name, _signal.SIG_DFL)
    argv, environment = spec["argv"], spec["environment"]
    os.environ["PATH"] = environment.get("PATH", os.defpath)
    try:
        os.execvpe(argv[0], argv, environment)
    except FileNotFoundError:
        print(f"{argv[0]}: command not found", file=sys.stderr, flush=True)
        os._exit(127)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(126)


class Attendant:
    """Changes modes and times of files for the command: it may, below ``roots``, and the filter sends it here."""

    def __init__(self, listener: int, roots: list[str], numbers: dict[int, str]) -> None:
        self.listener = listener
        self.roots = roots
        self.numbers = numbers

    def serve(self) -> None:
        request = bytearray(80)
        try:
            fcntl.ioctl(self.listener, RECEIVE, request)
        except OSError:
            return  # who asked is gone
        identity, pid = request[:8], int.from_bytes(request[8:12], "little")
        number = int.from_bytes(request[16:20], "little")
        arguments = [int.from_bytes(request[at : at + 8], "little") for at in range(32, 80, 8)]
        error = 0
        try:
            self.do(self.numbers[number], pid, bytes(identity), arguments)
        except OSError as caught:
            error = caught.errno or errno.EPERM
        answer = bytearray(identity) + bytes(8) + (-error).to_bytes(4, "little", signed=True) + bytes(4)
        try:  # noqa: SIM105 - contextlib would take longer to import than this program to start
            fcntl.ioctl(self.listener, ANSWER, answer)
        except OSError:
            pass

    def do(self, name: str, pid: int, identity: bytes, arguments: list[int]) -> None:
        folder, pointer, flags, mode, times = AT_CWD, 0, 0, 0, 0
        if name == "chmod":
            pointer, mode = arguments[0], arguments[1]
        elif name == "fchmod":
            folder, mode, flags = arguments[0], arguments[1], EMPTY_PATH
        elif name in ("fchmodat", "fchmodat2"):
            folder, pointer, mode = arguments[:3]
            flags = arguments[3] if name == "fchmodat2" else 0
        else:
            folder, pointer, times, flags = arguments[:4]
            flags |= 0 if pointer else EMPTY_PATH
        stamp = b""
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            path = self.text(memory, pointer) if pointer else ""
            if times:
                memory.seek(times)
                stamp = memory.read(32)
        fcntl.ioctl(self.listener, VALID, identity)  # else another process has this number by now
        folder = folder - (1 << 32) if folder & 0x80000000 else folder
        base = f"/proc/{pid}/cwd" if folder in (AT_CWD, AT_CWD & 0xFFFFFFFF) else f"/proc/{pid}/fd/{folder}"
        if not path:
            if not flags & EMPTY_PATH:
                raise OSError(errno.ENOENT, path)
            place = base
        else:
            for ours in ("/proc/self/", "/dev/fd/", "/proc/thread-self/"):
                if path.startswith(ours):
                    path = f"/proc/{pid}/" + ("fd/" if ours == "/dev/fd/" else "") + path[len(ours) :]
            place = os.path.join(base, path)
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if path and flags & NO_FOLLOW else 0))
        try:
            self.check(handle, name)
            real = f"/proc/self/fd/{handle}"
            if name == "utimensat":
                buffer = ctypes.create_string_buffer(stamp, 32) if times else None
                if libc.utimensat(AT_CWD, real.encode(), buffer, 0) < 0:
                    raise OSError(ctypes.get_errno(), path)
            else:
                os.chmod(real, mode & 0o1777)
        finally:
            os.close(handle)

    def check(self, handle: int, name: str) -> None:
        """What was opened, not what was named, decides: names can be changed meanwhile."""
        real = os.readlink(f"/proc/self/fd/{handle}")
        if not any(real == root or real.startswith(f"{root}/") for root in self.roots):
            raise OSError(errno.EPERM, name)

    @staticmethod
    def text(memory: Any, pointer: int) -> str:
        found = b""
        while b"\0" not in found and len(found) < 4096:
            memory.seek(pointer + len(found))
            piece = memory.read(min(256, 4096 - (pointer + len(found)) % 4096))
            if not piece:
                raise OSError(errno.EFAULT, "path")
            found += piece
        return os.fsdecode(found.partition(b"\0")[0])


def end_all(scoped: bool) -> None:
    """Kill every process of the command: all at one moment, where the kernel keeps signals within the domain."""
    while True:
        if scoped:
            try:  # noqa: SIM105
                os.kill(-1, _signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            for pid in below(os.getpid()):
                try:  # noqa: SIM105
                    os.kill(pid, _signal.SIGKILL)
                except ProcessLookupError:
                    pass
        try:
            while os.waitpid(-1, 0 if scoped else os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def below(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            with open(f"/proc/{waiting[-1]}/task/{waiting.pop()}/children") as file:
                more = [int(word) for word in file.read().split()]
        except OSError:
            continue
        found += more
        waiting += more
    return found


def remove_repositories(roots: list[str]) -> None:
    for root in roots:
        path = f"{root}/.git"
        try:
            if not os.path.lexists(path) or (os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)):
                continue
            clear(path)
        except OSError:
            continue


def main() -> int:
    with open(sys.argv[1], "rb") as file:
        spec = marshal.load(file)  # written by the server, in a folder of its own
    prctl(1, _signal.SIGTERM)  # when the server dies
    prctl(36, 1)  # orphans of the command become ours
    prctl(38, 1)  # no new privileges
    server = os.getppid()
    drop_capabilities()
    scoped = False
    if spec["abi"] >= 6:
        rules = Ruleset(spec["abi"], False, True)
        rules.enter()
        try:
            os.kill(server, 0)
        except PermissionError:
            scoped = server == spec["server"]
        except ProcessLookupError:
            pass
    spec["scoped"] = scoped
    ours, theirs = socketpair(AF_UNIX, SOCK_STREAM)
    wake_reader, wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    _signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    ending = False

    def end(*_: object) -> None:
        nonlocal ending
        ending = True

    def woken(*_: object) -> None:
        """The descriptor tells."""

    _signal.signal(_signal.SIGTERM, end)
    _signal.signal(_signal.SIGCHLD, woken)
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            begin(spec, theirs)
        except BaseException as error:
            print(f"sandbox: {error}", file=sys.stderr, flush=True)
            os._exit(125)
    theirs.close()
    for descriptor in spec["descriptors"]:
        os.close(descriptor)
    _, ancillary, _, _ = ours.recvmsg(1, 64)
    poll = select.poll()
    poll.register(wake_reader, select.POLLIN)
    attendant = None
    if ancillary:
        listener = int.from_bytes(ancillary[0][2][:4], "little")
        attendant = Attendant(listener, spec["write"], spec["numbers"])
        poll.register(listener, select.POLLIN)
    code: int | None = None
    while code is None and not ending:
        for descriptor, events in poll.poll(spec["look"]):
            if attendant and descriptor == attendant.listener:
                if events & select.POLLIN:
                    attendant.serve()
                else:
                    poll.unregister(descriptor)
            else:
                try:  # noqa: SIM105
                    os.read(wake_reader, 512)
                except BlockingIOError:
                    pass
        remove_repositories(spec["workspaces"])
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    code = os.waitstatus_to_exitcode(status)
                if pid == 0:
                    break
        except ChildProcessError:
            break
    end_all(scoped)
    if code is None:
        return 137
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    os._exit(main())
