"""Written by App Builder with the functions. It is written anew with them: change nothing here."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

ROWS = "@ROWS@"
NOT_HERE = "This needs the notebook that the app was made in, and works in its preview in Jupyter alone."


class PythonError(Exception):
    """Why a call came to nothing, in words for people. ``reason``: ``no_kernel``: the notebook does not run. ``busy``:
    ask again. ``declined``: the function says so. Else a fault."""

    def __init__(self, message: str, reason: str, status: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same call may work later."""
        return self.status == 503


def call_python(name: str, **given: Any) -> Any:
    """Call a function of the notebook: ``call_python("forecast", region="North")``. It waits: never call
    it in a server's own loop, where ``call_python_async`` keeps nobody waiting.

    Rows come as @FRAME@.

    Raises ``PythonError``."""
    if _in_loop():
        raise RuntimeError("It would wait for ever here: await call_python_async(…) in an async function.")
    return _value(_calls().call(name, _text(given), ROWS))


async def call_python_async(name: str, **given: Any) -> Any:
    """The same, for ``async def``. Cancelling it cancels the call."""
    return _value(await _calls().call_later(name, _text(given), ROWS))


def _in_loop() -> bool:
    try:
        return asyncio.get_running_loop() is not None
    except RuntimeError:
        return False


def _calls() -> Any:
    running = sys.modules.get("notebook_calls")  # of whoever serves the app in its preview
    if running is None:
        raise PythonError(NOT_HERE, "no_notebook", 503)
    return running.calls


def _text(given: Mapping[str, Any]) -> str:
    return json.dumps(given, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):  # of numpy and pandas
        return value.tolist()
    raise TypeError(f"A value of the class {type(value).__qualname__} cannot be sent to the notebook.")


def _value(answer: tuple[int, str, bytes]) -> Any:
    status, form, body = answer
    if status == 200 and form == "parquet":
        import pyarrow.parquet as pq
        from load_table import frame_of

        return frame_of(pq.read_table(io.BytesIO(body)))
    told = json.loads(body)
    if "error" not in told:
        return told["value"]
    error = told["error"]
    raise PythonError(f"{error['message']} {error.get('hint') or ''}".strip(), error["reason"], status)
