"""How large a tablet's next page is: it follows the link."""

from sync.messages import FIRST_PAGE, LARGEST_PAGE, PAGE_GROWTH

SMALLEST_PAGE = 8 * 1024

PAGES_A_STEP = 8
"""Pages that must come through on a link that has broken before one of twice the size is tried: what a link drops regularly at
some size is found again at the cost of one page in eight."""

__all__ = ["PAGES_A_STEP", "Pacing"]


class Pacing:
    """The size of a page in compressed bytes, from what became of those before."""

    def __init__(self) -> None:
        self.page = FIRST_PAGE
        self.careful = 0
        """Pages until the next larger one on a link that has broken; 0 on one that has not."""

    def cut(self) -> None:
        """Take note that the link broke: the next page is smaller."""
        self.page, self.careful = max(SMALLEST_PAGE, self.page // 4), PAGES_A_STEP

    def grow(self) -> None:
        """Take note that a page came through: the next one may be larger; once the link has broken, carefully."""
        if not self.careful:
            self.page = min(LARGEST_PAGE, self.page * PAGE_GROWTH)
            return
        self.careful -= 1
        if not self.careful:
            self.page, self.careful = min(LARGEST_PAGE, self.page * 2), PAGES_A_STEP
