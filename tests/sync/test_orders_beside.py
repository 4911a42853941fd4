"""What several do to one field or one list at once, beside the stories of one law each: told in every order in which it can come."""

from __future__ import annotations

from sqlalchemy import Engine

from shared.catalogue import Catalogue
from tests.support.pair import NOON_MS, push_only
from tests.support.telling import Telling, in_every_order
from tests.sync.test_orders import OF_A, OF_B, ROWS, STORY, names_of_rows


@in_every_order("A", "B", "C")
def test_three_answers_to_one_question(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    answers = {"A": 48, "B": 52, "C": 55}
    for hand, value in answers.items():
        t.types(hand, people=value)
    t.come(order)
    first, *others = (answers[hand] for hand in order)
    t.ends("people", first, asked=tuple(others))


@in_every_order("A", "B", "C")
def test_two_of_three_say_the_same(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    answers = {"A": 48, "B": 48, "C": 55}
    for hand, value in answers.items():
        t.types(hand, people=value)
    t.come(order)
    first, other = (55, 48) if order[0] == "C" else (48, 55)
    t.ends("people", first, asked=(other,), writers=2 if first == 48 else 1)
    assert {value.value: len(value.origins) for value in t.state().registers["people"].values} == {48: 2, 55: 1}


@in_every_order("A", "B", "C")
def test_chains_of_edits_that_nobody_has_sent_yet(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """Each last word is asked about, and none before it."""
    t = Telling(engine, catalogue, people=1)
    last = {"A": 80, "B": 81, "C": 82}
    for n, hand in enumerate(last):
        for values in ({"people": 60 + n}, {"people": 70 + n}, {"people": last[hand], "women": 10 + n}):
            t.types(hand, **values)
    t.come(order)
    t.ends("people", last[order[0]], asked=tuple(last[hand] for hand in order[1:]))
    t.ends("women", last[order[0]] - 70, asked=tuple(last[hand] - 70 for hand in order[1:]))


@in_every_order("A", "B", "C")
def test_texts_that_collide(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A and B write one line differently, C another one, which is merged into whichever of the two it meets as the current one."""
    t = Telling(engine, catalogue, story=STORY)
    texts = {"A": OF_A, "B": OF_B, "C": STORY.replace("Năm", "Năm của C")}
    for hand, text in texts.items():
        t.types(hand, story=text)
    t.come(order)
    first, second = (hand for hand in order if hand != "C")
    t.ends("story", texts[first].replace("Năm", "Năm của C"), asked=(texts[second],))


@in_every_order("A", "C")
def test_m101_decide_against_edit(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """48 stands, 52 is asked about, on all screens: A decides for 52, C types 60 over the question."""
    t = Telling(engine, catalogue)
    t.asked("people")
    t.decides("A", "people", 52)
    t.types("C", people=60)
    t.come(order)
    stands, other = (52, 60) if order[0] == "A" else (60, 52)
    t.ends("people", stands, asked=(other,))


@in_every_order("A", "C")
def test_m101_decide_against_an_edit_in_a_form_that_was_open_before(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """C's form showed 48, before 50 and 52 were asked about: A's decision for 52 settles those two, and C's 60 is asked beside it."""
    t = Telling(engine, catalogue, people=48)
    form = t.tablets["C"].open(t.record)
    t.asked("people", ("A", 50), ("B", 52))
    t.decides("A", "people", 52)
    t.types("C", opened=form, people=60)
    t.come(order)
    t.ends("people", 52, asked=(60,))


@in_every_order("AA", "B")
def test_m102_on_top_of_a_kept_conflict(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A goes on from 48 to 50 without having seen B's 52, before the question is there, while it is, or after."""
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.types("A", people=50)
    t.types("B", people=52)
    t.come(order)
    stands, other = (52, 50) if order[0] == "B" else (50, 52)
    t.ends("people", stands, asked=(other,))


@in_every_order("B", "C")
def test_m102_on_top_of_it_by_who_saw_it_and_by_who_did_not(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """C sees the question and types 60; B, which has not pulled it, goes on from its own 52 to 53."""
    t = Telling(engine, catalogue)
    t.types("A", people=48)
    t.types("B", people=52)
    t.come("A")
    push_only(t.tablets["B"], t.server)
    t.come("C")
    assert t.tablets["C"].questions(t.record) == ["people"] and not t.tablets["B"].questions(t.record)
    t.types("C", people=60)
    t.types("B", people=53)
    t.come(order)
    t.ends("people", 60, asked=(53,))


@in_every_order("A", "B", "C")
def test_m103_rows_on_both_sides(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A and B each put a row behind the last one, C writes in that last one: all are there, and two at one place stand by their ids."""
    t = Telling(engine, catalogue, guests=ROWS[:1])
    p, s, u = ROWS[0], *({"id": name * 11, "name": name, "age": 20} for name in "su")
    t.types("A", guests=[p, s])
    t.types("B", now_ms=NOON_MS - 1_000, guests=[p, u])
    t.types("C", guests=[{**p, "age": 31}])
    t.come(order)
    t.ends(f"guests/{p['id']}/age", 31)
    assert (names_of_rows(t), t.state().open_paths()) == ("psu", [])
