"""A filter on system calls: what generated code never needs, and what has let others out of sandboxes before.

The filter is a program for the kernel's classic BPF, assembled here: a list of rules in order, first match wins, and
all else is allowed. It is a second wall, inside the first one, so it lists what to refuse rather than what to allow:
Node.js, Python and their tools use some 200 calls, and others after each update.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ....errors import Unavailable

# Numbers on x86_64 and aarch64, from the kernel's tables. Since 424 they are the same everywhere.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "creat": (85, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lchown": (94, None),
    "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "migrate_pages": (256, 238),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "sendmmsg": (307, 269),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vhangup": (153, 58),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}

ALLOW = 0x7FFF0000
NOTIFY = 0x7FC00000  # ask the supervising process
REFUSE = 0x00050000  # with an error number


def refuse(error: int = errno.EPERM) -> int:
    return REFUSE | error


@dataclass(frozen=True, slots=True)
class Test:
    """Of one argument, ``masked``: holds if it has one of these bits, is one of these values, or is none of those.

    Only the lower 32 bits are looked at, which is all the kernel takes of what is tested here; ``pointer`` instead
    holds if any of the 64 is set.
    """

    argument: int
    bits: int = 0
    among: tuple[int, ...] = ()
    beside: tuple[int, ...] = ()
    masked: int = 0xFFFFFFFF
    pointer: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """``action`` for these calls, if all ``tests`` hold."""

    calls: tuple[str, ...]
    action: int
    tests: tuple[Test, ...] = ()


NEW_NAMESPACES = 0x7E020000
SPECIAL_BITS = 0o6000  # set-user-id and set-group-id
CREATES = 0o100 | 0x400000  # O_CREAT, O_TMPFILE
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_SEQPACKET = 1, 5
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
MSG_FASTOPEN = 0x20000000

COMMON: tuple[Rule, ...] = (
    Rule(("mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount"), refuse()),
    Rule(("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "quotactl", "quotactl_fd"), refuse()),
    Rule(("unshare", "setns"), refuse()),
    Rule(("clone",), refuse(), (Test(0, bits=NEW_NAMESPACES),)),
    # Its flags lie in memory, where a filter cannot look. Every C library goes back to clone.
    Rule(("clone3",), refuse(errno.ENOSYS)),
    Rule(("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"), refuse()),
    Rule(("process_madvise", "process_mrelease"), refuse()),
    Rule(("add_key", "request_key", "keyctl"), refuse()),
    Rule(("bpf", "perf_event_open", "userfaultfd", "syslog", "fanotify_init", "lookup_dcookie"), refuse()),
    # Its operations pass by every filter.
    Rule(("io_uring_setup", "io_uring_enter", "io_uring_register"), refuse()),
    Rule(("open_by_handle_at",), refuse()),
    Rule(("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"), refuse()),
    Rule(("reboot", "swapon", "swapoff", "acct", "vhangup", "sethostname", "setdomainname"), refuse()),
    Rule(("settimeofday", "clock_settime", "clock_adjtime", "adjtimex"), refuse()),
    Rule(("iopl", "ioperm", "modify_ldt", "move_pages", "migrate_pages"), refuse()),
    Rule(("personality",), refuse(), (Test(0, beside=(0, 0xFFFFFFFF)),)),
    # Typing into somebody's terminal.
    Rule(("ioctl",), refuse(), (Test(1, among=(TIOCSTI, TIOCLINUX)),)),
    # A program that runs with the rights of whoever made it: other people of this machine could start it.
    Rule(("chmod", "fchmod"), refuse(), (Test(1, bits=SPECIAL_BITS),)),
    Rule(("fchmodat", "fchmodat2"), refuse(), (Test(2, bits=SPECIAL_BITS),)),
    Rule(("creat", "mknod"), refuse(), (Test(1, bits=SPECIAL_BITS),)),
    Rule(("mknodat",), refuse(), (Test(2, bits=SPECIAL_BITS),)),
    Rule(("open",), refuse(), (Test(1, bits=CREATES), Test(2, bits=SPECIAL_BITS))),
    Rule(("openat",), refuse(), (Test(2, bits=CREATES), Test(3, bits=SPECIAL_BITS))),
    Rule(("openat2",), refuse(errno.ENOSYS)),  # its mode lies in memory, too
)

# Where the sandbox has a network of its own.
NETWORK: tuple[Rule, ...] = (
    Rule(("socket",), refuse(errno.EAFNOSUPPORT), (Test(0, beside=(AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)),)),
    Rule(("socket",), refuse(errno.EAFNOSUPPORT), (Test(0, among=(AF_NETLINK,)), Test(2, beside=(0,)))),
)

# Where it has not, nor a file system or processes of its own: what Landlock does not look at.
SHARED: tuple[Rule, ...] = (
    # By a unix socket one speaks to an SSH agent, to Docker, to a session bus. A pair of them leads nowhere else,
    # except that datagrams can be sent to any.
    Rule(("socket",), refuse(errno.EACCES), (Test(0, among=(AF_UNIX,)),)),
    Rule(("socketpair",), refuse(errno.EACCES), (Test(1, beside=(SOCK_STREAM, SOCK_SEQPACKET), masked=0xF),)),
    # Landlock knows TCP only.
    Rule(("socket",), refuse(errno.EAFNOSUPPORT), (Test(0, beside=(AF_INET, AF_INET6, AF_NETLINK)),)),
    Rule(("socket",), refuse(errno.EAFNOSUPPORT), (Test(0, among=(AF_NETLINK,)), Test(2, beside=(0,)))),
    Rule(
        ("socket",),
        refuse(errno.EACCES),
        (Test(0, among=(AF_INET, AF_INET6)), Test(1, beside=(SOCK_STREAM,), masked=0xF)),
    ),
    Rule(("socket",), refuse(errno.EACCES), (Test(0, among=(AF_INET, AF_INET6)), Test(2, beside=(0, 6)))),
    # Connects without Landlock being asked.
    Rule(("sendto", "sendmmsg"), refuse(errno.EACCES), (Test(3, bits=MSG_FASTOPEN),)),
    Rule(("sendmsg",), refuse(errno.EACCES), (Test(2, bits=MSG_FASTOPEN),)),
    Rule(("shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop"), refuse()),
    Rule(("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"), refuse()),
    # Acting on other processes of the same person.
    Rule(("prlimit64", "sched_setaffinity", "sched_setscheduler"), refuse(), (Test(0, beside=(0,)),)),
    Rule(("sched_setattr", "sched_setparam"), refuse(), (Test(0, beside=(0,)),)),
    Rule(("setpriority", "ioprio_set"), refuse(), (Test(1, beside=(0,)),)),
    # Landlock lets everybody change the mode, owner and times of files it does not let them read: the supervising
    # process does it for them, below the folders they may write. There is but one owner.
    Rule(("chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat"), NOTIFY),
    Rule(("utime", "utimes", "futimesat"), refuse(errno.ENOSYS)),
    Rule(("chown", "fchown", "lchown", "fchownat"), refuse(0)),
    Rule(("setxattr", "fsetxattr", "lsetxattr", "setxattrat"), refuse(errno.ENOTSUP)),
    Rule(("removexattr", "fremovexattr", "lremovexattr", "removexattrat"), refuse(errno.ENOTSUP)),
)

LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN, JUMP = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06, 0x05
FAIL = -1  # a jump to where the block ends


@dataclass(frozen=True, slots=True)
class Instruction:
    code: int
    value: int = 0
    then: int = 0  # instructions to skip
    otherwise: int = 0


def program(rules: Iterable[Rule], machine: str = "") -> bytes:
    """The filter for this machine (or ``machine``), as the kernel takes it: 8 bytes an instruction.

    Raises ``Unavailable`` for a processor whose call numbers are not known.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise Unavailable(
            f"System calls cannot be filtered on {machine}.", hint="Use a computer with an x86_64 or ARM64 processor."
        )
    column, mark = ARCHITECTURES[machine]
    # Calls of another architecture, and of x86's third one (x32), have other numbers.
    code = [Instruction(LOAD, 4), Instruction(EQUAL, mark, then=1), Instruction(RETURN, refuse())]
    code += [Instruction(LOAD, 0), Instruction(AT_LEAST, 0x40000000, otherwise=1), Instruction(RETURN, refuse())]
    for rule in rules:
        for call in rule.calls:
            number = NUMBERS[call][column]
            if number is not None:
                code += _block(number, rule)
    code.append(Instruction(RETURN, ALLOW))
    if len(code) > 4096:
        raise ValueError("The kernel takes no more than 4096 instructions.")
    return b"".join(struct.pack("<HBBI", step.code, step.then, step.otherwise, step.value) for step in code)


def _block(number: int, rule: Rule) -> list[Instruction]:
    """``rule`` for one call. Begins and ends with the call's number loaded."""
    body = [step for test in rule.tests for step in _test(test)]
    body.append(Instruction(RETURN, rule.action))
    end = len(body)
    placed = [
        replace(
            step,
            then=end - at - 1 if step.then == FAIL else step.then,
            otherwise=end - at - 1 if step.otherwise == FAIL else step.otherwise,
        )
        for at, step in enumerate(body)
    ]
    if not rule.tests:
        return [Instruction(EQUAL, number, otherwise=len(placed)), *placed]
    return [Instruction(EQUAL, number, otherwise=len(placed) + 1), *placed, Instruction(LOAD, 0)]


def _test(test: Test) -> list[Instruction]:
    low = 16 + 8 * test.argument
    if test.pointer:
        return [
            Instruction(LOAD, low),
            Instruction(EQUAL, 0, otherwise=2),
            Instruction(LOAD, low + 4),
            Instruction(EQUAL, 0, then=FAIL),
        ]
    steps = [Instruction(LOAD, low)]
    if test.masked != 0xFFFFFFFF:
        steps.append(Instruction(AND, test.masked))
    if test.bits:
        steps.append(Instruction(ANY_BIT, test.bits, otherwise=FAIL))
    for value in test.beside:
        steps.append(Instruction(EQUAL, value, then=FAIL))
    for left, value in reversed(list(enumerate(reversed(test.among)))):
        steps.append(Instruction(EQUAL, value, then=left, otherwise=0 if left else FAIL))
    return steps
