"""The documents say what the code says: generated tables, stories, settings, links."""

import re
from pathlib import Path

import pytest
import yaml

from server.config import SETTINGS
from shared.catalogue import DATA, Catalogue
from tests.docs_tables import PAGE, page_with_tables

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))


def test_the_tables_of_the_catalogue_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with_tables(text) == text, "run python -m tests.docs_tables"


def test_the_example_of_a_record_type_is_read() -> None:
    found = re.search(r"```yaml\n(code: study_visit.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    texts = {path.relative_to(DATA).as_posix(): path.read_text("utf-8") for path in DATA.rglob("*.yaml")}
    catalogue = Catalogue.from_texts(texts | {"record_types/study_visit.yaml": found[1]})
    assert catalogue.types["study_visit"].rules[0].code == "women_at_most_people"
    assert yaml.safe_load(found[1])["code"] == "study_visit"


def test_every_setting_stands_in_the_operating_guide() -> None:
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    assert [setting.variable for setting in SETTINGS.values() if setting.variable not in text] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8"))]
    broken = [target for target in targets if target and "://" not in target and not (page.parent / target).exists()]
    assert broken == []


def pictures_of(page: Path) -> set[Path]:
    return {(page.parent / target).resolve() for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8"))}


def test_every_picture_is_shown_and_every_picture_shown_is_there() -> None:
    shown = {picture for page in (ROOT / "README.md", *DOCS) for picture in pictures_of(page)}
    kept = {picture.resolve() for picture in (ROOT / "docs" / "pictures").iterdir()}
    assert len(pictures_of(ROOT / "README.md")) >= 4
    assert shown == kept
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in kept)
    assert sum(picture.stat().st_size for picture in kept) < 1_500_000
