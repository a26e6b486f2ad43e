// The machine's limits, measured on registers alone: independent chains of fused multiply-adds, and
// powers of two.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "counters.hpp"
#include "simd/exp.hpp"
#include "simd/vec.hpp"

namespace bench {

namespace {

using noisync::simd::kLanes;
using noisync::simd::Vec;

constexpr int kChains = 12;  // enough to hide the latency, few enough for 16 registers

// The most numbers per second of a loop whose steps make `each` of them a thread.
template <class Loop>
double best_rate(int threads, long steps, double each, Loop&& loop) {
    double best = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
        const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
        loop(steps);
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        best = std::max(best, each * double(steps) * threads / seconds.count());
    }
    return best;
}

template <class Real>
double measured_peak(int threads) {
    return best_rate(threads, 4'000'000, 2.0 * kChains * kLanes<Real>, [](long steps) {
        Vec<Real> sums[kChains] = {};
        const Vec<Real> a = Vec<Real>{} + Real(0.999);
        const Vec<Real> b = Vec<Real>{} + Real(0.001);
        for (long step = 0; step < steps; ++step) {
            for (auto& sum : sums) {
                sum = sum * a + b;
                // The compiler may assume nothing about the sums: all chains are computed.
                asm volatile("" : "+x"(sum));
            }
        }
    });
}

template <class Real>
double measured_exponentials(int threads) {
    constexpr int kAtOnce = 4;
    return best_rate(threads, 2'000'000, double(kAtOnce * kLanes<Real>), [](long steps) {
        Vec<Real> numbers[kAtOnce] = {};
        for (long step = 0; step < steps; ++step) {
            for (auto& number : numbers) {
                Vec<Real> power = noisync::simd::exp2<Real>(number);
                asm volatile("" : "+x"(number), "+x"(power));
            }
        }
    });
}

double remembered(std::map<int, double>& known, int threads, double (*measure)(int)) {
    const auto found = known.find(threads);
    return found != known.end() ? found->second : known[threads] = measure(threads);
}

}  // namespace

template <class Real>
double peak(int threads) {
    static std::map<int, double> known;
    return remembered(known, threads, measured_peak<Real>);
}

template <class Real>
double exponentials(int threads) {
    static std::map<int, double> known;
    return remembered(known, threads, measured_exponentials<Real>);
}

template double peak<float>(int threads);
template double peak<double>(int threads);
template double exponentials<float>(int threads);
template double exponentials<double>(int threads);

}  // namespace bench
