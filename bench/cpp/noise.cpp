// Networks and their activations. Arguments: tokens N, dimension d, threads.
#include <algorithm>
#include <string>
#include <vector>

#include "configurations.hpp"
#include "counters.hpp"
#include "noise/activation.hpp"
#include "noise/mlp.hpp"

namespace {

using namespace noisync;

// 4 N m d flops, m = 2048.
template <class Real>
void mlp(benchmark::State& state) {
    constexpr Index kWidth = 2048;
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto y = bench::uniform<Real>(n, d);
    const auto noise = noise_law(Mlp{{Activation::relu, kWidth, 0.0, 0.0}})->field<Real>();
    Tokens<Real> out = y;
    for (auto _ : state) {
        noise->add(y, {}, {1, 0, 0}, Real(1), out, nullptr, execution);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count<Real>(state, 4.0 * double(n * kWidth * d), 3.0 * double(n * d) * sizeof(Real),
                       execution.threads());
}

template <class Real>
void activations(benchmark::State& state) {
    constexpr Index kCount = 2048;
    const auto activation = Activation(state.range(0));
    state.SetLabel(std::string(activation_names()[std::size_t(state.range(0))]));
    std::vector<Real> z(kCount);
    for (auto _ : state) {
        std::fill(z.begin(), z.end(), Real(-0.3));
        apply(activation, z.data(), kCount);
        benchmark::DoNotOptimize(z.data());
    }
    state.SetItemsProcessed(state.iterations() * kCount);
}

BENCHMARK(mlp<double>)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();
BENCHMARK(mlp<float>)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();
BENCHMARK(activations<double>)->DenseRange(0, 10);
BENCHMARK(activations<float>)->DenseRange(0, 10);

}  // namespace
