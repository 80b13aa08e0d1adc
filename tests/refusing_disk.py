"""Files and disks that refuse what is done to them, for root as for anybody."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import struct
from collections.abc import Generator
from pathlib import Path

import pytest

GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h


@contextlib.contextmanager
def no_file_above(size: int) -> Generator[None]:
    """As if the disk had no room for a file of more bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Nothing can be made, renamed or deleted in ``folder``. Skips the test where root may do it all the same."""
    if os.geteuid():
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, GET_FLAGS, bytes(8)))
        fcntl.ioctl(descriptor, SET_FLAGS, struct.pack("l", flags | IMMUTABLE))
    except OSError as error:
        os.close(descriptor)
        pytest.skip(f"Nothing keeps root from changing a folder here: {error}")
    try:
        yield
    finally:
        fcntl.ioctl(descriptor, SET_FLAGS, struct.pack("l", flags))
        os.close(descriptor)
