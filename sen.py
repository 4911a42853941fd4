"""Start Sen: make the environment, install what a command needs, run the command.

`python3 sen.py COMMAND [OPTIONS]`, with Python 3.11 or later and nothing else. The environment is the folder
`.venv` beside this file. A group of packages is installed when its lock file changed since it was last installed,
and only then. Standard library only; written for Linux and Windows.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is started with
    raise SystemExit(f"Sen needs Python 3.11 or later; this is {sys.version.split()[0]}.")

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "sen.json"
WINDOWS = os.name == "nt"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if WINDOWS else "bin/python")

# Group of packages -> its lock file, compiled with hashes from the .in file beside it by `sen.py lock`.
GROUPS = {
    "server": "requirements.txt",
    "tablet": "requirements-tablet.txt",
    "drivers": "requirements-drivers.txt",
    "test": "requirements-test.txt",
}
EVERYTHING = tuple(GROUPS)

# Group -> first Python that it cannot run on: a package of it has no wheel there (drivers: pgserver).
TOO_NEW = {"drivers": (3, 13)}

# Debian package -> the program or file that shows it is there on a system without dpkg. KivyMD's pycairo is
# compiled against cairo; the rest draw the window, open the console and turn documents into pictures.
BUILD_PACKAGES = {"gcc": "gcc", "pkg-config": "pkg-config", "libcairo2-dev": "/usr/include/cairo/cairo.h"}
TEST_PACKAGES = BUILD_PACKAGES | {
    "xvfb": "Xvfb",
    "libgl1": "",
    "libegl1": "",
    "libgles2": "",
    "libmtdev1": "",
    "xclip": "xclip",
    "chromium": "chromium",
    "fonts-liberation": "",
    "libreoffice-writer-nogui": "soffice",
    "poppler-utils": "pdftoppm",
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: what it is for, the groups it needs, and the words after `python` that run it."""

    name: str
    about: str
    groups: tuple[str, ...]
    run: tuple[str, ...]
    where_display: tuple[str, ...] = ()
    """Groups wanted only where there is a display; the command goes on without them."""
    system: tuple[str, ...] = ()
    """Debian packages that must be there; installed by apt where that is allowed."""


COMMANDS = {
    c.name: c
    for c in (
        Command(
            name="demo",
            about="a running district with two years of invented records, and a tablet where there is a display",
            groups=("server",),
            where_display=("tablet",),
            run=("-m", "server.demo"),
        ),
        Command(name="server", about="the server", groups=("server",), run=("-m", "server", "run")),
        Command(
            name="tablet",
            about="a tablet in a window: --profile NAME",
            groups=("tablet",),
            run=("-m", "mobile"),
            system=tuple(BUILD_PACKAGES),
        ),
        Command(
            name="admin",
            about="the server's own commands: init, users, enrolment codes, verify",
            groups=("server",),
            run=("-m", "server"),
        ),
        Command(name="backup", about="save the database to FILE", groups=("server",), run=("-m", "server", "backup")),
        Command(name="restore", about="bring FILE back", groups=("server",), run=("-m", "server", "restore")),
        Command(
            name="field-day",
            about="a whole day of officers, tablets, bad links and kills, compared with a journal",
            groups=("server", "drivers"),
            run=("-m", "tests.fieldday"),
        ),
        Command(
            name="bench",
            about="how fast a sync is, each figure beside a floor measured in the same run",
            groups=("server", "drivers"),
            run=("-m", "tests.bench"),
        ),
        Command(
            name="soak",
            about="random histories of tablets and a server, each judged by an oracle: --exchanges N --seed S",
            groups=("server",),
            run=("-m", "tests.soak"),
        ),
        Command(
            name="test",
            about="all tests and checks, on SQLite and PostgreSQL",
            groups=EVERYTHING,
            run=("-m", "tests"),
            system=tuple(TEST_PACKAGES),
        ),
        Command(
            name="pictures",
            about="the pictures of the README, taken from the running screens",
            groups=EVERYTHING,
            run=("-m", "tests.pictures"),
            system=tuple(TEST_PACKAGES),
        ),
        Command(
            name="lock",
            about="compile the requirements*.in into lists with versions and hashes",
            groups=("test",),
            run=("-m", "tests.lock"),
        ),
    )
}


class Missing(Exception):
    """Something that only the person at the keyboard can mend; its text is the one line that says how."""


def main(words: Sequence[str]) -> int:
    """Run one command line; returns the exit code of the command."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    command = COMMANDS.get(words[0])
    if command is None:
        print(f"Sen has no command {words[0]!r}.\n\n{overview()}", file=sys.stderr)
        return 2
    options = list(words[1:])
    if {"-h", "--help"} & set(options) and outdated(command.groups):
        print(f"python3 sen.py {command.name}: {command.about}.")
        print(f"Its options can be shown once its packages are there: {', '.join(command.groups)}.")
        return 0
    try:
        prepare(command)
    except Missing as missing:
        print(f"Sen: {missing}", file=sys.stderr)
        return 1
    # -P: a folder of the same name where the person happens to stand is not taken for ours.
    return run([str(PYTHON), "-P", *command.run, *options], environment(command))


def overview() -> str:
    """The help text: one line a command."""
    lines = ["usage: python3 sen.py COMMAND [OPTIONS]", ""]
    lines += [f"  {c.name:<10} {c.about}" for c in COMMANDS.values()]
    lines += ["", "`python3 sen.py COMMAND --help` tells a command's options."]
    return "\n".join(lines)


def prepare(command: Command) -> None:
    """Make the environment fit for a command; quick when it is fit already. Raises Missing."""
    newest = min((TOO_NEW[g] for g in command.groups if g in TOO_NEW), default=None)
    if newest and sys.version_info >= newest:
        found = ".".join(map(str, sys.version_info[:2]))
        last = f"{newest[0]}.{newest[1] - 1}"
        raise Missing(f"{command.name} needs Python 3.11 to {last}, this is {found}: run it with python{last} sen.py")
    if outdated(command.groups) or command.system == tuple(TEST_PACKAGES):
        install_system(command)
    install(command.groups)
    if command.where_display and has_display() and outdated(command.where_display):
        try:
            install(command.where_display)
        except Missing as missing:
            print(f"Sen: going on without a tablet's window. {missing}", flush=True)


def has_display() -> bool:
    """Whether a window could be opened here."""
    return WINDOWS or sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# --- the environment ---------------------------------------------------------------------------------------------


def lock_hash(group: str) -> str:
    """What stands in the stamp when this group's lock file, as it is now, has been installed."""
    return hashlib.sha256((ROOT / GROUPS[group]).read_bytes()).hexdigest()


def stamp() -> dict[str, str]:
    """Group -> hash of the lock that was installed; empty when the environment is absent or of another Python."""
    if not PYTHON.exists():
        return {}
    try:
        read = json.loads(STAMP.read_text(encoding="utf-8"))
        return dict(read["groups"]) if read["python"] == sys.version.split()[0] else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def outdated(groups: Sequence[str]) -> list[str]:
    """The groups among these that have to be installed."""
    installed = stamp()
    return [g for g in groups if installed.get(g) != lock_hash(g)]


def install(groups: Sequence[str]) -> None:
    """Install what is outdated among these groups; two at once wait for each other. Raises Missing."""
    if not outdated(groups):
        return
    with one_at_a_time():
        wanted = outdated(groups)
        if not wanted:
            return
        known = stamp()
        if not known:
            make_environment()
        show(f"installing the packages of {', '.join(wanted)} …", begins=True)
        lists = [word for g in wanted for word in ("-r", str(ROOT / GROUPS[g]))]
        pip(["install", "--require-hashes", *lists])
        known |= {g: lock_hash(g) for g in wanted}
        STAMP.write_text(json.dumps({"python": sys.version.split()[0], "groups": known}), encoding="utf-8")
        show(f"installed the packages of {', '.join(wanted)}.", end="\n")


def make_environment() -> None:
    """Make `.venv` for the Python that runs this file; an existing one of another Python is emptied. Raises Missing."""
    show("making .venv …", begins=True)
    old = PYTHON.exists() and _answer([str(PYTHON), "-c", "import sys; print(sys.version.split()[0])"])
    if old == sys.version.split()[0]:
        return
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Missing(
            "Python's venv or pip is missing; install it and run this again"
            f" (on Debian and Ubuntu: sudo apt-get install python{version}-venv)."
        )


def pip(words: Sequence[str]) -> None:
    """Run pip inside the environment, one line of progress, everything else into a log. Raises Missing."""
    log = ROOT / "build" / "install.log"
    log.parent.mkdir(exist_ok=True)
    command = [str(PYTHON), "-m", "pip", *words, "--disable-pip-version-check", "--no-input"]
    said: list[str] = []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as job,
    ):
        assert job.stdout is not None
        seen = 0
        for line in job.stdout:
            file.write(line)
            said.append(line.rstrip())
            if line.startswith("Collecting "):
                seen += 1
                show(f"packages: {seen} ({line.split()[1].split('==')[0]}) …")
            elif line.startswith(("Building ", "Installing ")):
                show(f"packages: {line.split()[0].lower()} …")
    if job.returncode != 0:
        why = next((s for s in reversed(said) if s.startswith("ERROR:")), "pip failed")
        raise Missing(f"the packages could not be installed: {why.removeprefix('ERROR:').strip()} (all of it: {log})")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the lock of the environment, waiting for another sen.py that is installing."""
    path = ROOT / "build" / "environment.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- system packages ---------------------------------------------------------------------------------------------


def install_system(command: Command) -> None:
    """See that a command's system packages are there; install them where apt may. Raises Missing."""
    if WINDOWS or sys.platform == "darwin" or not command.system:
        return
    missing = [p for p in command.system if not has_package(p)]
    if not missing:
        return
    line = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    may = shutil.which("apt-get") and (os.geteuid() == 0 or (shutil.which("sudo") and _works(["sudo", "-n", "true"])))
    if command.name != "test" or not may:
        raise Missing(f"system packages are missing; install them and run this again: sudo {line}")
    show(f"installing {', '.join(missing)} …", begins=True)
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*sudo, "apt-get", "update", "-qq"], capture_output=True, check=False, env=quiet)
    done = subprocess.run([*sudo, *line.split()], capture_output=True, text=True, check=False, env=quiet)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
        raise Missing(f"system packages could not be installed ({reason}); the line to run: sudo {line}")
    show(f"installed {', '.join(missing)}.", end="\n")


def has_package(package: str) -> bool:
    """Whether a Debian package, or the program that it stands for, is on this system."""
    if shutil.which("dpkg-query"):
        status = _answer(["dpkg-query", "-W", "-f=${db:Status-Status}", package])
        return status == "installed"
    sign = TEST_PACKAGES[package]
    return not sign or shutil.which(sign) is not None or Path(sign).exists()


def _answer(command: Sequence[str]) -> str:
    """What a program prints, or nothing when it fails."""
    with contextlib.suppress(OSError):
        done = subprocess.run(list(command), capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(list(command), capture_output=True, check=False).returncode == 0


# --- running -----------------------------------------------------------------------------------------------------


def environment(command: Command) -> dict[str, str]:
    """The variables that a command starts with: it finds the packages of this folder from wherever it is called."""
    given = dict(os.environ)
    given["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), given.get("PYTHONPATH", "")]))
    given["PYTHONUTF8"] = "1"
    given["VIRTUAL_ENV"] = str(ENVIRONMENT)
    given["PATH"] = os.pathsep.join([str(PYTHON.parent), given.get("PATH", "")])
    if "server" in command.groups and len(command.groups) == 1:
        given.setdefault("SEN_VAR", str(ROOT / "var"))
    return given


def run(command: Sequence[str], given: dict[str, str]) -> int:
    """Run the command in this process's place, so that every signal is its own; returns its exit code on Windows."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        os.execve(command[0], list(command), given)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the console sends Ctrl-C to the command too: it ends, then we do
    return subprocess.call(list(command), env=given)


def show(line: str, end: str = "", *, begins: bool = False) -> None:
    """One line of progress: rewritten in place on a terminal, else only where something long begins or has ended (end is a newline)."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{'Sen: ' + line:.100}", end=end, file=sys.stderr, flush=True)
    elif end or begins:
        print(f"Sen: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
