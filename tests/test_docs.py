"""The pages of the documentation: their links lead somewhere, and the files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,}).*?^(?P=fence)\s*$", re.DOTALL | re.MULTILINE)
MODULE = re.compile(r"`((?:\w+/)+\w+\.py|(?:\w+/)*data/\w+\.(?:toml|csv|json))`")
BENCHMARK = re.compile(r"python -m benchmarks[. ](\w+)")


def identifier(page: Path) -> str:
    return str(page.relative_to(DOCS))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_page_local_links_exist(page):
    broken = []
    for target, anchor in LINK.findall(FENCE.sub("", text_of(page))):
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_page_named_files_exist(page):
    # Pages leave out the name of the package; a placeholder such as <format> is not a name.
    folders = (ROOT, ROOT / "xps_stn_plugin", ROOT / "hooks", ROOT / "weights")
    missing = [name for name in MODULE.findall(text_of(page)) if not any((each / name).exists() for each in folders)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_page_named_benchmarks_exist(page):
    missing = [name for name in BENCHMARK.findall(text_of(page)) if not list((ROOT / "benchmarks").rglob(f"{name}.py"))]
    assert [name for name in missing if name != "NAME"] == []


def test_glossary_terms_are_unique_and_defined():
    entries = re.findall(r"^(\S.*)\n {4}(\S.+)", text_of(DOCS / "glossary.md"), flags=re.MULTILINE)
    terms = [term for term, _ in entries]
    assert len(terms) > 60
    assert len(terms) == len(set(map(str.casefold, terms)))
