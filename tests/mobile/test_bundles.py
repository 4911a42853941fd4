"""The exchange by files from the tablet's side: real stores, real part files; what is late, missing, damaged, foreign, and what is said of it."""

import random
import shutil
from pathlib import Path

import pytest

from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.over_file import SIZES, SUFFIX
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import case, talk


def edit(tablet: Tablet, record: str, **values: object) -> None:
    form = FormPresenter(tablet).open(record)
    for path, value in values.items():
        form.set(path, value)
    form.leave()


def record_talk(tablet: Tablet) -> str:
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    return record


def much(tablet: Tablet) -> None:
    """25 records that no packing makes small."""
    for number in range(25):
        edit(tablet, record_talk(tablet), result=random.Random(number).randbytes(400).hex())


class Post:
    """Carries files between tablets and the district in a folder of their own for each journey."""

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.wire, self.folder, self.count = wire, folder, 0

    def new(self) -> Path:
        self.count += 1
        path = self.folder / f"usb-{self.count}"
        path.mkdir(parents=True)
        return path

    def out(self, tablet: Tablet, *, largest: int = SIZES[-1]) -> list[Path]:
        folder = self.new()
        return [folder / name for name in tablet.bundles.write(folder, largest=largest).files]

    def answered(self, files: list[Path], *, largest: int = SIZES[-1]) -> list[Path]:
        folder = self.new()
        self.wire.district(files, folder, largest=largest)
        return sorted(folder.iterdir())

    def journey(self, tablet: Tablet) -> None:
        found = tablet.bundles.read(self.answered(self.out(tablet)))
        assert not found.refused and not found.missing and len(found.kept) == 1


@pytest.fixture
def post(wire: Wire, tmp_path: Path) -> Post:
    return Post(wire, tmp_path / "post")


def whole_store(tablet: Tablet) -> list[object]:
    """Every row of a tablet's database."""
    with tablet.store.database.reading() as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [(table, sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))) for table in tables]


def test_f47_months_by_files_alone_with_a_conflict_and_some_network_in_between(make: Make, wire: Wire, post: Post) -> None:
    """A has no network for months; B mostly has one. What both wrote of one number is asked, decided on A and reaches B."""
    a, b = make("A"), make("B")
    wire_post, wire.broken = b.syncer._post, True
    record, sealed = record_talk(a), case(FormPresenter(a))
    a.forms.close_all()
    with pytest.raises(SenError, match="no_network"):
        a.syncer.sync()
    lost = post.out(a)
    assert len(lost) == 1 and "chưa có tệp trả lời" in SyncPresenter(a).written_words()
    later = [record_talk(a) for _ in range(5)]
    first = post.out(a)
    wire.broken = False
    b.syncer.sync()
    first_answer = post.answered(first)
    b.syncer.sync()
    assert set(b.store.records()) == {record, sealed, *later}
    edit(b, record, participants_total=68)
    b.syncer.sync()
    edit(a, record, participants_total=72)
    second = post.out(a)
    second_answer = post.answered(second)
    a.bundles.read(second_answer)  # before the first one
    a.bundles.read(first_answer)
    assert SyncPresenter(a).written_words() == "" and a.store.unsent_count() == 0
    conflict = ConflictPresenter(a)
    conflict.show(record)
    assert {card.value for card in conflict.cards()} == {"72", "68"}
    conflict.write(75)
    third = post.out(a)
    wire.district(lost, post.new())  # the one that was lost turns up
    a.bundles.read(post.answered(third))
    a.bundles.read(second_answer)
    assert b.syncer._post == wire_post
    b.syncer.sync()
    for tablet in (a, b):
        state = tablet.store.show(record)
        assert state is not None and state.open_paths() == []
    assert wire.server.values(record)["participants_total"] == 75
    assert a.store.digest() == b.store.digest() and a.store.unsent_count() == 0 and not a.store.outbox.unsettled()
    a.syncer.sync()  # and the network, when it is there at last, has nothing to add
    assert a.syncer.trips == 1 and a.syncer.received == 0


def test_f47_parts_on_several_days_in_any_order_and_twice(make: Make, wire: Wire, post: Post) -> None:
    a, b = make("A"), make("B")
    much(a)
    request = post.out(a, largest=SIZES[0])
    assert len(request) > 1
    random.Random(1).shuffle(request)
    post.answered([*request, *request])
    parts = post.answered(post.out(b), largest=SIZES[0])
    assert len(parts) > 2
    found = b.bundles.read([parts[1]])
    assert not found.kept and found.missing == [[n for n in range(1, len(parts) + 1) if f"-{n}-" not in parts[1].name]]
    words = SyncPresenter(b).read_files([parts[1]])
    assert "còn thiếu phần" in words and ", ".join(map(str, found.missing[0])) in words
    b.close()
    b = make("B")
    found = b.bundles.read([*parts[2:], parts[2], parts[0]])
    assert [kept.received for kept in found.kept] == [25]
    assert not list((b.profile.folder / "bundles").iterdir())
    assert len(b.store.records()) == 25


def test_f47_an_answer_read_twice_changes_no_byte_of_the_store(make: Make, post: Post) -> None:
    a, b = make("A"), make("B")
    record_talk(a)
    post.journey(a)
    answer = post.answered(post.out(b))
    assert b.bundles.read(answer).kept[0].received == 1
    before = whole_store(b)
    assert SyncPresenter(b).read_files(answer) == "Máy đã có mọi thứ trong tệp này; không có gì thay đổi."
    assert whole_store(b) == before


def test_f47_a_damaged_part_is_named_and_its_copy_from_the_source_is_good(make: Make, post: Post) -> None:
    a, b = make("A"), make("B")
    much(a)
    post.journey(a)
    parts = post.answered(post.out(b), largest=SIZES[0])
    whole = parts[1].read_bytes()
    parts[1].write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    before = whole_store(b)
    found = b.bundles.read(parts)
    assert [(name, error.code) for name, error in found.refused] == [(parts[1].name, "bundle_damaged")] and found.missing == [[2]]
    assert whole_store(b) == before
    parts[1].write_bytes(whole)
    assert b.bundles.read([parts[1]]).kept[0].received == 25


def test_b19_a_renamed_file_and_a_whole_folder_are_read(make: Make, post: Post) -> None:
    a, b = make("A"), make("B")
    record_talk(a)
    post.journey(a)
    answer = post.answered(post.out(b))
    renamed = answer[0].rename(answer[0].with_name("tra loi (1).bin"))
    assert b.bundles.read([renamed]).kept[0].received == 1
    folder = post.new()
    shutil.copy(renamed, folder / f"x{SUFFIX}")
    (folder / "readme.txt").write_text("x")
    assert len(b.bundles.read([folder]).kept) == 1
    assert SyncPresenter(b).read_files([post.new()]) == "Không thấy tệp nào của Sen (đuôi .senb) ở đây."


def test_b19_what_is_not_for_this_tablet_is_refused_with_a_sentence_each(make: Make, post: Post, tmp_path: Path) -> None:
    a, b = make("A"), make("B")
    request = post.out(a)
    answer = post.answered(request)
    photo, huge = tmp_path / "photo.jpg", tmp_path / f"huge{SUFFIX}"
    photo.write_bytes(b"\xff\xd8\xff" * 2000)
    with huge.open("wb") as file:
        file.truncate(SIZES[-1] + 1)
    before = whole_store(b)
    found = b.bundles.read([request[0], answer[0], photo, huge, tmp_path / "gone.senb"])
    assert [error.code for _, error in found.refused] == [
        "bundle_is_outgoing", "bundle_for_another", "not_a_bundle", "not_a_bundle", "file_not_readable",
    ]  # fmt: skip
    words = SyncPresenter(b).read_files([request[0], answer[0]]).splitlines()
    assert len(words) == 2 and words[0].startswith(request[0].name) and "Chuyển tệp cho huyện" in words[0]
    assert whole_store(b) == before and not (b.profile.folder / "bundles").exists()


def test_f47_a_folder_that_cannot_be_written_is_said_and_nothing_is_noted(make: Make, tmp_path: Path) -> None:
    tablet = make()
    record_talk(tablet)
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    with pytest.raises(SenError, match="folder_not_writable"):
        tablet.bundles.write(nowhere)
    assert SyncPresenter(tablet).written_words() == "" and tablet.store.unsent_count() == 1


def test_p08_a_bundle_tells_no_word_of_what_is_in_it(make: Make, post: Post) -> None:
    tablet = make()
    record = record_talk(tablet)
    edit(tablet, record, place="NHÀ VĂN HÓA ĐÁNH DẤU")
    (file,) = post.out(tablet)
    data = file.read_bytes()
    for planted in ("ĐÁNH DẤU", "participants_total", record, tablet.who.device, tablet.who.user, "long_khanh_a"):
        assert planted.encode() not in data
    assert len(data) in SIZES and tablet.who.device not in file.name


def test_a_locked_tablet_writes_and_reads_bundles(make: Make, wire: Wire, post: Post) -> None:
    tablet = make()
    record = case(FormPresenter(tablet))
    tablet.lock()
    post.journey(tablet)
    assert tablet.store.unsent_count() == 0 and wire.server.values(record)["legal_ground"] == "duty"


def test_bundles_that_never_become_whole_do_not_fill_the_tablet(make: Make, post: Post) -> None:
    a, b = make("A"), make("B")
    much(a)
    post.journey(a)
    for _ in range(10):
        b.bundles.read(post.answered(post.out(b), largest=SIZES[0])[:1])
    assert len(list((b.profile.folder / "bundles").iterdir())) == 8


def test_the_tablet_says_when_another_bundle_has_to_go(make: Make, post: Post) -> None:
    tablet = make()
    record = record_talk(tablet)
    answer = post.answered(post.out(tablet))
    edit(tablet, record, place="Ấp 2")
    words = SyncPresenter(tablet).read_files(answer).splitlines()
    assert words[0].startswith("Đã nhận tệp trả lời") and "1 thay đổi của máy này đã tới huyện" in words[0]
    assert "thêm một lần" in words[1]


def test_f47_a_restored_server_is_told_by_files_what_the_others_hold(make: Make, wire: Wire, post: Post) -> None:
    a, b = make("A"), make("B")
    kept = record_talk(a)
    post.journey(a)
    post.journey(b)
    backup = wire.server.save()
    forgotten = record_talk(a)
    edit(a, kept, participants_total=77)
    post.journey(a)
    post.journey(b)
    a.close()  # and is never heard of again
    wire.server.restore(backup)
    for again in (True, False, False):
        found = b.bundles.read(post.answered(post.out(b)))
        assert found.kept[0].again is again and not found.refused
    assert wire.server.values(kept)["participants_total"] == 77
    assert wire.server.values(forgotten)["participants_total"] == 60
    with wire.server.reading() as reader:
        parts = reader.parts(b.store.device().scope)
    assert sum(part.digest for part in parts) % (1 << 128) == b.store.digest()


def test_f47_a_part_that_the_storage_damaged_while_it_waited_must_come_again(make: Make, post: Post) -> None:
    a, b = make("A"), make("B")
    much(a)
    post.journey(a)
    parts = post.answered(post.out(b), largest=SIZES[0])
    b.bundles.read(parts[:-1])
    (folder,) = (b.profile.folder / "bundles").iterdir()
    waiting = sorted(folder.iterdir())[0]
    data = waiting.read_bytes()
    waiting.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    found = b.bundles.read(parts[-1:])
    assert found.missing == [[int(waiting.stem)]] and not found.refused
    assert b.bundles.read(parts).kept[0].received == 25


def test_f47_a_full_tablet_keeps_the_parts_for_the_next_try(make: Make, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = make("A"), make("B")
    record_talk(a)
    post.journey(a)
    answer = post.answered(post.out(b))

    def full(page: object) -> None:
        raise SenError("tablet_full")

    with monkeypatch.context() as during:
        during.setattr(b.store, "keep", full)
        found = b.bundles.read(answer)
    assert [error.code for _, error in found.refused] == ["tablet_full"] and len(list((b.profile.folder / "bundles").iterdir())) == 1
    assert b.bundles.read(answer).kept[0].received == 1
