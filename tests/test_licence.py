"""Where the licence notice that opens a source file ends."""

import pytest

from lstm_lsp.licence import licence_end


@pytest.mark.parametrize(
    ("notice", "rest"),
    [
        ("/*\n * Copyright 2020\n */\n\n", "package a;\n"),
        ("#!/usr/bin/python\n# -*- coding: utf-8 -*-\n\n# All rights reserved.\n\n", "import os\n"),
        ("// Copyright A\n// Licensed\n", "/** What it is. */\nclass A {}\n"),
        ("", "/** What it is. */\nclass A {}\n"),
        ("", "# Reads a file.\nimport os\n"),
        ("", "import os  # Copyright\n"),
        ("", "#!/usr/bin/python\nimport os\n"),
        ("", ""),
    ],
)
def test_the_licence_notice_ends_where_the_code_begins(notice: str, rest: str) -> None:
    text = (notice + rest).encode()
    assert licence_end(text) == len(notice)


def test_indented_code_after_a_notice_keeps_its_indentation() -> None:
    text = b"# Copyright\n\n    x = 1\n"
    assert text[licence_end(text) :] == b"    x = 1\n"
