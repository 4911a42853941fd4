"""What the pages are made of besides code: others' files as their list says, and a sentence of English for each of Vietnamese."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

SERVER = Path(__file__).parents[3] / "server"
VENDOR = SERVER / "static" / "vendor"
ENGLISH = SERVER / "translations" / "en" / "LC_MESSAGES"
FACT = re.compile(r"%\(\w+\)[sd]")


def test_every_file_of_others_has_its_version_licence_and_hash() -> None:
    row = re.compile(r"^\| (\S+) \| \S+ \| [\d.]+ \| .* \| .*\(\S+\.LICENSE\) \| ([0-9a-f]{64}) \|$", re.M)
    listed = dict(row.findall((VENDOR / "README.md").read_text("utf-8")))
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir() if path.suffix not in (".md", ".LICENSE")}
    assert listed == files
    licences = set(re.findall(r"\((\S+\.LICENSE)\)", (VENDOR / "README.md").read_text("utf-8")))
    assert licences == {path.name for path in VENDOR.glob("*.LICENSE")}


def said() -> set[str]:
    """Every sentence in the console's code and templates, the singular where there are two."""
    methods = [("console/**.py", "python"), ("templates/**.html", "jinja2")]
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(str(SERVER), method_map=methods, keywords=keywords)
    return {message[0] if isinstance(message, tuple) else str(message) for _, _, message, _, _ in found}


def test_p15_every_sentence_has_its_english_and_none_is_left_over() -> None:
    catalogue = read_po(io.BytesIO((ENGLISH / "messages.po").read_bytes()), locale="en")
    there = {message.id[0] if isinstance(message.id, tuple) else message.id: message for message in catalogue if message.id}
    assert said() == set(there)
    for source, message in there.items():
        for text in message.string if isinstance(message.string, tuple) else [message.string]:
            assert text, source
            assert set(FACT.findall(text)) == set(FACT.findall(source)), source


def test_the_compiled_sentences_are_those_of_the_list() -> None:
    fresh = io.BytesIO()
    write_mo(fresh, read_po(io.BytesIO((ENGLISH / "messages.po").read_bytes()), locale="en"))
    compiled, there = (read_mo(io.BytesIO(data)) for data in (fresh.getvalue(), (ENGLISH / "messages.mo").read_bytes()))
    assert sorted((str(one.id), str(one.string)) for one in compiled if one.id) == sorted((str(one.id), str(one.string)) for one in there if one.id)
