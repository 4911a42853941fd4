"""The bytes of photos and files that a server's disk loses or changes: found by a look, told, and sent again by a tablet that holds them.

Real tablets with their files on disk at the real app, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, select, update

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.clock import VIETNAM
from server.db import reading
from server.file_damage import APART
from server.file_names import FileName
from server.file_rows import WHOLE, FileChunk, FileRow
from server.files import KEPT_UNNAMED_MS, collect, load
from server.models import Damage
from server.services import services
from server.verify import verify
from tests.files.office import files_of, photo, record_with
from tests.server.conftest import TODAY, AddUser
from tests.server.test_damage import STREAM, Story, damaged, flip, look, story, sync, waiting
from tests.server.test_mending import answers
from tests.server.test_scope import enrol

__all__ = ["enrol", "story"]


@pytest.fixture
def picture(story: Story, tmp_path: Path) -> tuple[str, bytes]:
    """A photo that Lan took, Hoa fetched, and the server has: its hash and bytes."""
    record = record_with(story.a, photo(tmp_path, 3))
    sync(story.a, story.b)
    story.a.carrier.carry()
    (digest,) = files_of(story.b, record)
    FormPresenter(story.b).open(record).fetch("photos", digest)
    with story.app.app_context():
        return digest, load(digest)


def _chunk(connection: Connection) -> Any:
    return connection.execute(select(FileChunk).where(FileChunk.device == WHOLE).order_by(FileChunk.at)).all()[-1]


def _flip(connection: Connection) -> None:
    row = _chunk(connection)
    connection.execute(update(FileChunk).where(FileChunk.at == row.at, FileChunk.device == WHOLE).values(data=flip(row.data)))


def _lose(connection: Connection) -> None:
    connection.execute(delete(FileChunk).where(FileChunk.at == _chunk(connection).at, FileChunk.device == WHOLE))


def _row_and_bit(connection: Connection) -> None:
    _flip(connection)
    connection.execute(delete(FileRow))


FROM_A_TABLET: Mapping[str, Callable[[Connection], Any]] = {
    "a bit of a chunk": _flip,
    "a chunk": _lose,
    "all chunks": lambda connection: connection.execute(delete(FileChunk)),
    "a chunk's device": lambda connection: connection.execute(update(FileChunk).where(FileChunk.at == 0).values(device="x")),
    "a bit of a chunk, and the row": _row_and_bit,
}

BY_ITSELF: Mapping[str, Callable[[Connection], Any]] = {
    "the row": lambda connection: connection.execute(delete(FileRow)),
    "a chunk's place": lambda connection: connection.execute(update(FileChunk).where(FileChunk.at == 0).values(at=7)),
    "the row's size": lambda connection: connection.execute(update(FileRow).values(size=FileRow.size + 64)),
    "the row's hash": lambda connection: connection.execute(update(FileRow).values(hash="0" * 64)),
}


@pytest.mark.parametrize("by", ["a", "b"])
@pytest.mark.parametrize("damage", FROM_A_TABLET)
def test_f52_the_bytes_of_a_file_that_are_lost_are_found_and_sent_again_by_who_holds_them(
    story: Story, picture: tuple[str, bytes], damage: str, by: str
) -> None:
    """Who took the photo holds it, and who fetched it."""
    digest, data = picture
    tablet: Tablet = getattr(story, by)
    damaged(story.app, FROM_A_TABLET[damage])
    assert look(story.app).standing.found > 0
    assert [(row.kind, row.key) for row in waiting(story.app)] == [("file", f"file {digest}")]
    assert tablet.files.waiting() == []
    sync(tablet)
    assert tablet.files.waiting() == [digest], "the answer asks for it"
    tablet.carrier.carry()
    assert tablet.files.waiting() == [] and waiting(story.app) == []
    with story.app.app_context():
        assert load(digest) == data
        assert verify()[0] == []
        with reading() as connection:
            assert connection.scalar(select(FileChunk.hash).where(FileChunk.device == APART)) is None
            assert connection.scalar(select(Damage.device)) == tablet.store.device().id
    sync(story.a, story.b)
    assert [one.files.waiting() for one in (story.a, story.b)] == [[], []], "nobody is asked again"
    assert look(story.app).standing.found == 0


@pytest.mark.parametrize("damage", BY_ITSELF)
def test_f52_the_row_of_a_file_is_made_anew_from_its_bytes(story: Story, picture: tuple[str, bytes], damage: str) -> None:
    digest, data = picture
    damaged(story.app, BY_ITSELF[damage])
    assert look(story.app).standing.found > 0
    assert waiting(story.app) == []
    with story.app.app_context():
        assert load(digest) == data
        assert verify()[0] == []
        with reading() as connection:
            assert connection.execute(select(FileRow.hash, FileRow.size)).all() == [(digest, len(data))]
    assert look(story.app).standing.found == 0


def test_f52_a_file_without_its_row_is_taken_again_where_a_tablet_tells_it_before_anybody_looks(
    story: Story, picture: tuple[str, bytes]
) -> None:
    digest, data = picture
    damaged(story.app, lambda connection: connection.execute(delete(FileRow)))
    story.a.files.lacking([digest])
    story.a.carrier.carry()
    with story.app.app_context():
        assert load(digest) == data and verify()[0] == []


def test_f52_a_file_that_nobody_holds_is_named_on_the_page_until_no_record_holds_it(
    story: Story, picture: tuple[str, bytes], add_person: AddUser, sign_in: Callable[..., FlaskClient]
) -> None:
    _, data = picture
    damaged(story.app, _flip)
    look(story.app)
    later = story.enrol()  # holds nothing of it
    sizes = answers(later)
    sync(later)
    sync(later)
    assert len(sizes) == 2, "it was asked once, when it came"
    client = sign_in(add_person("bon", f"district_lead@{STREAM}"))
    page = client.get("/recovery").get_data(as_text=True)
    assert "ảnh hoặc tệp" in page and "đang chờ" in page
    with story.app.app_context(), reading() as connection:
        left = b"".join(connection.scalars(select(FileChunk.data).where(FileChunk.device == APART).order_by(FileChunk.at)))
    assert len(left) == len(data) and left != data, "what is left of it stays"
    with story.app.app_context():
        collect(int(TODAY.astimezone(VIETNAM).timestamp() * 1000))
    assert len(waiting(story.app)) == 1, "a record holds it"


def test_f52_a_file_of_which_the_name_was_lost_is_not_taken_for_one_that_no_record_holds(story: Story, picture: tuple[str, bytes]) -> None:
    digest, data = picture
    damaged(story.app, lambda connection: connection.execute(delete(FileName)))
    look(story.app)
    month = KEPT_UNNAMED_MS + 1
    with story.app.app_context():
        now_ms = services().clock.now_ms()
        assert [collect(now_ms), collect(now_ms + month)] == [0, 0]
        assert load(digest) == data
