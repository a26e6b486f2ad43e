// Attention by direct sums. Arguments: tokens N, dimension d, threads.
#include "attention/exponential.hpp"
#include "configurations.hpp"
#include "counters.hpp"

namespace {

using namespace noisync;

// 3 N^2 d flops: half of the logits, and both sides' sums.
template <class Real>
void attention(benchmark::State& state) {
    const Index n = state.range(0);
    const Index d = state.range(1);
    Execution execution{int(state.range(2))};
    const auto x = bench::uniform<Real>(n, d);
    const auto weights = bench::equal_weights<Real>(n);
    const auto softmax = attention_law(ExponentialAttention{})->evaluator<Real>({});
    Tokens<Real> out(n, d);
    for (auto _ : state) {
        softmax->evaluate(x, weights, out, execution);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count<Real>(state, 3.0 * double(n * n * d), 2.0 * double(n * d) * sizeof(Real),
                       execution.threads());
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

}  // namespace
