"""Charts. Streamlit gives them its theme's colours, light and dark."""

import altair as alt
import pandas as pd

from data import readable


def relation(table: pd.DataFrame, x: str, y: str, color: str | None) -> alt.Chart:
    """A dot for each row."""
    named = [column for column in table.columns if table[column].nunique() <= 50]
    chart = (
        alt.Chart(table, height=420)
        .mark_circle(size=70, opacity=0.75)
        .encode(
            x=alt.X(x, title=readable(x)).scale(zero=False),
            y=alt.Y(y, title=readable(y)).scale(zero=False),
            tooltip=[alt.Tooltip(column, title=readable(column)) for column in dict.fromkeys([*named, x, y])],
        )
    )
    return chart.encode(color=_color(color)) if color else chart


def distribution(table: pd.DataFrame, column: str, group: str | None, bins: int) -> alt.Chart:
    """How many rows have which value, one layer for each group."""
    chart = (
        alt.Chart(table, height=420)
        .mark_bar(opacity=0.8)
        .encode(
            x=alt.X(column, title=readable(column)).bin(maxbins=bins),
            y=alt.Y("count()", title="Rows"),
            tooltip=[alt.Tooltip("count()", title="Rows")],
        )
    )
    return chart.encode(color=_color(group)) if group else chart


def _color(column: str) -> alt.Color:
    return alt.Color(column, title=None).legend(orient="top")
