"""Every setting of a server in one table: name, type, default, and a help that says its unit.

A setting is read from the environment (``SEN_`` and its name in capitals) and may be given as an option of a command. Nothing
secret is a setting: keys and the cookies' secret stand in the key store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from server.clock import VIETNAM
from shared.errors import SenError

PREFIX = "SEN_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

__all__ = ["LOOPBACK", "PREFIX", "SETTINGS", "Config", "Setting"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one server process."""

    var: Path = field(default=Path("var"), metadata={"help": "folder of everything that the server writes"})
    database: str = field(default="", metadata={"help": "path of an SQLite file, or a postgresql:// address; empty: sen.sqlite3 there"})
    keys: Path | None = field(default=None, metadata={"help": "path of the key store; empty: keys.sqlite3 there"})
    master_key: Path | None = field(default=None, metadata={"help": "path of the master key, never in a backup; empty: master.key there"})
    catalogue: Path | None = field(default=None, metadata={"help": "folder of the catalogue's YAML; empty: the one that ships"})
    name: str = field(default="Sen", metadata={"help": "what tablets and documents call this server"})
    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8040, metadata={"help": "TCP port to listen on; 0 takes a free one"})
    threads: int = field(default=10, metadata={"help": "how many requests are worked on at once"})
    connections: int = field(default=400, metadata={"help": "how many may be connected and heard at once; slow links among them"})
    tls_certificate: Path | None = field(default=None, metadata={"help": "path of the certificate; needed to listen beyond this machine"})
    tls_key: Path | None = field(default=None, metadata={"help": "path of the certificate's private key in PEM"})
    behind_proxy: bool = field(default=False, metadata={"help": "1 behind a proxy that speaks HTTPS: its X-Forwarded headers are believed"})
    today: datetime | None = field(default=None, metadata={"help": "2022-05-30 or 2022-05-30T08:00: where the process's clock starts"})
    session_minutes: int = field(default=60, metadata={"help": "minutes without a click after which a person is signed out"})
    code_hours: int = field(default=72, metadata={"help": "hours for which an enrolment code can be used"})
    enrol_tries: int = field(default=10, metadata={"help": "tries of a code from one address in a minute; ten times as many in a day"})
    largest_body_mb: int = field(default=16, metadata={"help": "megabytes that one request may bring"})
    file_quota_mb: int = field(default=2048, metadata={"help": "megabytes of photos and files that one tablet may store"})
    database_wait_s: int = field(default=10, metadata={"help": "seconds that a transaction waits for another one's lock"})
    upward_minutes: int = field(default=15, metadata={"help": "minutes between exchanges with the server above; 0: never"})
    log: str = field(default="info", metadata={"help": "what is logged: debug, info, warning or error"})

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **options: Any) -> Config:
        """Read the settings: an option wins over the environment, the environment over the default.

        Raises:
            SenError: ``bad_setting`` with the setting's name.
        """
        given = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for setting in SETTINGS.values():
            told = options.get(setting.name)
            if told is None:
                told = given.get(setting.variable) or None
            if told is not None:
                values[setting.name] = setting.parse(told)
        return cls(**values)

    @property
    def https(self) -> bool:
        """Whether browsers reach the console by HTTPS: cookies are then marked Secure."""
        return self.tls_certificate is not None or self.behind_proxy


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table."""

    name: str
    type: str
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return PREFIX + self.name.upper()

    def parse(self, text: Any) -> Any:
        """The value of what was written; raises SenError("bad_setting")."""
        if not isinstance(text, str):
            return text
        try:
            return _PARSERS[self.type](text.strip())
        except ValueError as error:
            raise SenError("bad_setting", name=self.variable) from error


def _truth(text: str) -> bool:
    if text.lower() not in ("0", "1", "no", "yes", "false", "true"):
        raise ValueError(text)
    return text.lower() in ("1", "yes", "true")


def _moment(text: str) -> datetime:
    if len(text) > len("2022-05-30"):
        return datetime.fromisoformat(text)
    return datetime.combine(date.fromisoformat(text), datetime.now(VIETNAM).time())


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "Path": Path,
    "Path | None": Path,
    "str": str,
    "int": int,
    "bool": _truth,
    "datetime | None": _moment,
}

SETTINGS: Mapping[str, Setting] = {
    one.name: Setting(
        name=one.name,
        type=str(one.type),
        default=one.default,
        help=one.metadata["help"],
    )
    for one in fields(Config)
}
