"""The place of a row among its neighbours: a fraction written as a string.

A place is never "after row X", which two people can turn into a ring; any two places compare as
plain strings, and between any two there is another (fractional indexing).
"""

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MIDDLE = len(DIGITS) // 2

__all__ = ["between"]


def between(left: str | None, right: str | None) -> str:
    """Give a place after ``left`` and before ``right``; None is the open end.

    >>> between(None, None), between("V", None), between("V", "W")
    ('V', 'k', 'VV')
    """
    low, high = left or "", right
    place = ""
    for index in range(len(low) + len(high or "") + 2):
        floor = DIGITS.index(low[index]) if index < len(low) else 0
        bounded = high is not None and high.startswith(place)
        ceiling = DIGITS.index(high[index]) if bounded and high is not None and index < len(high) else len(DIGITS)
        if ceiling - floor > 1:
            return place + DIGITS[(floor + ceiling) // 2]
        place += DIGITS[floor]
    raise ValueError("no place lies between these two")
