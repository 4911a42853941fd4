"""Running a history from its first step to what must hold at its end; cutting a failing one down."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from tests.soak.checks import check_end, check_step
from tests.soak.history import History, Step
from tests.soak.steps import STEPS
from tests.soak.world import World, replica_problems

__all__ = ["Result", "attempt", "quiet", "report", "run", "shrink", "steps_of", "story"]


class Result(NamedTuple):
    """What came of a history."""

    wrong: list[str]
    exchanges: int
    faults: int
    met: Counter[str]
    trace: str


def steps_of(world: World, steps: Sequence[Step]) -> None:
    """Run steps one after the other, and look after each at what is cheap to look at."""
    with world.owning_randomness():
        for step in steps:
            world.now_ms += 1000
            world.note(repr(tuple(step)).encode())
            STEPS[step.kind](world, step)
            check_step(world)
            if world.wrong:
                return


def quiet(world: World) -> None:
    """The faults stop: server and apps are up to date, and every tablet exchanges over a good link, twice where nothing was set back or lost."""
    with world.owning_randomness():
        world.catch_up()
        for seat in world.seats:
            seat.old_app = False
            world.take_up(seat)
        for _ in range(4 if world.restored else 3 if world.damaged else 2):
            for seat in world.seats:
                world.now_ms += 1000
                if not world.exchange(seat) and not world.wrong:
                    world.wrong.append(f"tablet {seat.number} cannot exchange over a good link")
            check_step(world)
        for seat in world.seats:
            world.wrong += replica_problems(world, seat)


def run(engine: Engine, history: History, *, steps: Callable[[World, Sequence[Step]], None] = steps_of) -> Result:
    """Run a history and look at its end. An exception is a problem too: whatever breaks is what is looked for."""
    world = World(engine, history)
    try:
        steps(world, history.steps)
        if not world.wrong:
            quiet(world)
        wrong = world.wrong or check_end(world)
    except Exception as error:
        wrong = [*world.wrong, f"{type(error).__name__}: {error}"]
    finally:
        world.close()
    return Result(wrong, world.exchanges, world.faults, world.met, world.trace)


def attempt(engine: Engine, history: History) -> list[str]:
    """What is wrong with a history."""
    return run(engine, history).wrong


def shrink(engine: Engine, history: History) -> History:
    """Drop steps, then tablets, while what is left still fails (delta debugging)."""
    size = max(1, len(history.steps) // 2)
    while size:
        at, dropped = 0, False
        while at < len(history.steps):
            steps = history.steps[:at] + history.steps[at + size :]
            if steps and attempt(engine, history._replace(steps=steps)):
                history, dropped = history._replace(steps=steps), True
            else:
                at += size
        size = size if dropped and size == 1 else size // 2
    for store in ("memory", "store"):
        if history.store == "mixed" and attempt(engine, history._replace(store=store)):
            history = history._replace(store=store)
    return history


def story(history: History) -> str:
    """A history as one can read it."""
    names = "ABCDEFGH"
    told = [f"Seed {history.seed}: tablets {', '.join(names[: history.tablets])} ({history.store}), S the server."]
    for number, step in enumerate(history.steps, start=1):
        told.append(f"{number:3}. {names[step.tablet % history.tablets]}: {step.kind.replace('_', ' ')}, record {step.record} {step.how}")
    return "\n".join(told)


def report(engine: Engine, history: History) -> str:
    """A failing history, already cut down, as a story, with what is wrong and as JSON."""
    wrong = attempt(engine, history)
    return "\n".join([story(history), *(f"  wrong: {problem}" for problem in wrong[:8]), history.as_json(wrong=wrong[:3])])
