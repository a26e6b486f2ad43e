// The machine's peak, measured: independent chains of fused multiply-adds in registers.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "counters.hpp"
#include "simd/vec.hpp"

namespace bench {

namespace {

using noisync::simd::kLanes;
using noisync::simd::Vec;

constexpr int kChains = 12;  // enough to hide the latency, few enough for 16 registers

template <class Real>
double measure(int threads) {
    constexpr long kSteps = 4'000'000;
    double best = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
        const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
        {
            Vec<Real> sums[kChains] = {};
            Vec<Real> a = Vec<Real>{} + Real(0.999);
            Vec<Real> b = Vec<Real>{} + Real(0.001);
            for (long step = 0; step < kSteps; ++step) {
                // The compiler may assume nothing about the factors, so nothing can be skipped.
                asm volatile("" : "+x"(a), "+x"(b));
                for (auto& sum : sums) {
                    sum = sum * a + b;
                }
            }
            for (auto& sum : sums) {
                benchmark::DoNotOptimize(sum[0]);
            }
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        best = std::max(best, 2.0 * kChains * kSteps * kLanes<Real> * threads / seconds.count());
    }
    return best;
}

}  // namespace

template <class Real>
double peak(int threads) {
    static std::map<int, double> known;
    const auto found = known.find(threads);
    return found != known.end() ? found->second : known[threads] = measure<Real>(threads);
}

template double peak<float>(int threads);
template double peak<double>(int threads);

}  // namespace bench
