"""A sheet with a search box over a list, for choosing one thing or several; the list draws only what is seen."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview import RecycleView

from mobile.widgets.basics import RoundButton, Words
from mobile.widgets.desk import Desk, Offer
from mobile.widgets.entry import InputBox
from mobile.widgets.sheets import Sheet

__all__ = ["FileSheet", "FolderSheet", "ListSheet", "OfferList", "OfferSheet"]

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


class OfferRow(ButtonBehavior, BoxLayout):
    """One thing that may be chosen."""

    words = StringProperty("")
    below = StringProperty("")
    chosen = BooleanProperty(False)
    choose = ObjectProperty(None, allownone=True)

    def on_release(self) -> None:
        """Choose it."""
        if self.choose is not None:
            self.choose()


class OfferList(RecycleView):
    """The list of things that may be chosen."""

    def show(self, offers: Sequence[Offer], chosen: Sequence[Any], press: Callable[[Offer], None]) -> None:
        """Draw offers; those among ``chosen`` bear a mark. Rows are higher where there are lines below."""
        high = dp(78) if any(offer.below for offer in offers) else dp(60)
        self.children[0].default_size = (None, high)
        self.data = [
            {
                "words": offer.words,
                "below": offer.below,
                "chosen": offer.value in chosen,
                "choose": lambda offer=offer: press(offer),
            }
            for offer in offers
        ]


class OfferSheet(Sheet):
    """Chooses among the offers of one field; ``then`` gets the list of chosen values."""

    fixed_body = True

    def __init__(
        self,
        *,
        desk: Desk,
        title: str,
        path: str,
        chosen: Sequence[Any],
        several: bool,
        then: Callable[[list[Any]], None],
    ) -> None:
        super().__init__(title=title)
        self.desk, self.path, self.several, self.then = desk, path, several, then
        self.chosen = list(chosen)
        self.search = InputBox(label=desk.say("mobile.sheet.search"), typing=desk.typing, icon="magnify")
        self.search.bind(on_typed=lambda *_: self.refresh())
        self.list = OfferList()
        self.nothing = Words(role="small")
        self.ids.body.add_widget(self.search)
        self.ids.body.add_widget(self.nothing)
        self.ids.body.add_widget(self.list)
        if several:
            self.deed(desk.say("mobile.sheet.done"), lambda: then(self.chosen), filled=True)
        elif self.chosen:
            self.deed(desk.say("mobile.sheet.clear"), lambda: then([]))
        self.deed(desk.say("mobile.sheet.close"), None)
        self.refresh()

    def refresh(self) -> None:
        """Show what the search finds now, or say that it finds nothing."""
        offers = self.desk.offers(self.path, self.search.text)
        self.list.show(offers, self.chosen, self.pressed)
        self.nothing.text = "" if offers else self.desk.say("mobile.sheet.nothing")

    def pressed(self, offer: Offer) -> None:
        """Choose or leave one; where only one may be chosen, it is the answer."""
        if not self.several:
            self.dismiss(animation=False)
            self.then([offer.value])
            return
        if offer.value in self.chosen:
            self.chosen.remove(offer.value)
        else:
            self.chosen.append(offer.value)
        self.refresh()


class ListSheet(Sheet):
    """Chooses one of some rows (words, line below, payload); ``rows`` gives those that a text finds."""

    fixed_body = True

    def __init__(
        self,
        *,
        say: Callable[..., str],
        typing: str,
        title: str,
        rows: Callable[[str], Sequence[tuple[str, str, Any]]],
        then: Callable[[Any], None],
    ) -> None:
        super().__init__(title=title)
        self.rows, self.then = rows, then
        self.search = InputBox(label=say("mobile.sheet.search"), typing=typing, icon="magnify")
        self.search.bind(on_typed=lambda *_: self.refresh())
        self.list = OfferList()
        self.ids.body.add_widget(self.search)
        self.ids.body.add_widget(self.list)
        self.deed(say("mobile.sheet.close"), None)
        self.refresh()

    def refresh(self) -> None:
        """Show what the search finds now."""
        found = [Offer(value=payload, words=words, below=below) for words, below, payload in self.rows(self.search.text)]
        self.list.show(found, (), self.pressed)

    def pressed(self, offer: Offer) -> None:
        """Take one."""
        self.dismiss(animation=False)
        self.then(offer.value)


class FolderSheet(Sheet):
    """Walks the folders of a disk and chooses one; nothing hidden shown."""

    fixed_body = True

    def __init__(self, *, say: Callable[..., str], start: Path, ok: str, then: Callable[[Path], None]) -> None:
        super().__init__(title=say("mobile.sheet.folder"))
        self.list = OfferList()
        self.where = Words(role="small")
        self.ids.body.add_widget(self.where)
        self.ids.body.add_widget(self.list)
        self.deed(ok, lambda: then(self.folder), filled=True)
        self.deed(say("mobile.sheet.close"), None)
        self.folder = start
        self.refresh()

    def refresh(self) -> None:
        """Show the folder and what folders stand in it."""
        offers = [Offer(value=self.folder.parent, words="‹ " + self.folder.name, below=str(self.folder.parent))]
        offers += [Offer(value=path, words=path.name + "/") for path in _shown(self.folder) if path.is_dir()]
        self.where.text = str(self.folder)
        self.list.show(offers, (), self.pressed)

    def pressed(self, offer: Offer) -> None:
        """Open a folder."""
        self.folder = offer.value
        self.list.scroll_y = 1
        self.refresh()


def _shown(folder: Path) -> list[Path]:
    """What stands in a folder and is not hidden, folders first, by name."""
    try:
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted(entries, key=lambda path: (not path.is_dir(), path.name.lower()))


class FileSheet(Sheet):
    """Walks the folders of a disk and chooses files; folders first, by name, nothing hidden shown."""

    fixed_body = True

    def __init__(self, *, say: Callable[..., str], start: Path, photos: bool, then: Callable[[Sequence[Path]], None]) -> None:
        super().__init__(title=say("mobile.sheet.photos" if photos else "mobile.sheet.files"))
        self.say, self.photos = say, photos
        self.chosen: list[Path] = []
        self.list = OfferList()
        self.ids.body.add_widget(self.list)
        self.ok = RoundButton(text=say("mobile.sheet.take", count=0), filled=True)
        self.ok.bind(on_release=lambda *_: self._take(then))
        self.ids.deeds.add_widget(self.ok)
        self.deed(say("mobile.sheet.close"), None)
        self.folder = start
        self.refresh()

    def refresh(self) -> None:
        """Show the folder and how many files are chosen."""
        offers = [Offer(value=self.folder.parent, words="‹ " + self.folder.name, below=str(self.folder.parent))]
        for path in self._entries():
            words = path.name + "/" if path.is_dir() else path.name
            offers.append(Offer(value=path, words=words))
        self.list.show(offers, self.chosen, self.pressed)
        self.ok.text = self.say("mobile.sheet.take", count=len(self.chosen))

    def _entries(self) -> list[Path]:
        return [p for p in _shown(self.folder) if p.is_dir() or not self.photos or p.suffix.lower() in PHOTO_ENDINGS]

    def pressed(self, offer: Offer) -> None:
        """Open a folder, choose or leave a file."""
        path: Path = offer.value
        if path.is_dir():
            self.folder = path
            self.list.scroll_y = 1
        elif path in self.chosen:
            self.chosen.remove(path)
        else:
            self.chosen.append(path)
        self.refresh()

    def _take(self, then: Callable[[Sequence[Path]], None]) -> None:
        self.dismiss(animation=False)
        if self.chosen:
            then(tuple(self.chosen))
