"""What a report says: sentences, narratives, tables, and where each number comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from server.reports import build_report, merge_narratives
from server.reports.build import official_date
from server.reports.document import HEADING, ITEM, SUBHEADING, Document
from server.reports.outline import OutlineError, figure_of, read_block, read_outline
from shared.figures import BLANK
from shared.indicator_plan import plan_of
from shared.indicators import compute
from shared.text import clean
from tests.server.report_case import (
    NARRATIVE,
    UNIT,
    catalogue,
    district_report,
    district_request,
    district_units,
    records,
    unit_report,
    unit_request,
)
from tests.shared.recount import POSTS, SQL, UNITS, ask, database
from tests.support.invented import Record


def text(document: Document) -> str:
    return "\n".join(paragraph.text for paragraph in document.body)


def below(document: Document, heading: str) -> list[str]:
    """The paragraphs between a heading and the next one."""
    found: list[str] = []
    inside = False
    for paragraph in document.body:
        if paragraph.style in (HEADING, SUBHEADING):
            inside = paragraph.text.startswith(heading)
        elif inside:
            found.append(paragraph.text)
    return found


def report(of: str, **values: Any) -> Record:
    return {"id": f"{of}-1", "type": of, "unit": UNIT, "state": "submitted", "values": values}


@pytest.mark.parametrize("make", [unit_report, district_report])
def test_outline_stands_in_order(make: Any) -> None:
    headings = [paragraph.text for paragraph in make().body if paragraph.style == HEADING]
    assert headings == [
        "I. TÌNH HÌNH CHUNG", "II. CÔNG TÁC LÃNH ĐẠO, CHỈ ĐẠO, ĐIỀU HÀNH", "III. KẾT QUẢ THỰC HIỆN", "IV. ĐÁNH GIÁ CHUNG",
        "V. PHƯƠNG HƯỚNG, NHIỆM VỤ TRỌNG TÂM", "VI. ĐỀ XUẤT, KIẾN NGHỊ"]


@pytest.mark.parametrize("make", [unit_report, district_report])
def test_no_placeholder_is_left_and_every_sentence_ends(make: Any) -> None:
    document = make()
    for paragraph in document.body:
        assert "{" not in paragraph.text
        assert "None" not in paragraph.text
        assert "  " not in paragraph.text
        assert clean(paragraph.text) == paragraph.text
        if paragraph.style not in (HEADING, SUBHEADING):
            assert paragraph.text[-1] in ".:", paragraph.text
            assert paragraph.text[0].isupper() or paragraph.text[0].isdigit() or paragraph.style == ITEM
    assert document.body[-1].text.endswith("./.")


def test_numbers_lead_to_their_records() -> None:
    document = unit_report()
    figures = unit_request().figures.unit_only(UNIT)
    known = {record["id"]: record for record in records()}
    sources = list(document.sources())
    assert any(source.reference == "I01" for source in sources)
    for source in sources:
        assert set(source.records) <= set(known)
        if source.reference in ("I01", "I02", "I13", "I13V.sex.female") and not source.unit:
            assert source.records == figures.of(source.reference).records


def test_a_units_own_report_counts_what_others_lead_and_the_district_does_not() -> None:
    def held(unit: str, part: str, people: int) -> Record:
        values = {"held_on": "2022-03-08", "form": "launch", "part": part, "participants_total": people, "participants_female": people // 2}
        return {"id": f"{unit}-{part}", "type": "communication_activity", "unit": unit, "state": "submitted", "values": values}

    lead, shared, sent = held(district_units()[0], "lead", 500), held(UNIT, "co", 100), held(UNIT, "attend", 20)
    document = build_report(catalogue(), unit_request(some=(lead, shared, sent)))
    said = below(document, "4. Chương trình Truyền thông")
    assert said[0] == "Trong kỳ đã tổ chức, tham gia 02 cuộc truyền thông với 120 lượt người dự, trong đó có 60 nữ (chiếm 50%)."
    assert said[1] == "Trong đó, phối hợp 01 cuộc; cử người dự 01 cuộc."
    tables = {table.code: table for table in document.tables()}
    assert [cell.text for cell in tables["III"].rows[0].cells[2:6]] == ["2", "120", "60", "60"]
    assert [[cell.text for cell in row.cells[1:3]] for row in tables["III-1"].rows] == [
        ["Phối hợp", "1"], ["Tham dự, cử người dự", "1"], ["Tổng cộng", "2"]]
    figures = compute(catalogue(), (lead, shared, sent), units=district_units(), period=catalogue().periods.get("2022-H1"))
    whole = build_report(catalogue(), district_request(figures=figures, records=(lead, shared, sent), previous=None))
    assert below(whole, "4. Chương trình Truyền thông")[0].startswith("Trong kỳ đã tổ chức 01 cuộc truyền thông với 500 lượt người dự")


def test_every_number_of_a_units_report_is_that_of_the_recount() -> None:
    """What stands in the sheet of figures and in the tables of a unit's document, counted again in SQL for that unit alone."""
    unit = catalogue().units[UNIT]
    base = database(records(), [(UNIT, unit.kind, unit.must_have_committee, unit.must_self_assess_ntm, unit.must_report)])
    counted = {code: ask(base, query, period=("2021-11-15", "2022-05-31", 2022), unit=UNIT)[0]
               for code, query in {**SQL, **POSTS, **UNITS}.items() if code != "I25N"}
    document = unit_report()
    for line in document.figures:
        if line.reference in counted:
            assert (line.value or 0) == pytest.approx(counted[line.reference] or 0, abs=0.05), line.reference
    told = {cell.source.reference: cell for table in document.tables() for row in table.rows for cell in row.cells
            if cell.source and table.code in ("III", "V")}
    assert {"I01", "I02", "I13V.sex.female", "I13V.age.under16"} <= set(told)
    for reference, cell in told.items():
        if reference in counted and reference != "I05K":
            assert (cell.value or 0) == (counted[reference] or 0), reference


def test_all_eight_annexes_of_the_papers_are_there() -> None:
    annexes = [annex.number for annex in district_report().annexes]
    assert annexes == [f"Phụ lục {number}" for number in ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")]
    chosen = build_report(catalogue(), unit_request(report={"annexes": ["annex_3", "annex_5"]}))
    assert [annex.number for annex in chosen.annexes] == ["Phụ lục III", "Phụ lục V"]
    columns = {table.code: [column.heading for column in table.columns] for table in unit_report().tables()}
    assert columns["I"] == ["TT", "Mục tiêu, chỉ tiêu", "ĐVT", "Chỉ tiêu TW 2025", "Chỉ tiêu giao năm 2022", "Thực hiện kỳ trước",
                            "Thực hiện kỳ này", "Ước cả năm", "Tỷ lệ hoàn thành (%)", "Đánh giá", "Ghi chú"]
    assert columns["II"] == ["TT", "Chức danh", "Tổng số", "Nữ", "Tỷ lệ nữ (%)", "So với cùng kỳ (nữ)"]


def test_records_of_an_annex_read_as_words() -> None:
    target = report("target", year=2022, indicator="NQ28-3.2a", unit_of_measure="%", planned=80, achieved=60, baseline=72.5)
    own = {**report("target", year=2022, indicator="own", own_text="Số mô hình mới", planned=2), "id": "own"}
    visit = report("inspection", done_on="2022-03-09", inspected_unit="long_khanh_b", form="integrated", findings="Đạt.",
                   recommendations=[{"id": "a", "text": "x", "done": True}, {"id": "b", "text": "y"}])
    shelter = report("model", kind="trusted_address", name="Nhà ông Mẫu", hamlet="long_khanh_a_long_thanh", founded_on="2021-05-04",
                     status="active", meets_standard=["decision"], address="Số 1 đường Mẫu", phone="0901")
    club = {**report("model", kind="club_family", name="CLB mẫu", status="active", members_total=12), "id": "club"}
    review = report("model_check", model=shelter["id"], checked_on="2022-03-01", working=True, helped_total=3)
    document = build_report(catalogue(), unit_request(some=(target, own, visit, shelter, club, review)))
    found = {table.code: [[cell.text for cell in row.cells[1:]] for row in table.rows] for table in document.tables()}
    label = "Tỷ lệ người bị bạo lực gia đình, bạo lực trên cơ sở giới được phát hiện được tiếp cận ít nhất một trong các dịch vụ hỗ trợ cơ bản"
    assert found["I"] == [["Số mô hình mới", "", "", "2", "-", "-", "-", "-", "Chưa đánh giá", ""],
                          [label, "%", "80", "80", "72,5", "60", "-", "75", "Không đạt", ""]]
    assert found["VIII"] == [["Xã Long Khánh B", "Lồng ghép vào cuộc kiểm tra chuyên môn", "09/3/2022", "Đạt.", "2", "1"]]
    assert found["VI"] == [["", "CLB mẫu", "CLB Gia đình phát triển bền vững", "", "", "12", "-", "-", "Đang hoạt động", ""],
                           ["Ấp Long Thạnh", "Nhà ông Mẫu", "Địa chỉ tin cậy – nhà tạm lánh", "04/5/2021", "", "-", "-", "< 5",
                            "Đang hoạt động", "Chưa đạt"]]
    assert "đường Mẫu" not in str(document)
    assert "0901" not in str(document)


def test_two_tables_of_the_papers_are_there() -> None:
    columns = {table.code: [column.heading for column in table.columns] for table in district_report().tables()}
    assert columns["III"] == [
        "TT", "Đơn vị", "Số cuộc", "Lượt người dự", "Trong đó nữ", "Nam", "Trẻ em", "Tin, bài", "Lượt phát", "Tờ gấp, tài liệu",
        "Pa nô", "Băng rôn", "Kinh phí (nghìn đồng)"]
    assert columns["V"] == ["Chỉ tiêu", "ĐVT", "Kỳ trước", "Kỳ này"]


def test_table_three_adds_up_and_follows_administrative_order() -> None:
    table = next(table for table in district_report().tables() if table.code == "III")
    *rows, total = table.rows
    assert [row.cells[1].text for row in rows][:3] == ["Thị trấn Thường Thới Tiền", "Xã Long Khánh A", "Xã Long Khánh B"]
    assert len(rows) == len(district_units())
    for place in range(2, len(table.columns) - 1):
        assert sum(row.cells[place].value or 0 for row in rows) == total.cells[place].value


def test_table_five_lists_the_five_measures_of_its_time() -> None:
    table = next(table for table in unit_report().tables() if table.code == "V")
    labels = [row.cells[0].text for row in table.rows]
    start = labels.index("Biện pháp xử lý người gây bạo lực")
    assert labels[start + 1:labels.index("Người bị bạo lực")] == [
        "Cấm tiếp xúc", "Góp ý, phê bình trong cộng đồng dân cư", "Ngăn chặn, xử phạt hành chính", "Biện pháp tố tụng hình sự",
        "Biện pháp giáo dục"]
    assert {"Số hộ có bạo lực gia đình", "Số vụ bạo lực trên cơ sở giới", "Dưới 16 tuổi", "Số vụ được xử lý"} <= set(labels)


def test_t06_table_by_commune_hides_small_counts_beside_full_totals() -> None:
    annex = next(annex for annex in district_report().annexes if annex.number == "Phụ lục V")
    assert annex.marking == "LƯU HÀNH NỘI BỘ"
    figures = district_request().figures
    table = next(table for table in annex.tables if table.code == "V-1")
    assert table.rows[-1].cells[2].value == figures.of("I13").value
    for row in table.rows[:-1]:
        for cell in row.cells[2:]:
            assert cell.value is None or cell.value == 0 or cell.value >= 5
            assert cell.source is None or not cell.source.records


def test_t06_t13_published_report_hides_small_counts_everywhere() -> None:
    document = build_report(catalogue(), unit_request(published=True))
    cases = {code for code, indicator in plan_of(catalogue()).indicators.items() if indicator.cases}
    for source in document.sources():
        if source.reference.split(".")[0] in cases:
            assert source.records == ()
    for line in document.figures:
        if line.reference in cases and line.unit_of_measure not in ("%", "ngày"):
            assert line.value is None or line.value == 0 or line.value >= 5
            assert line.previous is None or line.previous == 0 or line.previous >= 5
    assert "< 5" in text(document)


def test_no_case_is_a_declared_zero_and_never_no_violence() -> None:
    declared = report("periodic_report", period="2022-H1", zero_declared=["gbv_incident"])
    said = below(build_report(catalogue(), unit_request(some=(declared,))), "3. Chương trình phòng ngừa")
    assert said == ["Trong kỳ không ghi nhận vụ việc bạo lực trên cơ sở giới trên địa bàn."]
    blank = below(build_report(catalogue(), unit_request(some=())), "3. Chương trình phòng ngừa")
    assert blank == ["Chưa có số liệu khai báo về vụ việc bạo lực trên cơ sở giới trong kỳ."]
    for document in (unit_report(), district_report(), build_report(catalogue(), unit_request(some=()))):
        assert "không có bạo lực" not in text(document)


def test_an_estimate_is_written_khoang() -> None:
    rally = report("communication_activity", held_on="2022-03-08", participants_total=500, participants_female=300, estimated=True)
    said = below(build_report(catalogue(), unit_request(some=(rally,))), "4. Chương trình Truyền thông")[0]
    assert said == ("Trong kỳ đã tổ chức, tham gia 01 cuộc truyền thông với khoảng 500 lượt người dự, trong đó có khoảng 300 nữ "
                    "(chiếm 60%).")


def test_an_empty_report_is_still_a_whole_report() -> None:
    document = build_report(catalogue(), unit_request(some=(), report={}, previous=None))
    assert document.figures[0].printed == "-"
    assert document.head.number == "      /BC-UBND"
    assert all(paragraph.text for paragraph in document.body)


def test_directive_documents_are_listed() -> None:
    plan = report("directive_document", number="12/KH-UBND", issued_on="2022-02-15", kind="plan",
                  summary="Triển khai công tác bình đẳng giới năm 2022")
    assert below(build_report(catalogue(), unit_request(some=(plan,))), "1. Ban hành văn bản")[1] == (
        "Kế hoạch số 12/KH-UBND ngày 15/02/2022: Triển khai công tác bình đẳng giới năm 2022.")


def test_narrative_stands_in_its_sections() -> None:
    assert below(unit_report(), "1. Ưu điểm") == ["Cấp ủy, chính quyền quan tâm chỉ đạo.", "Các ngành, đoàn thể phối hợp chặt chẽ."]
    assert below(unit_report(), "I. TÌNH HÌNH CHUNG")[0] == "Xã có 05 ấp, 3.540 hộ."
    placed = set(read_outline(catalogue().reports, "half_year").narratives())
    fields = {name for name, field in catalogue().types["periodic_report"].fields.items()
              if field.kind == "long" and name not in ("note", "return_reason")}
    assert placed == fields


def test_district_says_who_is_late_and_who_is_missing() -> None:
    said = below(district_report(), "I. TÌNH HÌNH CHUNG")
    assert any("có 22/25 đơn vị gửi báo cáo 06 tháng đầu năm 2022, trong đó 20 đơn vị gửi đúng hạn; 02 đơn vị gửi trễ "
               "(xã Long Khánh A, xã Long Khánh B); 03 đơn vị chưa gửi báo cáo (" in line for line in said)
    table = next(table for table in district_report().tables() if table.code == "IX-2")
    said = [row.cells[4].text for row in table.rows]
    assert said[:4] == ["Đúng hạn", "Gửi trễ 1 ngày", "Gửi trễ 3 ngày", "Đúng hạn"]
    assert said[-1] == "Chưa gửi báo cáo"


def test_a_unit_with_an_extension_is_in_time() -> None:
    units = district_units()
    document = build_report(catalogue(), district_request(due={units[1]: date(2022, 6, 5)}))
    table = next(table for table in document.tables() if table.code == "IX-2")
    assert [cell.text for cell in table.rows[1].cells[2:]] == ["05/6/2022", "02/6/2022", "Đúng hạn"]


def test_district_narrative_is_merged_unit_by_unit_until_it_is_edited() -> None:
    merged = below(district_report(), "2. Tồn tại, hạn chế")
    assert merged == ["Thị trấn Thường Thới Tiền, xã Long Khánh A, xã Long Khánh B: Một số hoạt động còn lồng ghép."]
    other = {unit: {"limits": text} for unit, text in zip(district_units(), ("- Một.\n- Hai.", "Ba.", "Một. Hai."), strict=False)}
    assert below(build_report(catalogue(), district_request(narratives=other)), "2. Tồn tại, hạn chế") == [
        "Thị trấn Thường Thới Tiền, xã Long Khánh B: Một. Hai.", "Xã Long Khánh A: Ba."]
    texts = merge_narratives(catalogue(), "half_year", district_units(), {UNIT: NARRATIVE})
    assert texts["strengths"] == "- Xã Long Khánh A: Cấp ủy, chính quyền quan tâm chỉ đạo. Các ngành, đoàn thể phối hợp chặt chẽ."
    assert "causes_objective" not in texts
    edited = build_report(catalogue(), district_request(report={"limits": "Còn hai hạn chế."}))
    assert below(edited, "2. Tồn tại, hạn chế") == ["Còn hai hạn chế."]


def test_previous_period_stands_beside() -> None:
    table = next(table for table in district_report().tables() if table.code == "IX-1")
    request = district_request()
    assert request.previous is not None
    row = table.rows[0]
    assert [cell.value for cell in row.cells[2:4]] == [request.previous.of("I01").value, request.figures.of("I01").value]
    change = (request.figures.of("I01").value or 0) - (request.previous.of("I01").value or 0)
    assert row.cells[4].value == change
    word = "tăng" if change > 0 else "giảm"
    assert f"So với 06 tháng đầu năm 2021, số cuộc truyền thông {word} " in text(district_report())


@pytest.mark.parametrize(("unit", "lines", "number", "place", "first_authority"), [
    ("long_khanh_a", [("ỦY BAN NHÂN DÂN", True), ("XÃ LONG KHÁNH A", True)], "      /BC-UBND", "Long Khánh A", "TM. ỦY BAN NHÂN DÂN"),
    ("ld_tbxh", [("ỦY BAN NHÂN DÂN HUYỆN HỒNG NGỰ", False), ("PHÒNG LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI", True)],
     "      /BC-LĐTBXH", "Hồng Ngự", "KT. TRƯỞNG PHÒNG"),
])
def test_head_is_the_units_own(unit: str, lines: list[tuple[str, bool]], number: str, place: str, first_authority: str) -> None:
    document = build_report(catalogue(), unit_request(unit))
    assert [(line.text, line.bold) for line in document.head.lines] == lines
    assert document.head.number == number
    assert document.head.place_date == f"{place}, ngày 30 tháng 5 năm 2022"
    assert document.signature.authority[0] == first_authority
    assert document.signature.name == "Nguyễn Văn Mẫu"


def test_what_the_report_says_of_itself_wins() -> None:
    said = {"number": "45", "place_date": "Long Khánh A, ngày 31 tháng 5 năm 2022", "addressees": [{"id": "a", "name": "Sở Nội vụ"}]}
    document = build_report(catalogue(), unit_request(report=said))
    assert document.head.number == "45/BC-UBND"
    assert document.head.place_date == "Long Khánh A, ngày 31 tháng 5 năm 2022"
    assert document.addressees == ("Sở Nội vụ",)


@pytest.mark.parametrize(("day", "said"), [
    (date(2022, 6, 1), "Hồng Ngự, ngày 01 tháng 6 năm 2022"), (date(2022, 2, 15), "Hồng Ngự, ngày 15 tháng 02 năm 2022")])
def test_days_and_months_bear_their_zero(day: date, said: str) -> None:
    assert official_date("Hồng Ngự", day) == said


def test_year_report_has_the_action_month() -> None:
    period = catalogue().periods.get("2022-Y")
    document = build_report(catalogue(), unit_request(outline="year", period=period))
    assert any(paragraph.text.startswith("8. Tháng hành động") for paragraph in document.body)
    assert document.subject[-1].startswith("năm 2022")
    assert "năm 2023" in " ".join(document.subject)
    assert not any(paragraph.text.startswith("8. Tháng hành động") for paragraph in unit_report().body)


def test_year_report_carries_the_estimate_of_the_year() -> None:
    period = catalogue().periods.get("2022-Y")
    rows = [{"id": "a", "figure": "I01", "value": 60.0}, {"id": "b", "figure": "Việc khác", "value": 2.5}]
    document = build_report(catalogue(), unit_request(outline="year", period=period, report={"estimate_year": rows}))
    table = next(table for table in document.tables() if table.code == "I-1")
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["Hoạt động truyền thông", "cuộc", str(unit_request().figures.of("I01", UNIT).value), "60"], ["Việc khác", "", "-", "2,5"]]
    assert "I-1" not in {table.code for table in unit_report().tables()}


def test_t13_nothing_sealed_and_no_other_field_enters() -> None:
    """A value that should be sealed never reaches a report, though it stands in the record in the clear."""
    planted = "Người Được Trồng"
    victim = report("gbv_case", opened_on="2022-03-01", full_name=planted, address=planted, wishes=planted, note=planted)
    support = report("case_support", given_on="2022-03-02", case="gbv_case-1", service="safety", outcome=planted, victim_view=planted)
    incident = report("gbv_incident", known_at="2022-03-01T08:00+07:00", violence=["physical"], handled=planted, note=planted,
                      victims=[{"id": "v", "sex": "female", "age_group": "age_25_39"}])
    assert planted not in str(build_report(catalogue(), unit_request(some=(victim, support, incident))))


def test_late_records_are_told() -> None:
    request = unit_request()
    figure = request.figures.of("I01", UNIT)
    own = {**request.figures.own[UNIT], "I01": replace(figure, late=figure.records[:2])}
    figures = replace(request.figures, own={UNIT: own})
    assert "gồm 02 hoạt động, vụ việc phát sinh bổ sung kỳ trước" in text(build_report(catalogue(), unit_request(figures=figures)))


def test_blank_figures_print_a_dash_not_a_zero() -> None:
    request = unit_request(some=())
    assert request.figures.of("I01").status == BLANK
    table = next(table for table in build_report(catalogue(), request).tables() if table.code == "III")
    assert [cell.text for cell in table.rows[0].cells[2:]] == ["-"] * 11


@pytest.mark.parametrize("block", [
    {"song": "x"}, {"narrative": "a", "subheading": "b"}, {"narrative": "a", "colour": "b"},
    {"sentence": {"clauses": [], "colour": 1}}, {"list": {"figure": "I01", "colour": 1}}])
def test_a_wrong_block_is_refused(block: dict[str, Any]) -> None:
    with pytest.raises(OutlineError):
        read_block(block)


def test_a_wrong_outline_is_refused() -> None:
    good = catalogue().reports
    with pytest.raises(OutlineError, match="no such outline"):
        read_outline(good, "never")
    with pytest.raises(OutlineError, match="extends itself"):
        read_outline({"a": {"extends": "b"}, "b": {"extends": "a"}}, "a")
    with pytest.raises(OutlineError, match="missing key"):
        read_outline({"a": {"title": "x"}}, "a")


def test_every_figure_of_the_outlines_exists() -> None:
    indicators = plan_of(catalogue()).indicators
    for code in catalogue().reports:
        for reference in read_outline(catalogue().reports, code).references():
            base, *path = reference.split(".")
            assert base in indicators, reference
            assert not path or path[0] in {one.code for one in indicators[base].by}, reference


def test_names_of_parts_in_conditions() -> None:
    assert figure_of("I13V_sex_female") == "I13V.sex.female"
    assert figure_of("I01_form_school_session") == "I01.form.school_session"
