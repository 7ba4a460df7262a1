"""The build as its users see it: folders in, packed symbols, an index and a report out."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.cli import main
from lstm_lsp.training.corpus import collect
from lstm_lsp.training.corpus.build import build
from lstm_lsp.training.corpus.manifest import SPLITS, CorpusError
from lstm_lsp.training.corpus.notices import Notice, is_notice, page
from lstm_lsp.training.corpus.packed import Corpus, Document, pack

NOTICE = "/*\n * Licensed under the Apache License, Version 2.0\n */\n"
GONE = 'type = "directory"\npath = "nowhere"'


WORDS = ("order", "account", "ledger", "stream", "buffer", "matrix", "session", "cursor")


@dataclass
class Small:
    """A manifest and its projects in one folder, and what was built of them."""

    folder: Path
    settings: str = ""
    projects: list[str] = field(default_factory=list)

    @staticmethod
    def java(name: str, methods: int = 8) -> str:
        """Return a Java class whose text depends on its name throughout."""
        lines = [f"package org.example.{name.lower()};", "", f"public class {name} {{"]
        for number in range(methods):
            word = f"{name}{WORDS[number % len(WORDS)]}{number}"
            lines += [
                f"    public int {word}(int limit) {{",
                f"        return compute{word}(limit, {word}Offset);",
                "    }",
            ]
        return "\n".join([*lines, "}", ""])

    @staticmethod
    def python(name: str, functions: int = 8) -> str:
        """Return a Python module whose text depends on its name throughout."""
        lines = [f'"""The {name} module."""', ""]
        for number in range(functions):
            word = f"{name}_{WORDS[number % len(WORDS)]}_{number}"
            lines += [f"def {word}({word}_limit):", f"    return compute_{word}({word}_limit)", ""]
        return "\n".join(lines)

    @property
    def output(self) -> Path:
        return self.folder / "built"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def project(
        self,
        name: str,
        files: Mapping[str, str | bytes],
        split: str = "train",
        lang: str = "java",
        licence: str = "Apache-2.0",
    ) -> None:
        """Add a project of a local folder that holds `files`."""
        for path, content in files.items():
            file = self.folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.entry(name, f'type = "directory"\npath = "{name}"', split, lang, licence)

    def entry(
        self,
        name: str,
        source: str,
        split: str = "train",
        lang: str = "java",
        licence: str = "Apache-2.0",
    ) -> None:
        """Add a project with the TOML of its source."""
        self.projects.append(
            f'[[project]]\nid = "{name}"\nlang = "{lang}"\nsplit = "{split}"\n'
            f'licence = "{licence}"\n[[project.source]]\n{source}\n'
        )

    def build(self, **options: Any) -> dict[str, Any]:
        manifest = self.folder / "corpus.toml"
        text = "\n".join(["schema = 1", self.settings, *self.projects])
        manifest.write_text(text, encoding="utf-8")
        options = {"cache": self.cache, "progress": False} | options
        report: dict[str, Any] = build(manifest, options.pop("output", self.output), **options)
        return report

    def documents(self, name: str = "java.train.symbols") -> dict[str, str]:
        """Return {project/path: text} of a packed file; nothing when there is none."""
        if not (self.output / name).exists():
            return {}
        corpus = Corpus([self.output / name])
        return {
            each.path: each.text.decode() for each in map(corpus.__getitem__, range(len(corpus)))
        }

    def index(self) -> list[dict[str, Any]]:
        text = (self.output / "files.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return an empty corpus to fill."""
    return Small(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_projects_become_packed_symbols_by_language_and_split(small: Small) -> None:
    small.project("shop", {"src/Cart.java": small.java("Cart"), "readme.txt": "no"})
    small.project("bank", {"Bill.java": small.java("Bill")}, split="test")
    small.project("tool", {"run.py": small.python("run")}, lang="python", split="validation")
    report = small.build()
    assert small.documents() == {"shop/src/Cart.java": small.java("Cart")}
    assert small.documents("java.test.symbols") == {"bank/Bill.java": small.java("Bill")}
    assert small.documents("python.validation.symbols") == {"tool/run.py": small.python("run")}
    assert report["totals"]["java"]["train"]["files"] == 1
    assert not report["missing"]
    assert sorted(contents(small.output)) == [
        "NOTICES.txt",
        "corpus.lock.json",
        "files.jsonl",
        "java.test.symbols",
        "java.train.symbols",
        "python.validation.symbols",
        "report.json",
    ]


def test_the_index_says_where_every_byte_is_from(small: Small) -> None:
    text = NOTICE + small.java("Cart")
    small.project("shop", {"src/test/CartTest.java": text}, split="test", licence="MIT")
    small.build()
    assert small.index() == [
        {
            "project": "shop",
            "language": "java",
            "split": "test",
            "path": "src/test/CartTest.java",
            "bytes": len(text),
            "header_bytes": len(NOTICE),
            "thinned_bytes": 0,
            "test": True,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "licence": "MIT",
        }
    ]


def test_the_same_manifest_gives_the_same_bytes(small: Small) -> None:
    for name in ("b", "a", "c"):
        files = {f"{name}{i}.java": NOTICE + small.java(f"{name.upper()}{i}") for i in range(9)}
        small.project(name, files, split="test" if name == "c" else "train")
    small.settings = "[caps]\njava = 2000"
    small.build()
    first = contents(small.output)
    small.build()  # from the cache
    assert contents(small.output) == first
    small.projects.reverse()
    other = small.folder / "other"
    small.build(output=other, cache=small.folder / "cache2")
    assert contents(other) == first


def test_processes_change_nothing(small: Small) -> None:
    for name in ("a", "b", "c"):
        small.project(name, {f"{name}.java": small.java(name.upper())})
    small.build()
    first = contents(small.output)
    small.build(cache=small.folder / "cache2", jobs=2)
    assert contents(small.output) == first


def test_compressed_symbols_are_the_same_symbols(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    plain = small.build()
    documents = small.documents()
    packed = small.build(compress=True)
    assert small.documents("java.train.symbols.xz") == documents
    assert not (small.output / "java.train.symbols").exists()  # of the build before
    assert packed["outputs"]["java.train.symbols.xz"] == plain["outputs"]["java.train.symbols"]


@given(
    st.lists(
        st.tuples(st.text("abc/é", min_size=1, max_size=9), st.text(max_size=60)),
        min_size=1,
        max_size=6,
    )
)
def test_packed_documents_come_back_whole(written: list[tuple[str, str]]) -> None:
    documents = [Document("java", path, symbols.encode(text)) for path, text in written]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "java.train.symbols"
        file.write_bytes(b"".join(map(pack, documents)))
        corpus = Corpus([file])
    assert [corpus[i] for i in range(len(corpus))] == documents


# Duplicates.


def test_exact_duplicates_are_dropped_and_held_out_projects_win(small: Small) -> None:
    shared = small.java("Shared")
    small.project("aaa", {"Shared.java": NOTICE + shared, "Own.java": small.java("Own")})
    small.project("zzz", {"Copy.java": shared.replace("    ", "\t")}, split="test")
    report = small.build()
    assert list(small.documents()) == ["aaa/Own.java"]
    assert list(small.documents("java.test.symbols")) == ["zzz/Copy.java"]
    assert report["rejected"]["java"]["exact duplicate"]["files"] == 1


def test_near_duplicates_are_dropped_and_held_out_projects_win(small: Small) -> None:
    text = small.java("Shared", 60)
    assert text.count("Sharedledger2") > 1
    small.project("aaa", {"Shared.java": text})
    small.project("mmm", {"Edited.java": text.replace("public class", "final class")}, "validation")
    small.project("zzz", {"Other.java": small.java("Other", 60)})
    report = small.build()
    assert list(small.documents()) == ["zzz/Other.java"]
    assert list(small.documents("java.validation.symbols")) == ["mmm/Edited.java"]
    assert report["rejected"]["java"]["near duplicate"]["files"] == 1


def test_files_that_share_half_their_text_both_stay(small: Small) -> None:
    half = small.java("Shared", 40)
    small.project("a", {"A.java": half + small.java("A", 40), "B.java": half + small.java("B", 40)})
    small.build()
    assert len(small.documents()) == 2


def test_files_of_a_train_project_can_be_held_out_by_their_path(small: Small) -> None:
    small.settings = "[held_out]\nvalidation = 0.2\ntest = 0.3"
    small.project("one", {f"C{i}.java": small.java(f"C{i}") for i in range(60)})
    small.project("held", {f"H{i}.java": small.java(f"H{i}") for i in range(5)}, split="test")
    report = small.build()
    sizes = {split: len(small.documents(f"java.{split}.symbols")) for split in SPLITS}
    assert sum(sizes.values()) == 65
    assert 5 <= sizes["validation"] <= 20
    assert 5 + 10 <= sizes["test"] <= 5 + 27
    assert report["totals"]["java"]["validation"]["projects"] == 1
    before = small.documents("java.validation.symbols")
    small.project("more", {"More.java": small.java("More")})
    small.build()
    assert before.keys() <= small.documents("java.validation.symbols").keys()


# Caps and licence notices.


def test_a_train_project_gives_at_most_its_cap_and_held_out_ones_all(small: Small) -> None:
    files = {f"src/C{i}.java": small.java(f"C{i}") for i in range(20)}
    tests = {f"test/T{i}.java": small.java(f"T{i}") for i in range(20)}
    size = len(files["src/C0.java"])
    small.settings = f"[caps]\njava = {size * 10}\ntests = 0.2"
    small.project("big", files | tests)
    small.project("held", {f"H{i}.java": small.java(f"H{i}") for i in range(20)}, split="test")
    report = small.build()
    rows = [row for row in small.index() if row["project"] == "big"]
    assert 10 <= sum(not row["test"] for row in rows) <= 11
    assert 2 <= sum(row["test"] for row in rows) <= 3
    assert len(small.documents("java.test.symbols")) == 20
    assert len(rows) + report["rejected"]["java"]["cap"]["files"] == 40


def test_licence_notices_are_thinned_in_train_files_only(small: Small) -> None:
    files = {f"C{i}.java": NOTICE + small.java(f"C{i}") for i in range(40)}
    tests = {f"D{i}.java": NOTICE + small.java(f"D{i}") for i in range(10)}
    small.settings = "[normalise]\nlicence_headers = 0.25"
    small.project("train", files)
    small.project("held", tests, split="test")
    report = small.build()
    kept = sum(text.startswith(NOTICE) for text in small.documents().values())
    assert 3 <= kept <= 20
    assert all(text.startswith(("package", NOTICE)) for text in small.documents().values())
    assert all(text.startswith(NOTICE) for text in small.documents("java.test.symbols").values())
    totals = report["totals"]["java"]["train"]
    assert totals["licence_notices"] == kept * len(NOTICE)
    assert totals["licence_notices_thinned"] == (40 - kept) * len(NOTICE)


def test_opt_outs_come_first(small: Small) -> None:
    text = small.java("Hash")
    digest = hashlib.sha256(text.encode()).hexdigest()
    small.settings = f'deny = ["gone", "shop/private/*", "{digest}"]'
    files = {"private/A.java": small.java("A"), "Hash.java": text, "B.java": small.java("B")}
    small.project("shop", files)
    small.project("gone", {"C.java": small.java("C")})
    report = small.build()
    assert list(small.documents()) == ["shop/B.java"]
    assert report["rejected"]["java"]["denied"]["files"] == 2
    assert "gone" not in report["projects"]


# What goes wrong.


def test_a_project_that_is_gone_stops_the_build_unless_told_otherwise(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    small.entry("lost", GONE)
    with pytest.raises(CorpusError, match=r"1 of 2 projects.*--allow-missing.*lost: there is no"):
        small.build()
    assert not small.output.exists() or not contents(small.output)
    report = small.build(allow_missing=True)
    assert list(report["missing"]) == ["lost"]
    assert list(small.documents()) == ["shop/Cart.java"]


def test_the_first_source_that_can_be_had_is_used_and_named_in_the_lock(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    small.projects.clear()
    small.entry("shop", GONE + '\n[[project.source]]\ntype = "directory"\npath = "shop"')
    small.build()
    lock = json.loads((small.output / "corpus.lock.json").read_text(encoding="utf-8"))
    assert lock["shop"]["source"] == {"type": "directory", "path": "shop"}
    assert len(lock["shop"]["tree_sha256"]) == 64


def test_an_interrupted_build_goes_on_where_it_was(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        small.project(name, {f"{name}.java": small.java(name.upper())})
    small.build(output=small.folder / "whole", cache=small.folder / "cache2")

    collected: list[str] = []
    real = collect._chosen

    def interrupted(manifest: Any, found: collect.Collected) -> Any:
        project = found.project
        if project.id == "c" and "c" not in collected:
            collected.append("c")
            raise KeyboardInterrupt
        collected.append(project.id)
        return real(manifest, found)

    monkeypatch.setattr(collect, "_chosen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small.build()
    assert not contents(small.output)
    small.build()
    assert collected == ["a", "b", "c", "c"]  # a and b were not read again
    assert contents(small.output) == contents(small.folder / "whole")


def test_an_edited_file_is_read_again(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    small.build()
    (small.folder / "shop" / "Cart.java").write_text(small.java("Basket"), encoding="utf-8")
    small.build()
    assert small.documents() == {"shop/Cart.java": small.java("Basket")}


def test_a_failed_build_leaves_the_last_one_alone(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    small.build()
    before = contents(small.output)
    small.entry("lost", GONE)
    with pytest.raises(CorpusError):
        small.build()
    assert contents(small.output) == before


def test_a_corpus_of_nothing_is_said(small: Small) -> None:
    small.project("shop", {"readme.txt": "no code"})
    with pytest.raises(CorpusError, match="no file is left"):
        small.build()


def test_an_output_that_cannot_be_written_is_said(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart")})
    small.output.write_text("a file", encoding="utf-8")
    with pytest.raises(CorpusError, match="cannot be written"):
        small.build()


def test_links_are_not_followed_out_of_a_folder_and_hidden_ones_not_entered(small: Small) -> None:
    small.project("shop", {"Cart.java": small.java("Cart"), ".tool/A.java": small.java("A")})
    outside = small.folder / "Outside.java"
    outside.write_text(small.java("Outside"), encoding="utf-8")
    (small.folder / "shop" / "Link.java").symlink_to(outside)
    small.build()
    assert list(small.documents()) == ["shop/Cart.java"]


# Licences kept beside the corpus.


def test_the_markup_of_a_notice_is_no_part_of_it() -> None:
    notice = "Format: https://example.org/1.0/\nUpstream-Name: shop\nLicense: MIT\nFormat: any\n"
    written = page([("shop", "MIT", [Notice("debian/copyright", notice)])])
    assert written.rstrip().endswith("Upstream-Name: shop\nLicense: MIT\nFormat: any")
    assert "example.org" not in written


def test_notices_of_the_projects_themselves_are_kept_each_text_once(small: Small) -> None:
    apache, names = "Apache License\nVersion 2.0\n", "This product has parts by Ada\n"
    small.project(
        "shop",
        {
            "Cart.java": small.java("Cart"),
            "LICENSE.txt": apache.replace("\n", "\r\n"),
            "core/NOTICE": names,
            "core/vendor/lib/LICENSE": "another project's",
            "License.java": small.java("License"),
        },
    )
    small.project("bank", {"Bill.java": small.java("Bill"), "LICENSE": apache}, split="test")
    small.project("bare", {"Bare.java": small.java("Bare")}, licence="MIT")
    report = small.build()
    page = (small.output / "NOTICES.txt").read_text(encoding="utf-8")
    assert "shop (Apache-2.0): LICENSE.txt, core/NOTICE\n" in page
    assert "bare (MIT): no file in its source\n" in page
    assert page.count("Version 2.0") == 1
    assert "bank/LICENSE\nshop/LICENSE.txt\n" in page
    assert names in page
    assert "another" not in page
    assert report["projects"]["shop"]["notices"] == ["LICENSE.txt", "core/NOTICE"]
    assert "shop/License.java" in small.documents()


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("LICENSE", True),
        ("NOTICE.md", True),
        ("LICENCE-MIT.txt", True),
        ("COPYING", True),
        ("UNLICENSE", True),
        ("tool-1.0.dist-info/licenses/LICENSE.APACHE", True),
        ("tool-1.0.dist-info/licenses/vendor/x/LICENSE", False),
        ("src/main/java/LICENSE", False),
        ("LicenseChecker.java", False),
        ("licences.json", False),
        ("copyright.py", False),
    ],
)
def test_which_files_are_notices(path: str, *, own: bool) -> None:
    assert is_notice(path, 1000) is own
    assert not is_notice(path, 10**6)


# The command.


def test_the_command_builds_and_shares_the_work(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        small.project(name, {f"{name}.java": small.java(name.upper()), "Tiny.java": "class T {}"})
    small.build()
    whole = contents(small.output)
    cache, output = small.folder / "shared", small.folder / "other"
    command = ["corpus", "build", str(small.folder / "corpus.toml"), "--cache", str(cache)]
    command += ["--output", str(output)]
    for share in ("1/2", "2/2"):
        assert main([*command, "--shard", share]) == 0
        assert f"share {share[0]} of 2: 1 projects" in capsys.readouterr().out
        assert not output.exists()
    assert main([*command, "--jobs", "2"]) == 0
    assert "java train: 2 projects, 2 files, 0.0 MB" in capsys.readouterr().out
    assert contents(output) == whole
    assert main([*command, "--compress"]) == 0
    assert re.search(r"^too small +2 \(0\.0\)$", capsys.readouterr().out, re.MULTILINE)
    assert (output / "java.train.symbols.xz").exists()


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b"])
def test_a_share_that_is_none_is_wrong_usage(share: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["corpus", "build", "m.toml", "--output", "o", "--shard", share])
