"""The optional compiled kernel of the project memory; everything else is in pyproject.toml.

A compiler that is missing or fails never fails an install: the reference
implementation then takes the kernel's place, slower.
"""

import os

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "lstm_lsp._memory",
            ["lstm_lsp/_memory.c"],
            extra_compile_args=[] if os.name == "nt" else ["-O3", "-std=c11"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
