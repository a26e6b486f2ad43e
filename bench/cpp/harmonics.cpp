// Sums in linear time. Arguments: tokens N, dimension d, threads.
#include <vector>

#include "configurations.hpp"
#include "counters.hpp"
#include "harmonics/sums.hpp"

namespace {

using namespace noisync;

// beta = 4, degree 20: 4 (d + 1) flops a token and harmonic.
void harmonics(benchmark::State& state) {
    constexpr Index kDegree = 20;
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = bench::uniform<double>(n, d);
    const auto weights = bench::equal_weights<double>(n);
    const HarmonicTransform transform(kDegree, d);
    const std::vector<double> coefficients(kDegree + 1, 0.1);
    Matrix<double> sums;
    for (auto _ : state) {
        harmonic_sums(transform, coefficients, x, x, weights, sums, execution);
        benchmark::DoNotOptimize(sums.data());
    }
    const double entries = double(n) * double(transform.basis().size());
    bench::count<double>(state, entries * double(4 * (d + 1)),
                         double(n * (2 * d + 1)) * sizeof(double), execution.threads());
}

BENCHMARK(harmonics)->Args({100000, 3, 1})->Args({100000, 3, 2})->UseRealTime();

}  // namespace
