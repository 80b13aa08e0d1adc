"""The text of a PDF: ``python pdf_text.py PAGES CHARACTERS BYTES SECONDS < FILE``.

A program, so that a file that is made to take all memory or time ends this process alone.
"""

from __future__ import annotations

import io
import sys
from typing import Any, cast


def text_of(content: bytes, most_pages: int, longest: int) -> str:
    """Page by page, as far as the bounds go; empty where no page holds any."""
    import pypdf

    document = cast("Any", pypdf).PdfReader(io.BytesIO(content))
    pages = len(document.pages)
    parts: list[str] = []
    size = 0
    for number in range(min(pages, most_pages)):
        text = str(document.pages[number].extract_text() or "").strip()
        parts.append(f"[Page {number + 1} of {pages}]\n{text[:longest]}")
        size += len(text)
        if size > longest:
            parts.append(f"[… of {pages} pages the first {number + 1} were read …]")
            break
    return "\n\n".join(parts) if size else ""


def main() -> None:
    pages, longest, memory, seconds = map(int, sys.argv[1:])
    try:
        import resource
    except ImportError:  # Windows: its caller's limit of time holds
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    content = sys.stdin.buffer.read()
    try:
        found = text_of(content, pages, longest)
    except MemoryError:
        sys.exit("it takes too much memory")
    except Exception as error:
        sys.exit(str(error) or type(error).__name__)
    sys.stdout.buffer.write(found.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
