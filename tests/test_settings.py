from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp.server import settings
from lstm_lsp.server.settings import Settings


def test_nothing_sent_means_the_defaults() -> None:
    assert settings.read(None) == settings.read({}) == (Settings(), [])


def test_every_setting_of_the_design_is_read() -> None:
    options = {
        "enabled": False,
        "languages": ["python"],
        "inComments": False,
        "inStrings": False,
        "kinds": ["line", "token"],
        "minimumProbability": {"token": 0.5},
        "debounce": 75,
        "threads": 2,
        "model": "/models/own.onnx",
        "projectMemory": {"enabled": False, "maxMegabytes": 64, "exclude": ["gen/"]},
        "surprise": {"diagnostics": True},
        "logLevel": "debug",
    }
    assert settings.read(options) == (
        Settings(
            enabled=False,
            languages=("python",),
            in_comments=False,
            in_strings=False,
            kinds=("token", "line"),
            minimum_probability={"token": 0.5},
            debounce=75,
            threads=2,
            model="/models/own.onnx",
            memory_enabled=False,
            memory_megabytes=64,
            memory_exclude=("gen/",),
            surprise_diagnostics=True,
            log_level="debug",
        ),
        [],
    )


def test_dotted_names_mean_the_same_as_nested_ones() -> None:
    assert settings.read({"projectMemory.enabled": False})[0] == Settings(memory_enabled=False)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"enabeld": True}, "lstmLsp: there is no setting 'enabeld'"),
        ({"projectMemory": {"size": 1}}, "lstmLsp: there is no setting 'projectMemory.size'"),
        (
            {"projectMemory": {"exclude": ["!"]}},
            "lstmLsp.projectMemory.exclude: expected a list of patterns as in .gitignore, "
            "found ['!']",
        ),
        ({"enabled": "yes"}, "lstmLsp.enabled: expected true or false, found 'yes'"),
        ({"threads": True}, "lstmLsp.threads: expected a whole number from 1 to 16, found True"),
        ({"threads": 0}, "lstmLsp.threads: expected a whole number from 1 to 16, found 0"),
        ({"languages": "java"}, "lstmLsp.languages: expected a list of java, python, found 'java'"),
        (
            {"minimumProbability": {"line": 2}},
            "lstmLsp.minimumProbability: expected numbers from 0 to 1 for"
            " char, token, line, block, found {'line': 2}",
        ),
        ([1, 2], "lstmLsp: expected an object, found [1, 2]"),
    ],
)
def test_what_is_wrong_is_said_and_the_default_stands(options: Any, problem: str) -> None:
    assert settings.read(options) == (Settings(), [problem])


def test_one_wrong_value_spoils_no_other() -> None:
    found, problems = settings.read({"debounce": -1, "threads": 2})
    assert found == Settings(threads=2)
    assert len(problems) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
names = st.sampled_from([*settings._FIELDS, *settings._GROUPS])


@given(st.dictionaries(names, json_values) | json_values)
def test_no_options_are_too_odd(options: Any) -> None:
    found, problems = settings.read(options)
    assert isinstance(found, Settings)
    assert all("\n" not in problem for problem in problems)
