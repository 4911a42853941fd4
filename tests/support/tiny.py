"""A whole catalogue in a page: one of everything, so that a test can break any part of it and read it again in a moment."""

TINY = {
    "choices.yaml": """\
topic:
  - {code: law, vi: Luật, en: Law}
  - {code: gbv, vi: Bạo lực, en: Violence, valid_from: 2022-01-01, folded: true}
  - {code: covid, vi: COVID-19, en: COVID-19, valid_to: 2022-12-31}
""",
    "roles.yaml": """\
- code: collector
  label: {vi: Cán bộ, en: Officer}
  scope: own
  confidential: none
  may: [read, record]
- code: district_officer
  label: {vi: Chuyên viên, en: District officer}
  scope: below
  confidential: granted
  may: [read, accept]
""",
    "flows.yaml": """\
record:
  start: draft
  states:
    - {code: draft, vi: Đang soạn, en: Draft}
    - {code: submitted, vi: Đã gửi, en: Submitted}
  transitions:
    - {from: draft, to: submitted, roles: [collector]}
""",
    "instruments.yaml": """\
risk:
  label: {vi: Nguy cơ, en: Risk}
  source: Mẫu số 02
  verified: false
  items:
    - {code: R01, vi: Câu một, en: Question one}
    - {code: R02, vi: Câu hai, en: Question two, critical: true}
""",
    "series.yaml": """\
standard:
  label: {vi: Mức chuẩn, en: Standard}
  unit: {vi: đồng, en: VND}
  values:
    - {from: 2021-07-01, value: 360000, source: NĐ 20/2021, verified: true}
    - {from: 2024-07-01, value: 500000, source: NĐ 76/2024}
""",
    "units.yaml": """\
- code: province
  kind: province
  name: {vi: Tỉnh, en: Province}
  sort: 1
- code: district
  parent: province
  kind: district
  name: {vi: Huyện, en: District}
  sort: 2
  to: 2025-06-30
  letterhead: {lines: [ỦY BAN NHÂN DÂN, HUYỆN], bold: [true, true], family: state}
  signer: {authority: [TM. ỦY BAN NHÂN DÂN], title: CHỦ TỊCH}
- {code: town, parent: district, kind: town, name: {vi: Thị trấn, en: Town}, sort: 1, to: 2025-06-30, successors: [ward]}
- {code: b_commune, parent: district, kind: commune, name: {vi: Xã B, en: Commune B}, sort: 3, to: 2025-06-30, successors: [ward], must_report: true}
- {code: a_commune, parent: district, kind: commune, name: {vi: Xã A, en: Commune A}, sort: 2, to: 2025-06-30, successors: [ward, new_commune], must_report: true}
- {code: hamlet, parent: a_commune, kind: hamlet, name: {vi: Ấp, en: Hamlet}, sort: 1, to: 2025-06-30}
- {code: ward, parent: province, kind: ward, name: {vi: Phường, en: Ward}, sort: 5, from: 2025-07-01}
- {code: new_commune, parent: province, kind: commune, name: {vi: Xã mới, en: New commune}, sort: 4, from: 2025-07-01}
""",
    "periods.yaml": """\
- code: H1
  kind: half_year
  label: {vi: "06 tháng đầu năm {year}", en: "First half of {year}"}
  covers: {from: [-1, 11, 15], to: [0, 5, 31]}
  due: [0, 6, 1]
- code: R15
  kind: review
  label: {vi: 15 năm, en: Fifteen years}
  covers: {from: [-15, 7, 1], to: [0, 6, 30]}
  years: [2022]
""",
    "indicators.yaml": """\
- code: I01
  label: {vi: Cuộc, en: Meetings}
  unit: {vi: cuộc, en: meetings}
  kind: count
  type: meeting
  where: "total > 0"
""",
    "record_types/meeting.yaml": """\
code: meeting
label: {vi: Cuộc họp, en: Meeting}
icon: bullhorn
group: communication
letter: ["3"]
title: title
date: held_on
figure: total
unit_kinds: [commune, town, ward]
valid_from: 2010-01-01
fields:
  title: {kind: text, label: {vi: Tên, en: Title}, required: true, max_length: 40}
  held_on: {kind: date, label: {vi: Ngày, en: Date}, required: true, not_future: true}
  topics: {kind: choices, label: {vi: Nội dung, en: Topics}, choices: topic, max: 2}
  main_topic: {kind: choice, label: {vi: Chính, en: Main}, choices: topic}
  total: {kind: int, label: {vi: Tổng, en: Total}, required: true, min: 0, max: 1000}
  women: {kind: int, label: {vi: Nữ, en: Women}, min: 0, max: 1000}
  men: {kind: int, label: {vi: Nam, en: Men}, computed: "total - women"}
  share: {kind: decimal, label: {vi: Tỷ lệ nam, en: Share of men}, computed: "men * 100 / total"}
  school: {kind: text, label: {vi: Trường, en: School}, show_when: 'main_topic == "law"', required: true}
  link: {kind: url, label: {vi: Trang, en: Page}, require_when: "total > 500"}
  mask: {kind: bool, label: {vi: Khẩu trang, en: Masks}, required: true, valid_to: 2022-12-31, valid_from: 2020-03-01}
  hamlets: {kind: int, label: {vi: Số ấp, en: Hamlets}, required: true, max: 100, unit_kinds: [commune]}
  guests:
    kind: rows
    label: {vi: Khách, en: Guests}
    fields:
      name: {kind: text, label: {vi: Tên, en: Name}, required: true, max_length: 20}
      paid: {kind: money, label: {vi: Tiền, en: Money}, min: 0}
      why: {kind: text, label: {vi: Vì sao, en: Why}, show_when: "paid > 100", required: true}
  paid_total: {kind: money, label: {vi: Cộng, en: Total paid}, computed: 'total(guests, "paid")'}
  answers:
    kind: rows
    label: {vi: Trả lời, en: Answers}
    rows_from: risk
    fields:
      yes: {kind: bool, label: {vi: Có, en: "Yes"}, required: true}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [title, held_on, topics, main_topic, total, women, men, school, mask, hamlets]}
  - {code: more, label: {vi: Thêm, en: More}, folded: true, fields: [share, link, guests, paid_total, answers]}
rules:
  - code: women_le_total
    level: error
    check: "women <= total"
    fields: [women, total]
    message: {vi: "Số nữ ({women}) nhiều hơn tổng ({total}) về {main_topic}.", en: "More women ({women}) than people ({total}) on {main_topic}."}
  - code: many
    level: warning
    when: "not empty(title)"
    check: "total <= 300"
    fields: [total]
    message: {vi: "Có đúng {total} người không?", en: "Were there really {total} people?"}
""",
    "record_types/victim.yaml": """\
code: victim
label: {vi: Hồ sơ, en: File}
group: gbv
title: opened_on
date: opened_on
sealed_by: self
fields:
  opened_on: {kind: date, label: {vi: Ngày lập, en: Opened on}, required: true}
  name: {kind: text, label: {vi: Họ tên, en: Name}, sensitivity: confidential, required: true}
  age: {kind: int, label: {vi: Tuổi, en: Age}, sensitivity: confidential, min: 0, max: 120}
  children:
    kind: rows
    label: {vi: Con, en: Children}
    sensitivity: confidential
    fields:
      age: {kind: int, label: {vi: Tuổi, en: Age}, sensitivity: confidential}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [opened_on, name, age, children]}
rules:
  - code: adult
    level: error
    check: "age >= 16 or not empty(children)"
    fields: [age]
    message: {vi: Kiểm tra tuổi., en: Check the age.}
""",
    "record_types/help.yaml": """\
code: help
label: {vi: Hỗ trợ, en: Help}
group: gbv
title: given_on
date: given_on
sealed_by: case
fields:
  case: {kind: ref, ref: victim, label: {vi: Hồ sơ, en: File}, required: true}
  given_on: {kind: date, label: {vi: Ngày, en: Date}}
  story: {kind: long, label: {vi: Kết quả, en: Outcome}, sensitivity: confidential}
  money: {kind: money, label: {vi: Tiền, en: Money}, default: 0}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [case, given_on, story, money]}
""",
    "reports/half_year.yaml": """\
code: half_year
label: {vi: Báo cáo, en: Report}
""",
}
"""Path → text. Three types: one open with a field of most kinds, one sealed by itself, one sealed by the case it refers to."""


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """The tiny catalogue with one place changed; the place must be there."""
    assert TINY[path].count(old) >= 1, (path, old)
    return {**TINY, path: TINY[path].replace(old, new, 1)}
