"""The tree of units that ships: the district of the letter, its merger of 2020, and what came after it in 2025."""

from datetime import date

import pytest

from shared.catalogue import load_catalogue
from shared.units import Unit, UnitTree

LETTER = date(2022, 5, 30)
AFTER = date(2025, 7, 1)


@pytest.fixture(scope="module")
def units() -> UnitTree:
    return load_catalogue().units


def codes(found: list[Unit]) -> list[str]:
    return [unit.code for unit in found]


def test_ten_commune_level_units_in_administrative_order(units: UnitTree) -> None:
    communes = [unit for unit in units.children("hong_ngu", LETTER) if unit.kind in ("town", "commune")]
    assert codes(communes) == [
        "thuong_thoi_tien", "long_khanh_a", "long_khanh_b", "long_thuan", "phu_thuan_a", "phu_thuan_b", "thuong_lac",
        "thuong_phuoc_1", "thuong_phuoc_2", "thuong_thoi_hau_a",
    ]  # fmt: skip
    assert [unit.code for unit in communes if not unit.must_self_assess_ntm] == ["thuong_thoi_tien"]
    assert all(unit.must_have_committee and unit.must_report for unit in communes)


def test_ten_communes_and_fifteen_bodies_report(units: UnitTree) -> None:
    reporting = units.reporting("hong_ngu", LETTER)
    assert len(reporting) == 25
    assert set(codes(reporting)) == set(units["ld_tbxh"].receives_reports_of)


def test_merger_of_2020(units: UnitTree) -> None:
    gone = units["thuong_thoi_hau_b"]
    assert gone.exists_on(date(2019, 12, 31)) and not gone.exists_on(date(2020, 1, 1))
    assert gone.successors == ("thuong_lac",)
    communes = [unit for unit in units.children("hong_ngu", date(2019, 12, 31)) if unit.kind in ("town", "commune")]
    assert len(communes) == 11


def test_no_district_after_june_2025(units: UnitTree) -> None:
    assert not units["hong_ngu"].exists_on(AFTER)
    assert codes(units.reporting("dong_thap", AFTER)) == [
        "phuong_thuong_lac",
        "xa_thuong_phuoc",
        "xa_long_khanh",
        "xa_long_phu_thuan",
    ]
    left = [unit.code for unit in units.subtree("hong_ngu") if unit.exists_on(AFTER)]
    assert left == []


def test_successors_take_over_on_the_next_day(units: UnitTree) -> None:
    for unit in units.values():
        for code in unit.successors:
            successor = units[code]
            assert unit.ends is not None
            assert not unit.exists_on(AFTER)
            assert successor.starts is None or (successor.starts - unit.ends).days == 1


def test_each_commune_has_hamlets_and_they_end_with_it(units: UnitTree) -> None:
    for unit in units.values():
        if unit.kind in ("commune", "town", "ward"):
            hamlets = units.children(unit.code)
            assert hamlets, unit.code
            assert all(hamlet.kind == "hamlet" and hamlet.demo and hamlet.ends == unit.ends for hamlet in hamlets)
            wanted = "Ấp " if unit.kind == "commune" else "Khóm "
            assert all(hamlet.name.vi.startswith(wanted) for hamlet in hamlets)


def test_letterheads(units: UnitTree) -> None:
    for unit in units.values():
        if not unit.must_report:
            continue
        head, signer = unit.letterhead, unit.signer
        assert head is not None and signer is not None and unit.symbol.startswith("BC-")
        assert len(head.lines) == len(head.bold) and head.bold[-1]
        if unit.kind in ("commune", "town", "ward"):
            assert head.lines[0] == "ỦY BAN NHÂN DÂN" and all(head.bold)
            assert signer.authority[0] == "TM. ỦY BAN NHÂN DÂN"
        assert (head.family == "organisation") is (unit.kind == "organisation")


def test_population_adds_up(units: UnitTree) -> None:
    communes = [unit for unit in units.children("hong_ngu", LETTER) if unit.kind in ("town", "commune")]
    assert sum(unit.population or 0 for unit in communes) == units["hong_ngu"].population
    assert sum(unit.households or 0 for unit in communes) == units["hong_ngu"].households
    assert all(unit.demo for unit in communes)
