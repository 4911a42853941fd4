"""What the wire, the disks, the clocks and the rights do; and the table of all steps."""

from collections.abc import Callable

from tests.soak.catalogues import next_folder
from tests.soak.history import Step
from tests.soak.people import PEOPLE_STEPS, edit
from tests.soak.tablets import Crash
from tests.soak.world import CLOCKS_MS, Seat, World, owned_scope

TINY_PAGES = (1, 80, 300)
MOST_SEATS = 8

__all__ = ["STEPS"]


def exchange(world: World, step: Step) -> None:
    world.exchange(world.seat(step))


def send_urgent(world: World, step: Step) -> None:
    world.met["urgent exchange"] += 1
    world.trip(world.seat(step), urgent=True)


def push(world: World, step: Step) -> None:
    """The request arrives, the answer is lost."""
    world.faults += 1
    world.serve(world.ask(world.seat(step)))


def page(world: World, step: Step) -> None:
    """One or two tiny pages, then the wire is cut."""
    seat = world.seat(step)
    for _ in range(1 + step.how[0] % 2):
        seat.tablet.half.page = TINY_PAGES[step.how[1] % 3]
        if world.trip(seat):
            world.faults += 1
            world.met["a pull cut between pages"] += 1


def twice(world: World, step: Step) -> None:
    """A request arrives twice; one of the answers arrives."""
    seat = world.seat(step)
    world.faults += 1
    request = world.ask(seat)
    answers = [world.serve(request), world.serve(request)]
    world.met["request delivered twice"] += 1
    answer = answers[step.how[0] % 2]
    if answer is not None:
        world.receive(seat, answer)


def slow(world: World, step: Step) -> None:
    """A request stays on its way; or it arrives, and its answer stays on its way."""
    seat = world.seat(step)
    request = world.ask(seat)
    world.faults += 1
    if step.how[0] % 2:
        seat.answer = world.serve(request)
    else:
        seat.request = request


def deliver(world: World, step: Step) -> None:
    """What was on its way arrives, late."""
    seat = world.seat(step)
    answer = seat.answer if seat.request is None else world.serve(seat.request)
    seat.request = seat.answer = None
    if answer is not None:
        world.receive(seat, answer)


def cut_up(world: World, step: Step) -> None:
    """A request is cut at any byte."""
    seat = world.seat(step)
    request = world.ask(seat)
    world.faults += 1
    cut = request[: (step.how[0] * 1000 + step.how[1]) % len(request)]
    if world.serve(cut) is not None:
        world.wrong.append(f"a request cut at byte {len(cut)} was answered")
    world.met["request cut"] += 1
    seat.tablet.half.cut()


def cut_down(world: World, step: Step) -> None:
    """An answer is cut at any byte."""
    seat = world.seat(step)
    answer = world.serve(world.ask(seat))
    world.faults += 1
    if answer is not None:
        cut = answer[: (step.how[0] * 1000 + step.how[1]) % len(answer)]
        if world.receive(seat, cut) is not None:
            world.wrong.append(f"an answer cut at byte {len(cut)} was kept")
        world.met["answer cut"] += 1
    seat.tablet.half.cut()


def flip(world: World, step: Step) -> None:
    """A bit of a request or of an answer is another."""
    seat = world.seat(step)
    request = world.ask(seat)
    world.faults += 1
    world.met["bit flipped on the wire"] += 1
    if step.how[0] % 2:
        if world.serve(_flipped(request, step)) is not None:
            world.wrong.append("a request with a flipped bit was answered")
        return
    answer = world.serve(request)
    if answer is not None and world.receive(seat, _flipped(answer, step)) is not None:
        world.wrong.append("an answer with a flipped bit was kept")


def _flipped(data: bytes, step: Step) -> bytes:
    at = (step.how[1] * 1000 + step.how[2]) % len(data)
    return data[:at] + bytes([data[at] ^ 1 << step.how[2] % 8]) + data[at + 1 :]


def again(world: World, step: Step) -> None:
    """A message of long ago arrives once more; nobody waits for the answer."""
    if world.sent:
        world.faults += 1
        world.met["old message delivered again"] += 1
        half, request = world.sent[step.how[0] % len(world.sent)]
        answer = world.serve(request)
        for seat in world.seats:
            if seat.tablet.half is half and answer is not None and step.how[1] % 2:
                world.receive(seat, answer)


# disks and processes


def crash(world: World, step: Step) -> None:
    """A tablet's process dies between two steps; what was on its way to it is gone."""
    seat = world.seat(step)
    world.faults += 1
    world.met["tablet died"] += 1
    world.died(seat)


def crash_keeping(world: World, step: Step) -> None:
    """A tablet's process dies at a statement while it keeps an answer."""
    seat = world.seat(step)
    answer = world.serve(world.ask(seat))
    world.faults += 1
    if answer is not None:
        seat.tablet.die_at(1 + step.how[0] % 25)
        world.receive(seat, answer)


def crash_writing(world: World, step: Step) -> None:
    """A tablet's process dies at a statement while it saves."""
    seat = world.seat(step)
    world.faults += 1
    seat.tablet.die_at(1 + step.how[0] % 12)
    try:
        edit(world, step)
    except Crash:
        world.died(seat)
    finally:
        seat.tablet.die_at(0)


def server_crash(world: World, step: Step) -> None:
    """The server's process dies at a statement of an exchange; it begins a new log."""
    seat = world.seat(step)
    request = world.ask(seat)
    world.faults += 1
    world.server.left = 1 + step.how[0] % 30
    answer = world.serve(request)
    if answer is None:
        world.start_server()
    else:
        world.receive(seat, answer)


def damage(world: World, step: Step) -> None:
    """A tablet's storage loses what it was told of a record."""
    seat = world.seat(step)
    told = sorted(seat.tablet.told.keys() & set(world.records))
    held = [record for record in told if seat.tablet.told.get(record) is not None]
    if held and not seat.tablet.unsettled:
        world.faults += 1
        world.met["a told record lost by a tablet"] += 1
        world.damaged = True
        seat.tablet.lose(held[step.record % len(held)])


def backup(world: World, step: Step) -> None:
    """Somebody backs the server up."""
    world.save_server()


def restore_server(world: World, step: Step) -> None:
    """The server is set back to its backup, and writes a new log from then on."""
    if world.backup is not None:
        world.faults += 1
        world.met["server restored"] += 1
        world.restore_server(folder_too=bool(step.how[0] % 2))


def tablet_backup(world: World, step: Step) -> None:
    """Somebody copies a tablet's storage."""
    seat = world.seat(step)
    seat.copy = seat.tablet.save()


def restore_tablet(world: World, step: Step) -> None:
    """A tablet goes back to an older copy of its storage."""
    seat = world.seat(step)
    if seat.copy is not None:
        world.faults += 1
        world.met["tablet restored"] += 1
        world.forked = True
        seat.tablet.restore(seat.copy)
        seat.old_app = False
        world.take_up(seat)
        seat.forms.clear()
        seat.request = seat.answer = None
        world.set_back()


def clone_tablet(world: World, step: Step) -> None:
    """A tablet's storage is copied to another one; both are used on."""
    if len(world.seats) < MOST_SEATS:
        seat = world.seat(step)
        world.faults += 1
        world.met["tablet cloned"] += 1
        world.forked = world.restored = True
        twin = seat.tablet.twin()
        world.seats.append(Seat(number=len(world.seats), tablet=twin, skew_ms=seat.skew_ms))


# rules


def scope(world: World, step: Step) -> None:
    """An officer's rights change."""
    seat = world.seat(step)
    device = seat.tablet.identity.id
    known = world.server.devices[device]
    world.server.devices[device] = known._replace(scope=owned_scope(step.how[0]))
    world.met["scope changed with changes unsent" if seat.tablet.unsettled else "scope changed"] += 1


def catalogue(world: World, step: Step) -> None:
    """The server is started on other forms."""
    before = world.server.catalogue
    world.publish(next_folder(world.route, world.folder, step.how))
    world.met["another catalogue published"] += world.server.catalogue is not before


def old_app(world: World, step: Step) -> None:
    """A tablet's app cannot read newer catalogues; or it is updated, and can."""
    seat = world.seat(step)
    seat.old_app = not seat.old_app
    world.take_up(seat)


def clock(world: World, step: Step) -> None:
    """A tablet's clock jumps."""
    world.seat(step).skew_ms = CLOCKS_MS[step.how[0] % len(CLOCKS_MS)]
    world.met["clock jumped"] += 1


STEPS: dict[str, Callable[[World, Step], None]] = PEOPLE_STEPS | {
    "exchange": exchange, "send_urgent": send_urgent, "push": push, "page": page, "twice": twice, "slow": slow, "deliver": deliver,
    "cut_up": cut_up, "cut_down": cut_down, "flip": flip, "again": again, "crash": crash, "crash_keeping": crash_keeping,
    "crash_writing": crash_writing, "server_crash": server_crash, "damage": damage, "backup": backup, "restore_server": restore_server,
    "tablet_backup": tablet_backup, "restore_tablet": restore_tablet, "clone_tablet": clone_tablet,
    "scope": scope, "catalogue": catalogue, "old_app": old_app, "clock": clock,
}  # fmt: skip
"""Kind → what it does."""
