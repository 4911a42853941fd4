"""A tablet in memory: the contract of ``sync.tablet_store.TabletStore`` in the plainest way, for the stories and the simulation."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from shared.catalogue import Catalogue
from shared.ids import new_id
from sync.clock import Time, tick
from sync.lineage import ends_of
from sync.log import Change, Line, LogHead, Operation, chain_next, chain_start, name_of, parse_name, write_line
from sync.lost import Brought
from sync.merge import fresh
from sync.messages import Run
from sync.paths import policy_of, sealed_heads
from sync.replica import imply, overlay, replace, unit_before
from sync.state import RecordState
from sync.store import Device
from sync.tablet_half import TabletHalf
from sync.tablet_store import OwnLog, Page
from tests.support.officer import Officer


class MemoryTablet(Officer):
    """One tablet with a ``main`` and an ``urgent`` log, and its half of the exchange."""

    def __init__(self, device: Device, catalogue: Catalogue, logs: tuple[str, str] | None = None) -> None:
        self.identity = device
        self.catalogue = catalogue
        self.main, self.urgent = logs or (new_id(), new_id())
        self.lines_of: dict[str, list[Line]] = {self.main: [], self.urgent: []}
        self.acknowledged = {self.main: 0, self.urgent: 0}
        self.closed: set[str] = set()
        self.runs: list[Run] = []
        self.owed: list[Run] = []
        self.pasts: dict[tuple[str, str], list[str]] = {}
        self.told: dict[str, RecordState] = {}
        self.held: dict[str, bytes] = {}
        self.unsettled: dict[str, Line] = {}
        self.tokens: dict[str, str] = {}
        self.past_tokens: list[str] = []
        self.refilled: dict[str, set[str]] = {}
        self.aside: dict[str, str] = {}
        self.documents: dict[str, Any] = {}
        self.kept = 0
        self.clock = Time(0, 0)
        self.half = TabletHalf(self)

    # what befalls a tablet

    def save(self) -> dict[str, Any]:
        """A copy of its storage."""
        return deepcopy({name: value for name, value in vars(self).items() if name not in ("catalogue", "half")})

    def restore(self, copy: dict[str, Any]) -> None:
        """Put a copy of its storage back, and start the app again."""
        vars(self).update(deepcopy(copy))
        self.half = TabletHalf(self)

    def clone(self) -> "MemoryTablet":
        """Another tablet with this one's storage."""
        twin = MemoryTablet(self.identity, self.catalogue)
        twin.restore(self.save())
        return twin

    # what an officer does

    def show(self, record: str) -> RecordState | None:
        """What the screen shows of a record."""
        pending = [(name, line.change) for name, line in self.unsettled.items() if line.change.record == record]
        return overlay(self.told.get(record), pending, self.policy)

    def log_change(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool = False
    ) -> str:
        """Put a change into a log."""
        log = self.urgent if urgent else self.main
        self.clock = tick(self.clock, now_ms)
        if urgent:
            unit = unit_before([(name, line.change) for name, line in self.unsettled.items() if line.change.record == record], unit)
        change = Change(
            log=log, number=len(self.lines_of[log]) + 1, time=self.clock, user=self.identity.user, catalogue=self.catalogue.version,
            record=record, type=type_code, unit=unit, operations=tuple(operations),
        )  # fmt: skip
        line = write_line(change)
        self.lines_of[log].append(line)
        self.unsettled[line.name] = line
        return line.name

    # the contract of TabletStore

    def policy(self, type_code: str, path: str) -> str:
        return policy_of(self.catalogue.all_types[type_code], path)

    def device(self) -> Device:
        return self.identity

    def head(self, log: str) -> LogHead:
        chain = chain_start(log, self.identity.key)
        for line in self.lines_of[log]:
            chain = chain_next(chain, line.hash)
        return LogHead(len(self.lines_of[log]), chain)

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        waiting = {line.change.log for line in self.unsettled.values()}
        logs = [log for log in self.lines_of if log in self.closed and (every or self.acknowledged[log] < len(self.lines_of[log]) or log in waiting)]
        return [OwnLog(log, log == self.urgent, self.head(log), self.acknowledged[log]) for log in (*logs, self.urgent, self.main)]

    def mark(self) -> str:
        return self.main if self.closed else ""

    def recount(self) -> None:
        pass  # digests are reckoned from what is held whenever they are asked for

    def unsent(self, log: str, after: int, limit_bytes: int) -> Run | None:
        lines: list[bytes] = []
        size = 0
        for line in self.lines_of.get(log, [])[after:]:
            if lines and size + len(line.body) > limit_bytes:
                break
            lines.append(line.body)
            size += len(line.body)
        return Run(log, after + 1, self._chain(log, after), lines) if lines else None

    def chains_at(self, log: str, number: int) -> list[bytes]:
        return [self._chain(log, number)] if number <= len(self.lines_of.get(log, [])) else []

    def _chain(self, log: str, number: int) -> bytes:
        chain = chain_start(log, self.identity.key)
        for line in self.lines_of.get(log, [])[:number]:
            chain = chain_next(chain, line.hash)
        return chain

    def along(self) -> dict[str, int]:
        unsent = [(log.log, log.urgent, line) for log in self.own_logs() for line in self.lines_of[log.log][log.acknowledged :]]
        records = {line.change.record for _, urgent, line in unsent if urgent}
        last: dict[str, int] = {}
        for log, urgent, line in unsent:
            if not urgent and line.change.record in records:
                last[log] = line.number
        return last

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        return []

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        return []

    def line(self, name: str) -> bytes | None:
        log, number, _ = parse_name(name)
        mine = self.lines_of.get(log, [])[number - 1 : number]
        return mine[0].body if mine and mine[0].name == name else self.held.get(name)

    def cursors(self) -> dict[str, str]:
        return dict(self.tokens)

    def past_cursors(self, stream: str) -> list[str]:
        return list(reversed(self.past_tokens))

    def versions(self) -> dict[str, str]:
        return {code: body["version"] for code, body in self.documents.items()}

    def part_digests(self) -> dict[str, int]:
        digests: dict[str, int] = {}
        for state in self.told.values():
            record_type = self.catalogue.all_types.get(state.type)
            heads = frozenset() if record_type is None else sealed_heads(record_type)
            for unit in state.units:
                if unit in self.identity.scope.units:
                    for sealed in (False, True) if heads else (False,):
                        part = f"{unit}/{state.type}/{int(sealed)}"
                        digests[part] = (digests.get(part, 0) + state.digest(heads, sealed=sealed)) % (1 << 128)
        return digests

    def digest(self) -> int:
        return sum(self.part_digests().values()) % (1 << 128)

    def answers(self) -> int:
        return self.kept

    def acknowledge(self, page: Page) -> None:
        for log in page.forked:
            self.close(log)
        for log, head in page.read.items():
            mine = self.lines_of[log]
            if head.number > len(mine):
                self.close(log)
            same = self.chain(log, min(head.number, len(mine))) == head.hash
            self.acknowledged[log] = head.number if same else len(mine) if head.number > len(mine) else 0
        for log, number, code in page.aside:
            name = self.lines_of[log][number - 1].name
            self.aside[name] = code
            self.unsettled.pop(name, None)
        owed = [run for run in self.runs if run.first + len(run.lines) - 1 > page.want.get(run.log, 1 << 60)]
        self.owed += [run for run in owed if run not in self.owed]

    def chain(self, log: str, number: int) -> bytes:
        """h(number) of an own log."""
        chain = chain_start(log, self.identity.key)
        for line in self.lines_of[log][:number]:
            chain = chain_next(chain, line.hash)
        return chain

    def close(self, log: str) -> None:
        """Two lines of this log bear one number, so the storage was copied: what comes later goes into new logs."""
        if log not in self.closed:
            self.closed |= {self.main, self.urgent}
            self.main, self.urgent = new_id(), new_id()
            self.lines_of |= {self.main: [], self.urgent: []}
            self.acknowledged |= {self.main: 0, self.urgent: 0}

    def held_heads(self) -> dict[str, str]:
        return {log: ends_of(log, [(run.first, run.before, run.hashes) for run in self.runs if run.log == log]) for log in {run.log for run in self.runs}}

    def handing_back(self, limit_bytes: int) -> tuple[list[Run], bool]:
        runs: list[Run] = []
        for run in self.owed:
            if runs and sum(len(line) for run in runs for line in run.lines) > limit_bytes:
                break
            runs.append(run)
        return runs, len(runs) < len(self.owed)

    def lines_at(self, log: str, number: int) -> list[Brought]:
        held = [line.body for line in self.lines_of.get(log, ()) if line.number == number]
        held += [body for name, body in self.held.items() if name.startswith(f"{log}.{number}.")]
        return [Brought(log, number, body, 0, "") for body in held]

    def blob(self, digest: str) -> bytes | None:
        return None

    def lacks_file(self, digest: str) -> None:
        raise AssertionError("no file was ever here")

    def pasts_of(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        names = {name_of(run.log, run.first + offset, digest) for run in runs for offset, digest in enumerate(run.hashes)}
        return [[name, path, seen] for (name, path), seen in self.pasts.items() if name in names]

    def owes(self) -> bool:
        return bool(self.owed)

    def handed_back(self, runs: Sequence[Run]) -> None:
        self.owed = [run for run in self.owed if run not in runs]

    def keep(self, page: Page) -> None:
        self.kept += 1
        if page.scope is not None:
            self.identity = self.identity._replace(scope=page.scope)
            self.tokens, self.past_tokens = {}, []
        self.acknowledge(page)
        self.runs += page.runs
        self.pasts |= {(name, path): list(seen) for name, path, seen in page.pasts}
        for run in page.runs:
            for number, (body, digest) in enumerate(zip(run.lines, run.hashes, strict=True), run.first):
                self.held[name_of(run.log, number, digest)] = body
        whole = any("/" in place for place in page.cursors)
        told = {state.id for state in page.states} | set(page.soles)
        for record, (name, change) in page.soles.items():
            self.told[record] = fresh(change, name, number=0) if whole else replace(self.told.get(record), fresh(change, name, number=0))
        for state in page.states:
            self.told[state.id] = state if whole else replace(self.told.get(state.id), state)
        for name, line in list(self.unsettled.items()):
            if line.number <= page.upto.get(line.change.log, 0):
                if line.change.record in told:
                    del self.unsettled[name]
                elif page.complete:
                    del self.unsettled[name]
                    self.told[line.change.record] = imply(self.told.get(line.change.record), line.change, name)
        self.drop_foreign()
        for place, token in page.cursors.items():
            if "/" in place:
                self.refilled.setdefault(place, set()).update(told)
            if "/" in place and page.complete:
                self.tokens.pop(place, None)
                self.drop_untold(place)
            else:
                self.tokens[place] = token
                if "/" not in place and page.complete:
                    self.past_tokens.append(token)
        self.documents.update(page.documents)

    def drop_foreign(self) -> None:
        """Drop the records outside the scope; one with an own change that is not settled yet stays until it is."""
        pending = {line.change.record for line in self.unsettled.values()}
        scope = set(self.identity.scope.units)
        self.told = {record: told for record, told in self.told.items() if record in pending or scope & set(told.units)}

    def drop_untold(self, part: str) -> None:
        """A part was filled again: what was held of it and was not told is there no longer."""
        unit, code, _ = part.split("/")
        kept = self.refilled.pop(part) | {line.change.record for line in self.unsettled.values()}
        self.told = {
            record: told for record, told in self.told.items() if record in kept or told.type != code or unit not in told.units
        }  # fmt: skip

    def refill(self, parts: Sequence[str]) -> None:
        self.tokens.update(dict.fromkeys(parts, ""))
        self.refilled.update({part: set() for part in parts})
