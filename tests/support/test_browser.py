"""Forms are read and sent as a browser does it."""

from __future__ import annotations

import pytest
import requests

from tests.support.browser import Page

HTML = """<html><body><script>var hidden = "no"</script><h1>Hai người ghi khác nhau</h1>
<form action="/search"><input name="q"></form>
<form id="f" method="post" action="/records/1/decide">
 <input type="hidden" name="csrf_token" value="abc"><input name="title" value="Họp ấp">
 <input type="checkbox" name="topics" value="gbv" checked><input type="checkbox" name="topics" value="law">
 <select name="form"><option value="a">A</option><option value="b" selected>B</option></select>
 <textarea name="note">một
hai</textarea><input name="off" value="x" disabled>
 <button name="go" value="save">Lưu</button><button name="go" value="submit">Gửi</button>
</form><input name="why" form="f"><a href="/next">Tiếp</a></body></html>"""


@pytest.fixture
def page() -> Page:
    answer = requests.Response()
    answer._content, answer.status_code, answer.url, answer.encoding = HTML.encode(), 200, "http://127.0.0.1/x", "utf-8"
    return Page(answer)


def test_a_page_has_its_words_links_and_forms(page: Page) -> None:
    assert page.text.startswith("Hai người ghi khác nhau")
    assert "hidden" not in page.text
    assert page.links == ["/next"]
    assert [form.method for form in page.forms] == ["get", "post"]


def test_a_form_is_sent_with_everything_that_stands_in_it(page: Page) -> None:
    sent = page.form("/decide").filled({"title": "Họp tổ", "topics": ["law", "gbv"], "why": "đếm lại"}, "submit")
    assert sent == [
        ("csrf_token", "abc"), ("form", "b"), ("note", "một\nhai"), ("title", "Họp tổ"), ("topics", "law"), ("topics", "gbv"),
        ("why", "đếm lại"), ("go", "submit"),
    ]  # fmt: skip


def test_what_is_not_there_cannot_be_filled_in(page: Page) -> None:
    with pytest.raises(KeyError, match="no field nonsense"):
        page.form("/decide").filled({"nonsense": "1"}, None)
    with pytest.raises(KeyError, match="no form leads to /accept"):
        page.form("/accept")
