"""A tablet with a day's work on it: records, two people who wrote differently, an incident, a report. All invented («dữ liệu mẫu»)."""

from collections.abc import Callable
from typing import Any

from mobile.tablet import Tablet

Make = Callable[..., Tablet]
PERIOD = "2022-H1"

ACTIVITIES = (
    ("Nói chuyện chuyên đề phòng, chống bạo lực gia đình ấp Long Thới", "2022-05-28", "community_talk", 48, 31),
    ("Tọa đàm Luật Bình đẳng giới tại Trường THCS Long Khánh A", "2022-05-12", "seminar", 120, 64),
    ("Lồng ghép tuyên truyền trong họp chi hội phụ nữ ấp Long Phước", "2022-04-20", "integrated", 35, 33),
    ("Hội nghị triển khai Chương trình phòng ngừa, ứng phó với bạo lực trên cơ sở giới", "2022-03-08", "conference", 60, 42),
)


def activity(tablet: Tablet, title: str, day: str, form: str, total: int, female: int, place: str = "Nhà văn hóa ấp") -> str:
    """Record one activity as a form does; gives its id."""
    form_ = tablet.forms.start("communication_activity", {})
    answers: dict[str, Any] = {
        "title": title,
        "held_on": day,
        "form": form,
        "topics": ["domestic_violence", "law"],
        "participants_total": total,
        "participants_female": female,
        "place": place,
    }
    for path, value in answers.items():
        form_.answer(path, value)
    tablet.forms.autosave(form_)
    tablet.forms.submit(form_)
    tablet.forms.close(form_.record)
    return form_.record


def change(tablet: Tablet, record: str, **values: Any) -> None:
    """Open a record's form, answer, leave."""
    form = tablet.forms.open(record)
    for path, value in values.items():
        form.answer(path, value)
    tablet.forms.autosave(form)
    tablet.forms.leave(form)
    tablet.forms.close(record)


def incident(tablet: Tablet) -> str:
    """Report an incident as far as the first minute goes; gives its id."""
    form = tablet.forms.start("gbv_incident", {"known_at": "2022-05-30T06:15+07:00"})
    form.answer("violence", ["physical", "psychological"])
    form.answer("danger_now", True)
    row = form.add_row("victims")
    form.answer(f"victims/{row}/sex", "female")
    form.answer(f"victims/{row}/age_group", "age_25_39")
    tablet.forms.autosave(form)
    tablet.forms.leave(form)
    tablet.forms.close(form.record)
    return form.record


def busy(make: Make) -> tuple[Tablet, str]:
    """Make tablet A with its work, and the record on which it and tablet B disagree."""
    first, second = make("A"), make("B")
    asked = ""
    for row in ACTIVITIES:
        record = activity(first, *row)
        asked = asked or record
    first.syncer.sync()
    second.syncer.sync()
    change(first, asked, participants_total=52)
    change(second, asked, participants_total=58)
    second.syncer.sync()
    first.syncer.sync()
    first.syncer.sync()
    incident(first)
    activity(first, "Sinh hoạt Câu lạc bộ Gia đình hạnh phúc", "2022-05-29", "community_talk", 22, 12)
    return first, asked
