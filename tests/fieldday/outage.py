"""What befalls storages: a tablet's is copied, put back or used in two places; the server's is backed up and restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fieldday.scenario import Step
from tests.support import restoring

if TYPE_CHECKING:
    from tests.fieldday.day import Day
    from tests.fieldday.tablet import Tablet

KEPT = "kept"


def _copy(tablet: Tablet, to: Path) -> None:
    """A copy of a tablet's folder, taken while its process rests."""
    tablet.stop()
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(tablet.folder, to)


def _kept(tablet: Tablet) -> Path:
    return tablet.folder.with_name(f"{tablet.folder.name}-{KEPT}")


def keep_copy(day: Day, step: Step) -> None:
    """A backup of each tablet."""
    for name in step.who:
        tablet = day.tablets[name]
        _copy(tablet, _kept(tablet))
        tablet.start()


def put_back(day: Day, step: Step) -> None:
    """Each tablet goes back to its backup."""
    for name in step.who:
        tablet = day.tablets[name]
        tablet.stop()
        shutil.rmtree(tablet.folder)
        shutil.copytree(_kept(tablet), tablet.folder)
        tablet.start()


def take_copy(day: Day, step: Step) -> None:
    """One tablet's storage becomes a copy of another's, which goes on; it keeps a way to the server of its own."""
    (name,) = step.who
    mine, theirs = day.tablets[name], day.tablets[step.whom]
    mine.stop()
    _copy(theirs, mine.folder)
    theirs.start()
    mine.start()
    mine.ask("address", address=mine.proxy.url)
    day.units[name] = day.units[step.whom]


def back_up(day: Day, step: Step) -> None:
    """A backup of the server's database and of its keys."""
    restoring.back_up(day.office, day.folder)
    follow(day)


def restore(day: Day, step: Step) -> None:
    """The server goes back to its backup; to the tablets it is where it was, for their proxies know the way."""
    restoring.restore(day.office, day.folder)
    follow(day)


def move(day: Day, step: Step) -> None:
    """The server's machine is lost: on another one database and keys come back from the backup."""
    restoring.restore(day.office, day.folder, with_keys=True)
    follow(day)


def follow(day: Day) -> None:
    """Let the tablets' proxies know where the server is now."""
    for tablet in day.tablets.values():
        tablet.proxy.upstream = day.office.place


def enrol(day: Day, step: Step) -> None:
    """A tablet is enrolled in the middle of the story."""
    for name in step.who:
        day.tablets[name].enrol(day.office.codes[name], name)


def see_copy(day: Day, step: Step) -> None:
    """What the tablet says of itself once it is a device of its own."""
    for name in step.who:
        _says(day, step, name, "là bản sao của máy", "a copy")


def see_put_back(day: Day, step: Step) -> None:
    """What the tablet says of itself once it was put back."""
    for name in step.who:
        _says(day, step, name, "từng được phục hồi hoặc sao chép", "put back")


def _says(day: Day, step: Step, name: str, words: str, what: str) -> None:
    there = day.tablets[name].ask("status")["remarks"]
    day.claim(step, any(words in one for one in there), f"{name} sees that the tablet is or was {what}", words, there)


def see_two(day: Day, step: Step) -> None:
    """The page of tablets names the copy of a person's tablet."""
    there = day.office.desk(step.who[0]).tablets()
    words = f"Bản sao của máy «{step.whom}», nay là máy riêng"
    day.claim(step, words in there, f"{step.who[0]} sees the copy of the tablet of {step.whom}", words, there)


def see_known(day: Day, step: Step) -> None:
    """The page of what was recovered names a tablet that the backup did not know."""
    there = day.office.desk(step.who[0]).recovered().partition("Máy đăng ký sau bản sao lưu")[2].partition("Không tự có lại")[0]
    day.claim(step, step.whom in there, f"{step.who[0]} sees that the tablet of {step.whom} is known again", step.whom, there)


def see_recovered(day: Day, step: Step) -> None:
    """The page of what was recovered tells which tablet handed back something."""
    there = day.office.desk(step.who[0]).recovered()
    day.claim(step, step.whom in there, f"{step.who[0]} sees what the tablet of {step.whom} brought back", step.whom, there)


OUTAGES: Mapping[str, Callable[[Day, Step], None]] = {
    "keep_copy": keep_copy, "put_back": put_back, "take_copy": take_copy, "back_up": back_up, "restore": restore, "move": move, "enrol": enrol, "see_known": see_known,
    "see_copy": see_copy, "see_put_back": see_put_back, "see_two": see_two, "see_recovered": see_recovered,
}  # fmt: skip
