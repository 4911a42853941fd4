"""What is stored of a file that a person chose, and what is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from shared.attachment import ENDINGS, LONGEST_NAME, MOST_BYTES, fits, prepare, shown_name
from shared.errors import SenError
from shared.picture import LONGEST_SIDE, is_bare, shrink

SECRET = b"BI MAT 10.8231 105.3319"
SCRIPT = b"<script>alert(1)</script>"


def picture(size: tuple[int, int] = (3000, 1000), kind: str = "JPEG", **more: object) -> bytes:
    """An invented picture whose left half is red and whose right half is blue."""
    image, out = Image.new("RGB", size, "blue"), io.BytesIO()
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2, size[1]), fill="red")
    image.save(out, kind, **more)
    return out.getvalue()


def told_in_exif(orientation: int = 1) -> Image.Exif:
    """Camera, serial number, a place, in the pieces of EXIF where cameras write them; and which way up the picture is."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = orientation, SECRET.decode(), SECRET
    exif.get_ifd(0x8769)[0xA431] = SECRET.decode()
    exif.get_ifd(0x8825)[0x001D] = SECRET.decode()
    return exif


def with_thumbnail(data: bytes) -> bytes:
    """A JPEG with another JPEG in an APP1 segment, an XMP packet, an IPTC block and a comment."""
    inner = b"Exif\0\0" + picture((60, 60)) + SECRET
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    segments = [(0xE1, inner), (0xE1, xmp), (0xED, b"Photoshop 3.0\0" + SECRET), (0xFE, SECRET)]
    return data[:2] + b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments) + data[2:]


def png(width: int, height: int) -> bytes:
    """A PNG of any size in a few bytes."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"\0" * (width + 1) * min(height, 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        for name in names:
            opened.writestr(name, "x")
    return out.getvalue()


def refused(data: bytes, *, photo: bool = False, name: str = "a.jpg") -> str:
    with pytest.raises(SenError) as error:
        prepare(data, name, photo=photo)
    for language in ("vi", "en"):
        assert len(error.value.text(language)) > 20 and "–" not in error.value.text(language)
    return error.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_b15_nothing_but_the_picture_is_stored(kind: str) -> None:
    info = PngInfo()
    info.add_text("Author", SECRET.decode())
    more = {"pnginfo": info} if kind == "PNG" else {}
    data = picture(kind=kind, exif=told_in_exif(), **more)
    data = with_thumbnail(data) if kind == "JPEG" else data
    assert SECRET in data
    stored = prepare(data, "ảnh.jpg", photo=True)
    assert SECRET not in stored.data and b"Exif" not in stored.data and b"xmpmeta" not in stored.data
    assert stored.data.count(b"\xff\xd8\xff") == 1 and stored.mime == "image/jpeg" and is_bare(stored.data)
    assert max(Image.open(io.BytesIO(stored.data)).size) == LONGEST_SIDE


@pytest.mark.parametrize(("orientation", "upright"), [(1, (1600, 533)), (3, (1600, 533)), (6, (533, 1600)), (8, (533, 1600))])
def test_b15_a_turned_photo_is_upright_without_its_exif(orientation: int, upright: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(shrink(picture(exif=told_in_exif(orientation)))))
    assert image.size == upright and not image.getexif()
    red, _, blue = image.getpixel((5, 5) if orientation in (1, 6) else (image.width - 5, image.height - 5))  # type: ignore[misc]
    assert (red > blue) is True, "the red half is where the eye saw it"


def test_transparency_becomes_paper_and_a_small_photo_stays_small() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(out, "PNG")
    image = Image.open(io.BytesIO(shrink(out.getvalue())))
    assert image.size == (40, 30) and min(image.getpixel((3, 3))) > 250  # type: ignore[type-var]


def test_b14_what_is_no_photo_is_refused_in_plain_words() -> None:
    whole = picture()
    moving = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    assert refused(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", photo=True) == "not_a_photo"
    assert refused(b"%PDF-1.4", photo=True) == "not_a_photo"
    assert refused(b"\xff\xd8\xff" + SCRIPT, photo=True) == "not_a_photo"
    assert refused(whole[: len(whole) // 2], photo=True) == "not_a_photo"
    assert refused(gif.getvalue(), photo=True) == "not_a_photo"
    assert refused(b"", photo=True) == "not_a_photo"
    assert refused(moving.getvalue(), photo=True) == "photo_moves"
    assert refused(png(1, 60_000), photo=True) == "photo_too_large"
    assert refused(png(60_000, 60_000), photo=True) == "photo_too_large"
    assert refused(png(9_000, 100)[:-30], photo=True) == "not_a_photo"


@pytest.mark.parametrize("tail", [SCRIPT, archive("x.txt"), picture((50, 50))], ids=["html", "zip", "jpeg"])
def test_b14_of_a_polyglot_the_picture_alone_is_stored_and_the_receiver_sees_the_rest(tail: bytes) -> None:
    two = picture((300, 200)) + tail
    stored = prepare(two, "a.jpg", photo=True).data
    assert stored.endswith(b"\xff\xd9") and SCRIPT not in stored and b"PK\x03\x04" not in stored
    assert fits(stored, photo=True) and not fits(stored + tail, photo=True)


def test_b14_the_receiver_takes_nothing_that_was_not_prepared() -> None:
    bare = shrink(picture())
    assert fits(bare, photo=True)
    wrong = [
        picture(exif=told_in_exif()), with_thumbnail(bare), picture((LONGEST_SIDE + 1, 10)), bare[:-2], bare[: len(bare) // 2], bare + b"\0",
        b"\xff\xd8" + bare, picture((30, 30), "PNG"), b"", b"\xff\xd8\xff\xd9", SCRIPT, bare.replace(b"\xff\xdb", b"\xff\xe5", 1),
    ]  # fmt: skip
    assert [fits(data, photo=True) for data in wrong] == [False] * len(wrong)
    assert not fits(picture(), photo=False) and fits(bare, photo=False), "a picture among the documents is bare too"


def test_b14_b15_a_picture_among_the_documents_is_made_bare_too() -> None:
    stored = prepare(picture(exif=told_in_exif()), "quét.png", photo=False)
    assert SECRET not in stored.data and (stored.name, stored.mime) == ("quét.jpg", "image/jpeg")


@pytest.mark.parametrize(("data", "name", "ending"), [
    (b"%PDF-1.4 mau", "kế hoạch.pdf", ".pdf"), (archive("[Content_Types].xml", "word/document.xml"), "a.docx", ".docx"),
    (archive("[Content_Types].xml", "xl/workbook.xml"), "a.xlsx", ".xlsx"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "a.xls", ".xls"),
    ("Biên bản (dữ liệu mẫu)".encode(), "a.txt", ".txt"),
])  # fmt: skip
def test_documents_are_stored_as_they_are(data: bytes, name: str, ending: str) -> None:
    stored = prepare(data, name, photo=False)
    assert stored.data == data and stored.name == name and ending in ENDINGS[stored.mime] and fits(data, photo=False)


def test_b13_b14_documents_of_other_kinds_are_refused() -> None:
    macros = archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")
    for data in (b"", b"MZ\x90\0", b"<html>", b"  <svg/>", b"\xef\xbb\xbf<!doctype html>", b"PK\x03\x04 broken", archive("a.txt"), macros, b"a\0b"):
        assert refused(data) == "file_kind_not_taken"
        assert not fits(data, photo=False)
    assert refused(b"%PDF-" + b"a" * MOST_BYTES) == "file_too_large"


@pytest.mark.parametrize(("given", "shown"), [
    ("../../etc/mật khẩu.pdf", "mật khẩu.pdf"), ("C:\\Users\\a\\b.pdf", "b.pdf"), ("CON", "CON.pdf"), ("a.jpg.exe", "a.jpg.exe.pdf"),
    ("a\0b\n\tc.pdf", "ab c.pdf"), ("\u202efdp.exe", "fdp.exe.pdf"), ("", "tệp.pdf"), (".pdf", "tệp.pdf"), ("Phiê\u0301u.PDF", "Phiếu.PDF"),
    ("..", "tệp.pdf"),
])  # fmt: skip
def test_b12_a_name_is_only_text(given: str, shown: str) -> None:
    assert shown_name(given, "application/pdf") == shown


def test_b12_a_long_name_keeps_its_ending() -> None:
    for name in ("ế" * 300 + ".pdf", "ế" * 300):
        told = shown_name(name, "application/pdf")
        assert len(told) <= LONGEST_NAME and told.endswith(".pdf")
