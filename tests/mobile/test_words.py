"""Every sentence that the tablet says or refuses with stands in the messages, in both languages, with the facts it names."""

import re
from pathlib import Path
from string import Formatter

from mobile.database import _REFUSALS
from shared.messages import codes

MOBILE = Path(__file__).parents[2] / "mobile"
SAID = re.compile(r'(?:say|SenError|FrameFault|phrase)\(\s*"([a-z_.0-9]+)"')


def test_every_code_of_the_source_has_its_sentences() -> None:
    used = {code for path in MOBILE.rglob("*.py") for code in SAID.findall(path.read_text("utf-8"))} | set(_REFUSALS.values())
    assert len(used) > 100
    assert sorted(used - set(codes())) == []


def test_both_languages_name_the_same_facts() -> None:
    for code, row in codes().items():
        facts = [sorted({name for _, name, _, _ in Formatter().parse(str(row[lang])) if name}) for lang in ("vi", "en")]
        assert facts[0] == facts[1], code
