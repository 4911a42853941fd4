"""One unit's report and the district's, made of invented records, for the tests of reports."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any, Final

from server.reports import Document, ReportRequest, build_report
from shared.catalogue import Catalogue, load_catalogue
from shared.indicators import compute
from tests.support.invented import Invention, Record

UNIT: Final = "long_khanh_a"
STANDING: Final = "ld_tbxh"

NARRATIVE: Final = {
    "general_situation": "Xã có 05 ấp, 3.540 hộ.\nĐời sống Nhân dân chủ yếu dựa vào sản xuất nông nghiệp.",
    "results_text_1": "Đã rà soát, thu thập số liệu phục vụ tổng kết 15 năm thi hành Luật Bình đẳng giới.",
    "strengths": "- Cấp ủy, chính quyền quan tâm chỉ đạo.\n- Các ngành, đoàn thể phối hợp chặt chẽ.",
    "limits": "- Một số hoạt động còn lồng ghép.",
    "directions": "- Tiếp tục đẩy mạnh tuyên truyền Luật Bình đẳng giới.",
    "signer": "Nguyễn Văn Mẫu",
}


@cache
def catalogue() -> Catalogue:
    """The catalogue as it ships."""
    return load_catalogue()


@cache
def district_units() -> tuple[str, ...]:
    """The units that report to the district, in administrative order."""
    return tuple(unit.code for unit in catalogue().units.reporting("hong_ngu", date(2022, 5, 31)))


@cache
def records() -> tuple[Record, ...]:
    """Two half-years of invented records."""
    invention = Invention()
    return (*invention.half_year(district_units(), date(2021, 11, 15), date(2022, 5, 31)),
            *invention.half_year(district_units(), date(2020, 11, 15), date(2021, 5, 31)))


def unit_request(unit: str = UNIT, some: tuple[Record, ...] | None = None, **more: Any) -> ReportRequest:
    """A request for one unit's half-year report."""
    found = records() if some is None else some
    period = catalogue().periods.get("2022-H1")
    now = compute(catalogue(), found, units=[unit], period=period)
    before = compute(catalogue(), found, units=[unit], period=catalogue().periods.get("2021-H1"))
    wanted: dict[str, Any] = {
        "outline": "half_year", "issuer": unit, "units": (unit,), "period": period, "figures": now, "previous": before,
        "today": date(2022, 5, 30), "report": NARRATIVE, "records": found, **more}
    return ReportRequest(**wanted)


def district_request(**more: Any) -> ReportRequest:
    """A request for the district's consolidated report: two units late, three without a report."""
    units = district_units()
    period = catalogue().periods.get("2022-H1")
    now = compute(catalogue(), records(), units=units, period=period)
    before = compute(catalogue(), records(), units=units, period=catalogue().periods.get("2021-H1"))
    sent: dict[str, date | None] = dict.fromkeys(units, date(2022, 5, 31))
    sent[units[1]], sent[units[2]] = date(2022, 6, 2), date(2022, 6, 4)
    sent.update(dict.fromkeys(units[-3:]))
    wanted: dict[str, Any] = {
        "outline": "half_year", "issuer": STANDING, "units": units, "period": period, "figures": now, "previous": before,
        "today": date(2022, 6, 6), "report": {"signer": "Trần Thị Mẫu"}, "records": records(), "sent": sent,
        "narratives": {unit: {key: text for key, text in NARRATIVE.items() if key != "signer"} for unit in units[:3]}, **more}
    return ReportRequest(**wanted)


@cache
def unit_report() -> Document:
    """The unit's report."""
    return build_report(catalogue(), unit_request())


@cache
def district_report() -> Document:
    """The district's report."""
    return build_report(catalogue(), district_request())


