"""Texts that two people changed: merged where they changed different lines, by a line of the server's own; else asked."""

from collections.abc import Iterator, Sequence

from tests.soak.oracle import Op, StoredRow, by_register, merge_of_lines, read_ops, seen_by
from tests.soak.world import World

TEXTS = ("story",)

__all__ = ["check_texts"]


def check_texts(world: World, rows: Sequence[StoredRow]) -> Iterator[str]:
    """Every text that the server merged is what its two parents make of the text that both had seen."""
    for (record, path), ops in by_register(read_ops(rows)).items():
        if path not in TEXTS:
            continue
        by_name = {op.name: op for op in ops}
        seen = seen_by(ops)
        for op in ops:
            if op.user == world.server.own.device:
                world.met["texts merged line by line"] += 1
                yield from (f"{record[-1]} {path}: {problem}" for problem in _check_merged(op, by_name, seen, restored=world.restored))


def _check_merged(op: Op, by_name: dict[str, Op], seen: dict[str, set[str]], *, restored: bool) -> Iterator[str]:
    if op.kind != "decide" or len(op.saw) < 2:
        yield f"the server wrote {op.name}, which decides nothing"
        return
    parents = [by_name[name] for name in op.saw if name in by_name]
    if len(parents) < 2:
        return
    one, other = parents[0], parents[-1]
    told = [
        {by_name[name].value for parent in parents if parent.value == side.value for name in seen[parent.name] if name in by_name}
        for side in (one, other)
    ]  # fmt: skip
    bases = told[0] & told[1]  # the text, not its name: two may have written the same, and who saw one saw both
    untold = restored and any(name not in by_name for parent in parents for name in seen[parent.name])
    if untold:  # it had seen what nobody has any more, and what that had seen was learnt from those who handed its line back
        bases = {one.value for one in by_name.values()}
    merged = set()
    for base in bases:
        texts = (base, one.value, other.value)
        if all(isinstance(text, str) for text in texts) and len({len(text.splitlines()) for text in texts}) == 1:
            merged.add(merge_of_lines(*texts))
            if any(len(set(lines)) < len(lines) for lines in map(str.splitlines, texts)) and _has_all_that_is_new(op.value, *texts):
                merged.add(op.value)  # which of several equal lines was changed, nobody can tell
        elif not untold:
            return
    settled = restored and op.value in [parent.value for parent in parents]  # a question that only a loss had raised
    if op.value not in merged and not settled:
        yield f"{op.value!r} was merged from {one.value!r} and {other.value!r} over {bases}"


def _has_all_that_is_new(merged: str, base: str, one: str, other: str) -> bool:
    """Whether a merged text has every line that one of the two sides put in."""
    there, before = set(merged.splitlines()), set(base.splitlines())
    return {*one.splitlines(), *other.splitlines()} - before <= there
