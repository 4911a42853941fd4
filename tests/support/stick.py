"""A stick that carries bundles between tablets and the district, where the server's own code reads and answers them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from mobile.bundles import Read
from mobile.tablet import Tablet
from server import bundles
from server.bundles import Taken
from server.db import db
from server.people import User
from sync.over_file import SIZES


class Stick:
    """Each journey has a folder of its own; ``by`` imports at the district."""

    def __init__(self, app: Flask, by: User, folder: Path) -> None:
        self.app, self.by, self.folder, self.count = app, by, folder, 0
        self.last = Taken()
        """What the district said of what it read last."""

    def new(self) -> Path:
        self.count += 1
        folder = self.folder / f"usb-{self.count}"
        folder.mkdir(parents=True)
        return folder

    def written(self, tablet: Tablet, largest: int = SIZES[-1]) -> list[Path]:
        """What a tablet has to say, as files."""
        folder = self.new()
        return [folder / name for name in tablet.bundles.write(folder, largest=largest).files]

    @contextmanager
    def _desk(self) -> Iterator[User]:
        with self.app.app_context():
            yield db.session.get_one(User, self.by.id)
            db.session.remove()

    def imported(self, files: list[Path]) -> list[Path]:
        """The district reads files, in an order of their own; the files of its answers."""
        out = self.new()
        with self._desk() as by:
            told = [(file.name, file.read_bytes()) for file in random.Random(self.count).sample(files, len(files))]
            self.last = bundles.take(told, by)
            for one in self.last.answered:
                for number in range(1, one.files + 1):
                    name, data = bundles.part_of_answer(one.id, number, by)
                    (out / name).write_bytes(data)
        return sorted(out.iterdir())

    def journey(self, tablet: Tablet) -> Read:
        """There and back, nothing lost, nothing refused."""
        answer = self.imported(self.written(tablet))
        assert not self.last.refused and not self.last.waiting
        found = tablet.bundles.read(answer)
        assert not found.refused and not found.missing
        return found
