"""A tablet's window driven in a process of its own, so that it can be killed: ``python -m tests.mobile.window.typist FOLDER type|look``.

``type`` begins a new activity and types into its title without end, a line on stdout for each word that the screen said was
saved. ``look`` starts the same tablet again, follows what «Hôm nay» tells, and prints what the title's box holds.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = ["Nói", "chuyện", "chuyên", "đề", "phòng", "chống", "bạo", "lực", "gia", "đình", "ở", "ấp", "Long", "Thới"]


def opened(folder: Path) -> Any:
    """The application on the folder's tablet, unlocked by touching the digits of its PIN."""
    from mobile.app import SenApp
    from mobile.clock import Clock
    from mobile.tablet import Tablet
    from tests.mobile.window.hand import find, frames, touch, until
    from tests.mobile.window.sample import PIN, TODAY

    app = SenApp(tablet=Tablet(folder, Clock(TODAY)))
    app.begin()
    frames(3)
    until(lambda: app.front is not None and app.front.name == "unlock", "the pad")
    frames(2)
    keys = {key.text: key for key in find("PadKey", within=app.front.pad)}
    for digit in PIN:
        touch(keys[digit])
    touch(app.front.pad.done_key)
    until(lambda: app.front.name == "home", "«Hôm nay»")
    frames(3)
    return app


def type_on(app: Any, tell: Callable[[str], None]) -> None:
    """Type one word after the other and tell each that was said to be saved; ends only with the process."""
    from tests.mobile.window.hand import find, frames, touch, until, write

    touch(find("RoundButton", "+ Ghi mới")[0])
    until(lambda: find("OfferRow", "Hoạt động truyền thông"), "the types")
    touch(find("OfferRow", "Hoạt động truyền thông")[0])
    until(lambda: app.front.name == "form", "the form")
    frames(3)
    box = app.front.grid.widgets["title"].box
    touch(box)
    until(lambda: box.entry.focus, "the focus")
    while True:
        for word in WORDS:
            write(f"{word} ")
            wanted = box.text.strip()
            until(lambda wanted=wanted: app.front.presenter.value("title") == wanted and app.front.status, "it is saved")
            tell(wanted)


def look(app: Any, tell: Callable[[str], None]) -> None:
    """Follow what was cut off, and tell what its title's box holds."""
    from tests.mobile.window.hand import find, frames, touch, until

    card = next(card for card in find("TodoCard") if card.words.startswith("Đang ghi dở"))
    touch(card)
    until(lambda: app.front.name == "form", "the form")
    frames(3)
    tell(app.front.grid.widgets["title"].box.text)


def main() -> None:
    """Do what the command line says."""
    from tests.mobile.window.display import prepare_environment

    prepare_environment()
    from mobile.main import prepare_kivy

    prepare_kivy(960, 640)
    folder, deed = Path(sys.argv[1]), {"type": type_on, "look": look}[sys.argv[2]]
    app = opened(folder)
    deed(app, lambda words: print(words, flush=True))
    app.stop()


if __name__ == "__main__":
    main()
