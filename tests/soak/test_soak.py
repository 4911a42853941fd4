"""It is shown that the soak bites: planted faults, replay, shrinking, histories that failed once, the command."""

import ast
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.soak import oracle
from tests.soak.__main__ import main
from tests.soak.history import KINDS, STORES, History, Step, make_history
from tests.soak.orders import order_problems
from tests.soak.planted import NARROW, PLANTED
from tests.soak.run import attempt, run, shrink, story
from tests.soak.serving import memory_engine
from tests.soak.steps import STEPS

CAUGHT_WITHIN = 20_000
"""Exchanges within which a planted fault must show."""

KEPT = sorted((Path(__file__).parent / "regressions").glob("*.json"))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = memory_engine()
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught(engine: Engine, name: str) -> None:
    exchanges, seed, caught = 0, 0, False
    with PLANTED[name]():
        while exchanges < CAUGHT_WITHIN and not caught:
            result = run(engine, make_history(seed, kinds=NARROW.get(name, KINDS)))
            exchanges, seed, caught = exchanges + result.exchanges, seed + 1, bool(result.wrong)
    assert caught
    assert attempt(engine, make_history(seed - 1, kinds=NARROW.get(name, KINDS))) == [], "the same history without the fault"


@pytest.mark.parametrize("store", STORES)
def test_a_seed_replays_byte_for_byte(engine: Engine, store: str) -> None:
    for seed in range(20):
        once, again = (run(engine, make_history(seed, store=store)) for _ in range(2))
        assert (once.trace, once.met, once.exchanges) == (again.trace, again.met, again.exchanges), seed
    assert run(engine, make_history(0, store=store)).trace != run(engine, make_history(1, store=store)).trace


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_history_that_failed_once_ends_well(engine: Engine, path: Path) -> None:
    assert attempt(engine, History.load(path)) == []


def test_the_same_lines_in_any_order_keep_the_same_values(engine: Engine) -> None:
    compared = Counter[str]()
    for seed in range(40):
        wrong, registers = order_problems(engine, seed)
        assert wrong == [], seed
        compared += registers
    assert min(compared[policy] for policy in ("ask", "union", "latest")) > 20, compared


def test_a_failing_history_is_cut_down_to_a_short_story(engine: Engine) -> None:
    with PLANTED["a conflict is lost: the last one wins"]():
        seed = next(seed for seed in range(200) if attempt(engine, make_history(seed, store="memory")))
        history = make_history(seed, store="memory")
        small = shrink(engine, history)
        assert attempt(engine, small)
    assert len(small.steps) <= min(15, len(history.steps))
    assert History.from_json(json.loads(small.as_json(wrong=["x"]))) == small
    assert len(story(small).splitlines()) == len(small.steps) + 1
    assert attempt(engine, small) == []


def test_the_command_prints_a_closing_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--exchanges", "60", "--seed", "7", "--jobs", "1", "--failures", str(tmp_path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("seed 7: 25 histories, ") and last.endswith("rare states met, 0 violations")
    assert not list(tmp_path.iterdir())


def test_the_command_tells_and_saves_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path, engine: Engine) -> None:
    with PLANTED["a set is overwritten"]():
        seed = next(seed for seed in range(300) if attempt(engine, make_history(seed)))
        assert main(["--exchanges", "1", "--seed", str(seed), "--jobs", "1", "--failures", str(tmp_path)]) == 1
        told = capsys.readouterr().out
        kept = tmp_path / f"seed_{seed}.json"
        assert "in force" in told or "in the set" in told
        assert told.splitlines()[-1].endswith(" violations") and kept.name in told
        assert main(["--history", str(kept)]) == 1
    assert main(["--history", str(kept)]) == 0


def test_every_kind_of_step_is_known() -> None:
    assert set(KINDS) == set(STEPS)
    assert Step("edit", 0, 0, (0, 0, 0)).kind in STEPS


def test_the_oracle_knows_nothing_of_the_engine() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text("utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in names} == {"hashlib", "json", "collections", "dataclasses", "typing"}
