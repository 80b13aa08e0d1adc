"""The page. Panel runs this file once for each visitor; what depends on a control is updated by itself."""

import panel as pn
import panel_material_ui as pmui

from charts import course
from outbreak import Outbreak

pn.extension(notifications=True)

outbreak = Outbreak()
wide = {"sizing_mode": "stretch_width"}

controls = pmui.Paper(
    pmui.Typography("People", variant="h6"),
    pmui.IntSlider.from_param(outbreak.param.people, **wide),
    pmui.IntSlider.from_param(outbreak.param.vaccinated, **wide),
    pmui.Typography("Infection", variant="h6"),
    pmui.FloatSlider.from_param(outbreak.param.reproduction, **wide),
    pmui.IntSlider.from_param(outbreak.param.infectious_days, **wide),
    pmui.Typography("Measures", variant="h6"),
    pmui.Switch.from_param(outbreak.param.distancing, **wide),
    pmui.IntSlider.from_param(outbreak.param.begins_on_day, disabled=outbreak.param.distancing.rx.not_(), **wide),
    variant="outlined",
    sx={"p": 1},
    margin=0,
    styles={"flex": "1 1 270px"},
)


def figure(label: str, value: object) -> pmui.Paper:
    """A number on a card. ``value`` may be a method that depends on parameters."""
    return pmui.Paper(
        pmui.Typography(label, variant="body2", margin=(12, 16, 0, 16)),
        pmui.Typography(value, variant="h5", margin=(2, 16, 12, 16)),
        variant="outlined",
        margin=0,
        styles={"flex": "1 1 180px"},
    )


results = pmui.Column(
    pn.FlexBox(
        figure("Infected at the peak", outbreak.peak),
        figure("Day of the peak", outbreak.peak_day),
        figure("Ever infected", outbreak.ever_infected),
        gap="16px",
        margin=(0, 0, 16, 0),
    ),
    pmui.Paper(pn.pane.Bokeh(course(outbreak), **wide), variant="outlined", sx={"p": 1}, margin=0, **wide),
    margin=0,
    styles={"flex": "999 1 480px", "min-width": "0"},  # beside the controls where there is room, above them on a phone
)

pmui.Page(
    title="Outbreak",
    site_url="./",
    main=[
        pmui.Container(
            pn.pane.Markdown("# Describe your app.", margin=0),
            pmui.Typography(
                "Say in the chat what it should do, and this page becomes it. Until then it shows how an infection "
                "spreads: move the controls.",
                margin=(0, 0, 20, 0),
            ),
            pn.FlexBox(results, controls, gap="16px", align_items="flex-start"),
            width_option="lg",
        )
    ],
    theme_config={
        "light": {"palette": {"primary": {"main": "#4f46e5"}}},
        "dark": {"palette": {"primary": {"main": "#818cf8"}}},
    },
).servable()
