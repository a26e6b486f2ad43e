"""Instructions that the kernels take, counted by callgrind, against those that are kept.

    python tests/validation/instructions.py build/instructions [--write]

The kernels are built for x86-64-v3, since valgrind knows no AVX-512, and run on one thread: counts
do not depend on the machine or on what else it does. A kernel that takes more than 3 % more than is
kept fails. With another compiler than the kept counts are of, they are measured and shown only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEPT = Path(__file__).parent / "instructions.json"
MORE = 0.03


def instructions(program: Path, *arguments: str) -> int:
    """Return how many instructions a run takes."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


def counted(program: Path, names: list[str]) -> dict[str, int]:
    """Return what each kernel takes: what a second call of it adds to a run."""
    runs = [(name, times) for name in names for times in ("1", "2")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(
            zip(runs, pool.map(lambda run: instructions(program, *run), runs), strict=True)
        )
    return {name: found[name, "2"] - found[name, "1"] for name in names}


def compiler(build: Path) -> str:
    """Return the compiler that a build folder is of."""
    cache = (build / "CMakeCache.txt").read_text()
    path = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.MULTILINE)[1]
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--write", action="store_true", help="keep what is counted now")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted")
        return 0
    program = options.build / "bench" / "cpp" / "instructions" / "noisync_kernels"
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    counts = counted(program, names.splitlines())
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"compiler": "", "counts": {}}
    same = kept["compiler"] == compiler(options.build)
    more = []
    for name, count in counts.items():
        before = kept["counts"].get(name)
        change = "new" if before is None else f"{100 * (count / before - 1):+.1f} %"
        print(f"{name:<34} {count:>13,} {change}")
        if before is None or count > (1 + MORE) * before:
            more.append(name)
    if options.write:
        kept = {"compiler": compiler(options.build), "counts": counts}
        KEPT.write_text(json.dumps(kept, indent=2) + "\n")
        return 0
    if not same:
        print(f"the counts kept are of {kept['compiler']!r}, not of this compiler: not compared")
        return 0
    if more:
        print(f"more than {100 * MORE:g} % up: {', '.join(more)}")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
