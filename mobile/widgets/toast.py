"""A short sentence at the foot of the window that goes away by itself: «Đã lưu quyết định»."""

from typing import Any

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.uix.anchorlayout import AnchorLayout

from mobile.widgets.field import Message

__all__ = ["Toast"]


class Toast(AnchorLayout):
    """The place of the sentence; it lets every touch through."""

    SHOWN_S = 3.5

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(anchor_y="bottom", padding=dp(20), **kwargs)
        self._gone = Clock.create_trigger(lambda _: self.clear_widgets(), self.SHOWN_S)

    def say(self, words: str, tone: str = "good") -> None:
        """Show a sentence for a while."""
        self.clear_widgets()
        message = Message(text=words, tone=tone, size_hint_x=None, halign="center")
        message.width = min(dp(620), self.width - dp(40)) if self.width > dp(200) else dp(520)
        self.add_widget(message)
        self._gone.cancel()
        self._gone()

    def on_touch_down(self, touch: Any) -> bool:
        """Let it through."""
        return False
