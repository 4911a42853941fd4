"""A district's server and a province's, two real processes: what crosses, how, and that it is shown there as any unit's."""

from __future__ import annotations

from tests.support.province import DISTRICT, PERIOD
from tests.upward.conftest import LATE, Pair


def test_a_report_that_was_sent_goes_up_and_is_shown_as_any_units(pair: Pair) -> None:
    pair.talk()
    record = pair.report()
    told = pair.district.upward()
    assert (told.unsent, told.aside) == (0, 0) and told.sent > 0
    above = pair.province.values("periodic_report", DISTRICT)[record]
    assert above["limits"] == LATE and above["state"] == "submitted" and above["unit"] == DISTRICT
    page = pair.province.desk("tinh", DISTRICT)._page(f"/reports/{PERIOD}/{DISTRICT}").text
    assert LATE in page and "Đã gửi" in page
    quiet = pair.district.upward()
    assert (quiet.trips, quiet.sent, quiet.received) == (1, 0, 0)
