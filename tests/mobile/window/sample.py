"""A tablet for the window tests: enrolled without a server, its records invented («dữ liệu mẫu»)."""

from datetime import date
from pathlib import Path

from mobile.clock import Clock
from mobile.keys import DeviceKeys
from mobile.profile import Enrolled
from mobile.tablet import Tablet
from shared.ids import b64, new_id
from shared.sealing import BoxKeys
from tests.support.bundles import SigningKeys

PIN = "290718"
TODAY = date(2022, 5, 30)


def new_tablet(folder: Path, *, unit: str = "long_khanh_a", roles: tuple[str, ...] = ("collector", "case_worker", "unit_lead")) -> Tablet:
    """A locked tablet of a commune's officer, off the network."""
    tablet = Tablet(folder, Clock(TODAY))
    device, officer, server = DeviceKeys.new(), BoxKeys.new(), BoxKeys.new()
    device.keep(tablet.hardware)
    tablet.pin.set("officer", officer, PIN)
    who = Enrolled(
        address="http://127.0.0.1:9",
        device=new_id(),
        name="máy Long Khánh A-1",
        server=new_id(),
        server_box=b64(server.public),
        server_sign=b64(SigningKeys.new().public),
        server_name="Huyện Hồng Ngự (dữ liệu mẫu)",
        user=new_id(),
        user_name="Nguyễn Thị Mẫu",
        roles=roles,
        unit=unit,
        stream="hong_ngu",
    )
    tablet.profile.set(offline=True)
    tablet.enrolled_as(who)
    return tablet
