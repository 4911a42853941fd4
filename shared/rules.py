"""The small language of the catalogue's rules: one expression over a record's values.

``simpleeval`` evaluates behind an allow-list: names, numbers, texts, comparisons, ``and or not in``, ``+ - * /``, ``x if c else y`` and
the functions below; no attributes, no power, no comprehension; bounded length and depth. A name that has no value is None, and an
expression that compares or reckons with None, or with a value that is sealed, gives None: a rule that cannot be judged does not apply.
"""

import ast
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from inspect import signature
from types import MappingProxyType
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

MAX_LENGTH = 2_000
MAX_DEPTH = 24
MAX_RESULT = 1e15

_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Call, ast.Name, ast.Load, ast.Constant,
    ast.Tuple, ast.List, ast.IfExp,
)  # fmt: skip
_STRICT = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)

SeriesLookup = Callable[[str, Any], Any]

__all__ = ["FUNCTIONS", "Expression", "RuleFault", "compile_expression", "is_plain"]


class RuleFault(ValueError):
    """An expression that the catalogue may not use; ``code`` says why, ``name`` what it is about."""

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(f"{code}: {name}")
        self.code = code
        self.name = name


class _Unknown(Exception):
    """A part of the expression has no value."""


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) < 10:
        raise _Unknown
    return date.fromisoformat(value[:10])


def _months(start: Any, end: Any) -> int:
    first, last = _day(start), _day(end)
    return (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)


def _rows(rows: Any) -> list[Mapping[str, Any]]:
    return rows if isinstance(rows, list) else []


def _of_rows(rows: Any, name: str) -> list[tuple[Mapping[str, Any], Any]]:
    """Each row with what it has under a name; a sealed one makes the whole unknown."""
    return [(row, _readable(row.get(name))) for row in _rows(rows)]


def _where(rows: Any, name: str, value: Any) -> list[Mapping[str, Any]]:
    """The rows whose field has the value, or one of the values where a list is given."""
    wanted = value if isinstance(value, list) else [value]
    return [row for row, told in _of_rows(rows, name) if told in wanted]


def _latest(rows: Any, name: str) -> list[Mapping[str, Any]]:
    """The rows whose field, a day, is the last that any of them has."""
    days = _of_rows(rows, name)
    last = max((day or "" for _, day in days), default="")
    return [row for row, day in days if last and day == last]


def _hours(start: Any, end: Any) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "empty": lambda value: value is None or value == "" or value == [] or value == {},
    "days": lambda start, end: (_day(end) - _day(start)).days,
    "age_months": _months,
    "hours": _hours,
    "year": lambda value: _day(value).year,
    "count": lambda rows: len(_rows(rows)),
    "total": lambda rows, name: sum(told or 0 for _, told in _of_rows(rows, name)),
    "count_where": lambda rows, name, value: len(_where(rows, name, value)),
    "rows_where": _where,
    "latest": _latest,
    "has": lambda codes, code: code in (codes or ()),
    "if_": lambda condition, yes, no: yes if condition else no,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
}
"""Function → what it does. ``today()`` and ``series(name, date)`` are added with the moment of the evaluation."""

LAZY = frozenset({"empty", "has", "if_", "count", "total", "count_where", "rows_where", "latest"})
"""Functions that may be asked about what has no value."""


def is_plain(value: Any) -> bool:
    """Whether a value can be read: a sealed one, as a view without its key shows it, is of no plain type."""
    return isinstance(value, _PLAIN)


def _readable(value: Any) -> Any:
    if not isinstance(value, _PLAIN):
        raise _Unknown
    return value


def _no_series(name: str, day: Any) -> None:
    return None


_PLAIN = (str, int, float, list, dict, type(None))
_CONSTANTS = MappingProxyType({"True": True, "False": False, "None": None})
_SIGNATURES = {
    **{name: signature(function) for name, function in FUNCTIONS.items() if name not in ("min", "max")},
    "today": signature(lambda: None),
    "series": signature(_no_series),
    "min": signature(lambda first, *others: None),
    "max": signature(lambda first, *others: None),
}


class Expression:
    """A checked expression; evaluating it never raises."""

    def __init__(self, text: str, tree: ast.expr, names: frozenset[str]) -> None:
        self.text = text
        self.names = names
        self._tree = tree

    def evaluate(self, values: Mapping[str, Any], today: date, series: SeriesLookup | None = None) -> Any:
        """The value of the expression, or None where something that it needs is unknown.

        Args:
            values: plain values by field.
            today: what ``today()`` gives.
            series: looks up a dated series: name and date to value.
        """
        engine = _Engine(values, today, series)
        try:
            result = engine.value(self._tree)
        except (_Unknown, InvalidExpression, ArithmeticError, AttributeError, TypeError, ValueError, RecursionError):
            return None
        if type(result) in (int, float) and not abs(result) < MAX_RESULT:
            return None
        return result


class _Engine(SimpleEval):  # type: ignore[misc]
    """simpleeval with the allow-list, and with None as "unknown" in comparisons and sums."""

    def __init__(self, values: Mapping[str, Any], today: date, series: SeriesLookup | None) -> None:
        functions = dict(FUNCTIONS)
        functions["today"] = today.isoformat
        functions["series"] = series or _no_series
        super().__init__(functions=functions, names=_CONSTANTS)
        self.values = values
        self.nodes[ast.Name] = self._name
        self.nodes[ast.Compare] = self._compare
        self.nodes[ast.BinOp] = self._binary
        self.nodes[ast.Call] = self._call_function
        self.nodes[ast.Tuple] = self.nodes[ast.List] = self._list

    def value(self, tree: ast.expr) -> Any:
        return self._eval(tree)

    def _name(self, node: ast.Name) -> Any:
        return _readable(self.values.get(node.id))

    def _list(self, node: ast.Tuple | ast.List) -> list[Any]:
        return [self._eval(item) for item in node.elts]

    def _compare(self, node: ast.Compare) -> bool:
        left = self._eval(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._eval(right_node)
            told_none = isinstance(right_node, ast.Constant) and right_node.value is None
            if isinstance(operator, _STRICT) and not told_none and (left is None or right is None):
                raise _Unknown
            if isinstance(operator, ast.In | ast.NotIn) and right is None:
                right = ()
            if not self.operators[type(operator)](left, right):
                return False
            left = right
        return True

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self._eval(node.left), self._eval(node.right)
        if left is None or right is None:
            raise _Unknown
        return self.operators[type(node.op)](left, right)

    def _call_function(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "empty" and isinstance(node.args[0], ast.Name) and not is_plain(self.values.get(node.args[0].id)):
            return False
        values = [self._eval(argument) for argument in node.args]
        if name not in LAZY and any(value is None for value in values):
            raise _Unknown
        return self.functions[name](*values)


def compile_expression(text: str, names: Collection[str]) -> Expression:
    """Check an expression against the allow-list and the names that it may use.

    Raises:
        RuleFault: ``rule_too_long``, ``rule_syntax``, ``rule_not_allowed``, ``rule_too_deep``, ``rule_unknown_name``, ``rule_arguments``
            (too few or too many for a function), ``rule_division_by_zero``.
    """
    if len(text) > MAX_LENGTH:
        raise RuleFault("rule_too_long")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleFault("rule_syntax", text[:60]) from error
    used: set[str] = set()
    _check(tree, names, used, 0)
    return Expression(text, tree.body, frozenset(used))


def _check(node: ast.AST, names: Collection[str], used: set[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise RuleFault("rule_too_deep")
    if not isinstance(node, _NODES):
        raise RuleFault("rule_not_allowed", type(node).__name__)
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
        raise RuleFault("rule_not_allowed", "constant")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant) and node.right.value == 0:
        raise RuleFault("rule_division_by_zero")
    if isinstance(node, ast.Call):
        _check_call(node)
        for argument in node.args:
            _check(argument, names, used, depth + 1)
        return
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise RuleFault("rule_unknown_name", node.id)
        used.add(node.id)
    for child in ast.iter_child_nodes(node):
        _check(child, names, used, depth + 1)


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in _SIGNATURES or node.keywords:
        raise RuleFault("rule_not_allowed", node.func.id if isinstance(node.func, ast.Name) else "call")
    try:
        _SIGNATURES[node.func.id].bind(*node.args)
    except TypeError as error:
        raise RuleFault("rule_arguments", node.func.id) from error
