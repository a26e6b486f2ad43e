// Counters of a benchmark: flops, bytes, and the share of this machine's measured FMA peak.
#pragma once

#include <benchmark/benchmark.h>

namespace bench {

// Fused multiply-adds per second that `threads` threads reach on registers alone, times 2.
template <class Real>
double peak(int threads);

// `flops` and `bytes` are those of one iteration; bytes are what must move, once each way.
template <class Real>
void count(benchmark::State& state, double flops, double bytes, int threads) {
    using benchmark::Counter;
    state.counters["flops"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["bytes"] = Counter(bytes, Counter::kIsIterationInvariantRate);
    state.counters["% of peak"] =
        Counter(100 * flops / peak<Real>(threads), Counter::kIsIterationInvariantRate);
}

}  // namespace bench
