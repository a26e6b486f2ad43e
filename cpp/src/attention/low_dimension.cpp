#include "attention/low_dimension.hpp"

#include <algorithm>
#include <cmath>

#include "simd/exp.hpp"

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

// Vectors of the same coordinate stand together, one for each of these tokens, and one more: whole
// pages apart they would be in each other's way.
constexpr Index kApart = kStrip + 1;

// Whose sums a panel against tokens adds to: its own, those of both sides, or, against the tokens
// of the panel itself, those of the lanes that see the token: from `first` on.
enum class Adds { own, both, later };

// One panel i, `point` times the factor of the logits in powers of two, against tokens j: adds to
// `totals` of the panel and to the vectors `columns` of the tokens. Entry k of token j at j_data[k
// * kPanel].
template <class Real, int Dim, Adds kAdds>
[[gnu::always_inline]] inline void panel_against_token(const Vec<Real> (&point)[Dim][kTall],
                                                       const Real* weighted, const Real* other,
                                                       const Real* other_weighted, Real shift,
                                                       Real first,
                                                       Vec<Real> (&total)[Dim + 1][kTall],
                                                       Real* columns) {
    Vec<Real> value[kTall];
    for (int h = 0; h < kTall; ++h) {
        Vec<Real> logit = simd::broadcast(-shift);
        for (int k = 0; k < Dim; ++k) {
            logit += point[k][h] * other[k * kPanel<Real>];
        }
        value[h] = simd::exp2<Real>(logit);
        if constexpr (kAdds == Adds::later) {
            const Vec<Real> lane =
                simd::load(simd::kPlaces<Real, kPanel<Real>>.data() + h * kLanes<Real>);
            value[h] = lane < first ? Vec<Real>{} : value[h];
        }
    }
    for (int k = 0; k <= Dim; ++k) {
        for (int h = 0; h < kTall; ++h) {
            total[k][h] += value[h] * other_weighted[k * kPanel<Real>];
        }
    }
    if constexpr (kAdds == Adds::both) {
        for (int k = 0; k <= Dim; ++k) {
            Real* column = columns + k * kApart * kLanes<Real>;
            Vec<Real> sum = simd::load(column);
            for (int h = 0; h < kTall; ++h) {
                sum += value[h] * simd::load(weighted + k * kPanel<Real> + h * kLanes<Real>);
            }
            simd::store(column, sum);
        }
    }
}

template <class Real, int Rows>
void load_rows(const Matrix<Real>& from, Index first, Vec<Real> (&to)[Rows][kTall]) {
    for (int k = 0; k < Rows; ++k) {
        for (int h = 0; h < kTall; ++h) {
            to[k][h] = simd::load(from.row(first + k).data() + h * kLanes<Real>);
        }
    }
}

template <class Real, int Rows>
void store_rows(const Vec<Real> (&from)[Rows][kTall], Index first, Matrix<Real>& to) {
    for (int k = 0; k < Rows; ++k) {
        for (int h = 0; h < kTall; ++h) {
            simd::store(to.row(first + k).data() + h * kLanes<Real>, from[k][h]);
        }
    }
}

// Adds up the lanes of the columns' vectors into the totals of their panel.
template <class Real, Index Rows>
void add_columns(const Real* columns, Index begin, Index count, Index panel, Matrix<Real>& totals) {
    for (Index k = 0; k < Rows; ++k) {
        Real* to = totals.row(panel * Rows + k).data() + begin;
        for (Index j = 0; j < count; j += kLanes<Real>) {
            const Vec<Real> sums = simd::sums<Real>(columns + (k * kApart + j) * kLanes<Real>);
            simd::store(to + j, simd::load(to + j) + sums);
        }
    }
}

// Panels [first, last) against the tokens of the panel `partner`, kStrip of them at a time. Rows of
// a panel: Dim coordinates and the weight. A token is seen by those at least `lag` after it.
template <class Real, int Dim, Adds kAdds>
void panels_against_panel(const Matrix<Real>& points, const Matrix<Real>& weighted, Index first,
                          Index last, Index partner, Real factor, Index lag, Matrix<Real>& totals,
                          Real* columns) {
    constexpr Index kRows = Dim + 1;
    for (Index begin = 0; begin < kPanel<Real>; begin += kStrip) {
        const Index count = std::min(kStrip, kPanel<Real> - begin);
        if constexpr (kAdds == Adds::both) {
            std::fill_n(columns, kRows * kApart * kLanes<Real>, Real(0));
        }
        for (Index panel = first; panel < last; ++panel) {
            Vec<Real> point[Dim][kTall];
            Vec<Real> total[Dim + 1][kTall];
            load_rows<Real, Dim>(points, panel * kRows, point);
            load_rows<Real, Dim + 1>(totals, panel * kRows, total);
            for (int k = 0; k < Dim; ++k) {
                for (int h = 0; h < kTall; ++h) {
                    point[k][h] *= factor;
                }
            }
            for (Index j = 0; j < count; ++j) {
                panel_against_token<Real, Dim, kAdds>(
                    point, weighted.row(panel * kRows).data(),
                    points.row(partner * kRows).data() + begin + j,
                    weighted.row(partner * kRows).data() + begin + j, std::abs(factor),
                    Real(begin + j + lag), total, columns + j * kLanes<Real>);
            }
            store_rows<Real, Dim + 1>(total, panel * kRows, totals);
        }
        if constexpr (kAdds == Adds::both) {
            add_columns<Real, kRows>(columns, begin, count, partner, totals);
        }
    }
}

}  // namespace

// The coordinates and the weight of every token, in its lane.
template <class Real>
void LowDimensionSums<Real>::pack(const Tokens<Real>& x, const Vector<Real>& weights) {
    const Index d = x.cols();
    const Index panels = (x.rows() + kPanel<Real> - 1) / kPanel<Real>;
    points_.setZero(panels * (d + 1), kPanel<Real>);
    weighted_.setZero(panels * (d + 1), kPanel<Real>);
    totals_.setZero(panels * (d + 1), kPanel<Real>);
    for (Index i = 0; i < x.rows(); ++i) {
        const Index row = i / kPanel<Real> * (d + 1);
        const Index lane = i % kPanel<Real>;
        points_.col(lane).segment(row, d) = x.row(i).transpose();
        weighted_.col(lane).segment(row, d) = weights(i) * x.row(i).transpose();
        weighted_(row + d, lane) = weights(i);
    }
}

template <class Real>
template <int Dim>
void LowDimensionSums<Real>::run(Real scale, const std::optional<Causal>& mask,
                                 Execution& execution) {
    const Index panels = points_.rows() / (Dim + 1);
    const Real factor = scale * simd::kLog2E<Real>;
    columns_.resize(std::size_t(execution.threads()));
    for (auto& columns : columns_) {
        columns.resize(kApart * (Dim + 1) * kLanes<Real>);
    }
    // Blocks of whole panels; large systems have larger blocks, and so fewer pairs to hand out.
    const Index size = std::clamp<Index>(panels / 32, 256 / kPanel<Real>, 1024 / kPanel<Real>);
    const Blocks blocks{panels, std::max<Index>(size, 1)};
    if (mask) {
        run_causal<Dim>(factor, *mask, blocks, execution);
        return;
    }
    for_each_block_pair(
        blocks, execution,
        [&](Index i, Index j, int worker) {
            Real* columns = columns_[std::size_t(worker)].data();
            const Index first = blocks.begin(i);
            const Index last = first + blocks.length(i);
            for (Index partner = blocks.begin(j); partner < blocks.begin(j) + blocks.length(j);
                 ++partner) {
                if (i == j) {
                    panels_against_panel<Real, Dim, Adds::own>(
                        points_, weighted_, first, last, partner, factor, 0, totals_, columns);
                } else {
                    panels_against_panel<Real, Dim, Adds::both>(
                        points_, weighted_, first, last, partner, factor, 0, totals_, columns);
                }
            }
        },
        kPanel<Real>);
}

// A panel against those before it and itself; the longest rows first.
template <class Real>
template <int Dim>
void LowDimensionSums<Real>::run_causal(Real factor, const Causal& mask, const Blocks& blocks,
                                        Execution& execution) {
    const Index lag = mask.include_self ? 0 : 1;
    execution.for_each(blocks.count(), [&](Index task, int worker) {
        Real* columns = columns_[std::size_t(worker)].data();
        const Index block = blocks.count() - 1 - task;
        const Index first = blocks.begin(block);
        const Index last = first + blocks.length(block);
        if (!execution.wants(first * kPanel<Real>, (last - first) * kPanel<Real>)) {
            return;
        }
        for (Index partner = 0; partner < last; ++partner) {
            panels_against_panel<Real, Dim, Adds::own>(points_, weighted_,
                                                       std::max(first, partner + 1), last, partner,
                                                       factor, lag, totals_, columns);
            if (partner >= first) {
                panels_against_panel<Real, Dim, Adds::later>(points_, weighted_, partner,
                                                             partner + 1, partner, factor, lag,
                                                             totals_, columns);
            }
        }
    });
}

template <class Real>
void LowDimensionSums<Real>::symmetric(const Tokens<Real>& x, const Vector<Real>& weights,
                                       Real scale, const std::optional<Causal>& mask,
                                       PairSums<Real>& sums, Execution& execution) {
    pack(x, weights);
    switch (x.cols()) {
        case 2:
            run<2>(scale, mask, execution);
            break;
        case 3:
            run<3>(scale, mask, execution);
            break;
        case 4:
            run<4>(scale, mask, execution);
            break;
        case 5:
            run<5>(scale, mask, execution);
            break;
        case 6:
            run<6>(scale, mask, execution);
            break;
        case 7:
            run<7>(scale, mask, execution);
            break;
        default:
            run<8>(scale, mask, execution);
            break;
    }
    const Index d = x.cols();
    sums.numerators.resize(x.rows(), d);
    sums.denominators.resize(x.rows());
    sums.shift.setConstant(x.rows(), std::abs(scale));
    for (Index i = 0; i < x.rows(); ++i) {
        const auto total = totals_.col(i % kPanel<Real>).segment(i / kPanel<Real> * (d + 1), d + 1);
        sums.numerators.row(i) = total.head(d);
        sums.denominators(i) = total(d);
    }
}

template class LowDimensionSums<float>;
template class LowDimensionSums<double>;

}  // namespace noisync
