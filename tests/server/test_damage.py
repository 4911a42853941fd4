"""What a server's disk loses or changes: found by a look over everything, told to nobody, and put back from a tablet that holds it.

Real tablets on their stores at the real app, on both databases; damage by SQL, as a disk does it: one bit, one row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, select, update

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.damage import open_damage
from server.db import db, reading, writing
from server.editing import sql_server
from server.models import Blob, Damage, LineRow, LogRow, PartRow, RecordRow, StreamRow
from server.projection import bring_up
from server.rounds import Round
from server.services import services
from server.verify import verify
from tests.mobile.test_forms import case
from tests.server.conftest import AddUser
from tests.server.test_mending import answers, shown
from tests.server.test_scope import HERE, THERE, Enrol, enrol, written

__all__ = ["enrol"]

STREAM = "hong_ngu"
WRONG = bytes(31) + b"\1"


class Story(NamedTuple):
    """Two tablets of a commune, Lan's and Hoa's, that hold the same: a record that both wrote in, one of a single line, a case; and a
    tablet that comes later.
    """

    app: Flask
    a: Tablet
    b: Tablet
    enrol: Callable[[], Tablet]
    record: str
    single: str
    case: str
    whole: list[Any]


def tables() -> list[Any]:
    """Everything that exchanges rest on, as it stands."""
    columns = {name: one for name, one in RecordRow.__table__.c.items() if name != "updated_ms"}
    wanted = [
        select(LineRow.__table__).order_by(LineRow.stream, LineRow.place),
        select(*columns.values()).order_by(RecordRow.id),
        select(PartRow.__table__).order_by(PartRow.unit, PartRow.type, PartRow.sealed),
        select(StreamRow.__table__).order_by(StreamRow.code),
        select(LogRow.__table__).order_by(LogRow.id, LogRow.segment),
        select(Blob.__table__).order_by(Blob.hash),
    ]
    with reading() as connection:
        return [[tuple(row) for row in connection.execute(query)] for query in wanted]


def differences(story: Story) -> list[Any]:
    """The rows that are not as they were before the damage, with what they were."""
    pairs = zip(story.whole, tables(), strict=True)
    return [(was, now) for before, after in pairs if before != after for was, now in zip_longest(before, after) if was != now]


def look(app: Flask) -> Round:
    """One whole round over the tables."""
    with app.app_context():
        one = Round(sql_server().healing)
        while one.step():
            pass
        db.session.remove()
    return one


def damaged(app: Flask, work: Callable[[Connection], Any]) -> None:
    """Do something to the tables."""
    with app.app_context(), writing() as connection:
        work(connection)


def waiting(app: Flask) -> list[Any]:
    """What is open."""
    with app.app_context(), reading() as connection:
        return open_damage(connection)


def edit(tablet: Tablet, record: str, code: str, value: object) -> None:
    """Change one answer of a record and leave it."""
    form = FormPresenter(tablet).open(record)
    form.set(code, value)
    form.leave()
    tablet.forms.close_all()


def contents(tablet: Tablet, *records: str) -> list[Any]:
    """What a tablet holds of records, in whatever order it came."""
    states = [tablet.store.show(record) for record in records]
    return [
        None if state is None else sorted((path, value.origins, value.kind, str(value.value), value.blob) for path, value in state.values())
        for state in states
    ]


def sync(*tablets: Tablet) -> None:
    """Exchange with each of them until nothing is left."""
    for tablet in tablets:
        tablet.syncer.sync()


@pytest.fixture
def story(app: Flask, add_person: AddUser, enrol: Enrol) -> Story:
    roles = [f"{role}@{unit}" for role in ("collector", "case_worker") for unit in (HERE, THERE)]
    lan, hoa, thu = (add_person(one, *roles[::2]) for one in ("lan", "hoa", "thu"))
    a, b = enrol(lan, HERE), enrol(hoa, HERE)
    record, single, sealed = written(a), written(a), case(FormPresenter(a))
    a.forms.close_all()
    sync(a, b)
    edit(b, record, "participants_total", 72)
    sync(b, a)
    edit(a, record, "participants_female", 30)
    sync(a, b)
    with app.app_context():
        bring_up(services().catalogue)
    look(app)
    assert waiting(app) == []
    with app.app_context():
        return Story(app, a, b, lambda: enrol(thu, HERE), record, single, sealed, tables())


def line_of(connection: Connection, record: str, index: int = 0) -> Any:
    """The line of a record that came as the first, the second …"""
    return connection.execute(select(LineRow).where(LineRow.record == record).order_by(LineRow.place)).all()[index]


def flip(data: bytes) -> bytes:
    """The bytes with one bit of the middle changed."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _flip_body(story: Story, connection: Connection, record: str, index: int = 0) -> None:
    row = line_of(connection, record, index)
    connection.execute(update(LineRow).where(LineRow.place == row.place).values(body=flip(row.body)))


def delete_lines(story: Story, connection: Connection, record: str, *indices: int) -> None:
    for place in [line_of(connection, record, index).place for index in indices]:
        connection.execute(delete(LineRow).where(LineRow.place == place))


def _delete_last(story: Story, connection: Connection) -> None:
    last = connection.execute(select(StreamRow)).one().number
    connection.execute(delete(LineRow).where(LineRow.place == last))


def _delete_row_and_line(story: Story, connection: Connection) -> None:
    delete_lines(story, connection, story.single, 0)
    connection.execute(delete(RecordRow).where(RecordRow.id == story.single))


def _delete_many(story: Story, connection: Connection) -> None:
    connection.execute(delete(LineRow).where(LineRow.place > 1, LineRow.place < connection.execute(select(StreamRow)).one().number))


def _set(**values: Any) -> Callable[[Story, Connection], None]:
    def work(story: Story, connection: Connection) -> None:
        place = line_of(connection, story.record, 1).place
        told = {name: value(connection) if callable(value) else value for name, value in values.items()}
        connection.execute(update(LineRow).where(LineRow.place == place).values(told))

    return work


def _blob(story: Story, connection: Connection, *, gone: bool) -> None:
    row = connection.execute(select(Blob).order_by(Blob.hash)).all()[0]
    one = delete(Blob) if gone else update(Blob).values(data=flip(row.data))
    connection.execute(one.where(Blob.hash == row.hash))


def _record(**values: Any) -> Callable[[Story, Connection], None]:
    def work(story: Story, connection: Connection) -> None:
        row = connection.execute(select(RecordRow).where(RecordRow.id == story.record)).one()
        told = {name: value(row) for name, value in values.items()}
        connection.execute(update(RecordRow).where(RecordRow.id == story.record).values(told))

    return work


FROM_A_TABLET: Mapping[str, Callable[[Story, Connection], Any]] = {
    "a bit of a line": lambda story, connection: _flip_body(story, connection, story.record),
    "a bit of the line in which a record stands": lambda story, connection: _flip_body(story, connection, story.single),
    "a line": lambda story, connection: delete_lines(story, connection, story.record, 1),
    "the line in which a record stands": lambda story, connection: delete_lines(story, connection, story.single, 0),
    "the line in which a record stands, and its row": _delete_row_and_line,
    "all lines of a record": lambda story, connection: delete_lines(story, connection, story.record, 0, 1, 2),
    "the last line": _delete_last,
    "all lines but the first and the last": _delete_many,
    "a line's time of arrival": _set(arrived_ms=7),
    "a bit of a sealed value": lambda story, connection: _blob(story, connection, gone=False),
    "a sealed value": lambda story, connection: _blob(story, connection, gone=True),
}
"""What the server cannot make anew by itself → how it is lost."""

BY_ITSELF: Mapping[str, Callable[[Story, Connection], Any]] = {
    "a line's hash": _set(digest=WRONG),
    "a line's verdict": _set(verdict="no_right"),
    "a line's stream hash": _set(stream_hash=WRONG),
    "a line's hash before": _set(before=WRONG),
    "a line's record": _set(record=None),
    "a line's count of operations": _set(operations=77),
    "a value in a record's registers": _record(registers=lambda row: row.registers.replace("72", "73")),
    "a name in a record's registers": _record(registers=lambda row: row.registers.replace('.1.', '.9.', 1)),
    "a record's registers": _record(registers=lambda row: row.registers[:-9]),
    "a value in a record's columns": _record(current=lambda row: row.current.replace("72", "73")),
    "a record's unit": _record(unit=lambda row: THERE),
    "a record's digest": _record(digest=lambda row: WRONG[:16]),
    "a part's digest": lambda story, connection: connection.execute(update(PartRow).values(digest=WRONG[:16])),
    "a part": lambda story, connection: connection.execute(delete(PartRow)),
}
"""What the server makes anew from what else it holds → how it is changed."""


@pytest.mark.parametrize("damage", FROM_A_TABLET)
def test_f52_what_is_lost_is_found_and_fetched_from_a_tablet_and_no_more_than_that(story: Story, damage: str) -> None:
    damaged(story.app, lambda connection: FROM_A_TABLET[damage](story, connection))
    assert look(story.app).standing.found > 0
    lost = waiting(story.app)
    assert lost
    held = [shown(tablet, story.record, story.single, story.case) for tablet in (story.a, story.b)]
    sizes = answers(story.b)
    sync(story.b)
    assert len(sizes) == 2, "one answer asks, the next one has it"
    assert sum(sizes) < 700
    assert waiting(story.app) == []
    sync(story.a)  # the times at which Hoa's own lines came she was not told; Lan was
    with story.app.app_context():
        assert differences(story) == []
        assert verify()[0] == []
        with reading() as connection:
            told = connection.execute(select(Damage).where(Damage.key.in_([row.key for row in lost]))).all()
    assert {row.device for row in told} <= {one.store.device().id for one in (story.a, story.b)} and all(row.exact for row in told)
    sizes = answers(story.a)
    sync(story.a, story.b)
    assert len(sizes) == 1 and sizes[0] < 200, "nobody fetches anything again"
    assert [shown(tablet, story.record, story.single, story.case) for tablet in (story.a, story.b)] == held


def test_f52_two_lines_that_are_lost_one_after_the_other_are_both_asked_for_by_their_names(story: Story) -> None:
    for lost in (lambda connection: delete_lines(story, connection, story.record, 1), lambda connection: delete_lines(story, connection, story.single, 0)):
        damaged(story.app, lost)
        look(story.app)
    assert len({(row.log, row.number) for row in waiting(story.app)}) == 2
    sync(story.b)
    assert waiting(story.app) == []
    sync(story.a)
    with story.app.app_context():
        assert differences(story) == []
        assert verify()[0] == []


@pytest.mark.parametrize("damage", BY_ITSELF)
def test_f52_what_follows_from_something_else_is_made_anew_by_the_round_itself(story: Story, damage: str) -> None:
    damaged(story.app, lambda connection: BY_ITSELF[damage](story, connection))
    with story.app.app_context():
        assert tables() != story.whole
    assert look(story.app).standing.found > 0
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []
        assert verify()[0] == []
    assert look(story.app).standing.found == 0


def test_f52_nothing_damaged_is_told_nobody_is_refused_and_all_of_it_comes_back(story: Story) -> None:
    """Nobody has looked yet: the pull of a new tablet finds it."""
    damaged(story.app, lambda connection: _flip_body(story, connection, story.record))
    damaged(story.app, lambda connection: delete_lines(story, connection, story.single, 0))
    damaged(story.app, lambda connection: _blob(story, connection, gone=False))
    later = story.enrol()
    assert shown(later, story.record, story.single, story.case) == [None, None, None], "what is damaged is not told"
    assert {row.kind for row in waiting(story.app)} == {"line", "blob"}
    other = written(later)
    edit(story.a, story.single, "participants_total", 90)  # a change of a record whose line is lost
    sync(later, story.a)
    with story.app.app_context(), reading() as connection:
        verdicts = set(connection.scalars(select(LineRow.verdict)))
        assert connection.scalar(select(RecordRow.id).where(RecordRow.id == other)) == other
    assert verdicts == {""}
    sync(story.b, story.a, later, story.b, story.a)
    assert waiting(story.app) == []
    told = [contents(tablet, story.record, story.single, story.case, other) for tablet in (story.a, story.b, later)]
    assert None not in told[0] and told[0] == told[1] == told[2]
    values = [FormPresenter(tablet).open(story.single).value("participants_total") for tablet in (story.a, story.b, later)]
    assert values == [90, 90, 90]
    with story.app.app_context():
        assert verify()[0] == []
    digests = {tablet.store.digest() for tablet in (story.a, story.b, later)}
    assert len(digests) == 1


def test_f52_a_part_is_never_taken_from_tablets_while_a_line_of_it_is_lost(story: Story) -> None:
    """Row and line are gone, and the sum beside them is right for what is left: a tablet that compares must not drop its copy."""
    damaged(story.app, lambda connection: _delete_row_and_line(story, connection))
    damaged(story.app, lambda connection: connection.execute(delete(PartRow)))
    held = shown(story.b, story.single)
    sync(story.b)
    assert shown(story.b, story.single) == held
    sync(story.b)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []


def test_f52_a_line_that_is_not_the_one_is_not_taken(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(story.app, lambda connection: delete_lines(story, connection, story.record, 1))
    look(story.app)
    true = story.b.store.lines_at
    forged = [lambda log, number: [one._replace(line=one.line.replace(b"72", b"99")) for one in true(log, number)]]
    monkeypatch.setattr(story.b.store, "lines_at", forged[0])
    sync(story.b)
    assert len(waiting(story.app)) == 1
    sync(story.a)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert differences(story) == []


def test_f52_who_wrote_a_line_brings_it_back_where_nobody_knows_its_time_any_more(story: Story) -> None:
    """Only its own writer holds it: the bytes are proved by the log's chain, and the stream goes on."""
    damaged(story.app, lambda connection: delete_lines(story, connection, story.record, 1))
    look(story.app)
    sync(story.b)
    assert waiting(story.app) == []
    with story.app.app_context():
        assert verify()[0] == []
        with reading() as connection:
            assert not connection.execute(select(Damage).where(Damage.kind == "line")).one().exact
    assert look(story.app).standing.found == 0
    edit(story.b, story.record, "participants_total", 80)
    sync(story.b, story.a)
    with story.app.app_context():
        assert verify()[0] == []
        with reading() as connection:
            assert connection.execute(select(Damage).where(Damage.kind == "line")).one().exact, "Lan's tablet knew the time"


def test_f52_a_tablet_that_holds_nothing_of_it_is_asked_once(story: Story) -> None:
    damaged(story.app, lambda connection: delete_lines(story, connection, story.record, 1))
    look(story.app)
    later = story.enrol()
    sizes = answers(later)
    for _ in range(3):
        sync(later)
    assert len(sizes) == 3 and len(waiting(story.app)) == 1
