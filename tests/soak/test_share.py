"""Random histories end alike everywhere, and as the oracle says: the share of a run of all tests.

At least ``EXCHANGES`` exchanges, over both kinds of tablets. Many more: ``python3 sen.py soak``.
"""

import os
from collections import Counter

from tests.soak.__main__ import RARE, soak
from tests.soak.history import STORES

EXCHANGES = int(os.environ.get("SEN_SOAK_EXCHANGES", "20000"))
FIRST_SEED = 1_000_000


def test_p04_random_histories_end_as_the_oracle_says() -> None:
    met = Counter[str]()
    exchanges = histories = faults = 0
    for number, store in enumerate(STORES):
        for total in soak(EXCHANGES // len(STORES) + 1, seed=FIRST_SEED * (number + 1), store=store, jobs=1):
            assert not total.failed, f"python3 sen.py soak --store {store} --seed {total.failed[0]} --exchanges 1"
        met += total.met
        exchanges, histories, faults = exchanges + total.exchanges, histories + total.histories, faults + total.faults
    assert exchanges >= EXCHANGES
    assert faults * 20 > exchanges and histories * 20 < exchanges
    assert met["registers told exactly"] > exchanges / 20
    if EXCHANGES >= 20_000:
        assert [name for name in RARE if not met[name]] == []
