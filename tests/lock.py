"""Compile each requirements*.in into the list beside it, with the version and the hashes of every package.

`python3 sen.py lock`. Versions that are in a list already stay; delete a line of the list, or change the pin in the
.in file, to get another. The lists hold for Windows and Linux and name no registry. A package that another asks for with an extra
(`psycopg[binary]`) stands with it, or older versions of pip look for a newer one and refuse it for having no hash.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("requirements*.in"))


def compile_all() -> None:
    """Write all lists; a package that two lists share gets one version, that of the list compiled first."""
    done: list[Path] = []
    for source in SOURCES:
        target = source.with_suffix(".txt")
        shared = [word for path in done for word in ("-c", path.name)]
        subprocess.run(
            [
                "uv", "pip", "compile", source.name, "-o", target.name, *shared,
                "--universal", "--python-version", "3.11", "--generate-hashes", "--no-strip-extras", "--no-emit-index-url",
                "--no-emit-find-links", "--no-annotate", "--custom-compile-command", "python3 sen.py lock", "--quiet",
            ],
            cwd=ROOT,
            check=True,
        )  # fmt: skip
        done.append(target)
        print(f"{target.name}: {target.read_text(encoding='utf-8').count('==')} packages")


if __name__ == "__main__":
    sys.exit(compile_all())
