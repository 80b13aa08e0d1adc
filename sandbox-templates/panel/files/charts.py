"""Charts, made by Bokeh. The page gives them its light or dark theme."""

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter, Span
from bokeh.plotting import figure

from outbreak import DAYS, Outbreak

COLORS = {"susceptible": "#6366f1", "infected": "#f59e0b", "recovered": "#14b8a6"}


def course(outbreak: Outbreak) -> figure:
    """Who is in which state, day by day. The chart stays; only its data follow the model."""
    source = ColumnDataSource(_states(outbreak))
    plot = figure(
        height=400,
        sizing_mode="stretch_width",
        x_axis_label="Day",
        y_axis_label="People",
        x_range=(0, DAYS - 1),
        y_range=(0, outbreak.people * 1.04),
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_alpha=0,
    )
    plot.varea("day", 0, "infected", source=source, fill_color=COLORS["infected"], fill_alpha=0.25)
    for name, color in COLORS.items():
        line = plot.line("day", name, source=source, color=color, line_width=3, legend_label=name.capitalize())
        tips = [("Day", "@day"), (name.capitalize(), f"@{name}{{0,0}}")]
        plot.add_tools(HoverTool(renderers=[line], tooltips=tips, mode="vline"))
    measures = Span(
        location=0, dimension="height", line_dash="dashed", line_color="#a1a1aa", line_width=2, visible=False
    )
    plot.add_layout(measures)
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.legend.location = "right"
    plot.legend.border_line_alpha = 0
    plot.legend.background_fill_alpha = 0

    def follow(*_: object) -> None:
        source.data = _states(outbreak)
        plot.y_range.end = outbreak.people * 1.04
        measures.update(location=outbreak.begins_on_day, visible=outbreak.distancing)

    outbreak.param.watch(follow, "infected")
    return plot


def _states(outbreak: Outbreak) -> dict[str, np.ndarray]:
    return {"day": np.arange(DAYS), **{name: getattr(outbreak, name) for name in COLORS}}
