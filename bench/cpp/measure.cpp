// Measures of a configuration. Arguments: tokens N, dimension d, threads.
#include "configurations.hpp"
#include "counters.hpp"
#include "measure/energy.hpp"

namespace {

using namespace noisync;

// N^2 d flops: half of the inner products.
void energy(benchmark::State& state) {
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = bench::uniform<double>(n, d);
    const auto weights = bench::equal_weights<double>(n);
    for (auto _ : state) {
        benchmark::DoNotOptimize(interaction_energy(x, weights, {1.0}, execution));
    }
    bench::count<double>(state, double(n * n * d), double(n * d) * sizeof(double),
                         execution.threads());
}

BENCHMARK(energy)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();

}  // namespace
