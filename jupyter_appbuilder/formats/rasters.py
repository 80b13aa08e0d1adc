"""The type and size of a picture, as the head of its file says. Nothing is decoded: a small file can hold a very large
picture."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple


class Raster(NamedTuple):
    media_type: str
    width: int  # px
    height: int


def raster(data: bytes) -> Raster | None:
    """What ``data`` is; None where it is no PNG, JPEG, GIF or WebP file, or says no size."""
    for media_type, size in (
        ("image/png", png_size(data)),
        ("image/jpeg", jpeg_size(data)),
        ("image/gif", _gif_size(data)),
        ("image/webp", _webp_size(data)),
    ):
        if size and size[0] > 0 and size[1] > 0:
            return Raster(media_type, *size)
    return None


def whole(data: bytes, media_type: str) -> bool:
    """False for a PNG or JPEG file that is cut off or damaged, as far as that shows without decoding it."""
    if media_type == "image/jpeg":
        return b"\xff\xd9" in data[-1024:]
    if media_type != "image/png":
        return True
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 8 + length
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4]) or end + 4 > len(data):
            return False
        if kind == b"IEND":
            return True
        at = end + 4
    return False


def png_size(data: bytes) -> tuple[int, int] | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The size that the frame's header says: segments are passed over until there is one."""
    at = 2
    if data[:2] != b"\xff\xd8":
        return None
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + max(length, 2)
    return None


def _gif_size(data: bytes) -> tuple[int, int] | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        return None
    width, height = struct.unpack("<HH", data[6:10])
    return width, height


def _webp_size(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        packed = int.from_bytes(data[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
