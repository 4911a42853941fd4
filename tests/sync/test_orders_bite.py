"""The stories in every order prove something: each fault planted into the merge makes those fail that are told of what it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from sqlalchemy import Engine

from shared.catalogue import Catalogue
from tests.soak.planted import PLANTED
from tests.support.engines import memory_engine
from tests.sync import test_orders, test_orders_beside, test_orders_restored

Story = Callable[[Engine, Catalogue, str], None]

MODULES = (test_orders, test_orders_beside, test_orders_restored)

ANSWERS = (
    "m01", "m02", "m03", "m04", "m07b", "m07c", "m12", "three_answers", "two_of_three", "chains", "m101_decide_against_edit", "m102_on_top_of_a",
    "m08", "m09", "m21", "m22", "m27",
)  # fmt: skip
EQUALS = ("m01", "m07b", "m12", "two_of_three", "m09")

BROKEN = {
    "who wrote the same is forgotten": EQUALS,
    "equality is never found": EQUALS,
    "a conflict is lost: the first one stays": ANSWERS,
    "a conflict is lost: the last one wins": ANSWERS,
    "a text that collides is thrown away": ("m23", "texts_that_collide"),
    "two texts are merged to one of them": ("m18", "texts_that_collide"),
    "a set is overwritten": ("m17",),
    "latest believes the tablet's clock": ("m15_p11",),
    "a deletion hides what it had not seen": ("m05", "m39"),
    "an edit does not say what its form showed": ("m03", "m10", "chains", "m24", "m25"),
}
"""Fault → how the stories begin that must catch it, each in one order at least; an answer and an equal one are in every module."""


def stories(module: ModuleType) -> dict[str, Story]:
    """The stories of a module by their names, without ``test_``."""
    return {name.removeprefix("test_"): story for name, story in vars(module).items() if name.startswith("test_")}


def orders_of(story: Story) -> Iterator[str]:
    """The orders that a story is told in."""
    (mark,) = story.pytestmark  # type: ignore[attr-defined]
    return iter(mark.args[1])


def fails(story: Story, catalogue: Catalogue) -> bool:
    """Whether a story fails in an order."""
    for order in orders_of(story):
        engine = memory_engine()
        try:
            story(engine, catalogue, order)
        except AssertionError:
            return True
        finally:
            engine.dispose()
    return False


@pytest.mark.parametrize("fault", BROKEN)
def test_a_planted_fault_is_caught_by_the_stories_told_of_it(fault: str, catalogue: Catalogue) -> None:
    told = {name: story for module in MODULES for name, story in stories(module).items()}
    for begin in BROKEN[fault]:
        found = {name: story for name, story in told.items() if name.startswith(begin)}
        assert found, begin
        with PLANTED[fault]():
            caught = [name for name, story in found.items() if fails(story, catalogue)]
        assert caught, f"{begin} ends as ever"
