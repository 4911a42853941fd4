"""The table of the screens: for each name its presenter and the widget that shows it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.conflict.screen import ConflictScreen
from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.enrol.screen import EnrolScreen
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.form.screen import FormScreen
from mobile.screens.home.presenter import HomePresenter
from mobile.screens.home.screen import HomeScreen
from mobile.screens.incident.presenter import IncidentPresenter
from mobile.screens.incident.screen import IncidentScreen
from mobile.screens.page import Page
from mobile.screens.records.presenter import RecordsPresenter
from mobile.screens.records.screen import RecordsScreen
from mobile.screens.report.presenter import ReportPresenter
from mobile.screens.report.screen import ReportScreen
from mobile.screens.settings.presenter import SettingsPresenter
from mobile.screens.settings.screen import SettingsScreen
from mobile.screens.submit.presenter import SubmitPresenter
from mobile.screens.submit.screen import SubmitScreen
from mobile.screens.sync.presenter import SyncPresenter
from mobile.screens.sync.screen import SyncScreen
from mobile.screens.unlock.presenter import UnlockPresenter
from mobile.screens.unlock.screen import UnlockScreen
from mobile.tablet import Tablet

__all__ = ["PAGES", "Pair"]


class Pair(NamedTuple):
    """A presenter and its screen."""

    presenter: Callable[[Tablet], Any]
    page: type[Page]


PAGES: Final[dict[str, Pair]] = {
    "enrol": Pair(EnrolPresenter, EnrolScreen),
    "unlock": Pair(UnlockPresenter, UnlockScreen),
    "home": Pair(HomePresenter, HomeScreen),
    "records": Pair(RecordsPresenter, RecordsScreen),
    "form": Pair(FormPresenter, FormScreen),
    "submit": Pair(SubmitPresenter, SubmitScreen),
    "conflict": Pair(ConflictPresenter, ConflictScreen),
    "incident": Pair(IncidentPresenter, IncidentScreen),
    "report": Pair(ReportPresenter, ReportScreen),
    "sync": Pair(SyncPresenter, SyncScreen),
    "settings": Pair(SettingsPresenter, SettingsScreen),
}
