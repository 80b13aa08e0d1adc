from __future__ import annotations

from pathlib import Path

from jupyter_appbuilder.agents.prompt import system_prompt
from jupyter_appbuilder.models.profile import SMALL
from jupyter_appbuilder.templates.templates import Template, find_template


def test_the_prompt_names_the_template_its_conventions_and_stays_short():
    template = Template("react-vite", "React app", "A web app.", Path(), (), (), hints="Use `cn` for classes. {odd}")
    prompt = system_prompt(template)
    assert "React app (react-vite): A web app." in prompt
    assert "Use `cn` for classes. {odd}" in prompt
    assert "{hints}" not in prompt
    assert "check_app" in prompt
    assert len(prompt) / 4 < 2_500  # tokens, roughly


def test_what_components_take_is_told_to_models_with_room_for_it():
    template = find_template("react-vite")
    assert "| Button | variant default/secondary" in system_prompt(template)
    assert len(system_prompt(template)) / 4 < 3_500  # tokens, roughly
    assert "| Button |" not in system_prompt(template, SMALL)


def test_a_template_without_hints_still_gives_a_whole_prompt():
    assert "{" not in system_prompt(Template("x", "X", "Y.", Path(), (), ())).replace("{template}", "{")
