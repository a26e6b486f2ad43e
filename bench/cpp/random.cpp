// Random numbers.
#include "random/random.hpp"

#include <vector>

#include "counters.hpp"

namespace {

using namespace noisync;

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

BENCHMARK(normals<double>)->Arg(1 << 20);
BENCHMARK(normals<float>)->Arg(1 << 20);

}  // namespace
