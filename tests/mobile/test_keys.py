"""Keys and PIN: counted on disk before each try, growing waits, destroyed after ten, nothing readable without it."""

from pathlib import Path

import pytest

from mobile.hardware import Desktop
from mobile.keys import MOST_TRIES, DeviceKeys, PinLock, RowKey, check_pin, wait_after
from shared.errors import SenError
from shared.sealing import BoxKeys, new_key

PIN = "280822"


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def now(self) -> int:
        return self.ms


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def lock(tmp_path: Path, hands: Hands) -> PinLock:
    lock = PinLock(tmp_path / "officer.json", hands.now, cheap=True)
    lock.set("officer", BoxKeys.new(), PIN)
    return lock


@pytest.mark.parametrize("pin, code", [("12345", "pin_too_short"), ("abcdef", "pin_too_short"), ("123456", "pin_too_easy"), ("000000", "pin_too_easy"), ("987654", "pin_too_easy"), ("١٢٣٤٥٦", "pin_too_short")])
def test_a_pin_that_will_not_do_is_refused(pin: str, code: str) -> None:
    with pytest.raises(SenError) as refused:
        check_pin(pin)
    assert refused.value.code == code
    assert refused.value.text("vi") != refused.value.text("en")


def test_the_right_pin_opens_and_forgets_wrong_ones(lock: PinLock) -> None:
    keys = lock.unlock(PIN)
    with pytest.raises(SenError, match="wrong_pin"):
        lock.unlock("111222")
    assert lock.tries_left == MOST_TRIES - 1
    assert lock.unlock(PIN) == keys
    assert lock.tries_left == MOST_TRIES


def test_a_try_is_counted_on_disk_before_it_is_made(lock: PinLock, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("mobile.keys.key_from_pin", power_cut)
    with pytest.raises(KeyboardInterrupt):
        lock.unlock("111222")
    again = PinLock(tmp_path / "officer.json", hands.now, cheap=True)
    assert again.tries_left == MOST_TRIES - 1


def test_waits_grow_and_a_clock_set_back_shortens_none(lock: PinLock, hands: Hands) -> None:
    assert [wait_after(tries) for tries in range(6)] == [0, 0, 0, 30, 60, 120]
    for _ in range(3):
        with pytest.raises(SenError, match="wrong_pin"):
            lock.unlock("111222")
    with pytest.raises(SenError, match="pin_wait"):
        lock.unlock(PIN)
    hands.ms += 29_000
    assert lock.wait_s() == 1
    hands.ms -= 500_000
    assert lock.wait_s() == 30
    hands.ms += 30_000
    lock.unlock(PIN)


def test_f39_ten_wrong_pins_destroy_the_key(lock: PinLock, tmp_path: Path, hands: Hands) -> None:
    for _ in range(MOST_TRIES):
        hands.ms += 100_000_000
        with pytest.raises(SenError):
            lock.unlock("111222")
    assert lock.destroyed
    again = PinLock(tmp_path / "officer.json", hands.now, cheap=True)
    with pytest.raises(SenError, match="pin_destroyed"):
        again.unlock(PIN)


def test_device_keys_come_back_and_rows_cannot_be_moved(tmp_path: Path) -> None:
    desktop, keys = Desktop(tmp_path), DeviceKeys.new()
    keys.keep(desktop)
    assert DeviceKeys.load(desktop) == keys
    row = RowKey(keys.rows)
    sealed = row.seal("chữ".encode(), "record 1")
    assert row.open(sealed, "record 1").decode() == "chữ"
    for bad in (lambda: row.open(sealed, "record 2"), lambda: RowKey(new_key()).open(sealed, "record 1"), lambda: row.open(sealed[:-1], "record 1")):
        with pytest.raises(SenError, match="database_damaged"):
            bad()
    desktop.forget_secret("device")
    assert DeviceKeys.load(desktop) is None


def test_damaged_keys_are_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "device.key").write_bytes(b"{}")
    with pytest.raises(SenError, match="keys_damaged"):
        DeviceKeys.load(Desktop(tmp_path))
