"""Bundles in a real Chromium: an administrator enrols a tablet, an officer imports its files and carries the answer back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from playwright.sync_api import expect

from mobile.clock import Clock
from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from sync.over_file import SIZES
from tests.mobile.test_forms import talk
from tests.server.console.test_chromium import Console, console, quiet

__all__ = ["console", "quiet"]

PIN = "280822"


def test_f47_files_in_and_the_answer_out(console: Console, tmp_path: Path) -> None:
    admin = console.enter("quantri")
    admin.get_by_role("link", name="Máy", exact=True).click()
    admin.get_by_label("Cán bộ").select_option(label="Nguyễn Thị Mẫu (lan)")
    admin.get_by_label("Đơn vị").select_option(value="long_khanh_a")
    admin.get_by_role("button", name="Cấp mã").click()
    code = admin.locator("#code .code").inner_text()
    tablet = Tablet(tmp_path / "tablet", Clock(date(2022, 5, 30)), cheap_pin=True)
    try:
        EnrolPresenter(tablet).enrol(address=console.address, code=code, pin=PIN, name="Máy ấp Long Phước")
        for number in range(30):
            talk(FormPresenter(tablet), result=f"{number}: " + "".join(chr(0x1EA0 + (number * 37 + k * k) % 90) for k in range(400)))
            tablet.forms.close_all()
        folder = tmp_path / "usb"
        folder.mkdir()
        files = [folder / name for name in tablet.bundles.write(folder, largest=SIZES[0]).files]
        assert len(files) > 1

        page = console.enter("huyen")
        page.get_by_role("link", name="Tệp đồng bộ").click()
        field = page.get_by_label("Chọn hoặc kéo thả")
        field.set_input_files(files[1:])
        page.get_by_role("button", name="Nhập", exact=True).click()
        waiting = page.get_by_role("row", name="Máy ấp Long Phước")
        expect(waiting).to_contain_text("phần 1")
        page.get_by_label("Chọn hoặc kéo thả").set_input_files(files[:1])
        page.get_by_role("button", name="Nhập", exact=True).click()
        came = page.locator("section.came")
        expect(came).to_contain_text("Đã nhập: Máy ấp Long Phước")
        expect(came).to_contain_text("30 thay đổi mới")
        with page.expect_download() as told:
            came.get_by_role("link", name="Tải tệp trả lời").click()
        answer = tmp_path / told.value.suggested_filename
        told.value.save_as(answer)
        found = tablet.bundles.read([answer])
        assert found.kept[0].read == 30 and not found.refused and tablet.store.unsent_count() == 0
        page.screenshot(path=tmp_path / "page.png", full_page=True)
    finally:
        tablet.close()
