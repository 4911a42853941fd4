"""Rows of files that the storage lost or harmed: the photo leaves all the same, and one that is nowhere is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import talk
from tests.mobile.test_gaps import again, sql


def photographed(tablet: Tablet, folder: Path, *, left: bool = True) -> str:
    """A record with a photo; gives the photo's hash."""
    form = FormPresenter(tablet)
    talk(form)
    Image.new("RGB", (300, 100), "teal").save(folder / "anh.jpg")
    assert form.form is not None
    field = next(code for code, one in form.form.type.fields.items() if one.kind == "photos")
    form.attach(field, [folder / "anh.jpg"])
    (photo,) = form.form.values[field]
    if left:
        form.leave()
    return str(photo["sha256"])


@pytest.mark.parametrize("started", [True, False], ids=["found at the start", "found at the exchange"])
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("harm", ["DELETE FROM file", "UPDATE file SET state = 'waitr'", "UPDATE file SET hash = '_' || substr(hash, 2)",
                                  "UPDATE file SET hash = CASE substr(hash, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END || substr(hash, 2)"])  # fmt: skip
def test_f19_a_photo_of_which_the_row_is_lost_or_harmed_leaves_all_the_same(
    make: Make, wire: Wire, tmp_path: Path, harm: str, sent: bool, started: bool
) -> None:
    a = make("A")
    photo = photographed(a, tmp_path)
    if sent:
        a.syncer.sync()
    sql(a, harm)
    a = again(make, a) if started else a
    a.syncer.sync()
    assert a.files.waiting() == [photo] and [digest for digest, _ in a.files.bring()] == [photo] and a.files.refused() == []
    a.files.sent(photo)
    a.syncer.sync()
    assert a.files.state(photo) == "sent"


def test_f19_a_photo_that_no_line_names_yet_is_kept(make: Make, tmp_path: Path) -> None:
    a = make("A")
    photo = photographed(a, tmp_path, left=False)
    sql(a, "DELETE FROM file")
    a.forms._open.clear()
    a = again(make, a)
    assert a.files.state(photo) == "kept" and a.files.waiting() == []


def test_f19_a_photo_that_is_nowhere_is_told(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    photo = photographed(a, tmp_path)
    sql(a, "DELETE FROM file")
    next((tmp_path / "A" / "files").rglob(photo)).unlink()
    a = again(make, a)
    a.syncer.sync()
    assert [(one.hash, one.code) for one in a.files.refused()] == [(photo, "file_not_here")]
