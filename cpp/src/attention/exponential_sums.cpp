#include "exponential_sums.hpp"

#include <algorithm>

#include "../simd/exp.hpp"
#include "../simd/product.hpp"
#include "noisync/pairs.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::Vec;

// A panel of tokens stands in the lanes of kTall vectors; logits are computed for kWide tokens at a
// time against it, sums for kAtOnce tokens and up to kDims vectors of coordinates: as many results
// as registers hold.
constexpr bool kManyRegisters = simd::kRegisters == 32;
constexpr int kTall = 3;
constexpr int kWide = kManyRegisters ? 8 : simd::kVectorBytes == 32 ? 4 : 2;
constexpr int kDims = kManyRegisters ? 4 : 2;
constexpr int kAtOnce = 6;

template <class Real>
constexpr Index kPanel = kTall * kLanes<Real>;

static_assert(kTall * kLanes<double> % kWide == 0 && kTall * kLanes<double> % kAtOnce == 0);

// Tokens whose exponentials against one panel stay in the first-level cache.
template <class Real>
constexpr Index kStrip = std::max<Index>(96, 2 * kPanel<Real>);

// e^{tile - shift} in place, with its weighted sums over both sides: those of the panel in its
// lanes, and, unless null, those of the columns.
template <class Real>
void exponentiate(Real* tile, Index columns, const Real* shift, const Real* weights_panel,
                  const Real* weights_columns, Real* sums_panel, Real* sums_columns) {
    const auto panel = [](const Real* from, int h) { return simd::load(from + h * kLanes<Real>); };
    Vec<Real> sum[kTall] = {};
    for (Index column = 0; column < columns; ++column) {
        Real* entries = tile + column * kPanel<Real>;
        Vec<Real> down = Vec<Real>{};
        for (int h = 0; h < kTall; ++h) {
            const Vec<Real> value = simd::exp<Real>(panel(entries, h) - panel(shift, h));
            simd::store(entries + h * kLanes<Real>, value);
            sum[h] += value * weights_columns[column];
            down += value * panel(weights_panel, h);
        }
        if (sums_columns != nullptr) {
            sums_columns[column] += simd::sum<Real>(down);
        }
    }
    for (int h = 0; h < kTall; ++h) {
        simd::store(sums_panel + h * kLanes<Real>, panel(sums_panel, h) + sum[h]);
    }
}

// out_i += sum_j e_ij values_j over all coordinates, a few vectors of them at a time.
template <class Real>
void add_values(Index depth, Index columns, const Real* values, simd::Columns<Real> exponentials,
                Real* out, Index stride) {
    Index first = 0;
    const auto part = [&]<int Height>() {
        for (; stride - first >= Height * kLanes<Real>; first += Height * kLanes<Real>) {
            simd::add_product<Real, Height, kAtOnce>(depth, columns, values + first, stride,
                                                     exponentials, out + first, stride);
        }
    };
    if constexpr (kDims == 4) {
        part.template operator()<4>();
        part.template operator()<3>();
    }
    part.template operator()<2>();
    part.template operator()<1>();
}

}  // namespace

template <class Real>
void ExponentialSums<Real>::pack(const Tokens<Real>& queries, const Tokens<Real>& keys,
                                 const Tokens<Real>& x, const Vector<Real>& weights,
                                 Execution& execution) {
    count_ = x.rows();
    dim_ = x.cols();
    depth_ = keys.cols();
    const Index panels = (count_ + kPanel<Real> - 1) / kPanel<Real>;
    const Index filled = panels * kPanel<Real>;
    panels_.resize(panels * depth_, kPanel<Real>);
    keys_.resize(filled, simd::padded<Real>(depth_));
    values_.resize(filled, simd::padded<Real>(dim_));
    weights_.setZero(filled);
    weights_.head(count_) = weights;
    shift_.setZero(filled);
    numerators_.resize(filled, values_.cols());
    denominators_.setZero(filled);
    execution.for_each(panels, [&](Index panel, int) {
        const Index first = panel * kPanel<Real>;
        const Index rows = std::min(kPanel<Real>, count_ - first);
        auto lanes = panels_.middleRows(panel * depth_, depth_);
        lanes.setZero();
        lanes.leftCols(rows) = queries.middleRows(first, rows).transpose();
        auto key = keys_.middleRows(first, kPanel<Real>);
        key.setZero();
        key.topLeftCorner(rows, depth_) = keys.middleRows(first, rows);
        auto value = values_.middleRows(first, kPanel<Real>);
        value.setZero();
        value.topLeftCorner(rows, dim_) =
            weights.segment(first, rows).asDiagonal() * x.middleRows(first, rows);
        numerators_.middleRows(first, kPanel<Real>).setZero();
    });
    tiles_.resize(std::size_t(execution.threads()));
    for (auto& tile : tiles_) {
        tile.resize(kPanel<Real> * kStrip<Real>);
    }
}

// Logits of a panel of queries against `columns` keys from `first` on.
template <class Real>
void ExponentialSums<Real>::fill_tile(Index panel, Index first, Index columns, Real* tile) const {
    for (Index column = 0; column < columns; column += kWide) {
        Vec<Real> logits[kWide][kTall] = {};
        simd::multiply<Real, kTall, kWide>(depth_, panels_.row(panel * depth_).data(), kPanel<Real>,
                                           {keys_.row(first + column).data(), 1, keys_.cols()},
                                           logits);
        for (int w = 0; w < kWide; ++w) {
            for (int h = 0; h < kTall; ++h) {
                simd::store(tile + (column + w) * kPanel<Real> + h * kLanes<Real>, logits[w][h]);
            }
        }
    }
}

template <class Real>
void ExponentialSums<Real>::symmetric(const Tokens<Real>& x, const Vector<Real>& weights,
                                      Real scale, Execution& execution) {
    pack(x, x, x, weights, execution);
    panels_ *= scale;
    shift_.setConstant(std::abs(scale));
    // Blocks are whole strips; large systems have larger blocks, and so fewer rounds to wait for.
    const Index strips = std::clamp<Index>(keys_.rows() / (32 * kStrip<Real>), 1, 8);
    const Blocks blocks{keys_.rows(), strips * kStrip<Real>};
    const Index stride = values_.cols();
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Real* tile = tiles_[std::size_t(worker)].data();
        const Index end_i = blocks.begin(i) + blocks.length(i);
        const Index end_j = blocks.begin(j) + blocks.length(j);
        for (Index first = blocks.begin(i); first < end_i; first += kPanel<Real>) {
            for (Index other = blocks.begin(j); other < end_j; other += kStrip<Real>) {
                const Index columns = std::min(kStrip<Real>, end_j - other);
                fill_tile(first / kPanel<Real>, other, columns, tile);
                exponentiate(tile, columns, shift_.data() + first, weights_.data() + first,
                             weights_.data() + other, denominators_.data() + first,
                             i == j ? nullptr : denominators_.data() + other);
                add_values<Real>(columns, kPanel<Real>, values_.row(other).data(),
                                 {tile, kPanel<Real>, 1}, numerators_.row(first).data(), stride);
                if (i != j) {
                    add_values<Real>(kPanel<Real>, columns, values_.row(first).data(),
                                     {tile, 1, kPanel<Real>}, numerators_.row(other).data(),
                                     stride);
                }
            }
        }
    });
}

template <class Real>
void ExponentialSums<Real>::general(const Tokens<Real>& queries, const Tokens<Real>& keys,
                                    const Tokens<Real>& x, const Vector<Real>& weights,
                                    const Vector<Real>& shift, Execution& execution) {
    pack(queries, keys, x, weights, execution);
    shift_.head(count_) = shift;
    const Blocks panels{keys_.rows(), kPanel<Real>};
    execution.for_each(panels.count(), [&](Index panel, int worker) {
        Real* tile = tiles_[std::size_t(worker)].data();
        const Index first = panels.begin(panel);
        for (Index other = 0; other < keys_.rows(); other += kStrip<Real>) {
            const Index columns = std::min(kStrip<Real>, keys_.rows() - other);
            fill_tile(panel, other, columns, tile);
            exponentiate<Real>(tile, columns, shift_.data() + first, weights_.data() + first,
                               weights_.data() + other, denominators_.data() + first, nullptr);
            add_values<Real>(columns, kPanel<Real>, values_.row(other).data(),
                             {tile, kPanel<Real>, 1}, numerators_.row(first).data(),
                             values_.cols());
        }
    });
}

template class ExponentialSums<float>;
template class ExponentialSums<double>;

}  // namespace noisync
