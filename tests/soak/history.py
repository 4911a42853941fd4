"""A history: a seed, its tablets, and a list of steps of small numbers.

A step reads its numbers against what is there when it is run, so that any step can be dropped and the rest still runs: a
failing history is cut down by dropping steps, and is kept as JSON.
"""

import json
import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

PEOPLE = (
    "create", "create", *["edit"] * 8, "urgent", "urgent", "withdraw", "decide", "decide", "move", "poison", "open", "save",
    "console", "console", "console_decide", "console_withdraw", "begin",
)  # fmt: skip
WIRE = (
    "exchange", "exchange", "exchange", "send_urgent", "push", "page", "twice", "slow", "deliver", "cut_up", "cut_down", "flip",
    "again",
)  # fmt: skip
DISK = ("crash", "crash_keeping", "crash_writing", "server_crash", "damage", "backup")
RULES = ("scope", "catalogue", "catalogue", "old_app", "clock")
HEALING = ("restore_server", "tablet_backup", "restore_tablet", "clone_tablet")

EVOLVING = (
    *["catalogue"] * 4, "old_app", "old_app", "open", "open", "save", "save", "begin", "begin", *["edit"] * 5, *["exchange"] * 4, "create", "console",
    "decide", "push", "slow", "deliver", "crash", "withdraw",
)  # fmt: skip
"""The kinds of steps of a history that is about forms that change while tablets are away."""
GOING_BACK = (
    "tablet_backup", "restore_tablet", "restore_tablet", "clone_tablet", "backup", "restore_server", *["edit"] * 5, *["exchange"] * 5, "create",
    "console", "decide", "urgent", "send_urgent", "push", "page", "slow", "deliver", "twice", "crash_keeping", "scope",
)  # fmt: skip
"""The kinds of steps of a history that is about tablets and servers that go back: logs end, and are forgotten."""
KINDS = PEOPLE + WIRE + DISK + RULES + HEALING
ALWAYS = frozenset({"edit", "exchange"})
STORES = ("memory", "store", "mixed")
LARGEST = 1000
"""A step's numbers are drawn below this."""

__all__ = ["DISK", "HEALING", "KINDS", "LARGEST", "PEOPLE", "RULES", "STORES", "WIRE", "History", "Step", "make_history"]


class Step(NamedTuple):
    """What is done, by which tablet, to which record, and three numbers that say how."""

    kind: str
    tablet: int
    record: int
    how: tuple[int, int, int]


class History(NamedTuple):
    """A seed's tablets and steps; ``store`` says what the tablets keep their data in: ``memory``, ``store`` (the real one) or
    ``mixed`` (one after the other).
    """

    seed: int
    tablets: int
    store: str
    steps: tuple[Step, ...]

    def as_json(self, **more: Any) -> str:
        """The text of a file that holds this history, one step a line."""
        steps = ",\n  ".join(json.dumps([*step[:3], *step.how]) for step in self.steps)
        head = {"seed": self.seed, "tablets": self.tablets, "store": self.store, **more}
        told = "".join(f'"{key}": {json.dumps(value, ensure_ascii=False)}, ' for key, value in head.items())
        return f'{{{told}"steps": [\n  {steps}\n]}}\n'

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "History":
        """Read back what ``as_json`` wrote."""
        steps = tuple(Step(row[0], row[1], row[2], (row[3], row[4], row[5])) for row in body["steps"])
        return cls(body["seed"], body["tablets"], body["store"], steps)

    @classmethod
    def load(cls, path: Path) -> "History":
        """Read a kept history."""
        return cls.from_json(json.loads(path.read_text("utf-8")))


def make_history(seed: int, *, store: str = "mixed", kinds: Sequence[str] = KINDS) -> History:
    """The history of a seed: a random choice of kinds of steps (a swarm), so that rare mixes happen; every fifth is about forms that
    change, and every tenth about tablets and servers that go back.
    """
    rng = random.Random(f"history {seed}")
    tablets = rng.choice((2, 2, 3, 3, 3, 4, 5, 6, 8))
    left_out = HEALING if rng.random() < 0.6 else ()
    chosen = [kind for kind in kinds if kind in ALWAYS or (rng.random() < 0.55 and kind not in left_out)]
    about = rng.random() if kinds is KINDS else 1
    if about < 0.2:
        return History(seed, tablets, store, _evolving(rng, tablets, set_back=not left_out))
    if about < 0.3:
        return History(seed, tablets, store, _going_back(rng, tablets))
    steps = [Step("create", rng.randrange(tablets), 0, _numbers(rng))]
    if rng.random() < 0.8:
        steps += [Step("exchange", number, 0, (0, 0, 0)) for number in (steps[0].tablet, *range(tablets))]
    for _ in range(rng.randrange(8, 30)):
        steps.append(Step(rng.choice(chosen), rng.randrange(tablets), rng.randrange(3), _numbers(rng)))
    return History(seed, tablets, store, tuple(steps))


def _evolving(rng: random.Random, tablets: int, *, set_back: bool) -> tuple[Step, ...]:
    """The steps of a history about forms that change; ``set_back``: on a server that goes back, with its folder, to before a change."""
    some, everybody = partial(_some, rng, tablets), _everybody(tablets)
    steps = [*some("create", "create"), *everybody, *everybody]
    if set_back:
        steps += [*some("backup"), Step("catalogue", 0, 0, (1, 0, 0)), *everybody, *some("begin", "edit", "edit", "edit")]
    steps += some(*(rng.choice(EVOLVING) for _ in range(rng.randrange(8, 30))))
    if set_back:
        steps += [Step("restore_server", 0, 0, (1, 0, 0)), *some("edit", *(rng.choice(EVOLVING) for _ in range(5)))]
    return tuple(steps)


def _going_back(rng: random.Random, tablets: int) -> tuple[Step, ...]:
    """The steps of a history in which one tablet is put back to an older copy, so that its logs end, while the server has a backup of before."""
    some, one, everybody = partial(_some, rng, tablets), partial(_some, rng, 1), _everybody(tablets)
    steps = [*one("create"), *everybody, *everybody, *some(*rng.sample(GOING_BACK, 2)), *one("backup", "tablet_backup")]
    steps += [*one("edit", "edit", "exchange", "restore_tablet", "edit", "exchange"), *some(*rng.sample(GOING_BACK, 4))]
    steps += [*one("restore_server"), *some(*(rng.choice(GOING_BACK) for _ in range(rng.randrange(4, 16))))]
    return tuple(steps)


def _some(rng: random.Random, tablets: int, *kinds: str) -> list[Step]:
    return [Step(kind, rng.randrange(tablets), rng.randrange(3), _numbers(rng)) for kind in kinds]


def _everybody(tablets: int) -> list[Step]:
    return [Step("exchange", number, 0, (0, 0, 0)) for number in range(tablets)]


def _numbers(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(LARGEST), rng.randrange(LARGEST), rng.randrange(LARGEST)
