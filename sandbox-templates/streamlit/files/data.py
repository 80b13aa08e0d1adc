"""The tables in data/, and which columns are good for what."""

from pathlib import Path

import pandas as pd
import streamlit as st

FOLDER = Path(__file__).parent / "data"
MOST_CATEGORIES = 12  # a text column with more values is a name, not a group


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.csv"))


@st.cache_data(max_entries=8)
def load(path: Path, changed: float) -> pd.DataFrame:
    """The table in ``path``. ``changed``: its time of change, so that an edited file is read anew."""
    return pd.read_csv(path)


def categories(table: pd.DataFrame) -> list[str]:
    texts = table.select_dtypes(include=["object", "string", "category", "bool"])
    return [name for name in texts.columns if 1 < table[name].nunique() <= MOST_CATEGORIES]


def numbers(table: pd.DataFrame) -> list[str]:
    return [name for name in table.select_dtypes("number").columns if table[name].nunique() > MOST_CATEGORIES]


UNITS = {"mm": "(mm)", "cm": "(cm)", "m": "(m)", "km": "(km)", "g": "(g)", "kg": "(kg)"}


def readable(name: str | None) -> str:
    """``bill_length_mm`` as ``Bill length (mm)``."""
    if name is None:
        return "None"
    *words, last = name.split("_")
    text = " ".join([*words, UNITS.get(last, last) if words else last])
    return text[:1].upper() + text[1:]
