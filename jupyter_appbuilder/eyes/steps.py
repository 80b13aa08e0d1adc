"""The steps of ``use_app`` and of scenarios: actions on a page and expectations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .base import Page, StepResult

__all__ = ["MOST_STEPS", "File", "Step", "Steps", "Width", "first_path", "take", "told"]

MOST_STEPS = 40
LONGEST_NAME = 80  # characters of a name that are told

Act = Literal["open", "click", "fill", "select", "check", "press", "drag", "upload", "wait", "expect"]
Expectation = Literal[
    "visible", "hidden", "value", "count", "address", "download", "enabled", "disabled", "checked", "unchecked"
]


class File(BaseModel):
    """A file to upload, by its content."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    content: str = Field(max_length=100_000)


class Step(BaseModel):
    """One step. A control is named by ``role`` and ``name`` (its accessible name), or by its ``text``."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    do: Act
    role: str | None = Field(None, description="button, link, textbox, checkbox, combobox, heading, listitem …")
    name: str | None = Field(None, description="The control's label or accessible name")
    text: str | None = Field(None, description="Instead of role and name: text that is on the page")
    nth: int | None = Field(None, ge=1, description="Which one, where several fit; 1 is the first")
    path: str | None = Field(None, description="open: a path of the app, e.g. /settings")
    value: str | int | float | bool | None = Field(
        None,
        description="fill, select: the value. check: true or false. expect: the value, address or file; * fits all",
    )
    key: str | None = Field(None, description="press: Enter, Escape, Tab, ArrowDown, Control+a …")
    to: str | None = Field(None, description="drag: the name or text of where to")
    files: list[File] | None = Field(None, max_length=5, description="upload")
    answer: str | bool | None = Field(
        None, description="To what the page asks in a dialog: OK if left out, false for Cancel, a text for a prompt"
    )
    is_: Expectation | None = Field(None, alias="is", description="expect: visible if left out")
    count: int | None = Field(None, ge=0, description='expect with is "count": how many are visible')

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, exclude_none=True)


def told(step: Step) -> str:
    """A step in a few words, for people and models."""
    named = _named(step)
    match step.do:
        case "open":
            return f"open {step.path or '/'}"
        case "fill" | "select":
            return f'{step.do} {named} with "{step.value if step.value is not None else ""}"'
        case "check":
            return f"{'uncheck' if step.value in (False, 'false') else 'check'} {named}"
        case "press":
            return f"press {step.key}{f' in {named}' if named else ''}"
        case "drag":
            return f'drag {named} to "{step.to}"'
        case "upload":
            return f"upload {', '.join(file.name for file in step.files or ())} to {named}"
        case "expect":
            wanted = step.count if step.is_ == "count" else step.value
            return " ".join(
                str(word) for word in ("expect", named, step.is_ or "visible", wanted) if word not in ("", None)
            )
        case _:
            return f"{'wait for' if step.do == 'wait' else step.do} {named}"


def _named(step: Step) -> str:
    """What a step is about: ``button "Delete" number 2``."""
    name = step.name or step.text or ""
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 1]}…"
    words = (step.role, name and f'"{name}"', step.nth and f"number {step.nth}")
    return " ".join(word for word in words if word)


Steps = Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)]
Width = Annotated[int, Field(ge=240, le=2560)]
"""Of the window, in CSS px."""


def first_path(steps: Sequence[Step]) -> str:
    """The path of the page that the steps begin on."""
    return steps[0].path or "/" if steps[0].do == "open" else "/"


async def take(page: Page, number: int, step: Step) -> StepResult:
    """Take a step, the first being number 1, on a page that was opened at ``first_path``."""
    opened = number == 1 and step.do == "open"
    return StepResult(True) if opened else await page.act(step.to_json())
