"""The docs claim nothing that the code does not do."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from config import map as code_map
from config.version import newest_version

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_module_opens_with_its_purpose() -> None:
    modules = (path for floor in code_map.FLOORS for path in (ROOT / floor).rglob("*.py"))
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if "migrations" not in path.parts and path.read_text().strip() and not code_map.purpose(path)
    ]
    assert silent == []


def test_the_version_is_said_in_the_changelog_and_the_project_file_alike() -> None:
    assert f'version = "{newest_version(ROOT / "CHANGELOG.md")}"' in read("pyproject.toml")


@pytest.mark.parametrize(("name", "most"), [("README.md", 120), ("CONTRIBUTING.md", 80)])
def test_the_first_pages_stay_short(name: str, most: int) -> None:
    assert len(read(name).splitlines()) <= most


@pytest.mark.parametrize("decision", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.name)
def test_a_decision_fits_on_a_page(decision: Path) -> None:
    assert len(decision.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_make_targets_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^(?:\$ )?(?:[A-Z]+=\S+ )*make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
