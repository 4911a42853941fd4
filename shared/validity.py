"""Dates of validity: a choice, a field, a form or a unit that is in force from a day to a day, both included."""

from datetime import date

__all__ = ["in_force"]


def in_force(day: date | None, starts: date | None, ends: date | None) -> bool:
    """Whether a day lies between the first and the last day, where they are known; an unknown day always does."""
    return day is None or ((starts is None or starts <= day) and (ends is None or day <= ends))
