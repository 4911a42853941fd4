"""What has left and what has not, in one line that is always true."""

from typing import TYPE_CHECKING

from mobile.clock import moment_of

if TYPE_CHECKING:
    from mobile.tablet import Tablet

__all__ = ["sync_words"]


def sync_words(tablet: "Tablet") -> str:
    """«3 thay đổi chưa gửi · gửi lần cuối 07:42», «Đã gửi lúc 07:42», «Chưa có gì để gửi»."""
    count, last = tablet.store.unsent_count(), tablet.store.last_sent_ms()
    time = "" if last is None else time_words(tablet, last)
    if count:
        words = tablet.say("unsent_changes", count=count)
        return f"{words} · {tablet.say('last_sent', time=time)}" if time else words
    return tablet.say("all_sent", time=time) if time else tablet.say("nothing_to_send")


def time_words(tablet: "Tablet", ms: int) -> str:
    """«07:42», with the day where it is another: «28/05 07:42»."""
    moment = moment_of(ms)
    return f"{moment:%H:%M}" if moment.date() == tablet.clock.today() else f"{moment:%d/%m %H:%M}"
