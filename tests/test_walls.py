"""The walls: who may import whom, how large a module and a function may grow, what a requirement must tell."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LISTS = sorted(ROOT.glob("requirements*.txt"))
SOURCES = sorted(ROOT.glob("requirements*.in"))


def files(*patterns: str) -> list[Path]:
    """The files of the repository, by git, so that nothing that is only lying about counts."""
    told = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in told.stdout.splitlines() if (ROOT / name).is_file()]


MODULES = [p for p in files("*.py") if "migrations" not in p.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_packages_keep_their_walls() -> None:
    done = subprocess.run([TOOLS / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_and_no_function_grows_into_a_hub(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_file_is_a_drawer(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


@pytest.mark.parametrize("path", LISTS, ids=name)
def test_every_requirement_has_a_wheel_for_windows(path: Path) -> None:
    command = [TOOLS / "uv", "pip", "compile", "--quiet", "--no-deps", "--no-annotate", "--only-binary", ":all:"]
    target = ["--python-version", "3.11", "--python-platform", "x86_64-pc-windows-msvc"]
    done = subprocess.run([*command, *target, path.name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", LISTS, ids=name)
def test_t14_every_requirement_is_pinned_with_its_hashes(path: Path) -> None:
    blocks = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
    packages = [b for b in blocks if not b.startswith("#")]
    assert packages
    for block in packages:
        assert re.match(r"[a-z0-9.-]+(\[[a-z]+\])?==\S+", block), block
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("path", LISTS, ids=name)
def test_no_list_names_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_dependency_says_why_and_whether_it_exists_for_android(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"\S+==\S+( ; [^#]+?)? +# .{8,} \| Android: .{3,}", line), line


def test_every_dependency_is_in_the_list_compiled_from_its_line() -> None:
    for source in SOURCES:
        compiled = source.with_suffix(".txt").read_text(encoding="utf-8").lower()
        for line in source.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                assert f"\n{line.split()[0].lower()} " in compiled, f"{line.split()[0]}: run python3 sen.py lock"


@pytest.mark.parametrize("path", LISTS, ids=name)
def test_what_is_asked_for_with_an_extra_is_pinned_with_it(path: Path) -> None:
    """Else pip before 23.3 looks for the newest version of ``name[extra]`` and refuses it for having no hash."""
    pinned = dict(re.findall(r"^([a-z0-9.-]+)((?:\[[a-z]+\])?)==", path.read_text("utf-8"), re.M))
    installed = {canonicalize_name(found.name): found for found in distributions()}
    for package in pinned.keys() & installed.keys():
        for wanted in map(Requirement, installed[package].requires or []):
            asked = wanted.marker is None or wanted.marker.evaluate({"extra": pinned[package].strip("[]")})
            if asked and wanted.extras and (other := canonicalize_name(wanted.name)) in pinned:
                assert pinned[other] == f"[{','.join(sorted(wanted.extras))}]", f"{package} asks for {wanted}: run python3 sen.py lock"


def test_two_lists_give_one_version_of_a_package() -> None:
    versions: dict[str, set[str]] = {}
    for path in LISTS:
        for package, version in re.findall(r"^([a-z0-9.-]+)(?:\[[a-z]+\])?==(\S+)", path.read_text("utf-8"), re.M):
            versions.setdefault(package, set()).add(version)
    assert not {package: v for package, v in versions.items() if len(v) > 1}
