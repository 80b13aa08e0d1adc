"""Asks the kernel for one thing that a sandbox must not be given. Prints ``done`` or ``refused NAME``.

x86-64 and arm64 have other numbers for the same calls; both are here.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"


def call(x86, arm, *arguments):
    result = libc.syscall(ctypes.c_long(x86 if X86 else arm), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def number(value):
    return ctypes.c_long(value)


def buffer(size=4096, start=b""):
    return ctypes.create_string_buffer(start, size)


def control():
    assert call(39, 172) == os.getpid()  # getpid


def mount_memory():
    os.makedirs("/tmp/mount", exist_ok=True)
    call(165, 40, b"none", b"/tmp/mount", b"tmpfs", number(0), None)


def mount_writable_again():
    call(165, 40, b"none", b"/usr", None, number(0x20 | 0x1000), None)  # MS_REMOUNT | MS_BIND


def unmount():
    call(166, 39, b"/workspace/.git", number(2))  # MNT_DETACH


def mount_by_descriptor():
    descriptor = call(430, 430, b"tmpfs", number(0))  # fsopen
    call(431, 431, number(descriptor), number(6), None, None, number(0))  # fsconfig, FSCONFIG_CMD_CREATE


def clone_mounts():
    call(428, 428, number(-100), b"/", number(0x8001))  # open_tree, OPEN_TREE_CLONE | AT_RECURSIVE


def user_namespace():
    call(272, 97, number(0x10000000))  # unshare


def mount_namespace():
    call(272, 97, number(0x00020000))


def network_namespace():
    call(272, 97, number(0x40000000))


def user_namespace_by_clone():
    child = call(56, 220, number(0x10000000 | 17), None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def user_namespace_by_clone3():
    arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
    child = call(435, 435, buffer(88, arguments), number(88))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def enter_namespace():
    descriptor = os.open("/proc/1/ns/mnt", os.O_RDONLY)
    call(308, 268, number(descriptor), number(0))


def change_root():
    call(161, 51, b"/tmp")


def swap_root():
    call(155, 41, b"/tmp", b"/tmp")


def load_module():
    call(175, 105, buffer(64), number(64), b"")


def load_kernel():
    call(246, 104, number(0), number(0), None, number(0))


def kernel_program():
    attributes = struct.pack("IIQQIIQI", 1, 2, 0, 0, 0, 0, 0, 0)  # BPF_PROG_TYPE_SOCKET_FILTER
    call(321, 280, number(5), buffer(128, attributes), number(48))


def kernel_map():
    call(321, 280, number(0), buffer(128, struct.pack("IIII", 2, 4, 4, 1)), number(48))


def watch_performance():
    attributes = struct.pack("IIQ", 0, 112, 0) + b"\0" * 96  # PERF_TYPE_HARDWARE, CPU cycles of everything
    call(298, 241, buffer(112, attributes), number(-1), number(0), number(-1), number(0))


def fault_handler():
    call(323, 282, number(0))


def ring():
    call(425, 425, number(4), buffer(120))


def keyring_of_the_session():
    call(250, 219, number(6), number(-3), buffer(512), number(512))  # KEYCTL_DESCRIBE, the session's


def keyring_of_the_user():
    call(250, 219, number(11), number(-4), buffer(512), number(512))  # KEYCTL_READ


def add_key():
    call(248, 217, b"user", b"attack", b"x", number(1), number(-3))


def kernel_log():
    size = call(103, 116, number(10), None, number(0))  # SYSLOG_ACTION_SIZE_BUFFER
    call(103, 116, number(3), buffer(size), number(size))


def open_by_handle():
    handle = buffer(128, struct.pack("Ii", 8, 1) + struct.pack("II", 2, 0))  # inode 2: the root of a disk
    descriptor = os.open("/workspace", os.O_RDONLY)
    call(304, 265, number(descriptor), handle, number(os.O_RDONLY))


def set_clock():
    call(164, 170, buffer(16, struct.pack("qq", 1, 0)), None)


def set_host_name():
    call(170, 161, b"owned", number(5))


def restart():
    call(169, 142, number(0xFEE1DEAD), number(672274793), number(0), None)  # only ever switches Ctrl-Alt-Del


def swap():
    with open("/tmp/swap", "wb") as file:
        file.write(b"\0" * 40960)
    call(167, 224, b"/tmp/swap", number(0))


def account():
    call(163, 89, b"/tmp/account")


def become_root():
    if os.getuid() == 0:  # without capabilities that is a name and nothing more; nothing is gained by it
        raise OSError(errno.EPERM, "already")
    os.setresuid(0, 0, 0)


def become_another_group():
    os.setgroups([0])


def give_capabilities():
    header = struct.pack("Ii", 0x20080522, 0)
    every = struct.pack("IIIIII", *([0xFFFFFFFF] * 6))
    call(126, 91, buffer(8, header), buffer(24, every))


def block_device():
    os.mknod("/tmp/disk", 0o60666, os.makedev(int(sys.argv[2]), int(sys.argv[3])))
    os.close(os.open("/tmp/disk", os.O_RDONLY))


def memory_device():
    os.mknod("/tmp/memory", 0o20666, os.makedev(1, 1))
    os.close(os.open("/tmp/memory", os.O_RDONLY))


def hypervisor_socket():
    import socket

    socket.socket(40, socket.SOCK_STREAM)  # AF_VSOCK: no network namespace holds it


def packet_socket():
    import socket

    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)


def raw_socket():
    import socket

    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


def watch_all_files():
    call(300, 262, number(0), number(0))  # fanotify_init


def read_another_process():
    local, remote = buffer(16), buffer(16)
    pid = int(sys.argv[2])
    call(310, 270, number(pid), local, number(1), remote, number(1), number(0))


def trace_another_process():
    call(101, 117, number(16), number(int(sys.argv[2])), None, None)  # PTRACE_ATTACH


def signal_another_process():
    os.kill(int(sys.argv[2]), 0)


def take_a_descriptor():
    pidfd = call(434, 434, number(int(sys.argv[2])), number(0))
    call(438, 438, number(pidfd), number(0), number(0))


def type_into_the_terminal():
    import fcntl

    for place in (0, 1, 2, "/dev/tty", "/dev/console", "/dev/tty1"):
        try:
            descriptor = place if isinstance(place, int) else os.open(place, os.O_RDWR)
            fcntl.ioctl(descriptor, 0x5412, b"x")  # TIOCSTI
            return
        except OSError as error:
            last = error
    raise last


def ports():
    call(173, -1, number(0x80), number(1), number(1))  # ioperm


try:
    globals()[sys.argv[1]]()
except OSError as error:
    print("refused", errno.errorcode.get(error.errno, error.errno))
else:
    print("done")
