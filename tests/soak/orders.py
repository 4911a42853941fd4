"""The same lines told to other servers in other orders: the same values are kept, and where the policy says so the same one stands (7)."""

import random
from collections import Counter, defaultdict

from sqlalchemy import Engine

from sync.log import Change, chain_next, chain_start, line_hash
from sync.messages import Run, seal_message, write_run
from sync.paths import policy_of
from tests.soak.history import make_history
from tests.soak.run import steps_of
from tests.soak.world import World

ORDERS = 3
KINDS = ("create", *["edit"] * 12, "urgent", "decide", "withdraw", "exchange")
SAME_CURRENT = frozenset({"union", "latest"})

Values = dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]
"""(record, path) → the names of the current value or values, and those of all values in force."""

__all__ = ["order_problems"]


def order_problems(engine: Engine, seed: int) -> tuple[list[str], Counter[str]]:
    """Run a history, then tell its tablets' lines to an empty server in several orders; gives what differs, and how many registers
    of each policy were compared. Texts that merge, workflows and equal values depend on the order by design and are left out.
    """
    history = make_history(seed, store="memory", kinds=KINDS)
    world = World(engine, history)
    steps_of(world, history.steps)
    logs: dict[str, list[bytes]] = defaultdict(list)
    users: dict[str, str] = {}
    for body in world.written.values():
        change = Change.parse(body)
        logs[change.log].append(body)
        users[change.log] = change.user
    world.close()
    rng = random.Random(seed)
    told = [_told_in_order(engine, seed, logs, users, rng) for _ in range(ORDERS)]
    wrong, compared = list[str](), Counter[str]()
    policies = world.server.catalogue.types["note"]
    for record, path in told[0]:
        policy = policy_of(policies, path)
        if policy not in ("ask", "union", "latest") or _has_twins(logs, record, path):
            continue
        compared[policy] += 1
        found = {(values[record, path] if policy in SAME_CURRENT else values[record, path][1]) for values in told}
        if len(found) > 1:
            wrong.append(f"{record[-1]} {path} ({policy}): {found}")
    return wrong, compared


def _has_twins(logs: dict[str, list[bytes]], record: str, path: str) -> bool:
    """Whether two lines wrote the same there: who saw one saw both only where both were there to be seen."""
    changes = [Change.parse(body) for lines in logs.values() for body in lines]
    values = [repr((op.value, op.blob)) for change in changes if change.record == record for op in change.operations if op.path == path]
    return len(values) != len(set(values)) and not all(value.startswith("(None") for value in values)


def _told_in_order(engine: Engine, seed: int, logs: dict[str, list[bytes]], users: dict[str, str], rng: random.Random) -> Values:
    world = World(engine, make_history(seed, store="memory", kinds=KINDS))
    try:
        devices = {device.user: device for device in world.server.devices.values()}
        waiting = {log: list(lines) for log, lines in logs.items()}
        chains = {log: (0, chain_start(log, devices[users[log]].key)) for log in logs}
        while waiting:
            log = rng.choice(sorted(waiting))
            line, (number, chain) = waiting[log].pop(0), chains[log]
            if not waiting[log]:
                del waiting[log]
            run, device = Run(log, number + 1, chain, [line]), devices[users[log]]
            chains[log] = number + 1, chain_next(chain, line_hash(line))
            world.server.half.answer(
                seal_message(device.id, device.mac_key, {"q": 1, "runs": [write_run(run)]}, run.lines), now_ms=world.now_ms + 10_000_000
            )  # fmt: skip
        values: Values = {}
        for record in {Change.parse(body).record for lines in logs.values() for body in lines}:
            state = world.stored_state(record)
            for path, register in () if state is None else state.registers.items():
                if path.endswith("@"):
                    continue
                current = frozenset(name for value in register.values if not value.open for name in value.origins)
                values[record, path] = current, frozenset(name for value in register.values for name in value.origins)
        return values
    finally:
        world.close()
