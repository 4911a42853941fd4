"""«Mở khóa»: whose tablet this is, what waits (counts only), and the PIN."""

from mobile.tablet import Tablet

__all__ = ["UnlockPresenter"]


class UnlockPresenter:
    """Answers: who am I?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet

    @property
    def officer(self) -> str:
        """The officer's name."""
        return self.tablet.who.user_name

    @property
    def unit(self) -> str:
        """The unit's name."""
        return self.tablet.unit_words(self.tablet.who.unit)

    def waiting(self) -> list[str]:
        """What waits, in counts and without a word of content."""
        count = self.tablet.store.unsent_count()
        return [self.tablet.say("unsent_changes", count=count)] if count else []

    @property
    def wait_s(self) -> int:
        """Seconds until a PIN may be tried again; 0 when now."""
        return self.tablet.pin.wait_s()

    @property
    def destroyed(self) -> bool:
        """Whether ten wrong PINs destroyed the officer's key."""
        return self.tablet.pin.destroyed

    def unlock(self, pin: str) -> None:
        """Try a PIN; takes about a second, so run it outside the window's thread.

        Raises:
            SenError: ``wrong_pin``, ``pin_wait``, ``pin_destroyed``; its text is what the screen says.
        """
        self.tablet.unlock(pin)

    def forgotten(self) -> str:
        """What to do when the PIN is forgotten."""
        return self.tablet.say("pin_forgotten")
