// Counters of a benchmark: flops, bytes, and shares of what this machine was measured to do at
// most.
#pragma once

#include <benchmark/benchmark.h>

namespace bench {

// Fused multiply-adds per second that `threads` threads reach on registers alone, times 2.
template <class Real>
double peak(int threads);

// Powers of two per second that `threads` threads reach on registers alone.
template <class Real>
double exponentials(int threads);

// `flops` and `bytes` are those of one iteration; bytes are what must move, once each way. The
// limit is the time of the flops at the FMA peak, and of `powers` exponentials at their rate,
// together.
template <class Real>
void count(benchmark::State& state, double flops, double bytes, int threads, double powers = 0) {
    using benchmark::Counter;
    state.counters["flops"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["bytes"] = Counter(bytes, Counter::kIsIterationInvariantRate);
    state.counters["% of peak"] =
        Counter(100 * flops / peak<Real>(threads), Counter::kIsIterationInvariantRate);
    if (powers > 0) {
        const double limit = flops / peak<Real>(threads) + powers / exponentials<Real>(threads);
        state.counters["% of limit"] = Counter(100 * limit, Counter::kIsIterationInvariantRate);
    }
}

}  // namespace bench
