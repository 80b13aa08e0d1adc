"""The page. Streamlit runs this file from top to bottom at each visit and each change of a control."""

import streamlit as st

import charts
from data import categories, files, load, numbers, readable

st.set_page_config(page_title="Data explorer", page_icon="📊", layout="wide")

st.title("Describe your app.")
st.markdown(
    "Say in the chat what it should do, and this page becomes it. Until then it explores the tables in `data/`: "
    "put a CSV file of your own there."
)

with st.sidebar:
    st.header("Data")
    chosen = st.selectbox("Table", files(), format_func=lambda path: path.stem.replace("_", " ").capitalize())
    if chosen is None:
        st.info("There is no CSV file in `data/` yet.")
        st.stop()
    table = load(chosen, chosen.stat().st_mtime)
    st.header("Filters")
    shown = table
    for column in categories(table):
        values = sorted(table[column].dropna().unique().tolist())
        picked = st.pills(readable(column), values, selection_mode="multi", default=values, key=f"{chosen}:{column}")
        if len(picked) < len(values):  # rows without a value stay until somebody filters
            shown = shown[shown[column].isin(picked)]
    measures = numbers(table)
    if measures:
        measure = st.selectbox("Range of", measures, format_func=readable)
        low, high = float(table[measure].min()), float(table[measure].max())
        if low < high:
            picked_range = st.slider(readable(measure), low, high, (low, high), label_visibility="collapsed")
            if picked_range != (low, high):
                shown = shown[shown[measure].between(*picked_range)]

if shown.empty:
    st.info("No row is left. Loosen a filter in the sidebar.")
    st.stop()

counts = st.columns(4)
counts[0].metric("Rows", f"{len(shown):,}", f"of {len(table):,}", delta_color="off", delta_arrow="off", border=True)
for place, column in zip(counts[1:], measures, strict=False):
    mean, whole = shown[column].mean(), table[column].mean()
    compared = "all rows" if len(shown) == len(table) else f"{mean - whole:+,.1f} to all rows"
    place.metric(
        f"Mean {readable(column).lower()}", f"{mean:,.1f}", compared, delta_color="off", delta_arrow="off", border=True
    )

relation, distribution, rows = st.tabs(["Relation", "Distribution", "Rows"])
with relation:
    if len(measures) < 2:
        st.info("This needs two columns of numbers.")
    else:
        axes = st.columns(3)
        groups = [None, *categories(table)]
        x = axes[0].selectbox("Across", measures, index=0, format_func=readable)
        y = axes[1].selectbox("Upwards", measures, index=min(2, len(measures) - 1), format_func=readable)
        color = axes[2].selectbox("Colour", groups, index=min(1, len(groups) - 1), format_func=readable)
        st.altair_chart(charts.relation(shown, x, y, color))
with distribution:
    if not measures:
        st.info("This needs a column of numbers.")
    else:
        options = st.columns(3)
        groups = [None, *categories(table)]
        column = options[0].selectbox("Of", measures, format_func=readable)
        group = options[1].selectbox("By", groups, index=min(1, len(groups) - 1), format_func=readable)
        bins = options[2].slider("Bars", 5, 60, 25)
        st.altair_chart(charts.distribution(shown, column, group, bins))
with rows:
    st.dataframe(shown, hide_index=True, column_config={name: readable(name) for name in shown.columns})
    st.download_button("Download these rows", shown.to_csv(index=False), f"{chosen.stem}-filtered.csv", "text/csv")
