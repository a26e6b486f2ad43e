"""Check an installed wheel: every SIMD level this CPU has imports and gives the same physics."""

import os
import subprocess
import sys

SCRIPT = """
import noisync as ns
from noisync import _core
model = ns.Model(dim=5, attention=ns.Softmax(), noise=ns.MLP("tanh", width=64))
run = ns.simulate(model, ns.sphere.uniform(40, 5), horizon=1.0, layers=20, seed=1)
print(_core.level, f"{run.energy()[-1]:.10f}")
"""


def run(level: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "NOISYNC_SIMD"}
    if level:
        environment["NOISYNC_SIMD"] = level
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


def main() -> int:
    from noisync import _core, _cpu

    levels = _core.built_levels()
    if levels != ["x86-64-v4", "x86-64-v3", "x86-64-v2"]:
        print(f"the wheel holds the levels {levels}")
        return 1
    energies = set()
    for level in levels:
        done = run(level)
        if _cpu.missing_features(level):
            refused = done.returncode != 0 and "which this CPU lacks" in done.stderr
            print(f"{level}: refused with a sentence" if refused else done.stderr)
            if not refused:
                return 1
            continue
        print(done.stdout.strip() or done.stderr)
        if done.returncode != 0:
            return 1
        energies.add(done.stdout.split()[1])
    chosen = run(None).stdout.split()[0]
    best = next(level for level in levels if not _cpu.missing_features(level))
    print(f"chosen without NOISYNC_SIMD: {chosen}")
    return 0 if len(energies) == 1 and chosen == best else 1


if __name__ == "__main__":
    sys.exit(main())
