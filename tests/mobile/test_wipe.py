"""A revoked tablet hands in everything, then destroys what it holds, even when it is killed half way; and says so afterwards."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from mobile import wipe
from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from sync.accept import HELD
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import NAME, case, talk

ROOT = Path(__file__).parents[2]
STAYS = {"profile.json", wipe.TOLD}

KILLER = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[2])
def look(event, arguments):
    global left
    if event in ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "open") and str(sys.argv[1]) in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
from mobile import wipe
from mobile.hardware import Desktop
folder = Path(sys.argv[1])
sys.addaudithook(look)
wipe.finish(folder, Desktop(folder))
"""


def furnished(make: Make, wire: Wire) -> Tablet:
    """A tablet that has synced a record, a case and a file, and then wrote on."""
    tablet = make()
    form = FormPresenter(tablet)
    talk(form)
    case(form)
    tablet.forms.close_all()
    tablet.syncer.sync()
    tablet.files.store(NAME.encode() * 50, None)
    return tablet


def left_in(folder: Path) -> set[str]:
    """What stands in a tablet's folder beside the lock."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("in-use.sqlite3")}


def test_m50_p10_f38_a_revoked_tablet_hands_in_everything_and_wipes_itself(make: Make, wire: Wire, tmp_path: Path) -> None:
    tablet = furnished(make, wire)
    settled = len(wire.server.verdicts())
    wire.server.revoke(tablet.who.device)
    for _ in range(50):
        talk(FormPresenter(tablet))
        tablet.forms.close_all()
    open_form = talk(FormPresenter(tablet))
    tablet.syncer.sync()
    if tablet.enrolled:  # the form that was open became a change, which leaves first
        tablet.syncer.sync()
    verdicts = wire.server.verdicts()[settled:]
    assert set(verdicts) == {HELD} and len(verdicts) == 51 and wire.server.history(open_form)
    assert not tablet.enrolled and not tablet.unlocked
    assert left_in(tmp_path / "A") == STAYS
    words = EnrolPresenter(tablet).revoked()
    for part in ("đã bị thu hồi", "30/05/2022", "Huyện Hồng Ngự", "đã gửi hết", "mã đăng ký mới"):
        assert part in words, part
    tablet.profile.set(language="en")
    assert "This tablet was revoked" in EnrolPresenter(tablet).revoked()
    assert EnrolPresenter(tablet).address() == "http://127.0.0.1:1"


def test_f38_a_locked_tablet_wipes_itself_too_and_can_be_enrolled_anew(make: Make, wire: Wire) -> None:
    tablet = furnished(make, wire)
    tablet.lock()
    wire.server.revoke(tablet.who.device)
    old = tablet.who.device
    tablet.syncer.sync()
    assert not tablet.enrolled and wire.server.wiped == [old]
    tablet.close()
    again = make()
    assert again.enrolled and again.who.device != old and again.wiped_words() == "" and again.store.records() == []


def test_f38_nothing_is_wiped_before_it_is_handed_in(make: Make, wire: Wire) -> None:
    tablet = furnished(make, wire)
    wire.server.revoke(tablet.who.device)
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    assert not tablet.wipe(), "an unsent change is never wiped"
    assert tablet.enrolled and tablet.store.unsent_count()
    tablet.syncer.sync()
    assert not tablet.enrolled


def test_f38_while_another_exchange_is_under_way_the_wipe_waits(make: Make, wire: Wire) -> None:
    tablet = furnished(make, wire)
    with tablet.syncer.paused() as free:
        assert free and not tablet.wipe()
    assert tablet.enrolled


def killed_after(folder: Path, count: int) -> bool:
    """Let a real process wipe the folder, with SIGKILL at its next use of a file after so many; tells whether it was killed."""
    done = subprocess.run([sys.executable, "-c", KILLER, str(folder), str(count)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def test_m50_p10_f38_a_wipe_that_is_killed_anywhere_goes_on_at_the_next_start(make: Make, wire: Wire, tmp_path: Path) -> None:
    """SIGKILL before each single use of a file, one after the other; whatever is left then, the next start takes away."""
    tablet = furnished(make, wire)
    who = tablet.who
    tablet.close()
    folder = tmp_path / "A"
    (folder / "tablet.sqlite3-wal").touch()
    (folder / "tablet.sqlite3-shm").touch()
    wipe.begin(folder, wipe.Wiped(at_ms=0, server=who.server_name, address=who.address))
    secret = (folder / "device.key").read_bytes()
    kills = 0
    while True:
        copy = tmp_path / f"killed {kills}"
        shutil.copytree(folder, copy)
        killed = killed_after(copy, kills)
        if not killed:
            assert left_in(copy) == STAYS
            break
        assert wipe.under_way(copy) or left_in(copy) == STAYS, "the marker goes last"
        gone = not (copy / "device.key").exists() or (copy / "device.key").read_bytes() != secret
        assert gone or (copy / "tablet.sqlite3").exists(), "the keys go first"
        next_start = Tablet(copy, cheap_pin=True)
        assert not next_start.enrolled and left_in(copy) == STAYS and "đã bị thu hồi" in next_start.wiped_words()
        next_start.close()
        kills += 1
    assert kills >= len(wipe.STEPS)
