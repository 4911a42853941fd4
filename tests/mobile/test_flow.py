"""The table of screens."""

from pathlib import Path

import pytest

from mobile.flow import SCREENS, allowed, first_screen

FOLDERS = Path(__file__).parents[2] / "mobile" / "screens"


def test_every_screen_has_its_folder_and_every_folder_its_screen() -> None:
    folders = {path.name for path in FOLDERS.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders == set(SCREENS)
    assert all((FOLDERS / name / "presenter.py").exists() for name in SCREENS)


def test_back_leads_somewhere_that_exists() -> None:
    assert all(screen.back in SCREENS for screen in SCREENS.values())


@pytest.mark.parametrize("enrolled, unlocked, first", [(False, False, "enrol"), (True, False, "unlock"), (True, True, "home")])
def test_what_must_come_first_comes_first(enrolled: bool, unlocked: bool, first: str) -> None:
    assert first_screen(enrolled=enrolled, unlocked=unlocked) == first
    assert allowed("form", {"record": "x"}, enrolled=enrolled, unlocked=unlocked) == ("form" if unlocked else first)


def test_a_screen_is_told_only_what_it_takes() -> None:
    with pytest.raises(KeyError):
        allowed("home", {"record": "x"}, enrolled=True, unlocked=True)
    with pytest.raises(KeyError):
        allowed("nowhere", {}, enrolled=True, unlocked=True)
