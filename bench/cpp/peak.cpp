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
            const Vec<Real> a = Vec<Real>{} + Real(0.999);
            const Vec<Real> b = Vec<Real>{} + Real(0.001);
            for (long step = 0; step < kSteps; ++step) {
                for (auto& sum : sums) {
                    sum = sum * a + b;
                    // The compiler may assume nothing about the sums: all chains are computed.
                    asm volatile("" : "+x"(sum));
                }
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
