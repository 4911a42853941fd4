"""The way through the screens: back leads where one came from, and nothing is opened twice."""

from mobile.navigation import HOME, Place, Way


def test_back_leads_where_one_came_from() -> None:
    way = Way()
    way.go("records", {"type": "training"})
    way.go("form", {"record": "r1"})
    assert way.back() == Place("records", {"type": "training"})
    assert way.back() == HOME
    assert way.back() is None


def test_a_new_record_is_remembered_by_its_id() -> None:
    way = Way()
    way.go("form", {"type": "training"})
    way.remember({"record": "r1"})
    way.go("submit", {"record": "r1"})
    assert way.back() == Place("form", {"record": "r1"})


def test_the_same_screen_twice_is_one_place() -> None:
    way = Way()
    way.go("sync", {})
    way.go("sync", {})
    assert way.back() == HOME


def test_a_finding_leads_back_to_the_form_it_came_from() -> None:
    way = Way()
    way.go("form", {"record": "r1"})
    way.go("submit", {"record": "r1"})
    assert way.return_to("form", {"record": "r1", "path": "title"}) == Place("form", {"record": "r1", "path": "title"})
    assert way.back() == HOME


def test_a_finding_of_a_screen_that_was_no_form_takes_the_place_of_submit() -> None:
    way = Way()
    way.go("incident", {"record": "r1"})
    way.go("submit", {"record": "r1"})
    way.return_to("form", {"record": "r1", "path": "title"})
    assert way.back() == Place("incident", {"record": "r1"})


def test_home_forgets_the_way() -> None:
    way = Way()
    way.go("form", {"record": "r1"})
    way.go("home", {})
    assert way.back() is None
