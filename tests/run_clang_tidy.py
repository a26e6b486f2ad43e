"""Run clang-tidy over the sources of a build folder; non-zero if any file has findings."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def gcc_include() -> list[str]:
    # clang brings its own intrinsics but not OpenMP's header: that lies beside GCC's, look last.
    found = subprocess.run(
        ["g++", "-print-file-name=include"], capture_output=True, text=True, check=False
    )
    return [f"--extra-arg=-idirafter{found.stdout.strip()}"] if found.returncode == 0 else []


def check(source: str, build: Path, extra: list[str]) -> tuple[str, int, str]:
    tidy = Path(sys.executable).with_name("clang-tidy")
    arguments = [str(tidy), "-p", str(build), "--quiet", *extra, source]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return source, done.returncode, done.stdout + done.stderr


def main() -> int:
    build = Path(sys.argv[1])
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {command["file"] for command in commands}
    sources = sorted(file for file in files if "/tests/" not in file)
    extra = [*gcc_include(), "--extra-arg=-Wno-unknown-warning-option"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda source: check(source, build, extra), sources))
    failed = [result for result in results if result[1] != 0]
    for source, _, output in failed:
        print(f"--- {source}\n{output}")
    print(f"clang-tidy: {len(sources)} files, {len(failed)} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
