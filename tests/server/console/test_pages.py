"""Every page, as each role sees it: its words, its numbers, and what it must not show."""

from __future__ import annotations

import re
from datetime import date

from flask import Flask
from werkzeug.test import TestResponse

from server.services import services
from tests.server.console.conftest import Visit, words
from tests.server.console.office import PERIOD, SECRET, Office

MAIN_PAGES = (
    "/", "/incidents", "/reports", f"/reports/{PERIOD}/long_thuan", f"/reports/{PERIOD}/hong_ngu", "/records", "/records/of/communication_activity",
    "/records/{talk}", "/records/{talk}/history", "/questions", "/search?q=phu+nu", f"/figures/{PERIOD}/I02",
)  # fmt: skip


def test_the_overview_tells_what_to_do_today(visit: Visit) -> None:
    told = words(visit("huyen").get("/"))
    for part in ("Hôm nay, 30/05/2022", "Vụ việc chưa tiếp nhận 1 còn 9 giờ", "Báo cáo đã tiếp nhận 0 / 25 hạn 01/06 · còn 2 ngày", "Chờ xem xét 1",
                 "Hai người ghi khác nhau 1 1 ở Long Khánh A", "Máy im lặng quá 7 ngày 1 Long Thuận"):
        assert part in told
    row = re.search(r"Xã Long Khánh A Đang soạn chưa gửi (.*?) Xã Long Khánh B", told)
    assert row is not None
    assert row[1].startswith("2 172 72,7 1 < 5 – hôm nay")
    assert "Xã Long Thuận Đã gửi 30/05/2022 08:00 1 64" in told
    assert "9 ngày trước" in told
    order = [told.index(name) for name in ("Thị trấn Thường Thới Tiền", "Xã Long Khánh A", "Xã Thường Thới Hậu A", "Phòng Giáo dục", "Liên đoàn Lao động")]
    assert order == sorted(order)


def test_a_set_clock_is_told_on_every_page(visit: Visit) -> None:
    assert "Dữ liệu mẫu · đồng hồ của máy chủ đứng ở ngày 30/05/2022" in words(visit("huyen").get("/records"))


def test_p14_a_figure_leads_to_its_records(visit: Visit) -> None:
    visitor = visit("huyen")
    links = re.findall(r'href="(/figures/2022-H1/I01\?unit=long_khanh_a)"', visitor.get("/").text)
    assert links
    told = words(visitor.get(links[0]))
    assert "Hội nghị phụ nữ khởi nghiệp" in told
    assert "Truyền thông Luật Bình đẳng giới" not in told
    hidden = words(visitor.get(f"/figures/{PERIOD}/I13"))
    assert "< 5" in hidden


def test_every_page_answers_every_reader(visit: Visit, office: Office) -> None:
    for login in ("huyen", "lanhdao", "lan", "sep", "hoa", "phunu"):
        visitor = visit(login)
        for path in MAIN_PAGES:
            answer = visitor.get(path.format(**office.records))
            assert answer.status_code in ((200,) if login in ("huyen", "lanhdao") else (200, 404)), (login, path)
            assert SECRET not in answer.text
            assert answer.headers.get("Cache-Control") == "no-store", path


def test_a_viewer_sees_published_figures_and_nothing_else(visit: Visit, office: Office) -> None:
    visitor = visit("xem")
    told = words(visitor.get("/"))
    assert "Xã Long Khánh A 2 172 72,7 1 < 5" in told
    assert "Đang soạn" not in told
    for path in MAIN_PAGES[1:]:
        assert visitor.get(path.format(**office.records)).status_code == 403


def test_an_administrator_sees_no_records(visit: Visit, office: Office) -> None:
    visitor = visit("quantri")
    assert visitor.get("/").headers["Location"] == "/admin/tablets"
    for path in MAIN_PAGES[1:]:
        assert visitor.get(path.format(**office.records)).status_code == 403
    assert "Máy mẫu 2" in words(visitor.get("/admin/tablets"))
    assert "Xã Long Khánh A dữ liệu mẫu long_khanh_a" in words(visitor.get("/admin/units"))
    assert "Chuyên viên Thường trực Ban VSTBPN – Huyện Hồng Ngự" in words(visitor.get("/admin/users"))


def without_tokens(answer: TestResponse) -> str:
    """A page without its forms' tokens: they tell the second in which it was made."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text)


def test_a_list_filters_and_searches_without_tone_marks(visit: Visit) -> None:
    visitor, path = visit("huyen"), "/records/of/communication_activity"
    assert "4 bản ghi" in words(visitor.get(path))
    for query, found in (("q=phu+nu", 1), ("q=PHỤ+NỮ", 1), ("state=draft", 1), ("unit=long_thuan", 1), ("period=2022-H1&state=submitted", 3), ("q=khong+co", 0)):
        assert f"{found} bản ghi" in words(visitor.get(f"{path}?{query}")), query
    fragment = visitor.get(f"{path}?q=binh+dang", htmx=True)
    assert "<html" not in fragment.text
    assert "Truyền thông Luật Bình đẳng giới" in fragment.text
    assert without_tokens(fragment).strip() in without_tokens(visitor.get(f"{path}?q=binh+dang"))


def test_what_is_elsewhere_does_not_exist(visit: Visit, office: Office) -> None:
    visitor = visit("thuan")
    for path in ("/records/{talk}", "/records/{talk}/history", "/records/{talk}/edit", f"/reports/{PERIOD}/long_khanh_a", f"/figures/{PERIOD}/I01?unit=long_khanh_a"):
        assert visitor.get(path.format(**office.records)).status_code == 404, path
    assert "0 bản ghi" in words(visitor.get("/records/of/communication_activity?q=khoi+nghiep"))


def test_the_language_changes_by_a_switch(visit: Visit, office: Office) -> None:
    visitor = visit("huyen")
    assert visitor.get("/").text.count('lang="vi"') >= 2
    answer = visitor.post("/language", {"lang": "en", "back": "/records"})
    assert answer.headers["Location"] == "/records"
    told = words(visitor.get("/"))
    for part in ("Today, 30/05/2022", "Incidents not acknowledged 1", "Long Khánh A Commune Draft not sent 2 172 72.7"):
        assert part in told
    assert "Communication activity" in words(visitor.get("/records"))
    assert visitor.post("/language", {"lang": "vi", "back": "https://elsewhere.example/"}).headers["Location"] == "/"


def test_the_history_tells_field_by_field(visit: Visit, office: Office) -> None:
    visitor = visit("huyen")
    told = words(visitor.get(f"/records/{office.records['talk']}/history?path=participants_total", htmx=True))
    assert "Lịch sử: Số lượt người dự" in told
    order = [told.index(one) for one in ("55", "52", "48")]
    assert order == sorted(order)
    assert "Tên hoạt động" not in told
    assert "Hình thức Truyền thông" in words(visitor.get(f"/records/{office.records['talk']}/history"))


def test_t09_pages_bear_no_inline_script_and_no_foreign_address(visit: Visit, office: Office) -> None:
    visitor = visit("huyen")
    for path in MAIN_PAGES:
        text = visitor.get(path.format(**office.records)).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r'\son\w+="|style="|javascript:', text), path
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text), path


def test_every_record_type_has_a_list_and_a_form(visit: Visit, app: Flask) -> None:
    """A type that a unit may not fill in, or a role may not see, is not offered to it."""
    with app.app_context():
        types = dict(services().catalogue.types)
    for login in ("lan", "hoa"):
        visitor = visit(login)
        for code, record_type in types.items():
            assert visitor.get(f"/records/of/{code}").status_code == 200
            answer = visitor.get(f"/records/new/{code}")
            offered = record_type.offered_to("commune", date(2022, 5, 30)) and (login == "hoa" or not record_type.sealed_by)
            assert answer.status_code == (200 if offered else 403), code
            if offered:
                for name, field in record_type.fields.items():
                    if field.required and field.show_when is None and name != "unit":
                        assert f'name="held" value="{name}"' in answer.text, (code, name)
