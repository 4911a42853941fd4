"""Invented records of a district's half-year («dữ liệu mẫu»): the same ones for the same seed.

Plain records as the indicators take them. Nobody in them exists; identities are not in them at all.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

Record = dict[str, Any]

COMMUNES: Final = (
    "thuong_thoi_tien", "long_khanh_a", "long_khanh_b", "long_thuan", "phu_thuan_a", "phu_thuan_b", "thuong_lac",
    "thuong_phuoc_1", "thuong_phuoc_2", "thuong_thoi_hau_a")

_TITLES: Final = (
    "Nói chuyện chuyên đề phòng, chống bạo lực gia đình", "Truyền thông Luật Bình đẳng giới tại tổ nhân dân tự quản",
    "Sinh hoạt dưới cờ về phòng, chống xâm hại trẻ em", "Tọa đàm nam giới chia sẻ việc nhà",
    "Họp dân lồng ghép nội dung bình đẳng giới", "Hội nghị triển khai Tháng hành động vì bình đẳng giới")
_FORMS: Final = ("community_talk", "integrated", "conference", "discussion", "school_session", "launch")
_TOPICS: Final = ("law", "gbv", "domestic_violence", "child_abuse", "sex_selection", "men_engagement", "services")
_CHANNELS: Final = ("commune_radio", "district_radio", "commune_web", "portal", "zalo", "facebook", "provincial_press")
_MATERIALS: Final = ("leaflet", "handbook", "book", "panel", "banner", "slogan")
_VIOLENCE: Final = ("physical", "psychological", "sexual", "economic")
_AGES: Final = ("age_11_15", "age_16_17", "age_18_24", "age_25_39", "age_25_39", "age_40_59", "age_60_plus", "unknown")
_MEASURES: Final = ("community_criticism", "contact_ban", "education_measure", "administrative", "criminal")
_POSTS: Final = (
    "party_committee", "party_standing", "party_secretaries", "council_deputies", "council_leaders", "committee_leaders", "union_leaders",
    "cell_secretaries", "hamlet_heads", "officials", "part_time_staff")
_HAMLETS: Final = {"long_khanh_a": "long_khanh_a_long_thanh", "thuong_thoi_tien": "thuong_thoi_tien_thuong"}
_SERVICES: Final = ("safety", "medical", "psychological", "legal", "financial")
_SUMMARIES: Final = (
    "Triển khai công tác bình đẳng giới và vì sự tiến bộ của phụ nữ năm {year}",
    "Thực hiện Chương trình phòng ngừa, ứng phó với bạo lực trên cơ sở giới năm {year}",
    "Kiện toàn Ban Vì sự tiến bộ của phụ nữ", "Tổ chức các hoạt động hưởng ứng Tháng hành động năm {year}")


class Invention:
    """Makes the records. One seed, one district: every call goes on from the last."""

    def __init__(self, seed: int = 20220530) -> None:
        self.chance = random.Random(seed)

    def record(self, kind: str, unit: str, values: Record, state: str = "") -> Record:
        """A record with a new id; most are accepted, some still only submitted or drafts."""
        number = uuid.UUID(int=self.chance.getrandbits(128), version=4)
        chosen = state or self.chance.choices(("accepted", "submitted", "draft"), (12, 5, 1))[0]
        return {"id": str(number), "type": kind, "unit": unit, "state": chosen, "values": values}

    def half_year(self, units: Sequence[str], starts: date, ends: date) -> list[Record]:
        """All that the units recorded between two dates."""
        found: list[Record] = []
        for unit in units:
            busy = 1.0 if unit in COMMUNES else 0.35
            found += self._communication(unit, starts, ends, busy)
            found += self._management(unit, starts, ends)
            if unit in COMMUNES:
                found += self._violence(unit, starts, ends)
        return [*found, *self._more(units, starts, ends)]

    def _more(self, units: Sequence[str], starts: date, ends: date) -> list[Record]:
        """Statistics, reports, reviews of models and lines of budgets, drawn last so that what stands before stays as it was."""
        chance, found = self.chance, []
        for unit in units:
            for _ in range(chance.choice((1, 1, 2)) if unit in COMMUNES else 0):
                values: Record = {"as_of": self._day(starts, ends).isoformat()}
                for post in _POSTS:
                    values[f"{post}_total"] = chance.randint(3, 30)
                    values[f"{post}_female"] = chance.randint(0, values[f"{post}_total"] // 2)
                found.append(self.record("gender_statistics", unit, values, "accepted"))
            found.append(self.record("periodic_report", unit, {"period": f"{ends.year}-H1", "kind": "half_year"}, "submitted"))
            found.append(self.record("budget", unit, {"year": ends.year, "lines": [
                {"id": "s", "item": "support", "planned": 3_000_000, "allocated": 2_000_000, "spent": 1_500_000, "settled": 1_400_000,
                 "source": chance.choice(("state", "socialised"))}]}, "accepted"))
        return found

    def _day(self, starts: date, ends: date) -> date:
        return starts + timedelta(days=self.chance.randrange((ends - starts).days + 1))

    def _communication(self, unit: str, starts: date, ends: date, busy: float) -> list[Record]:
        chance, found = self.chance, []
        for _ in range(int(chance.randint(8, 22) * busy)):
            total = chance.randint(18, 180)
            children = chance.choice((None, None, chance.randint(0, total // 4)))
            held = self._day(starts, ends)
            values: Record = {
                "title": chance.choice(_TITLES), "held_on": held.isoformat(), "form": chance.choice(_FORMS),
                "topics": sorted(chance.sample(_TOPICS, chance.randint(1, 3))), "participants_total": total,
                "participants_female": chance.randint(total // 3, total), "estimated": chance.random() < 0.05}
            if children is not None:
                values["participants_children"] = children
                values["children_boys"] = chance.randint(0, min(children, total - values["participants_female"]))
            if chance.random() < 0.9:
                values["part"] = chance.choices(("lead", "co", "attend"), (8, 1, 1))[0]
            if chance.random() < 0.5:
                values["cost"] = chance.randrange(500_000, 6_000_000, 50_000)
            if (held.month, held.day) >= (11, 15) or (held.month == 12 and held.day <= 15):
                values["campaign"] = "action_month"
            if chance.random() < 0.03:
                values["covid_format"] = "postponed"
            found.append(self.record("communication_activity", unit, values))
        for _ in range(int(chance.randint(6, 30) * busy)):
            values = {"title": "Tin, bài về bình đẳng giới", "published_on": self._day(starts, ends).isoformat(),
                      "channel": chance.choice(_CHANNELS), "genre": chance.choice(("news", "article", "feature", "story"))}
            if chance.random() < 0.8:
                values["times"] = chance.randint(1, 12)
            if chance.random() < 0.6:
                values["minutes"] = chance.randint(3, 20)
            found.append(self.record("broadcast", unit, values))
        for _ in range(int(chance.randint(3, 9) * busy)):
            material = chance.choice(_MATERIALS)
            kind = "installed" if material in ("panel", "banner", "slogan") else chance.choice(("received", "distributed"))
            quantity = chance.randint(1, 12) if kind == "installed" else chance.randrange(50, 400, 10)
            quantity += 1_000 if kind == "received" else 0
            found.append(self.record("material_movement", unit, {
                "moved_on": self._day(starts, ends).isoformat(), "kind": kind, "material": material, "quantity": quantity}))
        return found

    def _management(self, unit: str, starts: date, ends: date) -> list[Record]:
        chance, found = self.chance, []
        for number in range(chance.randint(1, 3)):
            issued = self._day(starts, ends)
            kind, symbol = chance.choice((("plan", "KH-UBND"), ("official_letter", "UBND-VX"), ("decision", "QĐ-UBND")))
            found.append(self.record("directive_document", unit, {
                "number": f"{chance.randint(5, 180)}/{symbol}", "issued_on": issued.isoformat(), "kind": kind,
                "summary": _SUMMARIES[number].format(year=ends.year)}, "accepted"))
        if chance.random() < 0.7:
            members = [{"id": f"m{place}", "sex": chance.choice(("female", "female", "male")), "position": "Ủy viên",
                        "role": "head" if not place else "member"} for place in range(chance.randint(7, 13))]
            found.append(self.record("committee", unit, {
                "decision_no": f"{chance.randint(20, 300)}/QĐ-UBND", "decided_on": self._day(starts, ends).isoformat(),
                "kind": chance.choice(("established", "strengthened")), "members": members}, "accepted"))
        if chance.random() < 0.6:
            total = chance.randint(15, 60)
            begins = self._day(starts, ends - timedelta(days=3))
            found.append(self.record("training", unit, {
                "title": "Tập huấn kỹ năng phòng, chống bạo lực trên cơ sở giới", "from_date": begins.isoformat(),
                "to_date": (begins + timedelta(days=1)).isoformat(), "part": chance.choice(("lead", "lead", "attend")),
                "participants_total": total, "participants_female": chance.randint(total // 3, total),
                "audience": ["collaborators", "officials"], "organiser": "Phòng Lao động – Thương binh và Xã hội",
                "cost": chance.randrange(2_000_000, 15_000_000, 100_000)}, "accepted"))
        found += self._plans(unit, starts, ends)
        for _ in range(chance.randint(0, 2)):
            values: Record = {"raised_on": self._day(starts, ends).isoformat(), "content": "Thiếu kinh phí in tài liệu."}
            if chance.random() < 0.5:
                values["answered_on"] = ends.isoformat()
            found.append(self.record("difficulty", unit, values))
        return found

    def _plans(self, unit: str, starts: date, ends: date) -> list[Record]:
        chance = self.chance
        found = [
            self.record("plan", unit, {
                "year": ends.year, "programme": "annual", "issued_on": self._day(starts, ends).isoformat(),
                "tasks": [{"id": f"t{place}", "content": "Nhiệm vụ mẫu", "status": chance.choice(("done", "doing", "not_started"))}
                          for place in range(chance.randint(2, 6))]}),
            self.record("budget", unit, {
                "year": ends.year, "lines": [{
                    "id": f"l{place}", "item": item, "planned": 6_000_000, "allocated": 5_000_000,
                    "spent": chance.randrange(0, 5_000_000, 50_000)} for place, item in enumerate(("communication", "training"))]})]
        for _ in range(chance.randint(0, 2)):
            found.append(self.record("target", unit, {
                "year": ends.year, "indicator": "NQ28-3.2a", "unit_of_measure": "%", "planned": 100,
                "achieved": chance.choice((80, 100, 120)), "direction": "at_least"}))
        if chance.random() < 0.4:
            found.append(self.record("inspection", unit, {
                "done_on": self._day(starts, ends).isoformat(), "enterprise": "Công ty mẫu", "form": "own",
                "findings": "Chấp hành tốt, còn thiếu quy chế phòng, chống quấy rối tình dục tại nơi làm việc.", "recommendations": [
                    {"id": f"r{place}", "text": "Kiến nghị mẫu", "done": chance.random() < 0.5} for place in range(chance.randint(0, 3))]}))
        if chance.random() < 0.4:
            found.append(self.record("coordination", unit, {
                "held_on": self._day(starts, ends).isoformat(), "subject": "Họp liên ngành mẫu"}))
        if chance.random() < 0.4:
            found.append(self.record("mainstreaming", unit, {
                "document": "Kế hoạch phát triển kinh tế - xã hội mẫu", "issued_on": self._day(starts, ends).isoformat()}))
        for _ in range(2 if unit in COMMUNES[1:] else 0):
            found.append(self.record("criterion_assessment", unit, {
                "assessed_on": self._day(starts, ends).isoformat(), "criterion_set": "NTM-2016",
                "items": [{"id": f"18.6-{place}", "met": chance.random() < 0.9} for place in range(1, 6)]}))
        return found

    def _violence(self, unit: str, starts: date, ends: date) -> list[Record]:
        chance, found = self.chance, []
        for kind in ("trusted_address", "prevention_group", "club_family"):
            if chance.random() < 0.8:
                total = chance.randint(5, 30)
                found.append(self.record("model", unit, {
                    "kind": kind, "name": "Mô hình mẫu", "hamlet": _HAMLETS.get(unit), "decision_no": "45/QĐ-UBND", "founded_on": self._day(starts - timedelta(days=900), ends).isoformat(),
                    "status": chance.choices(("active", "suspended"), (9, 1))[0], "members_total": total,
                    "members_female": total // 2}, "accepted"))
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3, 6))):
            known = self._day(starts, ends - timedelta(days=10))
            victims = [{"id": f"v{place}", "sex": chance.choice(("female", "female", "female", "male")),
                        "age_group": chance.choice(_AGES)} for place in range(chance.choice((1, 1, 1, 2)))]
            perpetrators = [{"id": "p0", "sex": "male", "age_group": "age_25_39", "counselled": chance.random() < 0.5,
                             "measures": sorted(chance.sample(_MEASURES, chance.randint(0, 2)))}]
            values: Record = {
                "known_at": f"{known.isoformat()}T08:30+07:00", "violence": sorted(chance.sample(_VIOLENCE, chance.randint(1, 2))),
                "danger_now": False, "victims": victims, "perpetrators": perpetrators,
                "setting": chance.choice(("family", "family", "community")),
                "verified": chance.choice(("confirmed", "confirmed", "verifying", "unfounded"))}
            if chance.random() < 0.8:
                values["handled"] = "Đã giáo dục, cam kết không tái phạm."
            if chance.random() < 0.8:
                values["district_ack_at"] = f"{(known + timedelta(days=chance.randint(0, 2))).isoformat()}T15:00+07:00"
            incident = self.record("gbv_incident", unit, values, "accepted")
            found.append(incident)
            if values["verified"] != "unfounded":
                for _victim in victims:
                    found += self._case(unit, incident["id"], known, ends)
        return found

    def _case(self, unit: str, incident: str, known: date, ends: date) -> list[Record]:
        chance = self.chance
        case = self.record("gbv_case", unit, {
            "incident": incident, "opened_on": known.isoformat(), "legal_ground": "consent", "needs": [],
            "case_state": "supporting"}, "accepted")
        found = [case]
        for _ in range(chance.choice((0, 1, 1, 2))):
            service = chance.choice(_SERVICES)
            values: Record = {"case": case["id"], "given_on": min(ends, known + timedelta(days=chance.randint(0, 9))).isoformat(),
                              "service": service, "provider": "women_union"}
            if service == "safety":
                values["nights"] = chance.randint(1, 6)
            if service == "financial":
                values["legal_basis"], values["amount"] = "decree20", 3_600_000
            found.append(self.record("case_support", unit, values, "accepted"))
        return found
