"""One window for all window tests, with one tablet behind it; a display of its own where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mobile.window.display import prepare_environment, start_display

_server = start_display()
prepare_environment()

from mobile.main import prepare_kivy  # noqa: E402  (the environment comes first)

prepare_kivy(960, 640)

from kivy.config import Config  # noqa: E402

Config.set("graphics", "maxfps", "0")
Config.set("graphics", "vsync", "0")


def pytest_sessionfinish() -> None:
    """Take the display down that was started for these tests."""
    if _server is not None:
        _server.terminate()
        _server.wait()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profile's folder; a folder beside it is the officer's home, with a photo and a document to choose."""
    root = tmp_path_factory.mktemp("tablet")
    home = root / "home"
    home.mkdir()
    (home / "anh-hoi-truong.jpg").write_bytes(_small_jpeg())
    (home / "bien-ban.pdf").write_bytes(b"%PDF-1.4\n% d\xe1\xbb\xaf li\xe1\xbb\x87u m\xe1\xba\xabu\n")
    os.environ["HOME"] = str(home)
    return root / "profile"


def _small_jpeg() -> bytes:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (64, 48), (15, 107, 102)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="session")
def app(folder: Path) -> Iterator[Any]:
    """The application on an unlocked tablet, its loop driven by the tests."""
    from mobile.app import SenApp
    from tests.mobile.window.hand import frames
    from tests.mobile.window.sample import PIN, new_tablet

    application = SenApp(tablet=new_tablet(folder))
    application.begin()
    frames(3)
    application.tablet.unlock(PIN)
    application.unlocked()
    frames(3)
    yield application
    application.stop()


@pytest.fixture()
def home(app: Any) -> Any:
    """The application at «Hôm nay», unlocked, in Vietnamese, in the wide layout."""
    from kivy.core.window import Window

    from tests.mobile.window.hand import frames
    from tests.mobile.window.sample import PIN

    Window.size = (960, 640)
    if not app.tablet.unlocked:
        app.tablet.unlock(PIN)
    app.home()
    frames(4)
    return app


@pytest.fixture()
def on(app: Any) -> Iterator[Any]:
    """Put another tablet behind the window for one test: ``on(tablet)`` gives the application on it."""
    from kivy.core.window import Window

    from tests.mobile.window.hand import frames

    own = app.tablet

    def show(tablet: Any) -> Any:
        app.forget_pages()
        app.tablet = tablet
        tablet.profile.set(offline=True)
        tablet.background.start(app.post, app.news)
        Window.size = (960, 640)
        app.home()
        frames(3)
        return app

    yield show
    app.tablet = own
    app.forget_pages()
