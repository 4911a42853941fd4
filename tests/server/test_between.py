"""A proxy in between that changes headers, codings and answers: a sync works, or is refused plainly; nothing is lost and nothing old comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.catalogue import load_catalogue
from shared.errors import SenError
from tests.bench.ours import BenchTablet
from tests.server.test_damage_process import opened
from tests.support.meddler import Change, Meddler, Message, from_cache, meddler, packed_again, with_more, without
from tests.support.processes import Watched

UNIT = "long_khanh_a"
HABITS = {"Via": "1.1 proxy", "X-Forwarded-For": "10.0.0.7", "Accept-Encoding": "gzip, br", "Cookie": "a=b; c=d", "Accept": "*/*", "X-Long": "x" * 2000}
ANSWERED = {"Via": "1.1 proxy", "Set-Cookie": "seen=1", "X-Cache": "MISS", "Cache-Control": "max-age=86400", "Age": "0", "Content-Type": "application/octet-stream"}

SAME: Change = lambda message: message  # noqa: E731

WORKS: dict[str, tuple[Change, Change]] = {
    "headers added": (with_more(HABITS), with_more({name: value for name, value in ANSWERED.items() if name != "Content-Type"})),
    "all that may be stripped": (without("user-agent", "accept", "accept-encoding"), without("content-type", "server", "date", "cache-control")),
    "packed again": (SAME, packed_again),
    "in chunks": (SAME, SAME),
}
"""What is done to requests and to answers, and changes nothing."""

REFUSED: dict[str, tuple[Change, Change, set[str]]] = {
    "a kind of its own for requests": (with_more({"Content-Type": "application/octet-stream"}), SAME, {"wrong_content_type"}),
    "a request without its kind": (without("content-type"), SAME, {"wrong_content_type"}),
    "a kind of its own for answers": (SAME, with_more(ANSWERED), {"not_a_message"}),
    "an answer in capitals": (SAME, lambda told: told._replace(body=told.body.upper()), {"wrong_mac", "not_a_message"}),
    "half an answer": (SAME, lambda told: told._replace(body=told.body[: len(told.body) // 2]), {"wrong_mac", "message_cut", "not_a_message", "broken_packing"}),
    "an answer of its own": (SAME, lambda told: Message(200, {"Content-Type": "text/html"}, b"<html>wifi</html>"), {"not_a_message"}),
    "another status": (SAME, lambda told: told._replace(status=502, body=b"Bad Gateway"), {"server_busy"}),
}  # fmt: skip


@pytest.fixture
def pair(tmp_path: Path, database: str) -> Iterator[tuple[BenchTablet, BenchTablet, Meddler]]:
    """Two tablets of a real server: the first by way of the meddler, the second straight."""
    with Watched(["-m", "tests.bench.serve", str(tmp_path / "var"), UNIT], tmp_path / "log", {"SEN_DATABASE": database}) as server:
        address, catalogue = f"http://127.0.0.1:{server.told['port']}", load_catalogue()
        one, two = (BenchTablet.enrol(tmp_path / str(n), address, code, catalogue) for n, code in enumerate(server.told["codes"][UNIT]))
        with meddler(("127.0.0.1", server.told["port"])) as between:
            one.address = between.url
            yield one, two, between
        for tablet in (one, two):
            tablet.store.database.close()


def equal(one: BenchTablet, two: BenchTablet, written: int) -> None:
    """Both hold the same, so many records."""
    two.exchange()
    one.exchange()
    assert one.store.digest() == two.store.digest() and len(one.store.records()) == written and one.store.unsent_count() == 0


def test_f09_a_proxy_that_changes_headers_and_codings_changes_nothing_else(pair: tuple[BenchTablet, BenchTablet, Meddler]) -> None:
    one, two, between = pair
    for n, (name, (asked, answered)) in enumerate(WORKS.items(), 1):
        between.asked, between.answered, between.chunked = asked, answered, name == "in chunks"
        one.enter(1)
        two.enter(1)
        two.exchange()
        one.exchange()
        assert one.store.unsent_count() == 0, name
        equal(one, two, 2 * n)
    assert between.passed >= 2 * len(WORKS)


def test_f09_what_a_proxy_makes_unreadable_is_refused_plainly_and_told_again(
    pair: tuple[BenchTablet, BenchTablet, Meddler], tmp_path: Path, database: str
) -> None:  # fmt: skip
    one, two, between = pair
    for n, (name, (asked, answered, codes)) in enumerate(REFUSED.items(), 1):
        between.asked, between.answered = asked, answered
        one.enter(1)
        held = one.store.digest(), one.store.cursors()
        with pytest.raises(SenError) as told:
            one.exchange()
        assert told.value.code in codes, (name, told.value.code)
        assert told.value.text("vi") != told.value.text("en") and (one.store.digest(), one.store.cursors()) == held
        one.half.cut()
        between.asked = between.answered = SAME
        one.exchange()
        equal(one, two, n)
    with opened(tmp_path / "var", database) as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM line").scalar() == len(REFUSED)


def test_f09_an_answer_out_of_a_cache_is_recognised_as_old(pair: tuple[BenchTablet, BenchTablet, Meddler]) -> None:
    one, two, between = pair
    one.exchange()
    between.answered = from_cache()
    one.exchange()
    two.enter(3)
    two.exchange()
    one.enter(1)
    held = one.store.digest(), one.store.cursors()
    for _ in range(2):
        with pytest.raises(SenError) as told:
            one.exchange()
        one.half.cut()
        assert told.value.code == "late_answer"
        assert (one.store.digest(), one.store.cursors()) == held and one.store.unsent_count() == 1
    between.answered = SAME
    one.exchange()
    equal(one, two, 4)
