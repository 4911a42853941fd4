"""Settings: read from the environment and options, each with its help, each wrong one told by name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from server.config import SETTINGS, Config
from server.places import Places
from shared.errors import SenError


def test_every_setting_has_a_help_and_a_type_that_can_be_read() -> None:
    for setting in SETTINGS.values():
        assert len(setting.help) > 10
        assert setting.variable == f"SEN_{setting.name.upper()}"
        if setting.default is not None:
            assert setting.parse(str(setting.default)) == setting.default


def test_an_option_wins_over_the_environment_and_the_environment_over_the_default() -> None:
    environment = {"SEN_PORT": "9000", "SEN_NAME": "Hồng Ngự", "SEN_VAR": "/somewhere", "SEN_BEHIND_PROXY": "1", "SEN_TODAY": ""}
    config = Config.read(environment, port="9001")
    assert (config.port, config.name, config.var, config.behind_proxy, config.today) == (9001, "Hồng Ngự", Path("/somewhere"), True, None)
    assert Config.read({}) == Config()


@pytest.mark.parametrize(("name", "text"), [("port", "eighty"), ("behind_proxy", "perhaps"), ("today", "30/05/2022"), ("threads", "")])
def test_a_wrong_setting_is_told_by_its_name(name: str, text: str) -> None:
    with pytest.raises(SenError) as told:
        Config.read({}, **{name: text})
    assert told.value.code == "bad_setting"
    assert f"SEN_{name.upper()}" in told.value.text("vi")


@pytest.mark.parametrize("text", ["2022-05-30", "2022-05-30T23:59"])
def test_the_clock_can_be_set_to_a_day_or_a_time(text: str) -> None:
    today = Config.read({"SEN_TODAY": text}).today
    assert today is not None
    assert today.date() == date(2022, 5, 30)


@pytest.mark.parametrize(("database", "url"), [
    ("", "sqlite:////v/sen.sqlite3"), ("/d/x.sqlite3", "sqlite:////d/x.sqlite3"), ("sqlite:////d/x.sqlite3", "sqlite:////d/x.sqlite3"),
    ("postgresql://u@/sen?host=/s", "postgresql+psycopg://u@/sen?host=/s"),
])  # fmt: skip
def test_the_database_is_a_path_or_an_address(database: str, url: str) -> None:
    places = Places(Config(var=Path("/v"), database=database))
    assert places.database_url == url
    assert (places.lock is None) == url.startswith("postgresql")
