"""What comes of a file that is handed in, whatever it is."""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib

import pytest

from jupyter_appbuilder.attachments import reading
from jupyter_appbuilder.attachments.base import LARGEST, LONGEST_TEXT, MOST_PIXELS, Shown
from jupyter_appbuilder.attachments.reading import named, read
from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.formats.rasters import raster


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG file whose head says this size, whatever it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(rows or b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("mock.png", "mock.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\logo.svg", "logo.svg"),
        ("a\0b\x1b[31m.txt", "ab[31m.txt"),
        ("gpj.\u202eexe.txt", "gpj.exe.txt"),
        ("..", "file"),
        ("", "file"),
        ("<img src=x>`.png", "img src=x.png"),
        ("x" * 300 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_name_is_a_name_alone_and_reads_as_it_is(name: str, kept: str):
    assert named(name) == kept
    assert not set(named(name)) & set("/\\\0\u202e`<>")


def test_a_picture_is_known_by_its_bytes_and_shown_as_it_is():
    given = read("notes.txt", png(40, 20))
    assert (given.media_type, given.text) == ("image/png", "")
    assert given.picture == Shown(given.content, 40, 20, "image/png")


def test_a_larger_picture_is_shown_by_the_smaller_copy_that_came_with_it():
    large, small = png(3000, 2000, b"\0"), png(30, 20)
    given = read("mock.png", large, small)
    assert (given.content, given.picture) == (large, Shown(small, 30, 20, "image/png"))
    for wrong in (b"GIF89a", b"<svg onload=alert(1)>", png(3000, 2000, b"\0")):
        with pytest.raises(InvalidInput, match="smaller copy of mock"):
            read("mock.png", large, wrong)


def test_what_is_large_by_its_head_alone_is_never_decoded(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InvalidInput, match="50,000 × 50,000"):
        read("bomb.png", png(50_000, 50_000, b"\0"))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Unavailable, match="pixels") as told:
        read("mock.png", png(3000, 2000, b"\0"))
    assert "jupyter_appbuilder[files]" in told.value.hint


def test_a_picture_that_is_cut_off_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"mock\.png cannot be read as a picture"):
        read("mock.png", png(40, 20)[:-20])


WEBP = b"RIFF\0\0\0\0WEBP"
HEADS = {
    "image/gif": b"GIF89a" + struct.pack("<HH", 320, 200) + bytes(20),
    "image/webp": WEBP + b"VP8X" + bytes(8) + b"\x3f\x01\0\xc7\0\0" + bytes(8),
    "image/webp lossless": WEBP + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 319 | 199 << 14) + bytes(8),
    "image/webp lossy": WEBP + b"VP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 320, 200) + bytes(8),
    "image/jpeg": b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 200, 320) + bytes(20),
}


@pytest.mark.parametrize("kind", HEADS)
def test_the_size_of_a_picture_is_read_from_its_head(kind: str):
    assert raster(HEADS[kind]) == (kind.split()[0], 320, 200)


def test_svg_and_html_are_text_and_no_pictures():
    for name in ("logo.svg", "page.html"):
        given = read(name, b"<svg><script>alert(1)</script></svg>")
        assert given.picture is None
        assert "<script>" in given.text


def test_text_is_bounded_and_says_what_was_left_out():
    rows = "".join(f"{number},{number * 2}\n" for number in range(20_000))
    given = read("sales.csv", rows.encode("utf-8-sig"))
    assert given.media_type == "text/csv"
    assert given.text.startswith("0,0\n1,2\n")
    assert len(given.text) < LONGEST_TEXT + 100
    assert f"of {len(rows):,} characters left out" in given.text
    assert read("notes.txt", "Grüße".encode("utf-16")).text == "Grüße"


def test_what_is_no_text_is_taken_and_told_by_name_alone():
    given = read("data.parquet", b"PAR1\0\xff\xfe\0")
    assert (given.text, given.picture) == ("", None)


def test_a_notebook_is_told_without_its_outputs():
    cells = [
        {"cell_type": "markdown", "source": "# Sales", "metadata": {}},
        {
            "cell_type": "code",
            "source": "df.plot()",
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 5000}],
        },
    ]
    given = read("Sales.ipynb", json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}).encode())
    assert [part in given.text for part in ("# Sales", "df.plot()", "xxx")] == [True, True, False]
    with pytest.raises(InvalidInput, match=r"broken\.ipynb"):
        read("broken.ipynb", b"{not json")


def pdf(*pages: bytes, kids: bytes = b"", filtered: bool = False) -> bytes:
    """A PDF file whose pages have these content streams."""
    first = 3
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    refs = kids or b" ".join(b"%d 0 R" % (first + 2 * at) for at in range(len(pages)))
    objects[2] = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (refs, len(pages))
    font = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    for at, page in enumerate(pages):
        here = first + 2 * at
        content = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources %b /Contents %d 0 R >>"
        objects[here] = content % (font, here + 1)
        how = b" /Filter /FlateDecode" if filtered else b""
        objects[here + 1] = b"<< /Length %d%b >>\nstream\n%b\nendstream" % (len(page), how, page)
    file = b"%PDF-1.7\n"
    places: list[int] = []
    for number in sorted(objects):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, objects[number])
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def said(text: str) -> bytes:
    return b"BT /F1 24 Tf 72 700 Td (%b) Tj ET" % text.encode()


def test_a_pdf_is_read_as_its_text_page_by_page():
    given = read("spec.pdf", pdf(said("Two columns"), said("A button below")))
    assert given.media_type == "application/pdf"
    assert given.text.split("\n") == ["[Page 1 of 2]", "Two columns", "", "[Page 2 of 2]", "A button below"]
    assert "pictures" in read("scan.pdf", pdf(b"")).text


def test_a_pdf_that_is_made_to_harm_is_refused_by_name():
    bomb = zlib.compress(b" " * 300_000_000)
    for content in (b"%PDF-1.7\nnothing", pdf(bomb, filtered=True), pdf(said("x"), kids=b"2 0 R " * 3)):
        with pytest.raises(InvalidInput, match=r"bad\.pdf cannot be read as a PDF"):
            read("bad.pdf", content)


def test_a_picture_that_models_would_not_take_is_made_smaller():
    for content in (png(3000, 2000), noise()):
        shown = read("mock", content).picture
        assert shown is not None
        assert shown.width * shown.height <= MOST_PIXELS
        assert raster(shown.data) is not None
        assert shown.media_type in ("image/png", "image/jpeg")


def noise() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((1800, 1800), 90).convert("RGB").save(out, "WEBP", quality=50)
    return out.getvalue()


def test_a_pdf_says_what_to_install_where_nothing_reads_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "find_spec", {}.get)
    with pytest.raises(Unavailable, match=r"spec\.pdf") as told:
        read("spec.pdf", b"%PDF-1.7\n")
    assert "jupyter_appbuilder[files]" in told.value.hint


def test_empty_too_large_and_secret_files_are_refused_by_name():
    for name, content, reason in (
        ("empty.txt", b"", "empty"),
        ("big.bin", bytes(LARGEST + 1), "10.0 MB at most"),
        ("x/.env", b"KEY=1", ".env holds secrets"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            read(name, content)


def test_keys_in_a_text_are_masked():
    key = "sk-ant-" + "api03-" + "a1B2c3D4" * 6
    given = read("notes.txt", f"the key is {key} as ever".encode())
    assert key not in given.text
    assert "as ever" in given.text
