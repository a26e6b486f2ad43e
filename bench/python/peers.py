"""noisync against PyTorch, NumPy and itself on this machine, in one run.

Answers are compared first, then times: the best of several, as ratios peer / noisync (above 1,
noisync is faster) beside the ratio that is aimed at. Bare times of a shared machine mean little;
the ratios of one run do. Ends with the rows that fall short.
"""

from __future__ import annotations

import argparse

import attention
import attention_kinds
import neighbour
import noise
import numpy as np
import run
import torch
from rows import SHORT

import noisync as ns
from noisync import _core
from noisync.base.threads import thread_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(thread_count(None))
    print(f"noisync {ns.__version__} ({_core.level}), torch {torch.__version__}, "
          f"numpy {np.__version__}, {thread_count(None)} threads")  # fmt: skip
    attention.attention_rows(options.tokens, options.repeats)
    attention_kinds.kind_rows(options.tokens, options.repeats)
    attention_kinds.mask_rows(options.tokens, options.repeats)
    attention.linear_rows(options.repeats)
    noise.noise_rows(options.repeats)
    run.ensemble_rows(options.repeats)
    run.large_row()
    run.million_row(options.repeats)
    run.scaling_rows(options.repeats)
    neighbour.neighbour_rows(options.repeats)
    print("\nshort of the target:", *(SHORT or ["nothing"]), sep="\n  ")


if __name__ == "__main__":
    main()
