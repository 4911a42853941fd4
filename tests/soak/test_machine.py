"""The same steps as a state machine of Hypothesis, which cuts a failing run down by its own means."""

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from tests.soak.checks import check_end, check_step
from tests.soak.history import DISK, HEALING, LARGEST, PEOPLE, RULES, WIRE, History, Step
from tests.soak.planted import PLANTED
from tests.soak.run import quiet, steps_of
from tests.soak.serving import memory_engine
from tests.soak.world import World

NUMBERS = st.integers(0, LARGEST - 1)
HOW = st.tuples(NUMBERS, NUMBERS, NUMBERS)
PLACE = st.integers(0, 2)
SETTINGS = settings(max_examples=15, stateful_step_count=15, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))

FINDING = settings(SETTINGS, max_examples=100, database=None, print_blob=False, derandomize=True, phases=[Phase.generate])
"""The same draws each time, until the fault is met; it is not cut down."""


class Machine(RuleBasedStateMachine):
    """Tablets of one history whose steps Hypothesis draws."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @initialize(seed=NUMBERS, tablets=st.integers(2, 4), store=st.sampled_from(("memory", "store", "mixed")))
    def begin(self, seed: int, tablets: int, store: str) -> None:
        self.world = World(self.engine, History(seed, tablets, store, ()))
        self._step("create", 0, 0, (seed, seed, seed))

    def _step(self, kind: str, tablet: int, record: int, how: tuple[int, int, int]) -> None:
        assert self.world is not None
        steps_of(self.world, [Step(kind, tablet, record, how)])
        assert self.world.wrong == []

    @rule(kind=st.sampled_from(PEOPLE), tablet=PLACE, record=PLACE, how=HOW)
    def people(self, kind: str, tablet: int, record: int, how: tuple[int, int, int]) -> None:
        self._step(kind, tablet, record, how)

    @rule(kind=st.sampled_from(WIRE), tablet=PLACE, record=PLACE, how=HOW)
    def wire(self, kind: str, tablet: int, record: int, how: tuple[int, int, int]) -> None:
        self._step(kind, tablet, record, how)

    @rule(tablet=PLACE)
    def exchange(self, tablet: int) -> None:
        self._step("exchange", tablet, 0, (0, 0, 0))

    @rule(kind=st.sampled_from(DISK + RULES + HEALING), tablet=PLACE, record=PLACE, how=HOW)
    def misfortune(self, kind: str, tablet: int, record: int, how: tuple[int, int, int]) -> None:
        self._step(kind, tablet, record, how)

    @precondition(lambda self: self.world is not None)
    @invariant()
    def the_stream_holds(self) -> None:
        assert self.world is not None
        check_step(self.world)
        assert self.world.wrong == []

    def teardown(self) -> None:
        if self.world is None:
            return
        with contextlib.closing(self.world):
            quiet(self.world)
            assert check_end(self.world) == []


@pytest.fixture(scope="module")
def machine() -> type[Machine]:
    return type("ThisMachine", (Machine,), {"engine": memory_engine()})


def test_what_hypothesis_draws_ends_as_the_oracle_says(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=SETTINGS)


def test_hypothesis_finds_a_planted_fault(machine: type[Machine]) -> None:
    with PLANTED["an edit does not say what its form showed"](), pytest.raises(AssertionError, match="does not name"):
        run_state_machine_as_test(machine, settings=FINDING)
