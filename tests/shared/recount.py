"""An independent recount of every indicator in plain SQL over a table of records; knows nothing of the indicators' code.

One query a figure, typed from the papers. `{lead}` is the part that counts an event of several units once, `{mine}` the
unit where only one is counted. The table: record(id, type, unit, state, day, v) with the values as JSON in v.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

DATES: Final = {
    "communication_activity": "held_on", "broadcast": "published_on", "material_movement": "moved_on", "training": "from_date",
    "committee": "decided_on", "directive_document": "issued_on", "model": "founded_on", "gbv_incident": "known_at",
    "gbv_case": "opened_on", "case_support": "given_on", "difficulty": "raised_on", "inspection": "done_on",
    "coordination": "held_on", "mainstreaming": "issued_on", "plan": "issued_on", "criterion_assessment": "assessed_on",
    "gender_statistics": "as_of"}

_IN = "r.state IN ('submitted','accepted') AND r.day BETWEEN :starts AND :ends {mine}"
_UNTIL = "r.state IN ('submitted','accepted') AND r.day <= :ends {mine}"
_YEAR = "r.state IN ('submitted','accepted') AND r.v->>'year' = :year {mine}"
_HELD = f"FROM record r WHERE r.type='communication_activity' AND {_IN} AND coalesce(r.v->>'covid_format','')<>'postponed' {{lead}}"
_TRAINING = f"FROM record r WHERE r.type='training' AND {_IN} {{lead}}"
_MATERIAL = f"FROM record r WHERE r.type='material_movement' AND {_IN}"
_INCIDENT = f"FROM record r WHERE r.type='gbv_incident' AND {_IN} AND coalesce(r.v->>'verified','')<>'unfounded'"
_VICTIMS = _INCIDENT.replace("FROM record r", "FROM record r, json_each(r.v,'$.victims') p")
_PERPETRATORS = _INCIDENT.replace("FROM record r", "FROM record r, json_each(r.v,'$.perpetrators') p")
_SUPPORT = f"FROM record r WHERE r.type='case_support' AND {_IN}"
_LINKED = (
    "FROM record r JOIN record c ON c.id=r.v->>'case' JOIN record i ON i.id=c.v->>'incident' WHERE r.type='case_support' AND "
    f"{_IN} AND i.state IN ('submitted','accepted') AND i.day BETWEEN :starts AND :ends")
_CHILD = "p.value->>'age_group' IN ('age_0_5','age_6_10','age_11_15')"
_COMMUNES = "r.unit IN (SELECT code FROM unit WHERE kind IN ('commune','town','ward'))"

SQL: Final[Mapping[str, str]] = {
    "I01": f"SELECT count(*) {_HELD}",
    "I01.form.school_session": f"SELECT count(*) {_HELD} AND r.v->>'form'='school_session'",
    "I01.topics.gbv": f"SELECT count(*) {_HELD} AND EXISTS(SELECT 1 FROM json_each(r.v,'$.topics') t WHERE t.value='gbv')",
    "I01.part.lead": f"SELECT count(*) {_HELD} AND coalesce(r.v->>'part','lead')='lead'",
    "I02": f"SELECT sum(r.v->>'participants_total') {_HELD}",
    "I02F": f"SELECT sum(r.v->>'participants_female') {_HELD}",
    "I03": f"SELECT 100*sum(r.v->>'participants_female')/cast(sum(r.v->>'participants_total') AS REAL) {_HELD}",
    "I04": f"SELECT sum((r.v->>'participants_total')-(r.v->>'participants_female')) {_HELD}",
    "I04C": f"SELECT sum(r.v->>'participants_children') {_HELD}",
    "I04B": f"SELECT sum(r.v->>'children_boys') {_HELD}",
    "I05": f"SELECT count(*) {_HELD} AND r.v->>'campaign'='action_month'",
    "I05P": f"SELECT coalesce(sum(r.v->>'participants_total'),0) {_HELD} AND r.v->>'campaign'='action_month'",
    "I05S": f"SELECT count(*) {_HELD} AND r.v->>'form'='school_session'",
    "I05K": f"SELECT sum(r.v->>'cost') {_HELD}",
    "I06": f"SELECT count(*) FROM record r WHERE r.type='broadcast' AND {_IN}",
    "I06.channel.zalo": f"SELECT count(*) FROM record r WHERE r.type='broadcast' AND {_IN} AND r.v->>'channel'='zalo'",
    "I06N": f"SELECT count(*) FROM record r WHERE r.type='broadcast' AND {_IN} AND r.v->>'channel' IN "
            "('commune_radio','commune_web','zalo','facebook','notice_board')",
    "I06T": f"SELECT sum(coalesce(r.v->>'times',1)) FROM record r WHERE r.type='broadcast' AND {_IN}",
    "I07": f"SELECT sum((r.v->>'minutes')*coalesce(r.v->>'times',1)) FROM record r WHERE r.type='broadcast' AND {_IN}",
    "I08R": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='received'",
    "I08": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='distributed'",
    "I08.material.leaflet": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='distributed' "
                            "AND r.v->>'material'='leaflet'",
    "I08L": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='distributed' "
            "AND r.v->>'material' IN ('leaflet','handbook','book')",
    "I08S": "SELECT coalesce(sum(CASE r.v->>'kind' WHEN 'received' THEN r.v->>'quantity' ELSE -(r.v->>'quantity') END),0) "
            f"FROM record r WHERE r.type='material_movement' AND {_UNTIL} AND r.v->>'kind'<>'installed'",
    "I09": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='installed'",
    "I09P": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='installed' AND r.v->>'material'='panel'",
    "I09B": f"SELECT coalesce(sum(r.v->>'quantity'),0) {_MATERIAL} AND r.v->>'kind'='installed' "
            "AND r.v->>'material' IN ('banner','slogan')",
    "I10": f"SELECT count(*) FROM record r WHERE r.type='model' AND {_UNTIL} AND r.v->>'status'='active'",
    "I10L": f"SELECT count(*) FROM record r WHERE r.type='model' AND {_UNTIL} AND r.v->>'status'<>'closed'",
    "I10N": f"SELECT count(*) FROM record r WHERE r.type='model' AND {_IN} AND r.v->>'status'<>'planned'",
    "I10A": f"SELECT count(*) FROM record r WHERE r.type='model' AND {_UNTIL} AND r.v->>'status'='active' "
            "AND r.v->>'kind'='trusted_address'",
    "I10M": f"SELECT coalesce(sum(r.v->>'members_total'),0) FROM record r WHERE r.type='model' AND {_UNTIL} AND r.v->>'status'='active'",
    "I11N": f"SELECT count(DISTINCT r.unit) FROM record r WHERE r.type='model' AND {_UNTIL} AND r.v->>'status'='active' "
            f"AND r.v->>'kind'='trusted_address' AND {_COMMUNES}",
    "I12": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT} AND r.v->>'service'='safety'",
    "I12N": f"SELECT coalesce(sum(r.v->>'nights'),0) {_SUPPORT} AND r.v->>'service'='safety'",
    "I13": f"SELECT count(*) {_INCIDENT}",
    "I13.violence.physical": f"SELECT count(*) {_INCIDENT} AND EXISTS(SELECT 1 FROM json_each(r.v,'$.violence') t WHERE t.value='physical')",
    "I13H": f"SELECT count(*) {_INCIDENT} AND r.v->>'setting'='family' AND coalesce(r.v->>'household_seen_before','no')<>'yes'",
    "I13V": f"SELECT count(*) {_VICTIMS}",
    "I13V.sex.female": f"SELECT count(*) {_VICTIMS} AND p.value->>'sex'='female'",
    "I13V.age.under16": f"SELECT count(*) {_VICTIMS} AND {_CHILD}",
    "I13V.age.from60": f"SELECT count(*) {_VICTIMS} AND p.value->>'age_group'='age_60_plus'",
    "I13P": f"SELECT count(*) {_PERPETRATORS}",
    "I13P.measures.contact_ban": f"SELECT count(*) {_PERPETRATORS} AND EXISTS(SELECT 1 FROM json_each(p.value,'$.measures') m "
                                 "WHERE m.value='contact_ban')",
    "I13C": f"SELECT count(*) {_PERPETRATORS} AND p.value->>'counselled'=1",
    "I13D": f"SELECT count(*) {_INCIDENT} AND coalesce(r.v->>'handled','')<>''",
    "I14": f"SELECT count(*) FROM record r WHERE r.type='gbv_case' AND {_IN}",
    "I15N": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT}",
    "I15L": f"SELECT count(DISTINCT r.v->>'case') {_LINKED} AND coalesce(i.v->>'verified','')<>'unfounded'",
    "I15P": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT} AND r.v->>'service'='psychological'",
    "I15M": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT} AND r.v->>'service'='medical'",
    "I15J": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT} AND r.v->>'service'='legal'",
    "I16": f"SELECT count(DISTINCT r.v->>'case') {_SUPPORT} AND r.v->>'legal_basis'='decree20'",
    "I16K": f"SELECT coalesce(sum(r.v->>'amount'),0) {_SUPPORT} AND r.v->>'legal_basis'='decree20'",
    "I18": f"SELECT count(*) {_TRAINING}",
    "I18P": f"SELECT sum(r.v->>'participants_total') {_TRAINING}",
    "I18F": f"SELECT sum(r.v->>'participants_female') {_TRAINING}",
    "I18R": f"SELECT 100*sum(r.v->>'participants_female')/cast(sum(r.v->>'participants_total') AS REAL) {_TRAINING}",
    "I19": f"SELECT count(*) FROM record r WHERE r.type='inspection' AND {_IN}",
    "I19N": f"SELECT count(*) FROM record r, json_each(r.v,'$.recommendations') p WHERE r.type='inspection' AND {_IN}",
    "I19D": f"SELECT count(*) FROM record r, json_each(r.v,'$.recommendations') p WHERE r.type='inspection' AND {_IN} "
            "AND p.value->>'done'=1",
    "I19C": f"SELECT count(*) FROM record r WHERE r.type='coordination' AND {_IN}",
    "I20N": f"SELECT count(DISTINCT r.unit) FROM record r WHERE r.type='committee' AND {_UNTIL} "
            "AND coalesce(r.v->>'valid_to','9999')>=:ends AND r.unit IN (SELECT code FROM unit WHERE must_have_committee)",
    "I20P": f"SELECT count(*) FROM record r WHERE r.type='committee' AND {_IN}",
    "I21": f"SELECT count(*) FROM record r WHERE r.type='mainstreaming' AND {_IN}",
    "I22": f"SELECT count(*) FROM record r WHERE r.type='plan' AND {_IN}",
    "I22N": f"SELECT count(*) FROM record r, json_each(r.v,'$.tasks') p WHERE r.type='plan' AND {_IN}",
    "I22D": f"SELECT count(*) FROM record r, json_each(r.v,'$.tasks') p WHERE r.type='plan' AND {_IN} AND p.value->>'status'='done'",
    "I23N": f"SELECT count(*) FROM record r WHERE r.type='target' AND {_YEAR} AND r.v->>'planned' IS NOT NULL",
    "I23D": f"SELECT count(*) FROM record r WHERE r.type='target' AND {_YEAR} AND r.v->>'achieved'>=r.v->>'planned'",
    "I24P": f"SELECT sum(p.value->>'planned') FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR}",
    "I24A": f"SELECT sum(p.value->>'allocated') FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR}",
    "I24": f"SELECT sum(p.value->>'spent') FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR}",
    "I24Q": f"SELECT sum(p.value->>'settled') FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR}",
    "I24S": f"SELECT coalesce(sum(p.value->>'spent'),0) FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR} "
            "AND p.value->>'source'='state'",
    "I24X": f"SELECT coalesce(sum(p.value->>'spent'),0) FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR} "
            "AND p.value->>'source'='socialised'",
    "I24.item.training": f"SELECT coalesce(sum(p.value->>'spent'),0) FROM record r, json_each(r.v,'$.lines') p WHERE r.type='budget' AND {_YEAR} "
                         "AND p.value->>'item'='training'",
    "I25N": "SELECT count(*) FROM sent r WHERE r.day<='2022-06-01' {mine}",
    "I26N": f"SELECT count(*) FROM record r WHERE r.type='difficulty' AND {_IN}",
    "I26D": f"SELECT count(*) FROM record r WHERE r.type='difficulty' AND {_IN} AND r.v->>'answered_on' IS NOT NULL",
    "I27N": "SELECT count(*) FROM (SELECT r.unit, r.v, row_number() OVER (PARTITION BY r.unit ORDER BY r.day DESC, r.id DESC) n "
            f"FROM record r WHERE r.type='criterion_assessment' AND {_UNTIL}) l WHERE l.n=1 AND l.unit IN (SELECT code FROM unit "
            "WHERE must_self_assess_ntm) AND (SELECT min(p.value->>'met') FROM json_each(l.v,'$.items') p)=1",
    "I28": f"SELECT count(*) FROM record r WHERE r.type='directive_document' AND {_IN}",
}

_POSTS: Final = (
    "party_committee", "party_standing", "party_secretaries", "council_deputies", "council_leaders", "committee_leaders", "union_leaders",
    "cell_secretaries", "hamlet_heads", "officials", "part_time_staff")
POSTS: Final[Mapping[str, str]] = {
    f"I{number}{letter}": f"SELECT sum(l.v->>'{post}_{part}') FROM (SELECT r.v, row_number() OVER (PARTITION BY r.unit "
                          f"ORDER BY r.day DESC, r.id DESC) n FROM record r WHERE r.type='gender_statistics' AND {_UNTIL}) l WHERE l.n=1"
    for number, post in enumerate(_POSTS, 30) for letter, part in (("", "total"), ("F", "female"))}

MEDIANS: Final[Mapping[str, str]] = {
    "I17": f"SELECT julianday(substr(r.v->>'district_ack_at',1,10))-julianday(r.day) FROM record r WHERE r.type='gbv_incident' AND {_IN} "
           "AND r.v->>'district_ack_at' IS NOT NULL",
    "I17S": f"SELECT min(julianday(r.day)-julianday(i.day)) {_LINKED} GROUP BY r.v->>'case'",
}

UNITS: Final[Mapping[str, str]] = {
    "I11D": "SELECT count(*) FROM unit r WHERE kind IN ('commune','town','ward') {mine}",
    "I25D": "SELECT count(*) FROM unit r WHERE must_report {mine}",
    "I20D": "SELECT count(*) FROM unit r WHERE must_have_committee {mine}",
    "I27D": "SELECT count(*) FROM unit r WHERE must_self_assess_ntm {mine}",
}

LEAD: Final = "AND coalesce(r.v->>'part','lead')='lead'"


def database(
    records: Iterable[Mapping[str, Any]], units: Iterable[tuple[str, str, bool, bool, bool]], sent: Iterable[tuple[str, str]] = (),
) -> sqlite3.Connection:
    """The records, the units (code, kind, must have a committee, must assess itself, must report) and the days on which they
    sent their reports, in plain tables."""
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE record(id TEXT PRIMARY KEY, type TEXT, unit TEXT, state TEXT, day TEXT, v TEXT)")
    base.execute("CREATE TABLE unit(code TEXT, kind TEXT, must_have_committee INT, must_self_assess_ntm INT, must_report INT, unit TEXT)")
    base.execute("CREATE TABLE sent(unit TEXT, day TEXT)")
    base.executemany("INSERT INTO sent VALUES(?,?)", sent)
    for one in records:
        day = one["values"].get(DATES.get(one["type"], ""), "")[:10]
        base.execute("INSERT INTO record VALUES(?,?,?,?,?,?)",
                     (one["id"], one["type"], one["unit"], one["state"], day, json.dumps(one["values"])))
    base.executemany("INSERT INTO unit VALUES(?,?,?,?,?,?)", [(*unit, unit[0]) for unit in units])
    return base


def ask(base: sqlite3.Connection, query: str, *, period: tuple[str, str, int], unit: str = "") -> list[Any]:
    """The first column of a query, over all units (events counted for their leader only) or for one unit."""
    text = query.format(lead="" if unit else LEAD, mine="AND r.unit=:unit" if unit else "")
    starts, ends, year = period
    return [row[0] for row in base.execute(text, {"starts": starts, "ends": ends, "year": year, "unit": unit})]
