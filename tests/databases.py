"""A pytest plugin: how many tests ran on each database, which must be the same number.

A test belongs to a database when one of its parameters is that database's name. With `--equal-databases` a run in
which the numbers differ, or are zero, fails.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

DATABASES = ("sqlite", "postgresql")
PROPERTY = "database"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the plugin's options."""
    group = parser.getgroup("databases")
    group.addoption("--equal-databases", action="store_true", help="fail unless as many tests ran on each database")
    group.addoption("--databases-file", metavar="FILE", help="write the number of tests per database as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that shows the results, not in its workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Count(config), "count-databases")


def database_of(item: pytest.Item) -> str | None:
    """The database that a test runs on, by its parameters."""
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec is not None else ()
    return next((v for v in values if isinstance(v, str) and v in DATABASES), None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the database where the report of the test carries it to the counting process."""
    if name := database_of(item):
        item.user_properties.append((PROPERTY, name))


class Count:
    """Counts the tests that passed, by database."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.passed: Counter[str] = Counter(dict.fromkeys(DATABASES, 0))

    @property
    def equal(self) -> bool:
        """Whether each database saw the same number of tests, and at least one."""
        return len(set(self.passed.values())) == 1 and min(self.passed.values()) > 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one finished test."""
        if report.when == "call" and report.passed:
            self.passed.update(str(value) for key, value in report.user_properties if key == PROPERTY)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run where the numbers had to be equal and are not."""
        if path := self.config.getoption("--databases-file"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(json.dumps(dict(self.passed)), encoding="utf-8")
        if self.config.getoption("--equal-databases") and not self.equal and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the numbers."""
        if any(self.passed.values()):
            told = ", ".join(f"{name} {n}" for name, n in self.passed.items())
            terminalreporter.write_line(f"tests per database: {told}{'' if self.equal else ' (not equal)'}")
