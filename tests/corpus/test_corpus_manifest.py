from pathlib import Path

import pytest

from lstm_lsp.training.corpus import manifest
from lstm_lsp.training.corpus.manifest import CorpusError

MANIFESTS = Path(__file__).parents[2] / "training" / "manifests"
GOOD = """
schema = 1
deny = ["*/secret.py"]
[filters]
max_bytes = 1000
[[project]]
id = "flask"
lang = "python"
split = "train"
licence = "BSD-3-Clause"
exclude = ["flask/testing*"]
[[project.source]]
type = "git"
url = "https://example.org/flask"
commit = "0123456789012345678901234567890123456789"
[[project.source]]
type = "directory"
path = "flask"
"""
# Kept for later, independent measurements.
RESERVED = """javapoet dnsjava opencsv jsqlparser unirest junit5 logback checkstyle h2database
    freemarker trio pdfminer.six weasyprint curio pikepdf hypothesis docutils paramiko gensim
    mercurial"""
HELD_OUT = {
    ("java", "validation"): {"commons-collections4", "joda-time", "mina2", "metadata-extractor"},
    ("java", "test"): {"commons-compress", "jsoup", "openrefine", "openchemlib"},
    ("python", "validation"): {"networkx", "celery", "conan", "sunpy"},
    ("python", "test"): {"scrapy", "biopython", "mitmproxy", "sqlglot"},
}


def load(tmp_path: Path, text: str) -> manifest.Manifest:
    file = tmp_path / "m.toml"
    file.write_text(text, encoding="utf-8")
    return manifest.load(file)


def test_a_manifest_is_read_with_its_sources_in_order(tmp_path: Path) -> None:
    read = load(tmp_path, GOOD)
    (project,) = read.projects
    assert [type(each) for each in project.sources] == [manifest.Git, manifest.Directory]
    assert read.filters.max_bytes == 1000
    assert read.filters.max_line == 1000  # a default
    assert project.holds("flask/app.py")
    assert not project.holds("flask/testing.py")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("schema = 1", "", "schema"),
        ("schema = 1", "schema = 9", "schema"),
        ('id = "flask"', "", "'id' is missing"),
        ('id = "flask"', 'id = "../flask"', "an id is letters"),
        ('lang = "python"', 'lang = "perl"', "'perl'"),
        ('split = "train"', 'split = "dev"', "'dev'"),
        ("max_bytes = 1000", 'max_bytes = "big"', "max_bytes is 'big'"),
        ("max_bytes = 1000", "max_bytes = -1", "less than 0"),
        ("max_bytes = 1000", "max_byte = 1000", "'max_byte'"),
        ('type = "git"', 'type = "ftp"', "source's type"),
        ("0123456789012", "master", "commit"),
        ('path = "flask"', "path = 3", "path is 3"),
        ('exclude = ["flask/testing*"]', "exclude = 'x'", "list of strings"),
        ("[[project]]", "[[projects]]", "no [[project]]"),
        ("[filters]", "[filters", "not TOML"),
        ("deny =", "denied =", "'denied'"),
    ],
)
def test_a_broken_manifest_is_one_sentence_that_names_the_place(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in GOOD
    with pytest.raises(CorpusError) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert complaint in str(error.value)
    assert "m.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_two_projects_of_one_id_are_refused(tmp_path: Path) -> None:
    project = GOOD[GOOD.index("[[project]]") :]
    with pytest.raises(CorpusError, match="twice"):
        load(tmp_path, GOOD + project)


def test_what_reaches_a_command_line_cannot_be_an_option(tmp_path: Path) -> None:
    wheel = 'type = "pypi-wheel"\nversion = "1"\nfile = "x.whl"\npackage = "--index-url=evil"\n'
    text = GOOD[: GOOD.index("[[project.source]]")] + "[[project.source]]\n" + wheel
    with pytest.raises(CorpusError, match="no package"):
        load(tmp_path, text + f'sha256 = "{"0" * 64}"\n')


def test_a_missing_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        manifest.load(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["first.toml", "full.toml"])
def test_shipped_manifests_hold_out_the_agreed_projects_and_none_reserved(name: str) -> None:
    projects = manifest.load(MANIFESTS / name).projects
    for (language, split), ids in HELD_OUT.items():
        assert {p.id for p in projects if (p.lang, p.split) == (language, split)} == ids
    assert not {p.id for p in projects} & set(RESERVED.split())
    assert {"commons-lang3", "commons-math3", "tensorflow"} <= {
        p.id for p in projects if p.split == "train"
    }
    for project in projects:  # of a dual licence the permissive side is taken
        assert any("GPL" not in each for each in project.licence.split(" OR ")), project.id


@pytest.mark.parametrize(
    ("name", "ids"),
    [("commons.toml", {"commons-lang3", "commons-math3"}), ("tensorflow.toml", {"tensorflow"})],
)
def test_the_articles_manifests_hold_their_code_base_alone_and_split_it_by_file(
    name: str, ids: set[str]
) -> None:
    read = manifest.load(MANIFESTS / name)
    whole = {p.id: p for p in manifest.load(MANIFESTS / "full.toml").projects}
    assert {p.id for p in read.projects} == ids
    assert all(project == whole[project.id] for project in read.projects)
    assert 0 < read.held_out.validation + read.held_out.test < 0.5
