// Attention by direct sums. Arguments: tokens N, dimension d, threads.
#include "attention/exponential.hpp"
#include "attention/sinkhorn.hpp"
#include "configurations.hpp"
#include "counters.hpp"

namespace {

using namespace noisync;

template <class Real>
void evaluate(benchmark::State& state, const SharedAttentionLaw& law, double flops_per_pair,
              double powers_per_pair) {
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = bench::uniform<Real>(n, d);
    const auto weights = bench::equal_weights<Real>(n);
    const auto evaluator = law->evaluator<Real>({});
    Tokens<Real> out(n, d);
    for (auto _ : state) {
        evaluator->evaluate(x, weights, out, execution);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count<Real>(state, flops_per_pair * double(n * n * d),
                       2.0 * double(n * d) * sizeof(Real), execution.threads(),
                       powers_per_pair * double(n * n));
}

ExponentialAttention with_matrices(Index d) {
    ExponentialAttention attention;
    attention.query = Matrix<double>::Identity(d, d);
    attention.key = Matrix<double>::Identity(d, d);
    return attention;
}

ExponentialAttention masked(ExponentialAttention attention) {
    attention.mask = Causal{};
    return attention;
}

// 3 N^2 d flops: half of the logits, and both sides' sums; under a mask half of the logits and of
// the sums of one side.
template <class Real>
void attention(benchmark::State& state) {
    evaluate<Real>(state, attention_law(ExponentialAttention{}), 3, 0.5);
}
template <class Real>
void causal(benchmark::State& state) {
    evaluate<Real>(state, attention_law(masked({})), 2, 0.5);
}

// 4 N^2 d flops.
template <class Real>
void general(benchmark::State& state) {
    evaluate<Real>(state, attention_law(with_matrices(state.range(1))), 4, 1);
}
template <class Real>
void general_causal(benchmark::State& state) {
    evaluate<Real>(state, attention_law(masked(with_matrices(state.range(1)))), 2, 0.5);
}
template <class Real>
void distances(benchmark::State& state) {
    ExponentialAttention attention = with_matrices(state.range(1));
    (*attention.key)(0, 0) = 2;  // keys of several lengths
    attention.penalty = 1;
    evaluate<Real>(state, attention_law(attention), 4, 1);
}

// Half of the logits in each of about 35 iterations, and 3 N^2 d in the end.
template <class Real>
void sinkhorn(benchmark::State& state) {
    evaluate<Real>(state, attention_law(SinkhornAttention{}), 3 + 35, 0.5 * 36);
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
BENCHMARK(causal<double>)->Apply(sizes);
BENCHMARK(causal<float>)->Apply(sizes);
BENCHMARK(general<double>)->Apply(sizes);
BENCHMARK(general<float>)->Apply(sizes);
BENCHMARK(general_causal<double>)->Args({8192, 64, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(distances<double>)->Args({8192, 64, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(sinkhorn<double>)->Args({4096, 64, 1})->Unit(benchmark::kMillisecond);

}  // namespace
