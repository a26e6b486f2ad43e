// Functions of vectors.
#include <vector>

#include "counters.hpp"
#include "simd/exp.hpp"

namespace {

using namespace noisync;

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

BENCHMARK(exponentials<double>);
BENCHMARK(exponentials<float>);

}  // namespace
