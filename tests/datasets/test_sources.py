"""What is taken for rows, and that every type comes back as it was."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jupyter_appbuilder.datasets import parquet
from jupyter_appbuilder.datasets.parquet import Written, read, write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import InvalidInput, NotFound, Unavailable

SECRET = "s3cret-value"


def written(source: Any, folder: Path) -> Written:
    file = folder / "rows.parquet"
    file.unlink(missing_ok=True)
    return write(opened(source), file)


def back(source: Any, folder: Path, kind: Any = "pandas") -> Any:
    written(source, folder)
    return read(folder / "rows.parquet", kind)


def types(found: Written) -> dict[str, str]:
    return {column.name: column.type for column in found.columns}


def every_type() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plz": ["00070", None],
            "price": [decimal.Decimal("1.50"), None],
            "day": [datetime.date(2020, 2, 29), None],
            "kind": pd.Categorical(["x", "y"], ["y", "x"], ordered=True),
            "at": pd.to_datetime(["2020-03-29 01:00", "2020-03-29 03:00"]).tz_localize("Europe/Berlin"),
            "count": pd.array([1, None], dtype="Int64"),
            "large": [2**60, 1],
            "share": [1.5, np.nan],
            "😀 \"'\n": [b"a", b"\x00"],
            "list": [[1], [2, 3]],
            "inner": [{"a": "x"}, {"a": None}],
            "time": [datetime.time(1, 2), datetime.time(3, 4)],
            "lasts": pd.to_timedelta(["1h", "2h"]),
            "yes": [True, False],
            "nothing": [None, None],
            "__proto__": ["</script>", "*/"],
        }
    )


def test_a_pandas_frame_comes_back_with_its_types(tmp_path: Path):
    frame = every_type()
    again = back(frame, tmp_path)
    assert list(again.columns) == list(frame.columns)
    for name in frame.columns:
        if name not in ("list", "inner"):
            pd.testing.assert_series_equal(again[name], frame[name])
    assert [list(row) for row in again["list"]] == [[1], [2, 3]]
    assert list(again["inner"]) == [{"a": "x"}, {"a": None}]


def test_each_type_has_a_name_of_its_own(tmp_path: Path):
    assert types(written(every_type(), tmp_path)) == {
        "plz": "text",
        "price": "decimal",
        "day": "date",
        "kind": "category",
        "at": "timestamp_tz",
        "count": "integer",
        "large": "bigint",
        "share": "number",
        "😀 \"'\n": "bytes",
        "list": "list",
        "inner": "struct",
        "time": "time",
        "lasts": "duration",
        "yes": "boolean",
        "nothing": "unknown",
        "__proto__": "text",
    }


def test_what_a_column_is_stands_in_its_details(tmp_path: Path):
    columns = {column.name: column for column in written(every_type(), tmp_path).columns}
    assert columns["price"].detail == "3, 2"
    assert columns["at"].detail == "Europe/Berlin"
    assert sorted(columns["kind"].values) == ["x", "y"]
    assert {name for name, column in columns.items() if column.nullable} == {
        *("plz", "price", "day", "count", "share", "nothing")
    }


def test_a_polars_frame_comes_back_with_its_types(tmp_path: Path):
    frame = pl.DataFrame(
        {
            "text": ["x", None],
            "kind": pl.Series(["u", "v"], dtype=pl.Categorical),
            "day": [datetime.date(2020, 1, 1)] * 2,
            "at": pl.Series([datetime.datetime(2020, 1, 1)] * 2).dt.replace_time_zone("Asia/Kolkata"),
            "price": pl.Series(["1.2", "3.4"]).cast(pl.Decimal(10, 2)),
            "count": [1, None],
            "list": [[1], [2]],
            "inner": [{"a": 1}, {"a": 2}],
        }
    )
    assert back(frame.lazy(), tmp_path, "polars").equals(frame)
    assert back(frame, tmp_path)["count"].dtype == "Int64"


def test_whatever_speaks_arrow_is_taken(tmp_path: Path):
    import duckdb
    import ibis

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    sources = [
        pa.table({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": [1, 2], "b": ["x", "y"]}).to_reader(),
        duckdb.sql("select range + 1 as a, chr(120 + range::int) as b from range(2)"),
        ibis.memtable(frame),
        [{"a": 1, "b": "x"}, {"b": "y", "a": 2}],
        lambda: frame,
        lambda: lambda: frame,
    ]
    for source in sources:
        again = back(source, tmp_path)
        assert again["a"].tolist() == [1, 2], source
        assert again["b"].tolist() == ["x", "y"], source


def test_a_class_that_has_arrows_method_is_no_source():
    with pytest.raises(InvalidInput):
        opened(pa.Table)


@pytest.mark.parametrize(
    "source", [5, None, object(), {"a": [1]}, "nope.csv", b"bytes", [1, 2]], ids=lambda value: type(value).__name__
)
def test_what_is_no_data_is_refused_with_what_is(source: object):
    with pytest.raises((InvalidInput, NotFound)) as caught:
        opened(source)
    assert "pandas" in caught.value.hint or "list of dicts" in caught.value.hint


def test_an_index_is_a_column_where_it_has_a_name(tmp_path: Path):
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["k"], name="key"))
    assert back(frame, tmp_path).to_dict("list") == {"key": ["k"], "a": [1]}
    unnamed = written(pd.DataFrame({"a": [1]}, index=["k"]), tmp_path)
    assert list(types(unnamed)) == ["a"]
    assert "index" in unnamed.notes[0]
    assert written(pd.DataFrame({"a": [1]}), tmp_path).notes == ()


# Values that do not fit


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, None, SECRET], ["'q'", "integer in row 0", "text in row 2"]),
        ([SECRET, 2.5], ["text in row 0", "number in row 1"]),
        ([True, 1], ["boolean in row 0", "integer in row 1"]),
        ([datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)], ["zone in row 1"]),
        ([[1], [SECRET]], ["Row 1", "'q'"]),
        ([{"a": 1}, {"a": SECRET}], ["Row 1", "'q'"]),
        ([1, object()], ["integer in row 0", "object in row 1"]),
        ([2**70], ["Row 0", "64 bits"]),
        (["ok", "\ud800"], ["Row 1", "text"]),
        ([Path(SECRET)], ["Row 0", "PosixPath"]),
    ],
    ids=lambda value: value[0].replace("'", "") if isinstance(value[0], str) and value[0].isprintable() else "",
)
@pytest.mark.parametrize("as_frame", [True, False], ids=["frame", "rows"])
def test_a_value_that_does_not_fit_is_named_by_column_row_and_types_alone(
    values: list[Any], said: list[str], as_frame: bool, tmp_path: Path
):
    source = pd.DataFrame({"q": pd.Series(values, dtype=object)}) if as_frame else [{"q": value} for value in values]
    with pytest.raises(InvalidInput) as caught:
        written(source, tmp_path)
    for words in said:
        assert words in caught.value.message
    assert SECRET not in repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not (tmp_path / "rows.parquet").exists()


def test_a_value_in_a_later_batch_counts_too(tmp_path: Path):
    rows: list[Any] = [None] * 150_000 + ["x"] * 100_000
    assert back(pd.DataFrame({"a": pd.Series(rows, dtype=object)}), tmp_path)["a"].notna().sum() == 100_000
    with pytest.raises(InvalidInput, match="integer in row 250000"):
        written(pd.DataFrame({"a": pd.Series([*rows, 5], dtype=object)}), tmp_path)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Two columns are called 'a'"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "Two columns are called '1'"),
        (pa.table([[1], [2]], names=["a", "a"]), "Two columns are called 'a'"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")), "index and a column"),
        (pd.DataFrame(index=[1, 2]), "no columns"),
        (pd.DataFrame({"n" * 501: [1]}), "501 characters"),
        ([{"\ud800": 1}], "no text"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
        (pd.DataFrame({"p": pd.period_range("2020", periods=2, freq="Y")}), "'p'"),
        (pa.table({"i": pa.array([None], pa.month_day_nano_interval())}), "'i'"),
        (pa.table([pa.nulls(0)] * 10_001, names=[f"c{number}" for number in range(10_001)]), "10,001 columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_columns_that_no_dataset_can_have_are_refused_by_name(source: Any, said: str, tmp_path: Path):
    with pytest.raises(InvalidInput) as caught:
        written(source, tmp_path)
    assert said in caught.value.message
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_columns_strings_of_ten_megabytes_and_no_rows_are_fine(tmp_path: Path):
    wide = written(pd.DataFrame(np.zeros((2, 10_000)), columns=[f"c{i}" for i in range(10_000)]), tmp_path)
    assert len(wide.columns) == 10_000
    long = back(pd.DataFrame({"a": ["x" * 10_000_000] * 5}), tmp_path)
    assert long["a"].str.len().tolist() == [10_000_000] * 5
    empty = written(every_type().iloc[:0], tmp_path)
    assert empty.rows == 0
    assert len(empty.columns) == 16
    odd = back(pd.DataFrame({"a": [np.inf, -np.inf, np.nan]}), tmp_path)
    assert odd["a"].tolist()[:2] == [np.inf, -np.inf]


def test_a_frame_that_another_thread_changes_does_no_harm(tmp_path: Path):
    frame = pd.DataFrame({"a": range(300_000)})

    def change(rows: int) -> None:
        frame["b"] = "new"
        frame.loc[:, "a"] = 0
        del frame["a"]

    found = write(opened(frame), tmp_path / "rows.parquet", on_progress=change)
    assert found.rows == 300_000


# Files


def test_a_csv_file_keeps_leading_zeros_and_has_dates_numbers_and_gaps(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text(
        'plz;n;f;d;t;b;z;"s p"\n'
        '00070;1;1.5;2020-01-01;2020-01-01T10:00:00;true;2020-01-01T10:00:00Z;"a\nb"\n'
        "12345;;NA;;2020-01-01 10:00:00;false;2020-01-01T10:00:00+02:00;NA\n"
        "80331;;NA;;2020-01-01 10:00:00;false;2020-01-01T10:00:00+02:00;\n"
    )
    found = written(str(file), tmp_path)
    named = {"plz": "text", "n": "integer", "f": "number", "d": "date", "t": "timestamp", "b": "boolean"}
    assert types(found) == named | {"z": "timestamp_tz", "s p": "text"}
    again = read(tmp_path / "rows.parquet")
    assert again["plz"].tolist() == ["00070", "12345", "80331"]
    assert again["n"].isna().tolist() == [False, True, True]
    assert again["s p"].tolist()[:2] == ["a\nb", "NA"]
    assert again["s p"].isna().tolist() == [False, False, True]


def test_a_number_far_down_a_csv_file_does_not_make_text_of_it_and_a_word_does(tmp_path: Path):
    file = tmp_path / "long.csv"
    lines = ["a,b", *(f"{number},{number}" for number in range(700_000)), "1.5,word"]
    file.write_text("\n".join(lines))
    assert types(written(file, tmp_path)) == {"a": "number", "b": "text"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n1,s3cret-value,3\n", "Row 3"),
        (b"a,b\n\xffs3cret-value,2\n", "UTF-8"),
        (b"", "empty"),
        (b"a,a\n1,2\n", "Two columns"),
    ],
)
def test_a_csv_file_that_is_wrong_says_where_and_shows_no_value(content: bytes, said: str, tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        written(file, tmp_path)
    assert said in caught.value.message
    assert SECRET not in str(caught.value)


def test_parquet_and_excel_files_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    frame = pd.DataFrame({"city": ["Oslo", "Bergen"], "n": [1, 2], "at": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    frame.to_parquet(tmp_path / "in.parquet")
    frame.to_excel(tmp_path / "in.xlsx", index=False)
    for name in ("in.parquet", "in.xlsx"):
        found = written(tmp_path / name, tmp_path)
        assert types(found) == {"city": "text", "n": "integer", "at": "timestamp"}, name
    (tmp_path / "bad.xlsx").write_bytes(b"no archive")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    for name in ("bad.xlsx", "bad.parquet"):
        with pytest.raises(InvalidInput, match=name):
            written(tmp_path / name, tmp_path)
    with zipfile.ZipFile(tmp_path / "in.xlsx") as whole, zipfile.ZipFile(tmp_path / "cut.xlsx", "w") as cut:
        for one in whole.namelist():
            cut.writestr(one, whole.read(one)[: 300 if "sheet1" in one else None])
    with pytest.raises(InvalidInput, match=r"cut\.xlsx cannot be read as an Excel file: ParseError"):
        written(tmp_path / "cut.xlsx", tmp_path)
    monkeypatch.setattr("jupyter_appbuilder.datasets.sources.LARGEST_UNPACKED", 1000)
    with pytest.raises(InvalidInput, match="when it is unpacked"):
        written(tmp_path / "in.xlsx", tmp_path)
    (tmp_path / "wide.csv").write_text(",".join(f"c{at}" for at in range(10_001)) + "\n")
    with pytest.raises(InvalidInput, match="10,001 columns"):
        written(tmp_path / "wide.csv", tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InvalidInput, match=r"\.csv"):
        written(tmp_path / "notes.txt", tmp_path)


# The file


def test_the_file_is_compressed_in_groups_with_statistics_and_says_as_of_when(tmp_path: Path):
    import pyarrow.parquet as pq

    found = written(pd.DataFrame({"a": range(250_000)}), tmp_path)
    file = pq.ParquetFile(tmp_path / "rows.parquet")
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [100_000, 100_000, 50_000]
    assert groups[1].column(0).compression == "SNAPPY"
    assert groups[1].column(0).statistics.min == 100_000
    assert file.metadata.metadata[b"appbuilder.as_of"].decode() == found.as_of
    import hashlib

    content = (tmp_path / "rows.parquet").read_bytes()
    assert (found.hash, found.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (tmp_path / "rows.parquet").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_nothing_and_says_so():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200_000)})
    rows = opened(frame)
    with pytest.raises(OSError, match="No space"), open("/dev/full", "wb", buffering=0) as full:
        parquet._write(rows, full, None)


def test_interrupting_leaves_no_file(tmp_path: Path):
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(opened(pd.DataFrame({"a": range(300_000)})), tmp_path / "rows.parquet", on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_pyarrow_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unavailable) as caught:
        opened([{"a": 1}])
    assert 'pip install "jupyter_appbuilder[data]"' in caught.value.hint


def test_pyarrow_is_imported_only_when_data_is_handed_over():
    script = (
        "import sys, jupyter_appbuilder.client.app, jupyter_appbuilder.client.magics, jupyter_appbuilder.builder;"
        "import jupyter_appbuilder.tools.registry as r; r.load_tools(); print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("nested", [False, True])
def test_a_file_that_repeats_a_long_text_is_refused_before_it_is_read(nested: bool, tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 1_000_000]))
    column = pa.ListArray.from_arrays(pa.array(range(2001), pa.int32()), texts) if nested else texts
    file = tmp_path / "small.parquet"
    pq.write_table(pa.table({"id": range(2000), "long": column}), file, store_schema=False)
    assert file.stat().st_size < 200_000
    before = pa.total_allocated_bytes()
    with pytest.raises(InvalidInput, match=r"The column 'long' of small.parquet becomes 1,907 MB when it is read"):
        write(opened(file), tmp_path / "rows.parquet")
    assert pa.total_allocated_bytes() - before < 100_000_000
    # What is only long, or only repeated, is no such thing.
    plain = pa.table({"id": range(2000), "long": [f"{at} " * 1000 for at in range(2000)], "same": ["a"] * 2000})
    pq.write_table(plain.append_column("lists", pa.array([["a", "b"]] * 2000)), file)
    assert write(opened(file), tmp_path / "rows.parquet").rows == 2000
