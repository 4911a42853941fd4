"""The console in a real Chromium, against a real server process: what a person sees, types and presses."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.server.console.office import PASSWORD, PERIOD, SECRET
from tests.support.processes import Watched

CHROMIUM = "/usr/bin/chromium"
WIDE, ZOOMED = {"width": 1366, "height": 768}, {"width": 683, "height": 384}
"""1366 × 768, and what is left of it at 200 % zoom."""

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)  # how long is no promise here: other tests run beside this one


@dataclass(frozen=True, kw_only=True)
class Console:
    """A running server, a browser, and what the browser complained about."""

    address: str
    records: dict[str, str]
    browser: Browser
    complaints: list[str]

    def enter(self, login: str, size: dict[str, int] = WIDE) -> Page:
        """Sign a person in."""
        context: BrowserContext = self.browser.new_context(base_url=self.address, viewport=size, locale="vi-VN", accept_downloads=True)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto("/")
        page.get_by_label("Tên đăng nhập").fill(login)
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        return page


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A missing Chromium fails, it does not skip."""
    folder = tmp_path_factory.mktemp("console")
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: apt-get install chromium"
    with Watched(["-m", "tests.server.console.serve", str(folder / "var")], folder / "server.log") as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Console(address=server.told["address"], records=server.told["records"], browser=browser, complaints=[])
        browser.close()


@pytest.fixture(autouse=True)
def quiet(console: Console) -> Iterator[None]:
    """No page may make the browser complain: no blocked script or style, no missing file; htmx tells of a request that gave way."""
    console.complaints.clear()
    yield
    assert [one for one in console.complaints if not re.match("htmx:(sendAbort|afterRequest)", one)] == []


def test_sign_in_and_the_overview(console: Console) -> None:
    page = console.enter("huyen")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hôm nay, 30/05/2022")
    expect(page.get_by_text("đồng hồ của máy chủ đứng ở ngày 30/05/2022")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("Xã Long Khánh A"))
    expect(row).to_contain_text("Đang soạn")
    expect(row).to_contain_text("< 5")
    assert page.evaluate("document.fonts.check('16px Roboto', 'ữ')")
    row.get_by_role("link", name="172").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lượt người dự truyền thông: 172")
    expect(page.get_by_role("link", name="Hội nghị phụ nữ khởi nghiệp")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("172")
    page.get_by_role("link", name="Today").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today, 30/05/2022")


def test_an_activity_is_written_mended_and_sent(console: Console) -> None:
    page = console.enter("lan")
    page.goto("/records/new/communication_activity")
    page.get_by_label("Tên hoạt động").fill("Truyền thông phòng, chống bạo lực tại chợ Long Khánh")
    page.locator("[id='in-held_on']").fill("25/05/2022")
    page.locator("[id='in-form']").select_option("school_session")
    expect(page.get_by_label("Trường phối hợp")).to_be_attached()
    expect(page.get_by_label("Tên hoạt động")).to_have_value("Truyền thông phòng, chống bạo lực tại chợ Long Khánh")
    page.locator("[id='in-form']").select_option("community_talk")
    expect(page.get_by_label("Trường phối hợp")).not_to_be_attached()
    page.get_by_label("Phòng, chống bạo lực gia đình").check()
    page.locator("[id='in-participants_total']").fill("1.050")
    page.locator("[id='in-participants_female']").fill("1.150")
    page.get_by_text("Tổ chức, kinh phí, minh chứng").click()
    page.locator("[id='at-speakers']").get_by_role("button", name="+ Thêm dòng").click()
    page.locator("[id='at-speakers']").get_by_label("Họ và tên").fill("Bà Nguyễn Thị Mẫu")
    page.get_by_role("button", name="Gửi").click()
    wrong = page.locator("[id='at-participants_female'] .said")
    expect(wrong).to_contain_text("Số nữ (1.150) nhiều hơn tổng số lượt người dự (1.050)")
    expect(page.get_by_text("Còn 1 chỗ phải sửa trước khi gửi")).to_be_visible()
    expect(page).to_have_url(re.compile("/records/[0-9a-f-]{36}/edit$"))
    page.locator("[id='in-participants_female']").fill("650")
    page.get_by_role("button", name="Gửi").click()
    expect(page.get_by_text("Đã gửi.")).to_be_visible()
    expect(page.locator("h1")).to_have_text("Truyền thông phòng, chống bạo lực tại chợ Long Khánh")
    expect(page.locator(".top .chip")).to_have_text("Đã gửi")
    expect(page.get_by_role("cell", name="Bà Nguyễn Thị Mẫu")).to_be_visible()
    page.get_by_role("button", name="Toàn bộ lịch sử").click()
    expect(page.locator("#drawer")).to_contain_text("1.150")
    page.get_by_role("button", name="Đóng").click()
    expect(page.locator("#drawer")).to_be_empty()


def test_b21_what_was_typed_stays_on_any_error(console: Console) -> None:
    page = console.enter("lan")
    page.goto("/records/new/difficulty")
    page.get_by_label("Khó khăn, vướng mắc").fill("Thiếu người làm công tác bình đẳng giới.")
    page.context.set_offline(True)
    page.get_by_role("button", name="Lưu nháp").click()
    expect(page.locator("#problems")).to_contain_text("Không tới được máy chủ")
    page.context.set_offline(False)
    page.context.clear_cookies()
    page.get_by_role("button", name="Lưu nháp").click()
    expect(page.locator("#problems .problem")).to_be_visible()
    expect(page.get_by_label("Khó khăn, vướng mắc")).to_have_value("Thiếu người làm công tác bình đẳng giới.")
    beside = page.context.new_page()
    beside.goto("/sign-in")
    beside.get_by_label("Tên đăng nhập").fill("lan")
    beside.get_by_label("Mật khẩu").fill(PASSWORD)
    beside.get_by_role("button", name="Đăng nhập").click()
    expect(beside.get_by_role("heading", level=1)).to_contain_text("Hôm nay")
    with page.expect_response(re.compile("/session/token")):
        page.get_by_role("button", name="Lưu nháp").click()
    page.get_by_role("button", name="Lưu nháp").click()
    expect(page.get_by_text("Đã lưu nháp.")).to_be_visible()
    console.complaints[:] = [one for one in console.complaints if not re.search("ERR_INTERNET_DISCONNECTED|status of 40[01]|htmx:sendError", one)]


def count(page: Page, words: str) -> int:
    page.goto(f"/records/of/difficulty?q={words}")
    return page.locator("#listing tbody a").count()


def test_b21_two_taps_and_the_way_back_make_one_record(console: Console) -> None:
    page = console.enter("thu")
    page.goto("/records/new/difficulty")
    page.get_by_label("Khó khăn, vướng mắc").fill("Đường đi lại mùa nước nổi")
    page.get_by_role("button", name="Lưu nháp").dblclick()
    expect(page.get_by_text("Đã lưu nháp.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Khó khăn, vướng mắc")).to_be_visible()
    assert count(page, "mua nuoc noi") == 1


def test_b21_what_was_typed_is_there_after_leaving_and_after_a_lost_answer(console: Console) -> None:
    page = console.enter("thu")
    page.goto("/records/new/communication_activity")
    page.get_by_label("Tên hoạt động").fill("Hội thi nấu ăn")
    page.get_by_text("Tổ chức, kinh phí, minh chứng").click()
    page.locator("[id='at-speakers']").get_by_role("button", name="+ Thêm dòng").click()
    page.locator("[id='at-speakers']").get_by_label("Họ và tên").fill("Bà Tư Mẫu")
    page.get_by_role("link", name="Báo cáo", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Báo cáo 06 tháng")
    page.go_back()
    expect(page.get_by_text("Nội dung gõ dở chưa lưu đã được mở lại")).to_be_visible()
    expect(page.get_by_label("Tên hoạt động")).to_have_value("Hội thi nấu ăn")
    expect(page.locator("[id='at-speakers']").get_by_label("Họ và tên")).to_have_value("Bà Tư Mẫu")
    page.route("**/records/new/communication_activity", lambda route: (route.fetch(), route.abort()), times=1)
    page.get_by_role("button", name="Lưu nháp").click()
    expect(page.locator("#problems")).to_contain_text("Không tới được máy chủ")
    page.reload()
    expect(page.get_by_label("Tên hoạt động")).to_have_value("Hội thi nấu ăn")
    page.get_by_role("button", name="Lưu nháp").click()
    expect(page.get_by_text("Đã lưu nháp.")).to_be_visible()
    page.goto("/records/of/communication_activity?q=hoi+thi+nau")
    expect(page.locator("#listing tbody a")).to_have_count(1)
    page.goto("/records/new/communication_activity")
    expect(page.get_by_label("Tên hoạt động")).to_have_value("")
    console.complaints[:] = [one for one in console.complaints if not re.search("ERR_FAILED|htmx:sendError", one)]


def test_b21_a_confidential_form_is_kept_nowhere_and_asks_before_it_is_left(console: Console) -> None:
    page = console.enter("hoa")
    page.goto("/records/new/gbv_case")
    page.get_by_label("Họ và tên").first.fill("Người không có thật")
    assert "không có thật" not in page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Hôm nay").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hôm nay")
    assert asked == ["beforeunload"]


def test_b21_a_lost_token_keeps_the_reason_that_was_typed(console: Console) -> None:
    page = console.enter("huyen")
    page.goto("/incidents")
    reply = page.get_by_label("Ý kiến, chỉ đạo gửi đơn vị").first
    reply.fill("Cử cán bộ y tế xuống.")
    page.evaluate("document.querySelectorAll('input[name=csrf_token]').forEach((one) => { one.value = 'lost'; })")
    with page.expect_response(re.compile("/session/token")):
        page.get_by_role("button", name="Tiếp nhận").first.click()
    expect(page.locator("#problems .problem")).to_be_visible()
    expect(reply).to_have_value("Cử cán bộ y tế xuống.")
    console.complaints[:] = [one for one in console.complaints if not re.search("status of 400", one)]


def test_t04_a_case_is_asked_for_granted_and_opened(console: Console) -> None:
    officer, keeper = console.enter("huyen"), console.enter("hoa")
    officer.get_by_role("link", name="Đọc hồ sơ").click()
    officer.get_by_label("Đơn vị").select_option("long_khanh_a")
    officer.get_by_label("Mã hồ sơ").fill("HS-2022-01")
    officer.get_by_label("Lý do").fill("Thẩm định hồ sơ hỗ trợ khẩn cấp")
    officer.get_by_role("button", name="Gửi đề nghị").click()
    expect(officer.get_by_text("Đã gửi đề nghị")).to_be_visible()
    keeper.goto("/needs")
    keeper.get_by_role("button", name="Duyệt", exact=True).click()
    expect(keeper.get_by_text("Đã duyệt.")).to_be_visible()
    officer.goto("/needs")
    officer.get_by_role("link", name="HS-2022-01").click()
    expect(officer.locator(".locked").first).to_have_text("bảo mật")
    officer.get_by_label("Lý do xem").fill("Đối chiếu quyết định")
    officer.get_by_role("button", name="Mở nội dung bảo mật").click()
    expect(officer.get_by_text(SECRET).first).to_be_visible()
    keeper.goto("/needs")
    expect(keeper.get_by_role("row", name=re.compile("Đối chiếu quyết định"))).to_contain_text("Phạm Thị Chuyên Viên")
    keeper.get_by_role("button", name="Kết thúc").click()
    expect(keeper.get_by_text("Đã kết thúc.")).to_be_visible()


def test_search_without_tone_marks(console: Console) -> None:
    page = console.enter("huyen")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hôm nay")
    page.wait_for_load_state()  # only then are the keys heard
    page.keyboard.press("Control+k")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("phu nu")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Hội nghị phụ nữ khởi nghiệp")).to_be_visible()
    expect(page.get_by_role("link", name="Hội Liên hiệp Phụ nữ huyện")).to_be_visible()
    page.goto("/records/of/communication_activity")
    page.locator("#q").press_sequentially("binh dang")
    expect(page.locator("#listing tbody tr")).to_have_count(1)
    expect(page.locator("#listing")).to_contain_text("Truyền thông Luật Bình đẳng giới")
    expect(page).to_have_url(re.compile(r"q=binh\+dang|q=binh%20dang"))


def test_a_question_is_decided(console: Console) -> None:
    page = console.enter("huyen")
    page.get_by_role("link", name=re.compile("^Khác nhau")).click()
    box = page.locator("form.box").filter(has_text="Nói chuyện chuyên đề")
    expect(box.locator(".answer.current")).to_contain_text("52")
    box.get_by_placeholder("Vì sao chọn giá trị đó").fill("Theo danh sách ký nhận")
    box.get_by_role("button", name="Dùng 55").click()
    expect(page.get_by_text("Đã ghi quyết định")).to_be_visible()
    page.goto(f"/records/{console.records['talk']}")
    expect(page.locator("dd").filter(has_text="55")).to_be_visible()
    page.locator("dt").filter(has_text="Số lượt người dự").hover()
    page.get_by_label("Lịch sử: Số lượt người dự").click()
    expect(page.locator("#drawer")).to_contain_text("Theo danh sách ký nhận")


def test_a_report_is_returned_accepted_and_downloaded(console: Console) -> None:
    officer, head, unit = console.enter("huyen"), console.enter("thuansep"), console.enter("thuan")
    path = f"/reports/{PERIOD}/long_thuan"
    officer.goto(path)
    officer.get_by_label("Lý do trả lại").fill("Bổ sung phần tập huấn.")
    officer.get_by_role("button", name="Trả lại để bổ sung").click()
    expect(officer.get_by_text("Đã trả lại để bổ sung; đơn vị thấy lý do")).to_be_visible()
    unit.goto(path)
    expect(unit.get_by_text("Trả lại để bổ sung: Bổ sung phần tập huấn.")).to_be_visible()
    unit.get_by_role("link", name="Sửa lời văn").click()
    unit.get_by_label("IV.2. Tồn tại, hạn chế").fill("Chưa mở được lớp tập huấn.")
    unit.get_by_role("button", name="Lưu").click()
    expect(unit.get_by_text("Chưa mở được lớp tập huấn.")).to_be_visible()
    head.goto(path)
    head.get_by_role("button", name="Duyệt báo cáo").click()
    expect(head.locator(".top .chip")).to_have_text("Lãnh đạo đã duyệt")
    unit.goto(path)
    unit.get_by_role("button", name="Gửi").click()
    expect(unit.locator(".top .chip")).to_have_text("Đã gửi")
    officer.goto(path)
    officer.get_by_role("button", name="Tiếp nhận báo cáo").click()
    expect(officer.get_by_text("Đã tiếp nhận báo cáo và 1 bản ghi.")).to_be_visible()
    with officer.expect_download() as download:
        officer.get_by_role("link", name="Tải Word").click()
    assert download.value.suggested_filename == f"bao-cao-{PERIOD}-long-thuan.docx"
    text = "\n".join(one.text for one in docx.Document(io.BytesIO(Path(download.value.path()).read_bytes())).paragraphs)
    assert "Chưa mở được lớp tập huấn." in text
    officer.goto(f"/reports/{PERIOD}/hong_ngu")
    officer.get_by_role("button", name="Tổng hợp").click()
    expect(officer.get_by_text("Đã tổng hợp. Lời văn")).to_be_visible()
    expect(officer.get_by_text("Chưa mở được lớp tập huấn.").first).to_be_visible()


def test_an_incident_is_acknowledged(console: Console) -> None:
    page = console.enter("huyen")
    page.goto("/incidents")
    card = page.locator("section.box").filter(has_text="Thể chất")
    card.get_by_label("Ý kiến, chỉ đạo gửi đơn vị").fill("Cử cán bộ xuống ngay.")
    card.get_by_role("button", name="Tiếp nhận").click()
    expect(page.locator("section.box").filter(has_text="Thể chất")).to_contain_text("Cấp trên đã tiếp nhận lúc 30/05/2022")


PAGES = {
    "huyen": ("/", "/incidents", "/reports", f"/reports/{PERIOD}/long_thuan", f"/reports/{PERIOD}/hong_ngu", "/records", "/records/of/communication_activity",
              "/records/{talk}", "/questions", "/search?q=phu+nu", f"/figures/{PERIOD}/I02", "/needs"),
    "lan": ("/", "/records/new/communication_activity", "/records/new/gbv_incident", "/records/new/gender_statistics", "/records/{draft}/edit?check=1"),
    "sep": ("/needs", "/records/{draft}/history"), "hoa": ("/records/{case}", "/records/{case}/edit", "/records/new/gbv_case"), "quantri": ("/admin/users", "/admin/tablets", "/admin/units"), "xem": ("/",),
}  # fmt: skip

OVER = """() => [...document.querySelectorAll('main *')].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !one.closest('.scroll, .visually-hidden, .pick') ;
}).map((one) => one.tagName + '.' + one.className + ' ' + one.textContent.slice(0, 40))"""


@pytest.mark.parametrize("size", [WIDE, ZOOMED], ids=["1366", "zoomed"])
def test_nothing_is_cut_at_the_side_of_any_page(console: Console, size: dict[str, int]) -> None:
    for login, paths in PAGES.items():
        page = console.enter(login, size)
        for path in paths:
            arrived = page.goto(path.format(**console.records))
            assert arrived is not None
            assert arrived.status == 200, path
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.evaluate(OVER) == [], path
            bare = "[...document.querySelectorAll('main input:not([type=hidden]):not([tabindex=\"-1\"]), main select, main textarea')]"
            unnamed = page.evaluate(f"{bare}.filter((one) => !one.labels?.length && !one.ariaLabel).map((one) => one.name)")
            assert unnamed == [], path
            levels = page.evaluate("[...document.querySelectorAll('main h1, main h2, main h3, main h4')].map((one) => Number(one.tagName[1]))")
            assert levels[0] == 1, path
            assert levels.count(1) == 1, path
            assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)


REACHED = """() => { const one = document.activeElement, look = getComputedStyle(one);
  return [one.tagName, one.href || one.name || one.id || one.textContent.trim().slice(0, 30), look.outlineStyle !== 'none' || look.boxShadow !== 'none']; }"""


@pytest.mark.parametrize("path", ["/", "/records/of/communication_activity", "/questions", "/needs"])
def test_everything_that_can_be_pressed_is_reached_by_the_keyboard_and_seen_to_be(console: Console, path: str) -> None:
    page = console.enter("huyen")
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    live = "a[href], button, input:not([type=hidden]):not([tabindex='-1']), select, textarea, summary"
    wanted = page.locator(live).filter(visible=True).count()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = 1
    while True:
        tag, name, seen = page.evaluate(REACHED)
        if tag == "BODY":
            break
        assert seen, (path, tag, name)
        page.keyboard.press("Tab")
        reached += 1
        assert reached <= wanted + 3, path
    assert reached >= wanted, path


def test_the_drawer_is_opened_read_and_closed_by_the_keyboard(console: Console) -> None:
    page = console.enter("huyen")
    page.goto(f"/records/{console.records['talk']}")
    button = page.get_by_role("button", name="Toàn bộ lịch sử")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_empty()
    expect(button).to_be_focused()


def test_the_person_brings_the_unit_of_a_tablet(console: Console) -> None:
    page = console.enter("quantri")
    page.goto("/admin/tablets")
    page.get_by_label("Cán bộ").select_option(label="Cao Văn Thuận (thuan)")
    expect(page.get_by_label("Đơn vị")).to_have_value("long_thuan")
    page.get_by_role("button", name="Cấp mã").click()
    expect(page.locator("#code svg")).to_be_visible()
    expect(page.locator("#code .code")).to_have_text(re.compile(r"[0-9A-Z]{4}"))
