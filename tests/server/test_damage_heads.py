"""What is kept of how far logs and the stream go, changed by the disk; and lines that stay lost, which keep nothing else from being healed.

Real tablets on their stores at the real app, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.db import reading
from server.models import Damage, FallenValue, LogRow, RecordRow, StreamRow
from server.verify import verify
from tests.server.test_damage import (
    WRONG,
    Story,
    contents,
    damaged,
    delete_lines,
    differences,
    edit,
    line_of,
    look,
    story,
    sync,
    waiting,
)
from tests.server.test_mending import answers
from tests.server.test_scope import enrol, written

__all__ = ["enrol", "story"]


def _log(**values: Any) -> Callable[[Story, Connection], None]:
    """Change the row of the log in which Hoa wrote."""

    def work(story: Story, connection: Connection) -> None:
        row = line_of(connection, story.record, 1)
        connection.execute(update(LogRow).where(LogRow.id == row.log).values(values))

    return work


def _no_log(story: Story, connection: Connection) -> None:
    connection.execute(delete(LogRow).where(LogRow.id == line_of(connection, story.record, 1).log))


def _stream(**values: Any) -> Callable[[Story, Connection], None]:
    return lambda story, connection: connection.execute(update(StreamRow).values(values))


HEADS: Mapping[str, Callable[[Story, Connection], Any]] = {
    "a log": _no_log,
    "a log's number, lower": _log(number=0),
    "a log's number, higher": _log(number=7),
    "a log's number, far higher": _log(number=1 << 40),
    "a log's hash": _log(hash=WRONG),
    "a log's number and hash": _log(number=3, hash=WRONG),
    "a log's device": _log(device="somebody-el"),
    "a log's start": _log(start=1),
    "a log's first hash": _log(start_hash=WRONG),
    "a log's fork": _log(fork=True),
    "a log's floating": _log(floating=True),
    "a log's parent": _log(parent=3),
    "the stream's number, lower": _stream(number=2),
    "the stream's number, higher": _stream(number=9),
    "the stream's number, far higher": _stream(number=1 << 40),
    "the stream's hash": _stream(hash=WRONG),
    "the stream's count of segments": _stream(segments=1),
}
"""What is kept of how far a log or the stream goes → how it is changed."""


@pytest.mark.parametrize("damage", HEADS)
def test_f52_a_head_that_was_changed_is_made_anew_before_anybody_is_answered_by_it(story: Story, damage: str) -> None:
    """Nobody has looked yet: Hoa's tablet says hello, then pushes; Lan's pulls."""
    damaged(story.app, lambda connection: HEADS[damage](story, connection))
    sizes = answers(story.b)
    sync(story.b)
    assert len(sizes) == 1 and sizes[0] < 200, "nobody tells or fetches anything again"
    edit(story.b, story.record, "participants_total", 80)
    sync(story.b)
    assert len(sizes) == 2
    sync(story.a)
    assert contents(story.a, story.record) == contents(story.b, story.record)
    assert FormPresenter(story.a).open(story.record).value("participants_total") == 80
    look(story.app)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert verify()[0] == []
        with reading() as connection:
            logs = connection.execute(select(LogRow)).all()
            told = connection.execute(select(Damage).where(Damage.kind == "head")).all()
    assert len(logs) == 2 and not any((one.segment, one.fork, one.floating) != (0, False, False) for one in logs), "no log is taken for forked"
    assert {one.device for one in logs} == {one.store.device().id for one in (story.a, story.b)}
    assert told and all(one.healed_ms is not None for one in told), "the page tells it"


@pytest.mark.parametrize("damage", HEADS)
def test_f52_a_head_that_was_changed_is_made_anew_by_the_round(story: Story, damage: str) -> None:
    damaged(story.app, lambda connection: HEADS[damage](story, connection))
    assert look(story.app).standing.found > 0
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []
        assert verify()[0] == []
    assert look(story.app).standing.found == 0


def harmed_here(tablet: Tablet, record: str) -> None:
    """A row of a tablet is gone."""
    with tablet.store.database.writing() as connection:
        assert connection.execute("DELETE FROM record WHERE id = ?", (record,)).rowcount == 1


def _lose(story: Story, record: str, index: int) -> None:
    """The row of a record and one of its lines are gone."""
    damaged(story.app, lambda connection: delete_lines(story, connection, record, index))
    damaged(story.app, lambda connection: connection.execute(delete(FallenValue).where(FallenValue.record == record)))
    damaged(story.app, lambda connection: connection.execute(delete(RecordRow).where(RecordRow.id == record)))
    look(story.app)


def test_f52_a_line_that_nobody_holds_keeps_nothing_else_of_its_unit_from_being_healed(story: Story) -> None:
    """Thu's tablet is gone with the only copy."""
    thu = story.enrol()
    theirs = written(thu)
    sync(thu)
    _lose(story, theirs, 0)
    assert len(waiting(story.app)) == 1
    sync(story.b)  # is asked, and holds nothing of it
    held = contents(story.b, story.record, story.single, story.case)
    harmed_here(story.b, story.record)
    harmed_here(story.b, story.case)
    sync(story.b)
    assert contents(story.b, story.record, story.single, story.case) == held
    assert len(waiting(story.app)) == 1, "it is waited for, and the page says so"
    sizes = answers(story.b)
    sync(story.b)
    assert len(sizes) == 1 and sizes[0] < 200


def test_f52_a_part_with_a_record_that_cannot_be_told_is_left_as_it_is_and_the_others_are_healed(story: Story) -> None:
    """Hoa holds the beginning of a record whose end is lost: she keeps it."""
    thu = story.enrol()
    theirs = written(thu)
    sync(thu, story.b)
    edit(thu, theirs, "participants_total", 99)
    sync(thu)
    _lose(story, theirs, 1)
    held, sealed = contents(story.b, theirs, story.record), contents(story.b, story.case)
    assert None not in (*held, *sealed)
    sync(story.b)
    harmed_here(story.b, story.case)
    sync(story.b)
    assert contents(story.b, story.case) == sealed
    assert contents(story.b, theirs, story.record) == held
    assert len(waiting(story.app)) == 1
    sizes = answers(story.b)
    sync(story.b)
    assert len(sizes) == 1 and sizes[0] < 300, "what is in doubt is told once"
    sync(thu)  # her tablet is found again
    sync(story.b, thu)
    assert waiting(story.app) == []
    assert contents(story.b, theirs) == contents(thu, theirs)
    assert FormPresenter(story.b).open(theirs).value("participants_total") == 99
