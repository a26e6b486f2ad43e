// The kernels of the core, one by one. Arguments: tokens N, dimension d, threads.
#include <random>

#include "attention/exponential.hpp"
#include "base/sphere.hpp"
#include "counters.hpp"
#include "harmonics/sums.hpp"
#include "measure/energy.hpp"
#include "noise/activation.hpp"
#include "noise/mlp.hpp"
#include "random/random.hpp"
#include "simd/exp.hpp"

namespace {

using namespace noisync;

template <class Real>
Tokens<Real> uniform(Index n, Index d) {
    Tokens<Real> x(n, d);
    fill_normals({1, 0, 0, Purpose::initial_tokens}, 0, n * d, Real(1), x.data());
    Execution execution;
    normalize_rows(x, execution);
    return x;
}

template <class Real>
Vector<Real> equal_weights(Index n) {
    return Vector<Real>::Constant(n, Real(1) / Real(n));
}

// 3 N^2 d flops: half of the logits, and both sides' sums.
template <class Real>
void attention(benchmark::State& state) {
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = uniform<Real>(n, d);
    const auto weights = equal_weights<Real>(n);
    const auto softmax = attention_law(ExponentialAttention{})->evaluator<Real>({});
    Tokens<Real> out(n, d);
    for (auto _ : state) {
        softmax->evaluate(x, weights, out, execution);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count<Real>(state, 3.0 * double(n * n * d), 2.0 * double(n * d) * sizeof(Real),
                       execution.threads());
}

// 4 N m d flops, m = 2048.
template <class Real>
void mlp(benchmark::State& state) {
    constexpr Index kWidth = 2048;
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto y = uniform<Real>(n, d);
    const auto noise = noise_law(Mlp{{Activation::relu, kWidth, 0.0, 0.0}})->field<Real>();
    Tokens<Real> out = y;
    for (auto _ : state) {
        noise->add(y, {}, {1, 0, 0}, Real(1), out, nullptr, execution);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count<Real>(state, 4.0 * double(n * kWidth * d), 3.0 * double(n * d) * sizeof(Real),
                       execution.threads());
}

// N^2 d flops: half of the inner products.
void energy(benchmark::State& state) {
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = uniform<double>(n, d);
    const auto weights = equal_weights<double>(n);
    for (auto _ : state) {
        benchmark::DoNotOptimize(interaction_energy(x, weights, {1.0}, execution));
    }
    bench::count<double>(state, double(n * n * d), double(n * d) * sizeof(double),
                         execution.threads());
}

// beta = 4, degree 20: 4 (d + 1) flops a token and harmonic.
void harmonics(benchmark::State& state) {
    constexpr Index kDegree = 20;
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = uniform<double>(n, d);
    const auto weights = equal_weights<double>(n);
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

template <class Real>
void normals(benchmark::State& state) {
    std::vector<Real> out(std::size_t(state.range(0)));
    for (auto _ : state) {
        fill_normals({1, 0, 0, Purpose::initial_tokens}, 0, Index(out.size()), Real(1), out.data());
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.SetBytesProcessed(state.iterations() * state.range(0) * Index(sizeof(Real)));
}

template <class Real>
void exponentials(benchmark::State& state) {
    constexpr Index kCount = 2048;
    std::vector<Real> z(kCount, Real(-0.5));
    std::vector<Real> out(kCount);
    for (auto _ : state) {
        for (Index i = 0; i < kCount; i += simd::kLanes<Real>) {
            simd::store(&out[std::size_t(i)], simd::exp2<Real>(simd::load(&z[std::size_t(i)])));
        }
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * kCount);
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

void sizes(benchmark::internal::Benchmark* benchmark) {
    for (const int d : {3, 16, 64, 128}) {
        for (const int threads : {1, 2}) {
            benchmark->Args({8192, d, threads});
        }
    }
    benchmark->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(attention<double>)->Apply(sizes);
BENCHMARK(attention<float>)->Apply(sizes);
BENCHMARK(mlp<double>)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();
BENCHMARK(mlp<float>)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();
BENCHMARK(energy)->Args({8192, 64, 1})->Args({8192, 64, 2})->UseRealTime();
BENCHMARK(harmonics)->Args({100000, 3, 1})->Args({100000, 3, 2})->UseRealTime();
BENCHMARK(normals<double>)->Arg(1 << 20);
BENCHMARK(normals<float>)->Arg(1 << 20);
BENCHMARK(exponentials<double>);
BENCHMARK(exponentials<float>);
BENCHMARK(activations<double>)->DenseRange(0, 10);
BENCHMARK(activations<float>)->DenseRange(0, 10);

}  // namespace
