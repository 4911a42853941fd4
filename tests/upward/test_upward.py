"""A district's server and a province's, two real processes: what crosses, how, and that it is shown there as any unit's."""

from __future__ import annotations

import json
from typing import Any

from server import editing
from tests.support.province import DISTRICT, PERIOD, Level, wait_until
from tests.upward.conftest import LATE, Pair

REASON = "Thiếu số liệu của hai xã"


def test_a_report_that_was_sent_goes_up_and_is_shown_as_any_units(pair: Pair) -> None:
    pair.talk()
    record = pair.report()
    told = pair.district.upward()
    assert (told.unsent, told.aside) == (0, 0) and told.sent > 0
    above = pair.province.values("periodic_report", DISTRICT)[record]
    assert above["limits"] == LATE and above["state"] == "submitted" and above["unit"] == DISTRICT
    browser = pair.province.browser("tinh")
    listed = browser.open(f"/reports?period={PERIOD}").text
    assert "Hồng Ngự" in listed and "Đã gửi" in listed
    page = browser.open(f"/reports/{PERIOD}/{DISTRICT}")
    assert LATE in page.text and "Đã gửi" in page.text and "số liệu đã thay đổi" not in page.text
    assert "Lượt người dự truyền thông lượt người 40" in " ".join(page.text.split()), "its figures, as any unit's"
    assert page.form("/accept") and page.form("/return")
    figures = next(iter(pair.province.values("consolidated_figures", "long_khanh_a")))
    assert "Lượt người dự" in browser.open(f"/records/{figures}").text
    done = pair.district.upward()
    assert (done.trips, done.sent, done.received) == (1, 0, 0)


def test_it_is_enrolled_and_exchanges_by_the_commands(levels: tuple[Level, Level]) -> None:
    district, province = levels
    pair = Pair(*levels)
    assert "server upward enrol" in district.command("upward", "--json", fails=True)
    told = json.loads(province.command("enrol-code", "may_huyen", "--unit", DISTRICT, "--json"))
    wrong = district.command("upward", "enrol", province.address, "AAAA-BBBB-CCCC", fails=True)
    assert "Mã" in wrong
    assert f"{DISTRICT} → Tỉnh" in district.command("upward", "enrol", province.address, told["code"])
    assert "--anew" in district.command("upward", "enrol", province.address, told["code"], fails=True)
    record = pair.report()
    done = json.loads(district.command("upward", "--json"))
    assert done["unsent"] == done["aside"] == 0 and done["sent"] > 0 and not done["revoked"]
    assert pair.province.values("periodic_report", DISTRICT)[record]["limits"] == LATE
    assert json.loads(district.command("upward", "state", "--json")) == {"unit": DISTRICT, "address": province.address, "unsent": 0, "aside": []}
    assert "upward" in district.command("run", "-h") and "district_server" in district.command("upward", "-h")


def test_a_running_server_exchanges_by_itself(pair: Pair) -> None:
    record = pair.report()
    with pair.district.serving(SEN_UPWARD_MINUTES="1"):
        wait_until(lambda: record in pair.province.values("periodic_report", DISTRICT), "the report is at the province")
    assert pair.district.upward().sent == 0


def test_u1_the_province_returns_a_report_and_the_district_corrects_it(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    pair.move(pair.province, "tinh", record, "returned", REASON)
    pair.edit(pair.province, "tinh", record, return_reason=REASON)
    pair.district.upward()
    below = pair.district.values("periodic_report", DISTRICT)[record]
    assert (below["state"], below["return_reason"]) == ("returned", REASON)
    pair.edit(pair.district, "hien", record, limits="Đã bổ sung theo yêu cầu của tỉnh.")
    for state in ("approved", "submitted"):
        pair.move(pair.district, "hien", record, state)
    pair.district.upward()
    above = pair.province.values("periodic_report", DISTRICT)[record]
    assert (above["state"], above["limits"]) == ("submitted", "Đã bổ sung theo yêu cầu của tỉnh.")
    pair.move(pair.province, "tinh", record, "accepted")
    pair.district.upward()
    assert pair.district.values("periodic_report", DISTRICT)[record]["state"] == "accepted"
    quiet(pair)


def test_u1_a_report_corrected_after_it_was_sent_is_an_edit_up_there_with_its_history(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    lines = len(pair.province.lines(record))
    pair.edit(pair.district, "hien", record, limits="Bản đính chính.")
    assert pair.district.upward().sent == 1
    assert pair.province.values("periodic_report", DISTRICT)[record]["limits"] == "Bản đính chính."
    told = pair.province.lines(record)
    assert len(told) == lines + 1 and [op.path for op in told[-1].operations] == ["limits"]
    assert any(op.value == LATE for change in told for op in change.operations), "what stood before is in the history"
    quiet(pair)


def test_u10_targets_and_directives_of_the_province_come_down_and_what_was_achieved_goes_up(pair: Pair) -> None:
    with pair.province.inside():
        giao = pair.province.user("giao")
        aim = {"year": 2022, "indicator": "own", "own_text": "Tỷ lệ cán bộ nữ", "planned": 35.0, "unit_of_measure": "%"}
        target = editing.write_values(giao, None, "target", DISTRICT, aim)
        letter = {"number": "12/KH-UBND", "issued_on": "2022-03-01", "kind": "plan", "summary": "Triển khai công tác bình đẳng giới"}
        directive = editing.write_values(giao, None, "directive_document", DISTRICT, letter)
        draft = editing.write_values(giao, None, "target", DISTRICT, {**aim, "own_text": "Đang soạn"})
    for record in (target, directive):
        pair.move(pair.province, "giao", record, "submitted")
    pair.district.upward()
    below = pair.district.values("target", DISTRICT)
    assert set(below) == {target} and draft not in below, "what the province still drafts stays there"
    assert below[target]["planned"] == 35 and below[target]["state"] == "submitted"
    assert pair.district.values("directive_document", DISTRICT)[directive]["summary"] == letter["summary"]
    pair.district.add("hanh", f"collector@{DISTRICT}")
    pair.edit(pair.district, "hanh", target, achieved=31.5)
    pair.district.upward()
    assert pair.province.values("target", DISTRICT)[target]["achieved"] == 31.5
    pair.edit(pair.province, "giao", target, planned=36.0)
    pair.district.upward()
    assert pair.district.values("target", DISTRICT)[target]["planned"] == 36
    with pair.province.inside():
        editing.withdraw(pair.province.user("giao"), target)
    pair.district.upward()
    assert pair.district.state(target).withdrawn
    quiet(pair)


def test_figures_are_kept_in_step_between_reports(pair: Pair) -> None:
    pair.talk()
    pair.district.upward()
    assert figure(pair, "long_khanh_a", "I01") == 1 and figure(pair, DISTRICT, "I02") == 40
    pair.talk(title="Nói chuyện lần hai", held_on="2022-03-09", participants_total=25, participants_female=20)
    assert pair.district.upward().sent > 0
    assert figure(pair, "long_khanh_a", "I01") == 2 and figure(pair, DISTRICT, "I02") == 65
    quiet(pair)


def test_a_withdrawn_report_is_withdrawn_up_there(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    with pair.district.inside():
        editing.withdraw(pair.district.user("hien"), record)
    pair.district.upward()
    assert pair.province.state(record).withdrawn
    quiet(pair)


def figure(pair: Pair, unit: str, code: str) -> Any:
    """A figure of a unit as the province has it."""
    (values,) = pair.province.values("consolidated_figures", unit).values()
    return next(row["value"] for row in values["figures"] if row["figure"] == code)


def quiet(pair: Pair) -> None:
    """Nothing is left to be told either way, and no look finds anything."""
    done = pair.district.upward()
    assert (done.sent, done.received, done.unsent, done.aside) == (0, 0, 0, 0), done
