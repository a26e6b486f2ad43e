#include "attention/panel_sums.hpp"

#include <algorithm>
#include <cmath>

#include "base/pairs.hpp"
#include "simd/exp.hpp"
#include "simd/panels.hpp"

namespace noisync {

namespace {

using simd::add_values;
using simd::kLanes;
using simd::kPanel;
using simd::kStrip;
using simd::kTall;
using simd::Vec;

// Two panels against a strip: its rows are then brought from the second-level cache once for both.
template <class Real>
constexpr Index kTallTile = 2 * kPanel<Real>;

static_assert(kStrip<double> % kPanel<double> == 0 && kStrip<float> % kPanel<float> == 0);

// What is left of the entries of a tile: all of them.
struct All {
    template <class Value>
    Value operator()(Value value, Index /*column*/, int /*h*/) const {
        return value;
    }
};

// Of the tile of a panel against itself, those of tokens that are seen: `lag` behind at least.
template <class Real>
struct Seen {
    Vec<Real> operator()(Vec<Real> value, Index column, int h) const {
        const Real* places = simd::kPlaces<Real, kPanel<Real>>.data();
        const Vec<Real> place = simd::load(places + h * kLanes<Real>);
        return place < Real(column) + lag ? Vec<Real>{} : value;
    }

    Real lag;
};

// left(2^{tile - shift}) in place, with its weighted sums over both sides: those over columns in
// the lanes of the panel, and, unless null, those over the panel in vectors, one for every column,
// whose lanes are still to be added.
template <class Real, class Left>
void exponentiate(Real* tile, Index height, Index columns, const Real* shift,
                  const Real* weights_panel, const Real* weights_columns, Real* sums_panel,
                  Real* sums_columns, const Left& left) {
    const auto panel = [](const Real* from, int h) { return simd::load(from + h * kLanes<Real>); };
    Vec<Real> sum[kTall] = {};
    for (Index column = 0; column < columns; ++column) {
        Real* entries = tile + column * height;
        auto down = Vec<Real>{};
        for (int h = 0; h < kTall; ++h) {
            const Vec<Real> value =
                left(simd::exp2<Real>(panel(entries, h) - panel(shift, h)), column, h);
            simd::store(entries + h * kLanes<Real>, value);
            sum[h] += value * weights_columns[column];
            down += value * panel(weights_panel, h);
        }
        if (sums_columns != nullptr) {
            Real* to = sums_columns + column * kLanes<Real>;
            simd::store(to, simd::load(to) + down);
        }
    }
    for (int h = 0; h < kTall; ++h) {
        simd::store(sums_panel + h * kLanes<Real>, panel(sums_panel, h) + sum[h]);
    }
}

}  // namespace

template <class Real>
void PanelSums<Real>::pack(const Tokens<Real>& queries, const Tokens<Real>& keys,
                           const Tokens<Real>& x, const Vector<Real>& weights, PairSums<Real>& sums,
                           Execution& execution) {
    const Index count = x.rows();
    depth_ = keys.cols();
    const Index panels = (count + kPanel<Real> - 1) / kPanel<Real>;
    const Index filled = panels * kPanel<Real>;
    panels_.resize(panels * depth_, kPanel<Real>);
    keys_.resize(filled, simd::padded<Real>(depth_));
    values_.resize(filled, simd::padded<Real>(x.cols()));
    weights_.setZero(filled);
    weights_.head(count) = weights;
    shift_.setZero(filled);
    sums.numerators.resize(filled, values_.cols());
    sums.denominators.setZero(filled);
    execution.for_each(panels, [&](Index panel, int) {
        const Index first = panel * kPanel<Real>;
        const Index rows = std::min(kPanel<Real>, count - first);
        simd::pack_panel(queries.middleRows(first, rows), panel, panels_);
        auto key = keys_.middleRows(first, kPanel<Real>);
        key.setZero();
        key.topLeftCorner(rows, depth_) = keys.middleRows(first, rows);
        auto value = values_.middleRows(first, kPanel<Real>);
        value.setZero();
        value.topLeftCorner(rows, x.cols()) =
            weights.segment(first, rows).asDiagonal() * x.middleRows(first, rows);
        sums.numerators.middleRows(first, kPanel<Real>).setZero();
    });
    tiles_.resize(std::size_t(execution.threads()));
    for (auto& tile : tiles_) {
        tile.resize(kTallTile<Real> * kStrip<Real>);
    }
}

// Logits, in powers of two, of a panel of queries against `columns` keys from `first` on.
template <class Real>
void PanelSums<Real>::fill_tile(Index panel, Index first, Index columns, Real* tile,
                                Index height) const {
    simd::fill_tile<Real>(depth_, panels_.row(panel * depth_).data(), keys_.row(first).data(),
                          keys_.cols(), columns, nullptr, tile, height);
}

template <class Real>
void PanelSums<Real>::symmetric(const Tokens<Real>& y, const Tokens<Real>& x,
                                const Vector<Real>& weights, Real scale, PairSums<Real>& sums,
                                Execution& execution) {
    pack(y, y, x, weights, sums, execution);
    sums.shift.setConstant(x.rows(), std::abs(scale));
    panels_ *= scale * simd::kLog2E<Real>;
    shift_.setConstant(std::abs(scale) * simd::kLog2E<Real>);
    // Blocks are whole strips; large systems have larger blocks, and so fewer pairs to hand out.
    const Index strips = std::clamp<Index>(keys_.rows() / (32 * kStrip<Real>), 1, 8);
    const Blocks blocks{keys_.rows(), strips * kStrip<Real>};
    const Index stride = values_.cols();
    columns_.resize(std::size_t(execution.threads()));
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Real* tile = tiles_[std::size_t(worker)].data();
        auto& columns = columns_[std::size_t(worker)];
        columns.setZero(blocks.length(j) * kLanes<Real>);
        const Index begin_j = blocks.begin(j);
        const Index end_i = blocks.begin(i) + blocks.length(i);
        const Index end_j = begin_j + blocks.length(j);
        for (Index other = begin_j; other < end_j; other += kStrip<Real>) {
            const Index strip = std::min(kStrip<Real>, end_j - other);
            for (Index first = blocks.begin(i); first < end_i; first += kTallTile<Real>) {
                const Index rows = std::min(kTallTile<Real>, end_i - first);
                for (Index row = 0; row < rows; row += kPanel<Real>) {
                    const Index own = first + row;
                    fill_tile(own / kPanel<Real>, other, strip, tile + row, kTallTile<Real>);
                    exponentiate(
                        tile + row, kTallTile<Real>, strip, shift_.data() + own,
                        weights_.data() + own, weights_.data() + other,
                        sums.denominators.data() + own,
                        i == j ? nullptr : columns.data() + (other - begin_j) * kLanes<Real>,
                        All{});
                }
                add_values<Real>(strip, rows, values_.row(other).data(), {tile, kTallTile<Real>, 1},
                                 sums.numerators.row(first).data(), stride);
                if (i != j) {
                    add_values<Real>(rows, strip, values_.row(first).data(),
                                     {tile, 1, kTallTile<Real>}, sums.numerators.row(other).data(),
                                     stride);
                }
            }
        }
        for (Index column = 0; i != j && column < blocks.length(j); column += kLanes<Real>) {
            Real* to = sums.denominators.data() + begin_j + column;
            simd::store(to,
                        simd::load(to) + simd::sums<Real>(columns.data() + column * kLanes<Real>));
        }
    });
}

// A strip of keys, from `other` on, to the sums of a panel of queries: all of it, or what comes
// before the panel and, of the panel itself, what is seen.
template <class Real>
void PanelSums<Real>::add_strip(Index first, Index other, const std::optional<Causal>& mask,
                                Real* tile, PairSums<Real>& sums) const {
    const Index strip = std::min(kStrip<Real>, keys_.rows() - other);
    const Index whole = mask ? std::clamp<Index>(first - other, 0, strip) : strip;
    const Index own = first >= other && whole < strip ? kPanel<Real> : 0;
    if (whole + own == 0) {
        return;
    }
    fill_tile(first / kPanel<Real>, other, whole + own, tile, kPanel<Real>);
    const auto add = [&](Index from, Index columns, const auto& left) {
        exponentiate<Real>(tile + from * kPanel<Real>, kPanel<Real>, columns, shift_.data() + first,
                           weights_.data() + first, weights_.data() + other + from,
                           sums.denominators.data() + first, nullptr, left);
    };
    add(0, whole, All{});
    if (own > 0) {
        add(whole, own, Seen<Real>{mask && mask->include_self ? Real(0) : Real(1)});
    }
    add_values<Real>(whole + own, kPanel<Real>, values_.row(other).data(), {tile, kPanel<Real>, 1},
                     sums.numerators.row(first).data(), values_.cols());
}

template <class Real>
void PanelSums<Real>::general(const Tokens<Real>& queries, const Tokens<Real>& keys,
                              const Tokens<Real>& x, const Vector<Real>& weights,
                              const std::optional<Causal>& mask, PairSums<Real>& sums,
                              Execution& execution) {
    pack(queries, keys, x, weights, sums, execution);
    panels_ *= simd::kLog2E<Real>;
    shift_.head(x.rows()) = sums.shift * simd::kLog2E<Real>;
    // A strip of keys and values is brought into the second-level cache for several panels.
    const Index panels = keys_.rows() / kPanel<Real>;
    const Index together = std::clamp<Index>(panels / (Index{8} * execution.threads()), 1, 8);
    const Blocks groups{keys_.rows(), together * kPanel<Real>};
    execution.for_each(groups.count(), [&](Index task, int worker) {
        // Under a mask the longest rows come first.
        const Index group = mask ? groups.count() - 1 - task : task;
        if (!execution.wants(groups.begin(group), groups.length(group))) {
            return;
        }
        Real* tile = tiles_[std::size_t(worker)].data();
        const Index end = groups.begin(group) + groups.length(group);
        for (Index other = 0; other < (mask ? end : keys_.rows()); other += kStrip<Real>) {
            for (Index first = groups.begin(group); first < end; first += kPanel<Real>) {
                add_strip(first, other, mask, tile, sums);
            }
        }
    });
}

template class PanelSums<float>;
template class PanelSums<double>;

}  // namespace noisync
