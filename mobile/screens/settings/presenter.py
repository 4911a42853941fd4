"""«Cài đặt»: the language, how letters are typed, the network switch, the PIN."""

from mobile.profile import LANGUAGES, TYPINGS
from mobile.tablet import Tablet
from shared.errors import SenError

__all__ = ["SettingsPresenter"]


class SettingsPresenter:
    """Answers: how is this tablet set?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet

    languages = LANGUAGES
    typings = TYPINGS

    @property
    def language(self) -> str:
        """``vi`` or ``en``."""
        return self.tablet.profile.settings.language

    @property
    def typing(self) -> str:
        """``off``, ``telex`` or ``vni``."""
        return self.tablet.profile.settings.typing

    @property
    def offline(self) -> bool:
        """Whether the switch «Ngoại tuyến» is on."""
        return self.tablet.profile.settings.offline

    def set(self, **changes: object) -> None:
        """Set ``language``, ``typing`` or ``offline``. Raises SenError("unknown_setting")."""
        self.tablet.profile.set(**changes)

    def about(self) -> list[tuple[str, str]]:
        """What this tablet is, for a telephone call with the district: (word, value)."""
        who, say = self.tablet.who, self.tablet.say
        return [
            (say("about_tablet"), who.name or who.device), (say("about_officer"), who.user_name),
            (say("about_unit"), self.tablet.unit_words(who.unit)), (say("about_server"), who.server_name or who.address),
            (say("about_catalogue"), self.tablet.catalogue.version),
        ]  # fmt: skip

    def change_pin(self, old: str, new: str, again: str) -> None:
        """Set another PIN; about two seconds, so run it outside the window's thread. Raises SenError."""
        if new != again:
            raise SenError("pin_differs")
        self.tablet.change_pin(old, new)
