"""A tablet that holds very many records does as much for a save and an exchange as one that holds few: counts, no times.

SQLite counts the instructions of its virtual machine; Python counts its calls. What must read every record, the list, a search and the look at all
digests before an exchange, does an equal little for each.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.records.presenter import RecordsPresenter
from mobile.tablet import Tablet
from sync.tablet_half import TabletHalf
from tests.bench.ours import TYPE, BenchTablet
from tests.mobile.conftest import UNIT, Make, Wire
from tests.mobile.test_forms import talk

FEW, MANY = 150, 3000
CHANGED = 20
AT_MOST = 2
"""So many times the work at most, where twenty times as much is held (L4)."""


@contextmanager
def counted(tablet: Tablet) -> Iterator[Callable[[], Counter[str]]]:
    """Counts what a tablet's database and Python's interpreter do from here on."""
    done: Counter[str] = Counter()
    connection = tablet.store.database.connection

    def instruction() -> int:
        done["database"] += 1
        return 0

    def event(_frame: object, kind: str, _argument: object) -> None:
        done["calls"] += kind == "call"

    connection.set_progress_handler(instruction, 1)
    sys.setprofile(event)
    try:
        yield lambda: Counter(done)
    finally:
        sys.setprofile(None)
        connection.set_progress_handler(None, 1)


def in_bulk(tablet: Tablet) -> BenchTablet:
    """A tablet's store in the hands that enter much at once."""
    return BenchTablet(store=tablet.store, half=TabletHalf(tablet.store), catalogue=tablet.catalogue, unit=UNIT, address="")


def test_f46_l04_a_save_and_a_sync_are_as_much_work_with_twenty_times_as_many_records(make: Make, wire: Wire) -> None:
    mine, other = make("A"), make("B")
    theirs, half, known = in_bulk(other), in_bulk(mine).half, list[str]()

    def hold(number: int) -> None:
        known[:] = theirs.enter(number - len(mine.store.records()))[:CHANGED]
        other.syncer.sync()
        mine.syncer.sync()
        assert len(mine.index.entries(TYPE)) == len(mine.store.records()) == number

    def save() -> None:
        talk(FormPresenter(mine))
        mine.forms.close_all()

    def steps(step: int) -> dict[str, Counter[str]]:
        theirs.change(known, step)
        other.syncer.sync()
        records = RecordsPresenter(mine)
        records.show(TYPE)
        held = len(mine.store.records())

        def search() -> None:
            records.search("truyen thong ap so 7")
            assert 0 < len(records.rows()) < held

        work: dict[str, Callable[[], object]] = {
            "list": records.rows, "search": search, "save": save, "push and pull": exchange, "nothing new": exchange,
            "look": mine.store.soundness.look,
        }  # fmt: skip
        done = {}
        with counted(mine) as so_far:
            for name, act in work.items():
                before = so_far()
                act()
                done[name] = so_far() - before
        other.syncer.sync()
        assert mine.store.unsent_count() == 0 and mine.store.digest() == other.store.digest()
        mine.syncer.sync()
        return done

    def exchange() -> None:
        while half.receive(wire.post("", half.request())).more:
            pass

    hold(FEW)
    few, held_few = steps(1), len(mine.store.records())
    hold(MANY)
    many, held_many = steps(2), len(mine.store.records())
    for name in ("save", "push and pull", "nothing new"):
        assert min(few[name].values()) > 0, "there is something to count"
        for kind in ("database", "calls"):
            assert many[name][kind] <= AT_MOST * few[name][kind], (name, kind, few, many)
    for name in ("list", "search"):
        assert many[name]["database"] <= AT_MOST * few[name]["database"], (name, "the list is in memory")
    for name in ("list", "search", "look"):
        for kind in ("database", "calls"):
            assert many[name][kind] / held_many <= AT_MOST * few[name][kind] / held_few, (name, kind, few, many)
