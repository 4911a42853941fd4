"""What somebody adds to the catalogue without a line of code: a record type, a field, two indicators, a sentence, an annex.

``added_to(folder)`` copies the catalogue that ships into a folder and adds them to it, as texts.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from shared.catalogue import DATA

TYPE: Final = "study_visit"
FIELD: Final = "interpreters"
TYPE_LABEL: Final = "Tham quan học tập mô hình"
TITLE_LABEL: Final = "Tên chuyến tham quan"
FIELD_LABEL: Final = "Số người phiên dịch ngôn ngữ ký hiệu"
RULE_SAYS: Final = "Số nữ (9) nhiều hơn số người đi (5). Sửa một trong hai số."

_TYPE: Final = """\
code: study_visit
label: {vi: Tham quan học tập mô hình, en: Study visit to a model}
icon: bus
group: management
letter: ["5"]
title: title
date: held_on
figure: people
fields:
  title: {kind: text, label: {vi: Tên chuyến tham quan, en: Title of the visit}, required: true, max_length: 200}
  held_on: {kind: date, label: {vi: Ngày đi, en: Date}, required: true, not_future: true}
  people: {kind: int, label: {vi: Số người đi, en: People}, required: true, min: 1, max: 1000}
  women: {kind: int, label: {vi: "Trong đó: nữ", en: Of whom women}, min: 0}
sections:
  - {code: main, label: {vi: Chuyến đi, en: Visit}, fields: [title, held_on, people, women]}
rules:
  - code: women_at_most_people
    level: error
    check: "women <= people"
    fields: [women, people]
    message:
      vi: "Số nữ ({women}) nhiều hơn số người đi ({people}). Sửa một trong hai số."
      en: "More women ({women}) than people ({people}). Correct one of the two."
"""

_FIELD: Final = """\
  interpreters:
    kind: int
    label: {vi: Số người phiên dịch ngôn ngữ ký hiệu, en: Sign-language interpreters}
    min: 0
    max: 50
"""

_INDICATORS: Final = """\
- code: I90
  label: {vi: Chuyến tham quan học tập, en: Study visits}
  unit: {vi: chuyến, en: visits}
  kind: count
  type: study_visit
  letter: "5"

- code: I91
  label: {vi: Người phiên dịch ngôn ngữ ký hiệu, en: Sign-language interpreters}
  unit: {vi: lượt người, en: attendances}
  kind: sum
  type: communication_activity
  of: interpreters
  once: "empty(part) or part == 'lead'"
  letter: "3"
"""

_SENTENCE: Final = """\
      - sentence:
          clauses:
            - {when: I90 > 0, vi: "Tổ chức {I90} chuyến tham quan học tập mô hình"}
            - {when: I91 > 0, vi: "bố trí {I91} lượt người phiên dịch ngôn ngữ ký hiệu"}
"""

_ANNEX: Final = """\
  - number: Phụ lục X
    title: THAM QUAN HỌC TẬP
    when: I90 > 0
    tables:
      - code: X
        kind: records
        title: Các chuyến tham quan
        figure: I90
        columns:
          - {heading: Tên chuyến, field: title, width: 9}
          - {heading: Ngày, field: held_on, width: 3}
          - {heading: Số người, field: people, width: 3, numeric: true}

"""

SENTENCE: Final = "Tổ chức 01 chuyến tham quan học tập mô hình; bố trí 02 lượt người phiên dịch ngôn ngữ ký hiệu."


def added_to(folder: Path) -> Path:
    """The folder of a catalogue with the additions."""
    shutil.copytree(DATA, folder)
    (folder / "record_types" / "study_visit.yaml").write_text(_TYPE, "utf-8")
    (folder / "indicators_added.yaml").write_text(_INDICATORS, "utf-8")
    _insert(folder / "record_types" / "communication_activity.yaml", "  estimated:\n", _FIELD)
    _insert(folder / "record_types" / "communication_activity.yaml", ", estimated]", f", {FIELD}")
    _insert(folder / "reports" / "half_year.yaml", "      - narrative: results_text_6\n", _SENTENCE)
    _insert(folder / "reports" / "half_year.yaml", "  - number: Phụ lục IX\n", _ANNEX)
    return folder


def _insert(path: Path, before: str, text: str) -> None:
    told = path.read_text("utf-8")
    assert told.count(before) == 1, (path.name, before)
    path.write_text(told.replace(before, text + before), "utf-8")
