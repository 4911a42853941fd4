"""What a server process holds beside its database: settings, clock, catalogue, keys; found by ``services()``."""

from dataclasses import dataclass

from flask import Flask, current_app

from server.clock import Clock
from server.config import Config
from server.keystore import KeyStore
from server.places import Places
from shared.catalogue import Catalogue

__all__ = ["Services", "services"]


@dataclass(frozen=True, kw_only=True)
class Services:
    """One for each app; made by ``create_app``."""

    config: Config
    places: Places
    clock: Clock
    catalogue: Catalogue
    keys: KeyStore


def services(app: Flask | None = None) -> Services:
    """The services of an app, or of the one whose request this is."""
    held: Services = (app or current_app).extensions["sen"]
    return held
