"""«Hôm nay»: what must I do? Incidents first, then what is due, what is in question, what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mobile.duties import Duty, duties
from mobile.status import sync_words
from mobile.tablet import Tablet
from shared.labels import date_text
from shared.text import fold

FIRST_TYPES = (
    "communication_activity", "broadcast", "gbv_incident", "gbv_case", "model", "material_movement", "training",
)  # fmt: skip
"""The types that stand on «Hôm nay»; the others are behind «Tất cả»."""

__all__ = ["HomePresenter", "Todo", "TypeCard"]


@dataclass(frozen=True, kw_only=True)
class Todo:
    """One thing to do. ``tone``: danger, soon, accent, plain. ``go`` and ``where`` are what ``Shell.go`` is told."""

    words: str
    below: str = ""
    pill: str = ""
    tone: str = "plain"
    go: str = "home"
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TypeCard:
    """One record type: its code, icon name, label, and a line below («42 · gần nhất 28/05»)."""

    code: str
    icon: str
    words: str
    below: str


class HomePresenter:
    """Answers: what must I do today?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet

    @property
    def unit(self) -> str:
        """The unit's name."""
        return self.tablet.unit_words(self.tablet.who.unit)

    def status(self) -> str:
        """What has not left yet, and when something last did («3 thay đổi chưa gửi · gửi lần cuối 07:42»)."""
        return sync_words(self.tablet)

    def todo(self) -> list[Todo]:
        """What waits for this officer, the most urgent first."""
        return [self._todo(duty) for duty in duties(self.tablet)]

    def _todo(self, duty: Duty) -> Todo:
        return Todo(words=duty.words, below=duty.below, pill=duty.pill, tone=duty.tone, go=duty.go, where=duty.where)

    def types(self, *, everything: bool = False, text: str = "") -> list[TypeCard]:
        """The types that this unit fills in: the most used, or all with these first; ``text`` narrows by label, without tone marks."""
        kind = self.tablet.catalogue.units[self.tablet.who.unit].kind
        offered = [one for one in self.tablet.catalogue.types.values() if one.offered_to(kind, self.tablet.clock.today())]
        language = self.tablet.language
        first = {code: place for place, code in enumerate(FIRST_TYPES)}
        offered.sort(key=lambda one: (first.get(one.code, len(first)), fold(one.label.get(language))))
        wanted = fold(text).split()
        if wanted:
            offered = [one for one in offered if all(word in fold(one.label.get(language)) for word in wanted)]
        elif not everything:
            offered = [one for one in offered if one.code in first]
        counts = self.tablet.index.counts()
        cards = []
        for one in offered:
            count, last = counts.get(one.code, (0, None))
            below = self.tablet.say("type_count", count=count, day=date_text(last)[:5]) if last else str(count or "")
            below = below or self.tablet.say("none_yet")
            cards.append(TypeCard(code=one.code, icon=one.icon, words=one.label.get(language), below=below))
        return cards

    def all_words(self) -> str:
        """What the way to all types is called."""
        return self.tablet.say("all_types", count=len(self.types(everything=True)))

    def note(self) -> str:
        """The quiet line at the foot; in a demo, that all is invented and which day it is made to be."""
        if self.tablet.clock.moved:
            return self.tablet.say("demo_banner", day=date_text(self.tablet.clock.today()))
        return self.tablet.say("offline_note")
