"""Swaps a folder and a link to somewhere else, as fast as it can. Arguments: folder, link's target, seconds."""

import ctypes
import os
import sys
import time

name, target, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs(name, exist_ok=True)
link = name + ".link"
if not os.path.lexists(link):
    os.symlink(target, link)
here, there = name.encode(), link.encode()
print("swapping", flush=True)
end = time.monotonic() + seconds
while time.monotonic() < end:
    for _ in range(200):
        libc.renameat2(-100, here, -100, there, 2)  # RENAME_EXCHANGE
    # The folder must go on being one that something is done to.
    if os.path.islink(name):
        libc.renameat2(-100, here, -100, there, 2)
