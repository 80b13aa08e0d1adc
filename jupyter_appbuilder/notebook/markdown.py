"""Makes Markdown inert: Jupyter shows it without fetching anything and without raw HTML.

JupyterLab keeps pictures, video posters and some styles of what is not trusted, and takes an output below a cell that
was just run as it is, with its scripts. An address in there is fetched as soon as it is shown, and can carry away what
the model read. The panel shows raw HTML as text and no pictures (``feed/Markdown.tsx``). In notebooks:

* raw HTML is text, and ``<`` stays ``<``;
* a picture is a link with its name;
* code blocks are code, in the languages below: others may be drawn by an extension, as diagrams with pictures;
* TeX stays, without the few commands that take addresses, styles or attributes, and characters by their numbers stay
  numbers: they could spell such a command.

Notebooks are shown by different parsers (marked in JupyterLab, markdown-it in VS Code, mistune in nbconvert), which
disagree in the details. So nothing is parsed here: a character that is not seen is put into each sequence without which
no parser finds one of these. It is added also where some are there already, so that ``restore`` can take it out. Only
inside code blocks that no parser can take for anything else it is left out, since people copy from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

APART = "\N{WORD JOINER}"

LANGUAGES = """
    astro bash bat c c# c++ cjs console cpp cs css csv diff dockerfile dotenv env fish go graphql h htm html http ini
    java javascript js json json5 jsonc jsx kotlin less log lua makefile markdown md mjs mts none patch php plain
    plaintext powershell properties ps1 py pycon python rb regex rs ruby rust sass scss sh shell sql svelte swift text
    toml ts tsx txt typescript vue xml yaml yml zsh
"""

TEX = "bbox class cssId csname data href html includegraphics mmlToken require style"

_SITE = rf"""
    (?: <                      # a tag or a comment, but no plain autolink; half a surrogate pair is written as "?"
        (?= {APART}*+ (?! https?://[\w./:?\#@&*+,;=%~-]+> ) [A-Za-z/!?\ud800-\udfff] )
      | !                      # a picture; half a surrogate pair may be left out on the way
        (?= {APART}*+ [\[\ud800-\udfff] )
      | \[ [\s{APART}]*+ \]    # a link without a name, as a picture without one would become
        (?= {APART}*+ \( )
      | (?: (?<!`) `{{3,}} (?!`) | (?<!~) ~{{3,}} (?!~) )    # a code block in a language that may be drawn
        (?= {APART}*+ (?! [ \t]*+ (?: (?:{"|".join(map(re.escape, LANGUAGES.split()))}) (?:[ \t\r]|$) | \r?$ ) ) )
      | \\                     # TeX
        (?= {APART}*+ (?: {"|".join(TEX.split())} ) )
      | &                      # a character by its number or a backslash: TeX is looked for where these are decoded
        (?= {APART}*+ (?: \# | bsol; ) )
    )
"""
_FLAGS = re.VERBOSE | re.MULTILINE | re.IGNORECASE
_SITES = re.compile(_SITE, _FLAGS)
_TAKEN = re.compile(f"({_SITE}){APART}", _FLAGS)


_FENCE = re.compile(rf"```(?:{'|'.join(map(re.escape, LANGUAGES.split()))})?", re.IGNORECASE)
_ODD = re.compile(r"[\r\f\v\0\x1c-\x1e\x85\u2028\u2029]|~~~")  # may be a line break, or another fence
_SWALLOWS = re.compile(r"\$|\\\\[(\[]|\\begin|\]:")  # math, or a link's definition: may reach over a fence


def inert(text: str) -> str:
    """``text`` as it may stand in a Markdown cell or output."""
    return _outside_code(text, lambda part: _SITES.sub(rf"\g<0>{APART}", part))


def restore(text: str) -> str:
    """The text that ``inert`` was given."""
    return _outside_code(text, lambda part: _TAKEN.sub(r"\1", part))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change what is no code in ``text``: all of it, where parsers might disagree on what is code."""
    parts: list[list[str]] = [[]]  # lines of text and of code by turns, the fences with the code
    for line in text.split("\n"):
        if "```" not in line:
            parts[-1].append(line)
        elif len(parts) % 2 and _FENCE.fullmatch(line):
            parts.append([line])
        elif len(parts) % 2 == 0 and line == "```":
            parts[-1].append(line)
            parts.append([])
        else:
            return change(text)
    joined = ["\n".join(part) for part in parts]
    if len(parts) % 2 == 0 or _ODD.search(text) or any(map(_SWALLOWS.search, joined[::2])):
        return change(text)
    joined[::2] = [change(part) for part in joined[::2]]
    return "\n".join(part for part, lines in zip(joined, parts, strict=True) if lines)
