"""T04, T11: an officer of the district reads a case only after asking with a reason and a second person's grant; all of it is seen."""

from __future__ import annotations

import re

from flask import Flask
from sqlalchemy import select

from server import db
from server.audit import AuditEntry
from server.people import Grant
from server.services import services
from tests.server.console.conftest import Visit, words
from tests.server.console.office import SECRET, Office

REASON = "Thẩm định hồ sơ hỗ trợ khẩn cấp"
ASKED = {"unit": "long_khanh_a", "code": "hs-2022-01", "reason": REASON}


def need_of(app: Flask) -> str:
    with app.app_context():
        return str(db.db.session.scalars(select(Grant.id).order_by(Grant.asked_ms.desc())).first())


def test_t04_a_case_is_asked_for_granted_read_and_ended(app: Flask, office: Office, visit: Visit) -> None:
    officer, keeper, case = visit("huyen"), visit("hoa"), office.records["case"]
    assert officer.get(f"/records/{case}").status_code == 404
    assert "HS-2022-01" not in officer.get("/records/of/gbv_case").text
    assert officer.post("/needs", ASKED).status_code == 303
    assert officer.get(f"/records/{case}").status_code == 404
    page = keeper.get("/needs")
    assert REASON in words(page)
    assert "HS-2022-01" in words(page)
    assert 'class="chip soon">1</span>' in keeper.get("/").text
    need = need_of(app)
    assert keeper.post(f"/needs/{need}/grant", {"since": "30/05/2022", "until": "05/06/2022"}).status_code == 303
    assert "Được đọc đến 05/06/2022" in words(officer.get("/needs"))
    shown = officer.get(f"/records/{case}")
    assert shown.status_code == 200
    assert SECRET not in shown.text
    assert "HS-2022-01" in officer.get("/records/of/gbv_case").text
    opened = officer.post(f"/records/{case}/open", {"why": "Đối chiếu quyết định hỗ trợ"})
    assert SECRET in opened.text
    told = words(visit("sep").get("/needs"))
    assert "Phạm Thị Chuyên Viên" in told
    assert "Đối chiếu quyết định hỗ trợ" in told
    assert SECRET not in told
    assert keeper.post(f"/needs/{need}/end").status_code == 303
    assert officer.get(f"/records/{case}").status_code == 404
    assert officer.post(f"/records/{case}/open", {"why": "Thêm một lần"}).status_code == 404
    with app.app_context():
        actions = [one.action for one in db.db.session.scalars(select(AuditEntry).order_by(AuditEntry.number)) if one.action != "users.add"]
    assert actions[-4:] == ["need_ask", "need_grant", "read", "need_end"]


def test_t04_a_grant_ends_with_its_last_day(app: Flask, office: Office, visit: Visit) -> None:
    officer, case = visit("huyen"), office.records["case"]
    officer.post("/needs", ASKED)
    visit("hoa").post(f"/needs/{need_of(app)}/grant", {"since": "30/05/2022", "until": "31/05/2022"})
    assert officer.get(f"/records/{case}").status_code == 200
    with app.app_context():
        services().clock.forward(2 * 86_400)
    assert visit("huyen").get(f"/records/{case}").status_code == 404
    assert "Hết hạn" in words(visit("huyen").get("/needs"))


def test_t11_nobody_grants_to_himself_or_out_of_reach(app: Flask, visit: Visit) -> None:
    officer = visit("huyen")
    officer.post("/needs", ASKED)
    need = need_of(app)
    days = {"since": "30/05/2022", "until": "05/06/2022"}
    assert officer.post(f"/needs/{need}/grant", days).status_code == 403
    assert visit("thuansep").post(f"/needs/{need}/grant", days).status_code == 404
    assert visit("quantri").post(f"/needs/{need}/grant", days).status_code == 403
    assert visit("quantri").get("/needs").status_code == 403
    assert REASON not in words(visit("thuansep").get("/needs"))
    assert visit("sep").post(f"/needs/{need}/grant", {"since": "30/05/2022", "until": "30/12/2022"}).status_code == 422
    assert visit("sep").post(f"/needs/{need}/grant", days).status_code == 303
    assert visit("sep").post(f"/needs/{need}/grant", days).status_code == 409


def test_what_was_typed_comes_back_with_what_is_wrong(visit: Visit) -> None:
    officer = visit("huyen")
    for change, sentence in (({"code": "HS-1999-99"}, "Không có hồ sơ nào mang mã này"), ({"unit": "long_thuan"}, "Không có hồ sơ nào mang mã này"),
                             ({"reason": "xem"}, "Ghi lý do cần xem hồ sơ")):  # fmt: skip
        answer = officer.post("/needs", {**ASKED, **change})
        assert answer.status_code in (404, 422)
        assert sentence in words(answer)
        assert re.search(rf'name="code" value="{ {**ASKED, **change}["code"] }"', answer.text)
    assert "Không có." in words(officer.get("/needs"))
