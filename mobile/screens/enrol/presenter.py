"""«Enrol»: a new tablet, a one-time code from the district, a PIN of the officer's own."""

from mobile.enrolment import Request, enrol
from mobile.keys import check_pin
from mobile.tablet import Tablet
from mobile.wipe import wiped
from shared.errors import SenError

__all__ = ["EnrolPresenter"]

CODE_LEAST = 4


class EnrolPresenter:
    """Answers: what do I type to make this tablet mine?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet

    def revoked(self) -> str:
        """What befell a tablet that was revoked and has wiped itself, in words; "" where nothing did."""
        return self.tablet.wiped_words()

    def address(self) -> str:
        """The server's address from before; "" where there was none."""
        told = wiped(self.tablet.profile.folder)
        return "" if told is None else told.address

    def wrong(self, *, address: str, code: str, pin: str, again: str) -> dict[str, str]:
        """What is wrong with the answers, by field (``address``, ``code``, ``pin``, ``again``), in words; empty when nothing."""
        found: dict[str, str] = {}
        if not address.strip().startswith(("http://", "https://")):
            found["address"] = self.tablet.say("enrol_address_wrong")
        if len(code.strip()) < CODE_LEAST:
            found["code"] = self.tablet.say("enrol_code_wrong")
        try:
            check_pin(pin)
        except SenError as error:
            found["pin"] = error.text(self.tablet.language)
        if pin != again:
            found["again"] = self.tablet.say("pin_differs")
        return found

    def enrol(self, *, address: str, code: str, pin: str, name: str = "") -> None:
        """Enrol with the server and unlock; takes seconds, so run it outside the window's thread.

        The same keys ask again after a lost answer.

        Raises:
            SenError: no network, or what the server says of the code.
        """
        request = Request(address=address.strip().rstrip("/"), code=code.strip(), pin=pin, name=name.strip())
        enrol(self.tablet, request)
