"""The stories of several hands, told in every order in which their lines can come: what must hold in each, and which value stands in which.

Where no policy names the value that stands, it is the first that came; that is said here by the order, and nothing else may differ by it.
"""

from __future__ import annotations

from sqlalchemy import Engine

from shared.catalogue import Catalogue
from tests.support.pair import NOON_MS, exchange, push_only
from tests.support.telling import OTHER, Telling, in_every_order
from tests.sync.test_scopes import move_scope

STORY = "Một.\nHai.\nBa.\nBốn.\nNăm.\n"
OF_A, OF_B = STORY.replace("Hai", "Hai của A"), STORY.replace("Hai", "Hai của B")
IN_2090_MS = 3_786_912_000_000
ROWS = [{"id": name * 11, "name": name, "age": 30} for name in "pqr"]


def names_of_rows(t: Telling) -> str:
    """The rows in the order in which everybody sees them."""
    return "".join(row["name"] for row in t.server.values(t.record)["guests"])


@in_every_order("A", "BB")
def test_m01_equal_then_on_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.types("B", people=48)
    t.types("B", people=50)
    t.come(order)
    t.ends("people", 50, asked=(48,) if order == "BBA" else ())  # B's 48 was history by then, and nobody had seen A's


@in_every_order("A", "B", "x", "y", after=("Ax", "Ay", "Bx", "By"))
def test_m02_f48_two_settlements_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """x is A's decision, y is C's."""
    t = Telling(engine, catalogue)
    t.asked("people", *[{"A": ("A", 48), "B": ("B", 52)}[hand] for hand in order[:2]])
    t.decides("A", "people", 48)
    t.decides("C", "people", 52)
    t.come(order[2:].replace("x", "A").replace("y", "C"))
    stands, other = (48, 52) if order[2] == "x" else (52, 48)
    t.ends("people", stands, asked=(other,))


@in_every_order("AA", "B")
def test_m03_settled_and_overwritten_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.asked("people")
    t.decides("A", "people", 48)
    t.types("A", people=49)
    t.come(order)
    t.ends("people", 49)


@in_every_order("A", "B", "d", "E", after=("Ad", "Bd"))
def test_m04_a_fresh_tablet_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """d is C, who sees both answers and settles one; E is the new tablet."""
    t = Telling(engine, catalogue)
    t.tablets["E"] = t.a_tablet("E")
    t.types("A", people=48, women=20)
    t.types("B", people=52, women=30)

    def settle() -> None:
        t.come("C")
        t.decides("C", "people", 48)
        t.come("C")

    t.come(order, {"d": settle})
    t.ends("people", 48)
    first, second = (20, 30) if order.index("A") < order.index("B") else (30, 20)
    t.ends("women", first, asked=(second,))
    assert t.tablets["E"].questions(t.record) == ["women"]


@in_every_order("A", "B", "C")
def test_m05_f48_delete_what_was_not_seen_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.tablets["B"].withdraw(t.record, now_ms=NOON_MS)
    t.types("C", women=9)
    t.come(order)
    t.ends("people", 48)
    t.ends("women", 9)
    assert not t.state().withdrawn and t.state().open_paths() == ["@"]
    assert all(not t.shown(tablet).withdrawn for tablet in t.tablets.values())


@in_every_order("A", "B", "C")
def test_m06_rings_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A and B move rows behind each other, C writes in one of them; of two who moved one row, the later stands."""
    t = Telling(engine, catalogue, guests=ROWS)
    p, q, r = ROWS
    t.types("A", now_ms=NOON_MS - 3_000, guests=[q, p, r])
    t.types("B", now_ms=NOON_MS - 2_000, guests=[q, r, p])
    t.types("C", now_ms=NOON_MS - 1_000, guests=[p, {**q, "age": 40}, r])
    t.come(order)
    t.agree()
    assert (names_of_rows(t), t.state().open_paths()) == ("qrp", [])
    t.ends(f"guests/{q['id']}/age", 40)


@in_every_order("AA", "B")
def test_m07_urgent_first_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.types("A", people=50, urgent=True)
    at_once = [t.server.values(t.record).get("people")]
    t.come(order, then=lambda: at_once.append(t.server.values(t.record).get("people")))
    assert at_once == ([None, 50, 50, 50] if order[0] == "A" else [None, None, 50, 50])
    t.ends("people", 50)


@in_every_order("AA", "B")
def test_m07b_hidden_by_equality_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("B", people=52)
    t.types("A", people=48)
    t.types("A", people=52, urgent=True)
    t.come(order)
    t.ends("people", 52, writers=2)


@in_every_order("AA", "CC")
def test_m07c_hidden_by_an_older_form_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    older = t.tablets["A"].open(t.record)
    t.types("A", people=48)
    t.types("A", people=50, opened=older)
    t.types("C", people=50)
    t.types("C", people=52)
    t.come(order)
    stands, other = (48, 52) if order[0] == "A" else (52, 48)
    t.ends("people", stands, asked=(50, other))


@in_every_order("AA", "F")
def test_m07d_made_moved_urgent_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A's urgent line is there first; F is of the unit to which the record was moved before it."""
    t = Telling(engine, catalogue)
    t.tablets["F"] = t.a_tablet("F", OTHER)
    t.types("A", unit=OTHER, women=1)
    t.types("A", women=2, urgent=True)
    t.come(order)
    t.ends("women", 2)
    t.ends("unit", OTHER)
    assert all(tablet.told[t.record].units == t.state().units for tablet in t.tablets.values())


@in_every_order("pe", "B")
def test_m10_cut_in_the_middle_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """p: A pushes, and the answer is lost; e: A edits on."""
    t = Telling(engine, catalogue)
    t.types("A", people=48)

    def edit() -> None:
        assert t.tablets["A"].values(t.record)["people"] == 48
        t.types("A", people=50)
        t.come("A")

    t.come(order, {"p": lambda: push_only(t.tablets["A"], t.server), "e": edit})
    t.ends("people", 50)


@in_every_order("A", "C", "F")
def test_m11_a_record_comes_in_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A moves the record to F's unit; C, who does not know of it, goes on writing."""
    t = Telling(engine, catalogue, people=48, topics=["gbv"])
    t.tablets["F"] = t.a_tablet("F", OTHER)
    t.types("A", unit=OTHER)
    t.types("C", women=9)
    t.come(order)
    t.ends("unit", OTHER)
    values = t.tablets["F"].values(t.record)
    assert (values["title"], values["people"], values["women"], values["topics"]) == ("Nói chuyện chuyên đề", 48, 9, ["gbv"])


@in_every_order("A", "BB")
def test_m12_taken_back_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.types("B", people=52)
    t.types("B", people=48)
    t.come(order)
    t.ends("people", 48, writers=2)


@in_every_order("AA", "B")
def test_m14_latest_the_middle_missing_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """B's clock stood still in 1970: its word is the earlier one whenever it comes."""
    t = Telling(engine, catalogue)
    t.types("A", seen_at="1")
    t.types("A", seen_at="2", urgent=True)
    t.types("B", now_ms=1_000, seen_at="0")
    t.come(order)
    t.ends("seen_at", "2")


@in_every_order("A", "B", "C")
def test_m15_f11_clocks_that_are_not_ahead_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", now_ms=NOON_MS - 5_000, seen_at="năm giây trước")
    t.types("B", now_ms=1_000, seen_at="năm 1970")
    t.types("C", now_ms=NOON_MS - 1_000, seen_at="vừa xong")
    t.come(order)
    t.ends("seen_at", "vừa xong")


@in_every_order("A", "B", "C")
def test_m15_p11_f11_a_clock_of_2090_counts_as_its_arrival_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A's clock says 2090 and B's 1970; C's is right, and its tablet comes half a minute after it was written on."""
    t = Telling(engine, catalogue)
    comes_ms = {hand: NOON_MS + 60_000 * at for at, hand in enumerate(order, start=1)}
    t.types("A", now_ms=IN_2090_MS, seen_at="năm 2090")
    t.types("B", now_ms=1_000, seen_at="năm 1970")
    t.types("C", now_ms=comes_ms["C"] - 30_000, seen_at="đúng giờ")
    for hand in order:
        exchange(t.tablets[hand], t.server, now_ms=comes_ms[hand])
    t.ends("seen_at", "năm 2090" if comes_ms["A"] > comes_ms["C"] else "đúng giờ")


@in_every_order("A", "E", "F")
def test_m16_f22_twins_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """E and F are copies of A's storage with one unsent line; both have written on."""
    t = Telling(engine, catalogue)
    t.types("A", people=7)
    t.tablets |= {"E": t.tablets["A"].clone(), "F": t.tablets["A"].clone()}
    t.types("E", women=3)
    t.types("F", title="Bản sao ghi")
    t.come(order)
    t.types("A", people=8)
    t.types("F", title="Bản sao ghi tiếp")
    t.come(order)
    for path, value in {"people": 8, "women": 3, "title": "Bản sao ghi tiếp"}.items():
        t.ends(path, value)
    t.types("E", women=4)
    t.types("F", people=9)
    t.come(order)
    t.ends("women", 4)
    t.ends("people", 9)


@in_every_order("A", "BB")
def test_m17_union_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    t.types("A", topics=["gbv"])
    t.types("B", topics=["gbv"])
    t.types("B", topics=[])
    t.come(order)
    t.agree()
    assert (t.server.values(t.record)["topics"], t.state().open_paths()) == (["gbv"], [])
    assert sorted(value.kind for value in t.state().registers["topics/gbv"].values) == ["add", "remove"]


@in_every_order("A", "BB")
def test_m18_merged_text_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue, story=STORY)
    t.types("A", story=OF_A)
    t.types("B", story=STORY.replace("Bốn", "Bốn, thêm"))
    t.types("B", story=STORY.replace("Bốn", "Bốn, thêm nữa"))
    t.come(order)
    t.ends("story", OF_A.replace("Bốn", "Bốn, thêm nữa"))


@in_every_order("A", "p", "s")
def test_m19_an_open_form_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """p: B pulls while its form stands open; s: B saves another field in it."""
    t = Telling(engine, catalogue)
    form = t.tablets["B"].open(t.record)
    t.types("A", people=48)

    def save() -> None:
        t.types("B", opened=form, women=20)
        t.come("B")

    t.come(order, {"p": lambda: t.come("B"), "s": save})
    t.ends("people", 48)
    t.ends("women", 20)


@in_every_order("AA", "B", "l")
def test_m20_a_part_is_taken_away_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A moves the record and moves it back; l: B loses the unit to which it was moved."""
    t = Telling(engine, catalogue, people=48, topics=["gbv"])
    for hand in "AB":
        move_scope(t.server, t.tablets[hand], "long_khanh_a", OTHER)
    t.come("AB")
    t.types("A", unit=OTHER)
    t.types("A", unit="long_khanh_a")
    t.come(order, {"l": lambda: move_scope(t.server, t.tablets["B"], "long_khanh_a")})
    t.ends("unit", "long_khanh_a")
    values = t.tablets["B"].values(t.record)
    assert (values["title"], values["people"], values["topics"]) == ("Nói chuyện chuyên đề", 48, ["gbv"])


@in_every_order("A", "B", "x", "y", after=("Ax", "Ay", "Bx", "By"))
def test_m23_two_settlements_of_a_text_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """x is A's decision, y is B's: each keeps its own."""
    t = Telling(engine, catalogue, story=STORY)
    t.asked("story", *[{"A": ("A", OF_A), "B": ("B", OF_B)}[hand] for hand in order[:2]])
    t.decides("A", "story", OF_A)
    t.decides("B", "story", OF_B)
    t.come(order[2:].replace("x", "A").replace("y", "B"))
    stands, other = (OF_A, OF_B) if order[2] == "x" else (OF_B, OF_A)
    t.ends("story", stands, asked=(other,))


@in_every_order("A", "B", "C")
def test_m39_a_deletion_called_in_question_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """B deletes a row, C writes in it, A deletes another one that nobody touches."""
    t = Telling(engine, catalogue, guests=ROWS)
    p, q, r = ROWS
    t.types("A", guests=[p, q])
    t.types("B", guests=[p, r])
    t.types("C", guests=[p, {**q, "age": 41}, r])
    t.come(order)
    t.ends(f"guests/{q['id']}/age", 41)
    assert (names_of_rows(t), t.state().open_paths()) == ("pq", [f"guests/{q['id']}/@"])
