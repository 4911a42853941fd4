"""Random histories of two levels: people of both write and decide, exchanges fail before or behind the province's commit; in the end both agree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import editing
from server.editing import sql_server
from server.services import services
from server.upward.courier import exchange
from shared.errors import SenError
from sync.server_half import ServerHalf
from tests.support.province import DISTRICT, PROVINCE, Level, enrol_inside
from tests.upward.conftest import Pair

STEPS = 70
NUMBERS = ("planned", "achieved", "baseline")
LINES = ("Một.", "Hai.", "Ba.", "Bốn.")


class History:
    """One history on one target, from one seed."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.chance = pair, random.Random(seed)
        self.people = {pair.district: "hanh", pair.province: "giao"}
        self.typed: dict[Level, list[object]] = {pair.district: [], pair.province: []}
        self.told: list[str] = []
        with pair.province.inside():
            aim = {"year": 2022, "indicator": "own", "own_text": "Tỷ lệ cán bộ nữ", "planned": 30.0, "explanation": "\n".join(LINES)}
            self.record = editing.write_values(pair.province.user("giao"), None, "target", DISTRICT, aim)
        pair.move(pair.province, "giao", self.record, "submitted")
        self.exchange()

    def post(self, _: str, data: bytes) -> bytes:
        """The province's server, behind a network that loses a request or its answer now and then."""
        lost = self.chance.random()
        if lost < 0.1:
            raise SenError("network_cut")
        with self.pair.province.inside():
            answer = ServerHalf(sql_server()).answer(data, now_ms=services().clock.now_ms())
        if lost > 0.9:
            raise SenError("network_cut")
        return answer

    def exchange(self) -> bool:
        """Exchange as often as it takes; whether nothing was left to be told."""
        with self.pair.district.inside():
            for _ in range(30):
                try:
                    done = exchange(self.post)
                except SenError as error:
                    assert error.code == "network_cut"
                    continue
                assert done.aside == 0, self.told
                return not done.sent and not done.received
        raise AssertionError(self.told)

    def step(self) -> None:
        """Somebody does something."""
        level = self.chance.choice(list(self.people))
        asked = level.state(self.record).open_paths()
        deed = self.chance.choices(("number", "text", "decide", "exchange"), (4, 2, 3 if asked else 0, 3))[0]
        self.told.append(f"{level.name} {deed}")
        if deed == "exchange":
            self.exchange()
        elif deed == "decide":
            self.decide(level, self.chance.choice(asked))
        elif deed == "number":
            value = float(self.chance.randint(1, 99))
            self.typed[level].append(value)
            self.pair.edit(level, self.people[level], self.record, **{self.chance.choice(NUMBERS): value})
        else:
            lines = list(LINES)
            lines[self.chance.randrange(len(LINES))] = f"Sửa {self.chance.randint(1, 99)}."
            self.pair.edit(level, self.people[level], self.record, explanation="\n".join(lines))

    def decide(self, level: Level, path: str) -> None:
        """Decide a question with one of its values."""
        values = level.state(self.record).registers[path].values
        self.pair.decide(level, self.people[level], self.record, path, self.chance.choice(values).value)

    def settle(self) -> None:
        """Exchange, and let the province decide what is asked, until nothing is."""
        for _ in range(60):
            quiet = self.exchange()
            asked = self.pair.province.state(self.record).open_paths()
            if asked:
                self.decide(self.pair.province, asked[0])
            elif quiet and not self.pair.district.state(self.record).open_paths():
                return
        raise AssertionError(f"it does not settle: {self.told}")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """The two servers without processes: the province's half answers in this one."""
    levels = [Level(tmp_path / name, str(tmp_path / name / "sen.sqlite3"), name) for name in ("Huyện", "Tỉnh")]
    district, province = levels
    for level in levels:
        level.begin()
    district.add("hanh", f"collector@{DISTRICT}")
    province.add("giao", f"collector@{DISTRICT}", f"district_officer@{PROVINCE}")
    province.add("may_huyen", f"district_server@{DISTRICT}")
    enrol_inside(district, province)
    yield Pair(district, province)
    for level in levels:
        level.end()


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 108])
def test_both_levels_agree_in_the_end_and_every_value_is_in_the_history(pair: Pair, seed: int) -> None:
    history = History(pair, seed)
    for _ in range(STEPS):
        history.step()
    history.settle()
    below, above = (level.values("target", DISTRICT)[history.record] for level in (pair.district, pair.province))
    assert below == above, history.told
    for level, typed in history.typed.items():
        written = [op.value for change in level.lines(history.record) for op in change.operations]
        assert set(typed) <= set(written), history.told
