"""Sealed values and case keys that the storage lost or harmed: they come back where somebody has them, and are told where nobody does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest

from mobile.gaps import count_lost
from mobile.remarks import remarks
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.sealing import open_box, seal_box
from sync.store import Device
from tests.mobile.conftest import PIN, Make, Wire
from tests.mobile.test_forms import NAME
from tests.mobile.test_gaps import again, digest, edit, sql, survivor, write

HARM = "UPDATE wrap SET wrapped = 'AAAA' || substr(wrapped, 5) WHERE recipient"


@pytest.fixture
def keys(wire: Wire) -> dict[str, bytes]:
    """The case keys that the server was given and can open; it tells them to whoever asks from tablet A."""
    known: dict[str, bytes] = {}

    def keep(wraps: Sequence[Sequence[str]]) -> None:
        for key_id, recipient, wrapped in wraps:
            with suppress(SenError, ValueError):
                if recipient == "server-0001":
                    known.setdefault(key_id, open_box(wire.box, unb64(wrapped), b"sen-case/1" + key_id.encode()))

    wire.server.keep_wraps = keep
    return known


def told_to(wire: Wire, tablet: Tablet, keys: dict[str, bytes]) -> None:
    """Let the server wrap the keys that it has to the officer of a tablet."""
    officer = tablet.case_keys._officer.public

    def read(wanted: Sequence[str], device: Device) -> list[tuple[str, str, str]]:
        return [(key, device.user, b64(seal_box(officer, keys[key], b"sen-case/1" + key.encode()))) for key in wanted if key in keys]

    wire.server.read_wraps = read


def names(tablet: Tablet, record: str) -> list[str]:
    return [words for words, _, _ in tablet.history(record, "full_name")]


@pytest.mark.parametrize("sent", [True, False])
def test_f19_a_harmed_wrap_of_the_officer_s_is_told_again(make: Make, wire: Wire, keys: dict[str, bytes], sent: bool) -> None:
    a = make("A")
    told_to(wire, a, keys)
    record = survivor(a)
    if sent:
        a.syncer.sync()
    sql(a, f"{HARM} = 'user-A'")
    a = again(make, a)
    assert names(a, record) == ["–"]
    for _ in range(1 if sent else 2):
        a.syncer.sync()
    assert names(a, record) == [NAME] and a.store.digest() == digest(wire, a)
    a.syncer.sync()
    assert a.syncer.trips == 1


def test_f19_a_key_that_the_server_does_not_have_is_not_asked_for_again_and_again(make: Make, wire: Wire, keys: dict[str, bytes]) -> None:
    a = make("A")
    survivor(a)
    a.syncer.sync()
    sql(a, f"{HARM} = 'user-A'")
    a = again(make, a)
    for _ in range(2):
        a.syncer.sync()
    a.syncer.sync()
    assert a.syncer.trips == 1


@pytest.mark.parametrize("unlock", [True, False], ids=["unlocked", "locked while it is sent"])
def test_f19_a_harmed_wrap_of_the_server_s_is_made_anew(make: Make, wire: Wire, keys: dict[str, bytes], unlock: bool) -> None:
    """What only the server would have found out is found here; also where the lines left before anybody unlocked the tablet."""
    a = make("A")
    record = survivor(a)
    write(a, "Khác (dữ liệu mẫu)")
    sql(a, f"{HARM} <> 'user-A'")
    a.close()
    a = make("A", unlock=unlock)
    a.syncer.sync()
    assert (record in keys) == unlock and a.store.unsent_count() == 0
    a.unlock(PIN)
    a.syncer.sync()
    assert a.case_keys.key(record) == keys[record] and a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a)
    assert len(wire.server.history(record)) == 1


@pytest.mark.parametrize("harm", ["DELETE FROM blob", "UPDATE blob SET data = zeroblob(length(data))"], ids=["gone", "harmed"])
@pytest.mark.parametrize("started", [True, False], ids=["found at the start", "found at the exchange"])
def test_f19_m99_an_unsent_sealed_value_that_is_gone_is_told_until_it_is_written_again(make: Make, wire: Wire, started: bool, harm: str) -> None:
    a = make("A")
    record = survivor(a)
    sql(a, harm)
    a = again(make, a) if started else a
    for _ in range(2):
        a.syncer.sync()
    assert a.store.unsent_count() == 0 and any("đã mất 3 câu trả lời niêm phong" in words for words in remarks(a))
    edit(a, record, full_name=NAME, safe_contact="Gọi trước 7 giờ (dữ liệu mẫu)")
    a.syncer.sync()
    assert any("đã mất 1 câu trả lời niêm phong" in words for words in remarks(a)) and NAME in names(a, record)
    state = a.store.show(record)
    assert state is not None
    (path,) = {path for path, value in state.values() if value.blob is not None and a.store.blob(value.blob) is None}
    edit(a, record, **{path: None})
    assert remarks(a) == [] and count_lost(a.store) == 0


def test_f19_what_was_lost_is_told_also_by_a_copy_that_became_a_device_of_its_own(make: Make, wire: Wire) -> None:
    a = make("A")
    write(a, "x (dữ liệu mẫu)")
    form = FormPresenter(a)
    form.open(write(a, "y (dữ liệu mẫu)"))
    sql(a, "DELETE FROM own_line WHERE number = 1")
    a = again(make, a)
    a.syncer.sync()
    (before,) = remarks(a)
    a.store.outbox.begin_anew(a.store.device().key, ("copy", f'[{a.clock.now_ms()}, "A", "B"]'))
    copied, lost = remarks(a)
    assert lost == before and "đã mất 1 thay đổi" in lost
    assert "bản sao của máy «A»" in copied and "Không mất gì" not in copied
