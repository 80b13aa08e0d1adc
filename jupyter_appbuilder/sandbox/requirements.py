"""Python requirements of an app, and the lock file that pins them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..formats.text import lines

if TYPE_CHECKING:
    from packaging.requirements import Requirement

HASH = re.compile(r"\s--hash=\S+")


def parse_requirement(text: str, name: str = "packages") -> Requirement:
    """``name``, ``name[extra]``, ``name>=1,<2``, with a marker. Raises ``InvalidInput``: no address, path or option."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement:
        found = None
    if found is None or found.url:
        raise InvalidInput(
            f"{text[:200]!r} is not the name of a Python package.",
            hint="Write name, name==1.2 or name[extra]>=1. Options, addresses and paths are not taken.",
            field=name,
        )
    return found


@dataclass(frozen=True, slots=True)
class Requirements:
    """``wanted`` as the app's requirements file has it, and the ``lock`` file's text, empty where there is none."""

    wanted: tuple[Requirement, ...]
    lock: str

    @classmethod
    def parse(cls, requirements: bytes | None, lock: bytes | None, name: str = "requirements.txt") -> Requirements:
        """Raises ``InvalidInput`` naming the file and the line."""
        wanted: list[Requirement] = []
        for number, line in _lines(requirements or b"", name):
            try:
                wanted.append(parse_requirement(line, name))
            except InvalidInput as error:
                raise InvalidInput(f"{name}, line {number}: {error.message}", hint=error.hint, field=name) from None
        return cls(tuple(wanted), (lock or b"").decode("utf-8", "replace"))

    def pins(self) -> dict[str, Requirement]:
        """The lock file's pins for this machine and Python, by canonical name.

        Raises ``InvalidInput`` for a lock file with anything but pinned packages in it.
        """
        from packaging.utils import canonicalize_name

        found: dict[str, Requirement] = {}
        for number, line in _lines(self.lock.encode(), "lock"):
            try:
                pin = parse_requirement(HASH.sub("", line))
            except InvalidInput:
                pin = None
            if pin is None or _pinned(pin) is None:
                raise InvalidInput(
                    f"The lock file's line {number} pins no package: {line[:100]!r}.",
                    hint="Delete the lock file to have it created again.",
                    field="lock",
                )
            if pin.marker is None or pin.marker.evaluate():
                found[canonicalize_name(pin.name)] = pin
        return found

    def fits(self) -> bool:
        """True if the lock file holds everything that is wanted, in a version that is wanted."""
        from packaging.utils import canonicalize_name

        if not self.lock:
            return not self.wanted
        pins = self.pins()
        for want in self.wanted:
            if want.marker is not None and not want.marker.evaluate():
                continue
            pin = pins.get(canonicalize_name(want.name))
            version = _pinned(pin) if pin else None
            if pin is None or version is None or not want.extras <= pin.extras:
                return False
            if not want.specifier.contains(version, prereleases=True):
                return False
        return True

    def changes(self, earlier: Requirements) -> list[str]:
        """What the lock file has that ``earlier``'s had not: ``name 1.2`` or ``name 1.2 (was 1.1)``."""
        before = earlier.pins()
        told: list[str] = []
        for name, pin in sorted(self.pins().items()):
            old, new = _pinned(before[name]) if name in before else None, _pinned(pin)
            if old != new:
                told.append(f"{name} {new}" + (f" (was {old})" if old else ""))
        return told


def with_packages(requirements: bytes | None, packages: Sequence[str]) -> bytes:
    """The requirements file with ``packages`` added; a line about the same package is replaced, comments stay."""
    from packaging.utils import canonicalize_name

    added = {canonicalize_name(parse_requirement(package).name): package.strip() for package in packages}
    kept: list[str] = []
    for line in lines((requirements or b"").decode("utf-8", "replace")):
        text = line.partition("#")[0].strip()
        if not text or canonicalize_name(parse_requirement(text, "requirements").name) not in added:
            kept.append(line)
    return "\n".join([*kept, *added.values(), ""]).encode()


def _pinned(pin: Requirement) -> str | None:
    specifiers = list(pin.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith("*")
    return specifiers[0].version if exact else None


def _lines(content: bytes, name: str) -> Iterable[tuple[int, str]]:
    """Lines with something on them, joined where one ends with a backslash, with the number of the first."""
    begun, joined = 0, ""
    for number, line in enumerate(lines(content.decode("utf-8", "replace")), 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        begun = begun or number
        if text.endswith("\\"):
            joined += text[:-1].strip() + " "
            continue
        joined += text
        if joined.strip():
            yield begun, joined.strip()
        begun, joined = 0, ""
    if joined.strip():
        yield begun, joined.strip()
