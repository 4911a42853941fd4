"""The bootstrap, started as a person starts it: in a copy of its own, with the Python that a machine has."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = ("demo", "server", "tablet", "admin", "backup", "restore", "field-day", "bench", "soak", "test", "pictures", "lock")


def sen(folder: Path, *words: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run the bootstrap of a folder."""
    return subprocess.run(
        [python, str(folder / "sen.py"), *words], capture_output=True, text=True, check=False, timeout=120
    )


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of what went wrong, without those that say what is being done."""
    return [line for line in done.stderr.splitlines() if not line.endswith("…")]


def make_copy(folder: Path) -> Path:
    """A folder with the bootstrap, empty lists of packages, and a server that tells how it was started."""
    shutil.copy(ROOT / "sen.py", folder)
    for path in ROOT.glob("requirements*.txt"):
        (folder / path.name).write_text("# nothing\n", encoding="utf-8")
    (folder / "server").mkdir()
    (folder / "server" / "__init__.py").touch()  # a package, or the real one behind it on PYTHONPATH would win
    (folder / "server" / "__main__.py").write_text(
        "import os, sys\nprint('started', sys.argv[1:], os.environ['SEN_VAR'], flush=True)\n"
        "if 'wait' in sys.argv:\n    import time\n    time.sleep(60)\nsys.exit('7' in sys.argv and 7)\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy that nobody has started yet."""
    return make_copy(tmp_path)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that has been started once, so that its environment is there."""
    folder = make_copy(tmp_path_factory.mktemp("started"))
    assert sen(folder, "server").returncode == 0
    return folder


@pytest.fixture
def ready(started: Path, tmp_path: Path) -> Path:
    """A copy of one's own with its environment."""
    return Path(shutil.copytree(started, tmp_path / "ready", symlinks=True))


def load(folder: Path) -> ModuleType:
    """The bootstrap as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", folder / "sen.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bootstrap"] = module
    spec.loader.exec_module(module)
    return module


def test_help_names_every_command_and_makes_nothing(copy: Path) -> None:
    done = sen(copy, "--help")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == list(COMMANDS)
    assert not (copy / ".venv").exists()


def test_no_command_and_an_unknown_one_say_which_there_are(copy: Path) -> None:
    for words in ([], ["serve"]):
        done = sen(copy, *words)
        assert done.returncode == 2
        assert "field-day" in done.stdout + done.stderr


def test_help_of_a_command_installs_nothing(copy: Path) -> None:
    done = sen(copy, "server", "--help")
    assert done.returncode == 0
    assert "python3 sen.py server: the server." in done.stdout
    assert not (copy / ".venv").exists()


def test_a_command_runs_inside_the_environment_with_its_options_and_exit_code(copy: Path) -> None:
    done = sen(copy, "server", "--port", "7")
    assert done.returncode == 7, done.stderr
    assert done.stdout == f"started ['run', '--port', '7'] {copy / 'var'}\n"
    assert "installed the packages of server" in done.stderr
    again = sen(copy, "server", "--help")
    assert again.stderr == ""
    assert "started ['run', '--help']" in again.stdout


def test_a_group_is_installed_again_only_when_its_list_changed(ready: Path) -> None:
    assert sen(ready, "server").stderr == ""
    (ready / "requirements.txt").write_text("# other\n", encoding="utf-8")
    assert "installed the packages of server" in sen(ready, "server").stderr


def test_a_list_that_cannot_be_installed_is_told_in_one_line_and_tried_again(ready: Path) -> None:
    (ready / "requirements.txt").write_text("unpinned-package\n", encoding="utf-8")
    for _ in range(2):
        done = sen(ready, "server")
        assert done.returncode == 1
        assert len(told(done)) == 1
        assert "the packages could not be installed" in done.stderr
        assert "started" not in done.stdout


def test_an_environment_of_another_python_is_made_anew(ready: Path) -> None:
    stamp = ready / ".venv" / "sen.json"
    stamp.write_text(json.dumps({"python": "3.11.0", "groups": {}}), encoding="utf-8")
    assert "installed" in sen(ready, "server").stderr


def test_a_missing_venv_module_is_told_with_what_to_install(copy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "venv.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(copy / "sen.py"), "server"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(broken)},
    )
    assert done.returncode == 1
    assert "apt-get install python3" in done.stderr
    assert len(told(done)) == 1


def test_a_python_that_is_too_old_is_told_so(copy: Path) -> None:
    text = (copy / "sen.py").read_text(encoding="utf-8")
    (copy / "sen.py").write_text(text.replace("(3, 11)", "(99, 1)"), encoding="utf-8")
    done = sen(copy, "server")
    assert done.returncode == 1
    assert "needs Python" in done.stderr


def test_a_python_without_wheels_is_told_which_to_use(copy: Path) -> None:
    module = load(copy)
    module.TOO_NEW["drivers"] = sys.version_info[:2]
    with pytest.raises(module.Missing, match=r"bench needs Python 3.11 to"):
        module.prepare(module.COMMANDS["bench"])


def test_missing_system_packages_are_told_in_one_line_to_run(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(copy)
    monkeypatch.setattr(module, "has_package", lambda package: package != "libcairo2-dev")
    with pytest.raises(module.Missing, match=r"sudo apt-get install -y --no-install-recommends libcairo2-dev$"):
        module.install_system(module.COMMANDS["tablet"])


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_bootstrap_ends_the_command_and_leaves_nothing_behind(ready: Path, number: int) -> None:
    job = subprocess.Popen([sys.executable, str(ready / "sen.py"), "server", "wait"], stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    assert job.stdout.readline().startswith("started")
    job.send_signal(number)
    assert job.wait(timeout=20) != 0
    assert job.stdout.read() == ""  # the pipe is closed: nobody is left who could write to it


def test_every_command_runs_a_module_that_is_there() -> None:
    module = load(ROOT)
    assert tuple(module.COMMANDS) == COMMANDS
    for command in module.COMMANDS.values():
        path = ROOT.joinpath(*command.run[1].split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), command.name


def test_ci_runs_what_a_developer_runs() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith("bash")
    assert [line for line in lines if "sen.py" in line] == ["exec python3 sen.py test"]
