"""A model in a file, from the panel: named, loaded, asked."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect
from tiny_gguf import write_tiny_model

from .conftest import OpenLab
from .test_accessibility import wear


def test_a_model_file_is_named_in_the_settings_and_loaded_when_it_is_asked(open_lab: OpenLab, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", padding=4 * 1024**3)  # a hole that takes a moment to read
    (tmp_path / "page.gguf").write_text("<html>Not Found</html>")

    panel = open_lab()
    root = panel.root
    panel.open_model_settings()
    root.get_by_label("Provider").select_option(label="Model file (GGUF)")
    expect(root.get_by_label("API key")).to_have_count(0)
    root.get_by_label("File").fill(str(tmp_path / "page.gguf"))
    root.get_by_role("button", name="Save").click()
    expect(root.get_by_role("alert")).to_contain_text("page.gguf is not a GGUF file")
    panel.picture("model-file-refused-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("model-file-refused-dark")
    root.get_by_label("File").fill(str(model))
    root.get_by_role("button", name="Save").click()

    root.get_by_role("button", name="Done").click()
    panel.choose_model(f"gguf:{model}")
    panel.choose_template("One page")
    panel.say("Say hello")
    expect(panel.conversation.get_by_text(re.compile("(Loading|Preparing) tiny.gguf"))).to_be_visible()
    root.get_by_role("button", name="Stop").click()
    panel.finished(1)
    expect(panel.conversation.get_by_text(re.compile("tiny.gguf …"))).to_have_count(0)
