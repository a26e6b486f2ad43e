#include "low_dimension.hpp"

#include <algorithm>
#include <cmath>

#include "../simd/exp.hpp"
#include "noisync/pairs.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::Vec;

// Vectors in flight: enough to hide the latency of the exponential.
constexpr int kTall = simd::kRegisters == 32 ? 4 : 2;

template <class Real>
constexpr Index kPanel = kTall * kLanes<Real>;

// Tokens whose sums over the other side stay in the first-level cache as vectors, not yet added up
// over lanes.
constexpr Index kStrip = 64;

// One panel i against tokens j: adds to `totals` of the panel and to the vectors `columns` of the
// tokens. Entry k of token j at j_data[k * kPanel].
template <class Real, int Dim, bool Both>
[[gnu::always_inline]] inline void panel_against_token(const Vec<Real> (&point)[Dim][kTall],
                                                       const Real* weighted, const Real* other,
                                                       const Real* other_weighted, Real factor,
                                                       Real shift,
                                                       Vec<Real> (&total)[Dim + 1][kTall],
                                                       Real* columns) {
    Vec<Real> value[kTall];
    for (int h = 0; h < kTall; ++h) {
        Vec<Real> logit = simd::broadcast(-shift);
        for (int k = 0; k < Dim; ++k) {
            logit += point[k][h] * (other[k * kPanel<Real>] * factor);
        }
        value[h] = simd::exp<Real>(logit);
    }
    for (int k = 0; k <= Dim; ++k) {
        for (int h = 0; h < kTall; ++h) {
            total[k][h] += value[h] * other_weighted[k * kPanel<Real>];
        }
    }
    if constexpr (Both) {
        for (int k = 0; k <= Dim; ++k) {
            Vec<Real> sum = simd::load(columns + k * kLanes<Real>);
            for (int h = 0; h < kTall; ++h) {
                sum += value[h] * simd::load(weighted + k * kPanel<Real> + h * kLanes<Real>);
            }
            simd::store(columns + k * kLanes<Real>, sum);
        }
    }
}

}  // namespace

template <class Real>
template <int Dim>
void LowDimensionSums<Real>::run(const Tokens<Real>& x, const Vector<Real>& weights, Real scale,
                                 Matrix<Real>& sums, Execution& execution) {
    constexpr Index kRows = Dim + 1;
    const Index n = x.rows();
    const Index panels = (n + kPanel<Real> - 1) / kPanel<Real>;
    points_.setZero(panels * kRows, kPanel<Real>);
    weighted_.setZero(panels * kRows, kPanel<Real>);
    totals_.setZero(panels * kRows, kPanel<Real>);
    for (Index i = 0; i < n; ++i) {
        const Index row = i / kPanel<Real> * kRows;
        const Index lane = i % kPanel<Real>;
        for (Index k = 0; k < Dim; ++k) {
            points_(row + k, lane) = x(i, k);
            weighted_(row + k, lane) = weights(i) * x(i, k);
        }
        weighted_(row + Dim, lane) = weights(i);
    }
    columns_.resize(std::size_t(execution.threads()));
    for (auto& columns : columns_) {
        columns.resize(kStrip * kRows * kLanes<Real>);
    }
    // Blocks of whole panels; large systems have larger blocks, and so fewer rounds to wait for.
    const Index size = std::clamp<Index>(panels / 32, 256 / kPanel<Real>, 1024 / kPanel<Real>);
    const Blocks blocks{panels, std::max<Index>(size, 1)};
    const Real shift = std::abs(scale);

    // Panels [first, last) of one block against the tokens of panel `other`, kStrip at a time.
    const auto visit = [&]<bool Both>(Index first, Index last, Index other, Real* columns) {
        for (Index begin = 0; begin < kPanel<Real>; begin += kStrip) {
            const Index count = std::min(kStrip, kPanel<Real> - begin);
            std::fill_n(columns, count * kRows * kLanes<Real>, Real(0));
            for (Index panel = first; panel < last; ++panel) {
                Vec<Real> point[Dim][kTall];
                Vec<Real> total[Dim + 1][kTall] = {};
                for (int k = 0; k < Dim; ++k) {
                    for (int h = 0; h < kTall; ++h) {
                        point[k][h] =
                            simd::load(points_.row(panel * kRows + k).data() + h * kLanes<Real>);
                    }
                }
                for (Index j = 0; j < count; ++j) {
                    panel_against_token<Real, Dim, Both>(
                        point, weighted_.row(panel * kRows).data(),
                        points_.row(other * kRows).data() + begin + j,
                        weighted_.row(other * kRows).data() + begin + j, scale, shift, total,
                        columns + j * kRows * kLanes<Real>);
                }
                for (int k = 0; k <= Dim; ++k) {
                    for (int h = 0; h < kTall; ++h) {
                        Real* to = totals_.row(panel * kRows + k).data() + h * kLanes<Real>;
                        simd::store(to, simd::load(to) + total[k][h]);
                    }
                }
            }
            for (Index j = 0; Both && j < count; ++j) {
                for (Index k = 0; k < kRows; ++k) {
                    totals_(other * kRows + k, begin + j) +=
                        simd::sum<Real>(simd::load(columns + (j * kRows + k) * kLanes<Real>));
                }
            }
        }
    };
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Real* columns = columns_[std::size_t(worker)].data();
        const Index first = blocks.begin(i);
        const Index last = first + blocks.length(i);
        for (Index other = blocks.begin(j); other < blocks.begin(j) + blocks.length(j); ++other) {
            if (i == j) {
                visit.template operator()<false>(first, last, other, columns);
            } else {
                visit.template operator()<true>(first, last, other, columns);
            }
        }
    });
    sums.resize(n, kRows);
    for (Index i = 0; i < n; ++i) {
        for (Index k = 0; k < kRows; ++k) {
            sums(i, k) = totals_(i / kPanel<Real> * kRows + k, i % kPanel<Real>);
        }
    }
}

template <class Real>
void LowDimensionSums<Real>::symmetric(const Tokens<Real>& x, const Vector<Real>& weights,
                                       Real scale, Matrix<Real>& sums, Execution& execution) {
    switch (x.cols()) {
        case 2:
            return run<2>(x, weights, scale, sums, execution);
        case 3:
            return run<3>(x, weights, scale, sums, execution);
        case 4:
            return run<4>(x, weights, scale, sums, execution);
        case 5:
            return run<5>(x, weights, scale, sums, execution);
        case 6:
            return run<6>(x, weights, scale, sums, execution);
        case 7:
            return run<7>(x, weights, scale, sums, execution);
        default:
            return run<8>(x, weights, scale, sums, execution);
    }
}

template class LowDimensionSums<float>;
template class LowDimensionSums<double>;

}  // namespace noisync
