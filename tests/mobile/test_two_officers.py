"""One tablet, two officers of different units: each has a profile, with keys, a store and a log of its own."""

from pathlib import Path

import pytest

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from tests.mobile.conftest import PIN, Make, Wire
from tests.mobile.test_forms import NAME, case, talk

THEIRS = "long_khanh_b"


def files(folder: Path) -> bytes:
    """All bytes that a profile keeps."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def held(tablet: Tablet) -> set[str]:
    """The records of a tablet."""
    return set(tablet.store.records())


def test_f53_two_officers_of_one_tablet_see_their_own_and_both_are_delivered(make: Make, wire: Wire, tmp_path: Path) -> None:
    """Lan leaves work unsent and locks; Minh takes the tablet, works and syncs; then Lan comes back."""
    lan = make("lan")
    form = FormPresenter(lan)
    mine = {talk(form), case(form)}
    lan.forms.close_all()
    waiting = lan.store.unsent_count()
    lan.lock()
    lan.close()
    assert waiting > 0 and wire.sent == []

    minh = make("minh", unit=THEIRS)
    theirs = {talk(FormPresenter(minh))}
    minh.forms.close_all()
    minh.syncer.sync()
    assert held(minh) == theirs and minh.store.unsent_count() == 0, "nothing of Lan's is seen, and nothing of Lan's was sent"
    assert not any(wire.server.verdicts()) and all(wire.server.history(record) == [] for record in mine)
    minh.close()

    lan = make("lan")
    assert lan.store.unsent_count() == waiting
    lan.syncer.sync()
    assert held(lan) == mine and lan.store.unsent_count() == 0 and all(wire.server.history(record) for record in mine)
    assert not held(lan) & theirs
    lan.close()
    minh = make("minh", unit=THEIRS)
    minh.syncer.sync()
    assert held(minh) == theirs


def test_f53_each_officers_keys_open_no_others_store(make: Make, tmp_path: Path) -> None:
    lan, minh = make("lan"), make("minh", unit=THEIRS)
    case(FormPresenter(lan))
    lan.forms.close_all()
    with lan.store.database.reading() as connection:
        rows = connection.execute("SELECT name, body FROM own_line").fetchall()
    for name, body in rows:
        assert lan.store.rows.open(body, f"line {name}")
        with pytest.raises(SenError):
            minh.store.rows.open(body, f"line {name}")
    assert {log.log for log in lan.store.own_logs()}.isdisjoint(log.log for log in minh.store.own_logs())
    lan.close()
    minh.close()
    assert rows and NAME.encode() not in files(tmp_path / "lan") + files(tmp_path / "minh")
    assert PIN.encode() not in files(tmp_path / "lan")
