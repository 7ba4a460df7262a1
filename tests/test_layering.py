"""What the parts of the package may know of each other, where import-linter cannot look.

The contracts between modules stand in pyproject.toml, for `lint-imports`.
"""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVING = sorted((ROOT / "lstm_lsp").rglob("*.py"))
TRAINING = sorted((ROOT / "training").rglob("*.py"))
EXPLORE = ROOT / "lstm_lsp" / "explore"
TRAINING_ONLY = {"torch", "onnx", "safetensors", "matplotlib", "scipy"}


def imported(command: str) -> set[str]:
    """Return the top-level names that a fresh process has imported after `command`."""
    shown = f"{command}\nimport sys\nprint(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", shown], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_what_serves_imports_nothing_that_trains() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SERVING
        if path.stem not in ("__main__", "picture")  # which runs; which draws with matplotlib
    ]
    found = imported(f"import {', '.join(modules)}")
    assert {"onnxruntime", "pygls"} <= found
    assert not found & TRAINING_ONLY


def test_the_command_line_imports_only_what_a_command_runs() -> None:
    found = imported("import lstm_lsp.cli; lstm_lsp.cli.parser()")
    assert not found & {*TRAINING_ONLY, "numpy", "onnxruntime", "pygls"}


def names(path: Path) -> set[str]:
    """Return the modules that one imports, and every attribute that it speaks of."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def test_only_the_command_line_reaches_what_trains() -> None:
    training = "lstm_lsp.training."
    found = [
        path for path in SERVING if any(f"{name}.".startswith(training) for name in names(path))
    ]
    assert [path.name for path in found] == ["cli.py"]


@pytest.mark.parametrize("path", SERVING, ids=lambda path: path.stem)
def test_what_serves_opens_no_connection(path: Path) -> None:
    modules = {"urllib.request", "http.client", "requests", "httpx", "aiohttp", "ftplib", "smtplib"}
    calls = {"connect", "connect_ex", "create_connection", "open_connection", "urlopen"}
    assert not names(path) & (modules | calls)


@pytest.mark.parametrize("path", [*SERVING, *TRAINING], ids=lambda path: path.stem)
def test_every_module_opens_with_its_contract(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.slow
def test_a_wheel_claims_no_other_top_level_name(tmp_path: Path) -> None:
    # From a copy of what git would have: a build folder of the checkout must not leak in.
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.split("\0")
    source = tmp_path / "source"
    for name in filter(None, files):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lstm_lsp"}
    packed = {name for name in names if name.endswith(".py")}
    for path in SERVING:
        assert f"lstm_lsp/{path.relative_to(ROOT / 'lstm_lsp').as_posix()}" in packed
    for path in TRAINING:
        assert f"lstm_lsp/training/{path.relative_to(ROOT / 'training').as_posix()}" in packed
    data = [*ROOT.glob("lstm_lsp/*.json"), *ROOT.glob("lstm_lsp/models/*.onnx")]
    data += ROOT.glob("training/*/*.toml")
    data += [file for part in ("page", "samples") for file in EXPLORE.joinpath(part).iterdir()]
    for path in data:
        inside = path.relative_to(ROOT).as_posix()
        assert inside.replace("training/", "lstm_lsp/training/", 1) in names
