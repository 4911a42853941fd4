"""Workflows and roles as data."""

from __future__ import annotations

import pytest

from shared.catalogue import Catalogue, load_catalogue
from tests.support.tiny import TINY


def test_moves_from_the_first_state_and_by_role() -> None:
    flow = Catalogue.from_texts(TINY).flows["record"]
    assert (flow.start, list(flow.states)) == ("draft", ["draft", "submitted"])
    move = flow.move(None, "submitted")
    assert move is not None and move is flow.move("draft", "submitted") and move.roles == ("collector",)
    assert flow.move("submitted", "draft") is None and flow.move("draft", "draft") is None and flow.move("gone", "draft") is None
    assert flow.moves_from(None, ["collector"]) == [move] and flow.moves_from("draft", ["viewer"]) == []


@pytest.mark.parametrize("code", sorted(load_catalogue().flows))
def test_every_state_that_ships_can_be_reached(code: str) -> None:
    flow = load_catalogue().flows[code]
    reached, waiting = {flow.start}, [flow.start]
    while waiting:
        state = waiting.pop()
        for move in flow.transitions:
            if move.start == state and move.to not in reached:
                reached.add(move.to)
                waiting.append(move.to)
    assert reached == set(flow.states)


def test_roles() -> None:
    roles = Catalogue.from_texts(TINY).roles
    assert roles["collector"].scope == "own" and roles["district_officer"].confidential == "granted"
    assert roles["collector"].may == {"read", "record"} and roles["collector"].label.en == "Officer"
