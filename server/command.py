"""What all commands share: the settings from their options, the app behind them, and an answer that a program can read."""

import json
from collections.abc import Callable
from typing import Any

import click
from flask import Flask

from server.config import SETTINGS, Config

PLACES = ("var", "database", "keys", "master_key", "today")
"""The settings that every command on a server takes as options."""

__all__ = ["answer_json", "app_of", "config_of", "on_server", "tell"]


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(dict)[parameter.name] = value


def on_server(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command settings as options (those of ``PLACES``, where none are named); ``config_of`` reads them."""

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names or PLACES):
            setting = SETTINGS[name]
            flag = f"--{name.replace('_', '-')}"
            default = "" if setting.default in (None, "") else f" (default {setting.default})"
            give_one = click.option(flag, name, help=setting.help + default, metavar="VALUE", expose_value=False, callback=_note)
            command = give_one(command)
        return command

    return give


def config_of(context: click.Context) -> Config:
    """The settings: a command's options win over the environment."""
    return Config.read(**context.ensure_object(dict))


def app_of(context: click.Context) -> Flask:
    """The app on a database that is at this version, with the catalogue that its server published last."""
    from server.process import ready_app

    return ready_app(config_of(context), publishes=False)


def answer_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option to answer in JSON (``as_json``)."""
    return click.option("--json", "as_json", is_flag=True, help="answer in one line of JSON")(command)


def tell(as_json: bool, told: dict[str, Any], text: str) -> None:
    """Answer: one line of JSON, or words."""
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else text)
