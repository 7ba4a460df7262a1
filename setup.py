"""The optional compiled kernels; everything else is in pyproject.toml.

A compiler that is missing or fails never fails an install: the same in Python then takes
their place, slower.
"""

import os

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f"lstm_lsp._{name}",
            [f"lstm_lsp/_{name}.c"],
            extra_compile_args=[] if os.name == "nt" else ["-O3", "-std=c11"],
            py_limited_api=True,
            optional=True,
        )
        for name in ("memory", "arithmetic")
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
