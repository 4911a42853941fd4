"""One open form: what it showed when it was opened, what a person made of it, and what is wrong in that.

Pure but for the day: no database, no key, no window. The difference to the log is always taken against what was seen at the
opening; after a part was written, what was written counts as seen, and nothing else does.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from shared.beside import Beside, Look, doubts_beside
from shared.catalogue import Catalogue, Field, RecordType, Section
from shared.errors import SenError
from shared.ids import new_id
from shared.text import clean
from shared.validate import Problem, complete, validate
from sync.compose import Seal, difference
from sync.log import Operation
from sync.view import Sealed, Snapshot, renewed

__all__ = ["Form"]


class Form:
    """The form of one record.

    Args:
        opened: what it showed, its confidential values opened.
        known: whether anything of the record is in the log.
        look: what stands beside the record; asked when it is to be sent.
    """

    def __init__(
        self, record: str, type: RecordType, unit: str, opened: Snapshot, *, known: bool, catalogue: Catalogue, today: Callable[[], date],
        look: Look,
    ) -> None:  # fmt: skip
        self.record = record
        self.type = type
        self.unit = unit
        self.opened = opened
        self.known = known
        self.values: dict[str, Any] = copy.deepcopy(opened.values)
        self.kept: dict[str, str] = {}
        """Code of a warning → the reason for which it stands."""
        self.tried = False
        """Whether sending was tried: from then on what is missing is shown."""
        self.saved_ms = 0
        self.mends: list[str] = []
        """The names of lines that were set aside and whose words were put in again (``mending``)."""
        self.catalogue = catalogue
        self._today = today
        self._look = look
        self._beside: Beside | None = None
        self._problems: dict[str, list[Problem]] = {}
        self._full: dict[str, Any] | None = None

    # reading

    @property
    def today(self) -> date:
        """The local date."""
        return self._today()

    @property
    def day(self) -> date | None:
        """The day that places the record in a period, where it is known."""
        return self.type.day_of(self.values)

    @property
    def state(self) -> str:
        """The state of the record's workflow."""
        return str(self.values.get("state") or self.catalogue.flows[self.type.flow].start)

    def full(self) -> dict[str, Any]:
        """The values with the computed ones, and with all rows that an instrument gives."""
        if self._full is None:
            self._full = complete(self.type, self.values, self.catalogue, self.today)
            for code, field in self.type.fields.items():
                if field.rows_from is not None:
                    held = {row["id"]: row for row in self._full.get(code) or ()}
                    items = [item["code"] for item in self.catalogue.instruments[field.rows_from]["items"]]
                    self._full[code] = [held.get(item, {"id": item}) for item in dict.fromkeys([*items, *held])]
        return self._full

    def value(self, path: str) -> Any:
        """The value at a path, computed ones too; None where it is unknown."""
        head, *rest = path.split("/")
        value = self.full().get(self.type.renamed(head))
        if not rest:
            return value
        row = next((row for row in value or () if row.get("id") == rest[0]), None)
        field = self.type.field_at(path)
        return row if len(rest) == 1 else (row or {}).get(rest[1] if field is None else field.code)

    def shown(self, path: str) -> bool:
        """Whether the field at a path is asked at all, as the other answers, the day and the unit are."""
        field = self.type.field_at(path)
        if field is None or not field.valid_on(self.day):
            return False
        if field.from_above and self.values.get(path) in (None, "", []):
            return False
        if field.unit_kinds and self.catalogue.units[self.unit].kind not in field.unit_kinds:
            return False
        head, *rest = path.split("/")
        expression = self.type.shown.get(f"{head}/{rest[1]}" if len(rest) > 1 else head)
        if expression is None:
            return True
        rows: list[dict[str, Any]] = self.full().get(head) or [] if rest else []
        row = next((one for one in rows if one.get("id") == rest[0]), {})
        return bool(expression.evaluate({**self.full(), **row}, self.today, self.catalogue.value_of_series))

    def wanted(self, path: str) -> bool:
        """Whether the field at a path must be answered before sending."""
        field = self.type.field_at(path)
        if field is None or field.computed is not None or not self.shown(path):
            return False
        head, *rest = path.split("/")
        expression = self.type.wanted.get(f"{head}/{rest[1]}" if len(rest) > 1 else head)
        return field.required or (expression is not None and bool(expression.evaluate(self.full(), self.today)))

    def old_answers(self) -> list[tuple[Field, Any]]:
        """What stands in fields that the catalogue has no more, with those fields."""
        found = [(field, self.values.get(path)) for path, field in self.type.former.items()]
        return [(field, value) for field, value in found if value not in (None, "", [])]

    def progress(self, section: Section) -> tuple[int, int]:
        """How many of the answers that a section needs are there, and how many it needs."""
        wanted = [code for code in section.fields if self.wanted(code)]
        return sum(self.values.get(code) not in (None, "", []) for code in wanted), len(wanted)

    def section_of(self, path: str) -> str:
        """The section in which a path stands; the first one where it stands in none."""
        head = path.split("/")[0]
        found = next((section for section in self.type.sections if head in section.fields), self.type.sections[0])
        return found.code

    def problems(self, stage: str) -> list[Problem]:
        """What is wrong, for a ``draft`` (may lack) or to ``submit``; errors first."""
        if stage not in self._problems:
            found = validate(self.type, self.values, stage=stage, today=self.today, catalogue=self.catalogue)
            if stage == "submit":
                self._beside = self._beside or self._look()
                found += doubts_beside(self.type, self.record, self.full(), self._beside)
            self._problems[stage] = found
        return self._problems[stage]

    def shown_problems(self) -> list[Problem]:
        """What the form shows as wrong now: what is missing only after sending was tried."""
        return self.problems("submit" if self.tried else "draft")

    # writing

    def _changed(self) -> None:
        self._problems.clear()
        self._full = None

    def answer(self, path: str, value: Any) -> None:
        """Put an answer in its place; None takes it away.

        Raises:
            SenError: ``unknown_field``, ``computed_field``, ``no_such_row``.
        """
        field = self.type.field_at(path)
        head, *rest = path.split("/")
        head = self.type.renamed(head)  # a screen may be older than the catalogue
        if field is None or head not in self.type.fields or len(rest) == 1:
            raise SenError("unknown_field")
        if field.computed is not None:
            raise SenError("computed_field")
        value = _cleaned(value, field)
        place = self.values if not rest else self._row(head, rest[0])
        name = head if not rest else field.code
        if value is None or value == "" or value == []:
            place.pop(name, None)
        else:
            place[name] = value
        self._changed()

    def _row(self, head: str, row_id: str) -> dict[str, Any]:
        for row in self.values.get(head) or ():
            if row["id"] == row_id:
                found: dict[str, Any] = row
                return found
        if self.type.fields[head].rows_from is not None:
            row = {"id": row_id}
            self.values.setdefault(head, []).append(row)
            return row
        raise SenError("no_such_row")

    def _rows(self, path: str) -> list[dict[str, Any]]:
        field = self.type.fields.get(path)
        if field is None or field.kind != "rows":
            raise SenError("unknown_field")
        rows: list[dict[str, Any]] = self.values.setdefault(path, [])
        return rows

    def add_row(self, path: str, **values: Any) -> str:
        """Add a row at the end, with values where some are known; gives its id."""
        field, row_id = self.type.fields.get(path), new_id()
        rows = self._rows(path)
        defaults = {code: sub.default for code, sub in (field.fields if field else {}).items() if sub.default is not None}
        rows.append({"id": row_id, **defaults, **values})
        self._changed()
        return row_id

    def move_row(self, path: str, row: str, step: int) -> None:
        """Move a row up (-1) or down (1); past the ends it stays."""
        rows = self._rows(path)
        at = next((index for index, one in enumerate(rows) if one["id"] == row), None)
        if at is None:
            raise SenError("no_such_row")
        to = min(max(at + step, 0), len(rows) - 1)
        rows.insert(to, rows.pop(at))
        self._changed()

    def delete_row(self, path: str, row: str) -> None:
        """Take a row away."""
        rows = self._rows(path)
        rows[:] = [one for one in rows if one["id"] != row]
        if not rows:
            del self.values[path]
        self._changed()

    # the difference to the log

    @property
    def untouched(self) -> bool:
        """Whether it is the form of a new record into which nobody wrote anything: leaving it leaves nothing behind."""
        return not self.known and not self.saved_ms

    @property
    def dirty(self) -> bool:
        """Whether something differs from what was opened or written."""
        return any(
            self.opened.values.get(code) != self.values.get(code)
            for code, field in self.type.kept_fields().items()
            if field.computed is None
        )

    def changes(self, seal: Seal | None) -> list[tuple[Operation, ...]]:
        """The changes that lead from what was seen to what was typed."""
        return difference(self.type, self.opened, self.values, seal=seal)

    def written(self, changes: Sequence[Sequence[Operation]], names: Sequence[str]) -> None:
        """Take note that changes are in the log: what they wrote counts as seen."""
        seen, places = dict(self.opened.seen), dict(self.opened.places)
        for operations, name in zip(changes, names, strict=True):
            for op in operations:
                seen[op.path] = (name,)
                if op.kind in ("insert", "move"):
                    places[op.path] = str(op.value)
                elif op.kind == "set":
                    places.pop(op.path, None)
        self.opened = Snapshot(copy.deepcopy(self.values), seen, places)
        self.known = True

    def renew(self, type: RecordType, catalogue: Catalogue) -> None:
        """Go on under a newer catalogue: what was typed stands in its place there."""
        self.type, self.catalogue = type, catalogue
        self.opened = self.opened._replace(values=renewed(self.opened.values, type))
        self.values = renewed(self.values, type)
        self._changed()

    def put(self, values: Mapping[str, Any]) -> None:
        """Put values in as if they had been typed."""
        self.values = copy.deepcopy(dict(values))
        self._changed()

    def reopen(self, opened: Snapshot) -> None:
        """Show the record as it is now; only where nothing was typed since it was opened or written."""
        self.opened, self.known = opened, True
        self.values = copy.deepcopy(opened.values)
        self._beside = None
        self._changed()

    # drafts

    def dump(self) -> dict[str, Any]:
        """The plain form of the draft; ``restore`` reads it back."""
        return {
            "type": self.type.code, "unit": self.unit, "known": self.known, "values": _portable(self.values), "kept": self.kept,
            "tried": self.tried, "mends": self.mends,
            "opened": [_portable(self.opened.values), {path: list(names) for path, names in self.opened.seen.items()}, self.opened.places],
        }  # fmt: skip

    def restore(self, body: Mapping[str, Any], saved_ms: int) -> None:
        """Put the form back as it was when the draft was kept; what a newer catalogue renamed or retyped stands in its place there."""
        values, seen, places = body["opened"]
        values = renewed(_restored(values), self.type)
        self.opened = Snapshot(values, {path: tuple(names) for path, names in seen.items()}, places)
        self.values, self.kept, self.tried = renewed(_restored(body["values"]), self.type), dict(body["kept"]), body["tried"]
        self.unit, self.known, self.saved_ms = body["unit"], body["known"], saved_ms
        self.mends = list(body.get("mends", ()))  # a draft of an earlier version has none
        self._changed()


def _cleaned(value: Any, field: Field) -> Any:
    """The one gate for what is typed: texts go through ``shared.text``, sets are sorted."""
    if isinstance(value, str):
        return clean(value).strip() if field.kind != "long" else clean(value)
    if field.kind == "choices" and isinstance(value, list):
        return sorted(set(value))
    if field.kind in ("files", "photos") and isinstance(value, list):
        return sorted(value, key=lambda item: str(item["sha256"]))
    return value


def _portable(value: Any) -> Any:
    """Values as JSON has them; what could not be opened stands as its blob's hash."""
    if isinstance(value, Sealed):
        return {"sealed blob": value.blob}
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items()}
    return [_portable(item) for item in value] if isinstance(value, list) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return Sealed(value["sealed blob"]) if "sealed blob" in value else {key: _restored(item) for key, item in value.items()}
    return [_restored(item) for item in value] if isinstance(value, list) else value
