"""What a server's disk loses, asked back and brought by bundles alone: weeks between the asking and the bringing, answers lost and late.

Real tablets on their stores at the real app, on both databases; damage by SQL.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from server import damage as book
from server.db import reading
from server.editing import sql_server
from server.models import Damage
from server.verify import verify
from sync.mended import NOTHING
from tests.server.conftest import AddUser
from tests.server.test_damage import FROM_A_TABLET, Story, damaged, differences, edit, look, story, waiting
from tests.server.test_mending import shown
from tests.server.test_scope import enrol
from tests.support.stick import Stick
from tests.support.twins import open_again

__all__ = ["enrol", "story"]


@pytest.fixture
def stick(story: Story, add_person: AddUser, tmp_path: Path) -> Stick:
    return Stick(story.app, add_person("huyen", "district_officer@hong_ngu"), tmp_path / "sticks")


def lose(story: Story, what: str) -> list[Any]:
    """Damage the tables, and let the server find it; gives what waits."""
    damaged(story.app, lambda connection: FROM_A_TABLET[what](story, connection))
    look(story.app)
    lost = waiting(story.app)
    assert lost
    return lost


def asked(tablet: Tablet) -> int:
    """How many lines and sealed values a tablet is to bring with its next bundle."""
    lost = tablet.bundles._mend()
    return len(lost.lines) + len(lost.blobs)


@pytest.mark.parametrize("damage", FROM_A_TABLET)
def test_m87_f52_what_a_disk_lost_is_asked_back_and_brought_by_bundles_alone(story: Story, stick: Stick, damage: str) -> None:
    lost = lose(story, damage)
    held = [shown(tablet, story.record, story.single, story.case) for tablet in (story.a, story.b)]
    found = stick.journey(story.b)
    assert found.kept[0].holds and asked(story.b) == len(lost) and len(waiting(story.app)) == len(lost)
    stick.journey(story.b)
    assert waiting(story.app) == [] and asked(story.b) == 0
    for _ in range(2):  # the times at which Hoa's own lines came she was not told; Lan was
        stick.journey(story.a)
    with story.app.app_context():
        assert differences(story) == []
        assert verify()[0] == []
        with reading() as connection:
            told = connection.execute(select(Damage).where(Damage.key.in_([row.key for row in lost]))).all()
    assert {row.device for row in told} <= {one.store.device().id for one in (story.a, story.b)} and all(row.exact for row in told)
    found = stick.journey(story.b)
    assert found.kept[0].overtaken and not found.kept[0].again, "nobody fetches anything again"
    assert [shown(tablet, story.record, story.single, story.case) for tablet in (story.a, story.b)] == held


def test_m87_the_tablet_says_that_another_bundle_has_to_go_and_keeps_it_over_a_start(story: Story, stick: Stick) -> None:
    lose(story, "a line")
    answer = stick.imported(stick.written(story.b))
    words = SyncPresenter(story.b).read_files(answer).splitlines()
    assert len(words) == 2 and "không có gì thay đổi" in words[0] and "thêm một lần" in words[1]
    story.b.close()
    again = open_again(story.b.profile.folder, story.b)
    try:
        assert asked(again) == 1
        stick.journey(again)
        assert waiting(story.app) == [] and asked(again) == 0
    finally:
        again.close()


def test_m87_asking_and_bringing_are_lost_late_and_twice(story: Story, stick: Stick) -> None:
    lose(story, "a bit of a line")
    stick.imported(stick.written(story.b))  # the answer is lost on its way back
    first = stick.imported(stick.written(story.b))
    assert story.b.bundles.read(first).kept[0].holds and asked(story.b) == 1, "it is asked for again"
    stick.written(story.b)  # what is brought is lost on its way there
    edit(story.b, story.single, "participants_total", 80)
    brought = stick.written(story.b)
    late = stick.imported(brought)
    assert waiting(story.app) == []
    stick.imported(brought)
    for answer in (late, first, late):
        story.b.bundles.read(answer)
    for _ in range(2):
        stick.journey(story.a)
        stick.journey(story.b)
    assert asked(story.a) == asked(story.b) == 0
    with story.app.app_context():
        assert verify()[0] == []
    assert story.a.store.digest() == story.b.store.digest()


def test_m87_asked_by_bundle_and_brought_by_the_network_and_the_reverse(story: Story, stick: Stick) -> None:
    lose(story, "a line")
    stick.journey(story.b)
    story.b.syncer.sync()
    assert waiting(story.app) == []
    stick.journey(story.b)
    assert asked(story.b) == 0 and waiting(story.app) == []
    with story.app.app_context():
        assert verify()[0] == []


def test_m87_many_lines_are_asked_for_some_at_a_time_until_all_are_back(story: Story, stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tablet holds nothing of the first ones; it is asked for the next ones all the same, each once."""
    monkeypatch.setattr(book, "MOST_ASKED", 2)
    lost = lose(story, "all lines but the first and the last")
    with monkeypatch.context() as patch:
        patch.setattr(story.b.store, "lines_at", lambda log, number: [])
        for times in range(len(lost) // 2 + 1):
            found = stick.journey(story.b)
            assert not found.kept[0].holds and asked(story.b) == min(2, len(lost) - 2 * times)
        stick.journey(story.b)
        assert asked(story.b) == 0 and len(waiting(story.app)) == len(lost)
    for _ in range(len(lost) // 2 + 2):
        stick.journey(story.a)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []


def test_m87_an_answer_that_is_lost_leaves_nothing_unasked(story: Story, stick: Stick) -> None:
    """While a first loss is asked for and brought, a second one was asked for in an answer that never came."""
    lose(story, "a line")
    first = stick.imported(stick.written(story.b))
    late = stick.written(story.b)
    story.b.bundles.read(first)
    brings = stick.written(story.b)
    assert len(lose(story, "a sealed value")) == 2
    stick.imported(late)  # asks for both, and is lost
    story.b.bundles.read(stick.imported(brings))
    assert asked(story.b) == 1 and len(waiting(story.app)) == 1
    stick.journey(story.b)
    assert waiting(story.app) == []


def test_f52_a_made_up_line_in_a_bundle_is_not_taken(story: Story, stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(story, "a line")
    stick.journey(story.b)
    true = story.b.store.lines_at
    with monkeypatch.context() as patch:
        patch.setattr(
            story.b.store, "lines_at", lambda log, number: [one._replace(line=one.line.replace(b"72", b"99")) for one in true(log, number)]
        )
        stick.journey(story.b)
    assert len(waiting(story.app)) == 1
    for _ in range(2):
        stick.journey(story.a)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []


def test_nothing_lost_costs_nothing(story: Story, stick: Stick) -> None:
    with story.app.app_context():
        assert sql_server().wants(story.b.store.device()) == NOTHING
    assert not stick.journey(story.b).kept[0].again and story.b.store.note("bundle_mend") is None
