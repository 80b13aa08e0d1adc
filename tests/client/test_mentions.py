"""Variables that a request names: what goes along with it."""

from __future__ import annotations

import pandas as pd
import pytest

from jupyter_appbuilder.client.data import Sources, with_variables

FRAME = pd.DataFrame({"city": ["Oslo", None], "sold": [3, 5]})


def none(frame: object) -> str:
    return ""


def test_a_frame_that_a_request_names_is_described_with_how_to_get_it():
    text = with_variables("Chart {Sales}, please", {"Sales": FRAME}, none, private=False)
    assert text.startswith("Chart {Sales}, please\n\n")
    assert "2 rows, 2 columns" in text
    assert 'city: text; 1 of 2 missing; e.g. "Oslo"' in text
    assert "sold: integer; from 3 to 5" in text
    assert "%appbuilder data Sales --table sales" in text


def test_one_that_was_handed_over_is_named_as_the_apps_dataset():
    sources = Sources()
    sources.took("sales", FRAME)
    text = with_variables("Chart {df}", {"df": FRAME}, sources.dataset_of, private=False)
    assert text.endswith("{df} is the app's dataset sales.")
    sources.took("sales", FRAME.copy())
    assert sources.dataset_of(FRAME) == ""


@pytest.mark.parametrize("prompt", ["const {df} = props", "{nothing}", "{ df }", "{df.head()}", "{number}", "{{x}}"])
def test_other_braces_stay_as_they_are(prompt: str):
    variables = {"number": 5, "x": [1], "df": "no frame"}
    assert with_variables(prompt, variables, none, private=False) == prompt


def test_where_the_app_has_private_data_no_value_of_a_frame_is_told():
    text = with_variables("Chart {df}", {"df": FRAME}, none, private=True)
    assert "city: text" in text
    assert "Oslo" not in text
    assert "from 3" not in text


def test_what_is_said_is_bounded():
    many = {f"v{number}": pd.DataFrame({f"column {n}": ["x" * 10_000] for n in range(500)}) for number in range(20)}
    prompt = " ".join(f"{{{name}}}" for name in many)
    assert len(with_variables(prompt, many, none, private=False)) < 50_000


def test_a_frame_is_not_kept_alive_by_having_been_handed_over():
    import gc
    import weakref

    frame = FRAME.copy()
    gone = weakref.ref(frame)
    sources = Sources()
    sources.took("sales", frame)
    del frame
    gc.collect()
    assert gone() is None
