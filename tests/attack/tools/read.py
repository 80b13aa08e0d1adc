"""Prints a file, by each way there is to open one. Arguments: paths."""

import ctypes
import mmap
import os
import sys

AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)


def by_mmap(path):
    descriptor = os.open(path, os.O_RDONLY)
    return mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)[:]


def by_root_of_init(path):
    return open("/proc/1/root" + os.path.abspath(path), "rb").read()


def by_working_folder_of_init(path):
    return open("/proc/1/cwd/" + os.path.relpath(path, "/"), "rb").read()


def by_raw_call(path):
    descriptor = libc.syscall(257, AT_FDCWD, path.encode(), os.O_RDONLY, 0)  # openat
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), path)
    return os.read(descriptor, 1 << 16)


def by_climbing(path):
    return open("../" * 40 + path.lstrip("/"), "rb").read()


def by_link(path):
    link = f"link-{os.getpid()}-{abs(hash(path))}"
    os.symlink(path, link)
    return open(link, "rb").read()


for path in sys.argv[1:]:
    for way in (by_mmap, by_root_of_init, by_working_folder_of_init, by_raw_call, by_climbing, by_link):
        try:
            print(way.__name__, way(path)[:65536].decode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            print(way.__name__, "failed:", error.__class__.__name__, error.args[0])
