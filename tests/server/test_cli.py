"""The commands, on both databases: what they print, and what a mistake prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from server.audit import AuditEntry
from server.cli import cli, main
from server.config import SETTINGS, Config
from server.db import transaction
from server.process import ready_app
from shared.errors import SenError
from tests.server.conftest import PASSWORD

Run = Callable[..., Result]


@pytest.fixture
def run(config: Config) -> Run:
    """Run a command on the test's database."""

    def invoke(*words: str, fails: bool = False, **other: Any) -> Result:
        done = CliRunner().invoke(cli, [*words, "--var", str(config.var), "--database", config.database], **other)
        assert (done.exit_code != 0) is fails, done.output
        return done

    return invoke


def test_a_person_gets_access_and_a_tablet(run: Run) -> None:
    run("init")
    told = run("user", "add", "lan", "--name", "Lê Thị Lan", "--role", "collector@long_khanh_a", "--password-stdin", "--json", input=PASSWORD + "\n")
    person = json.loads(told.stdout.splitlines()[-1])
    code = json.loads(run("enrol-code", "LAN", "--unit", "long_khanh_a", "--json").stdout.splitlines()[-1])
    assert len(code["code"]) == 14
    assert code["hours"] == 72
    users = json.loads(run("user", "list", "--json").stdout)["users"]
    assert [(one["user"], one["roles"]) for one in users] == [(person["user"], ["collector@long_khanh_a"])]
    run("user", "role", "lan", "unit_lead@long_khanh_a")
    run("user", "role", "lan", "collector@long_khanh_a", "--end")
    assert "unit_lead@long_khanh_a" in run("user", "list").stdout
    assert "collector" not in run("user", "list").stdout
    run("user", "password", "lan", "--password-stdin", input="một mật khẩu hoàn toàn khác\n")
    run("user", "disable", "lan")
    assert run("device", "list").stdout.strip() == ""
    assert "Nguyên vẹn" in run("verify").stdout


@pytest.mark.parametrize(("words", "code"), [
    (("enrol-code", "nobody", "--unit", "hong_ngu"), "unknown_login"), (("device", "revoke", "no-such"), "unknown_device"),
    (("user", "add", "x y", "--name", "X", "--no-password"), "bad_login"),
    (("user", "add", "x", "--name", "X", "--no-password", "--role", "king@hong_ngu"), "unknown_role"),
])  # fmt: skip
def test_a_mistake_has_its_code_and_changes_nothing(run: Run, words: tuple[str, ...], code: str) -> None:
    done = run(*words, fails=True)
    assert isinstance(done.exception, SenError)
    assert done.exception.code == code
    assert json.loads(run("user", "list", "--json").stdout)["users"] == []


def test_t11_verify_finds_what_was_changed_by_sql(run: Run, config: Config) -> None:
    run("user", "add", "lan", "--name", "Lan", "--no-password")
    with ready_app(config).app_context():
        transaction(lambda session: session.execute(update(AuditEntry).values(why="khác")))
    done = run("verify", fails=True)
    assert "audit: 1" in done.output


def test_the_help_reads_well() -> None:
    told = CliRunner().invoke(cli, ["--help"]).output
    for name, command in cli.commands.items():
        if not command.hidden:
            assert name in told
            assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0
    settings = CliRunner().invoke(cli, ["settings"]).output
    for setting in SETTINGS.values():
        assert setting.variable in settings
        assert setting.help in settings
    assert "collector" in CliRunner().invoke(cli, ["roles"]).output


@pytest.mark.parametrize(("command", "usage"), [
    ("run", "python3 sen.py server [OPTIONS]"), ("backup", "python3 sen.py backup [OPTIONS] FILE"),
    ("restore", "python3 sen.py restore [OPTIONS] FILE"), ("user", "python3 sen.py admin user [OPTIONS]"),
])  # fmt: skip
def test_a_command_is_called_in_its_help_as_one_types_it(
    command: str, usage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["server", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0 and f"Usage: {usage}" in capsys.readouterr().out


def test_p15_a_mistake_is_one_sentence_in_each_language(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server", "backup", str(tmp_path / "b"), "--var", str(tmp_path / "var")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    vi, en = done.stderr.strip().splitlines()
    assert vi.startswith("Sen: ")
    assert "database" in en
