// Tokens in panels: the layout in which pair sums and networks are computed.
//
// A panel is a few vectors of tokens, a token a lane. What a panel gives against many partners
// (other tokens, or neurons) is a tile: one column of the panel's height for every partner, of
// which a strip of partners stays in the first-level cache. Tiles are then summed against rows of
// values, padded to whole vectors.
#pragma once

#include <algorithm>

#include "simd/product.hpp"

namespace noisync::simd {

// A panel is kTall vectors tall; inner products are computed for kWide partners at a time, sums for
// up to kDims vectors of coordinates and kAtOnce<vectors> rows: as many results as registers hold.
constexpr bool kManyRegisters = kRegisters == 32;
constexpr int kTall = 3;
constexpr int kWide = kManyRegisters ? 8 : kVectorBytes == 32 ? 4 : 2;
constexpr int kDims = kManyRegisters ? 4 : 2;

template <class Real>
constexpr Index kPanel = kTall * kLanes<Real>;

template <class Real, int Height>
constexpr int kAtOnce =
    std::min<int>(std::min<int>(12, kPanel<Real>), (kManyRegisters ? 24 : 12) / Height);

static_assert(kPanel<double> % kWide == 0);

// Partners whose tile with one panel stays in the first-level cache.
template <class Real>
constexpr Index kStrip = std::max<Index>(72, 2 * kPanel<Real>);

// A token's place in its panel: entry k of the lane at (panel * depth + k, lane).
template <class Real, class Rows>
void pack_panel(const Rows& rows, Index panel, Matrix<Real>& panels) {
    const Index depth = rows.cols();
    auto lanes = panels.middleRows(panel * depth, depth);
    lanes.setZero();
    lanes.leftCols(rows.rows()) = rows.transpose();
}

// tile(column) <- <panel, rows(column)> + start(column), `start` null for 0; `columns` is a
// multiple of kWide. One column of the tile begins `height` after the other.
template <class Real>
void fill_tile(Index depth, const Real* panel, const Real* rows, Index stride, Index columns,
               const Real* start, Real* tile, Index height = kPanel<Real>) {
    for (Index column = 0; column < columns; column += kWide) {
        Vec<Real> products[kWide][kTall] = {};
        multiply<Real, kTall, kWide>(depth, panel, kPanel<Real>,
                                     {rows + column * stride, 1, stride}, products);
        for (int w = 0; w < kWide; ++w) {
            const Real shift = start == nullptr ? Real(0) : start[column + w];
            for (int h = 0; h < kTall; ++h) {
                store(tile + (column + w) * height + h * kLanes<Real>, products[w][h] + shift);
            }
        }
    }
}

// out_i += sum_j e_ij values_j over all coordinates, a few vectors of them at a time; rows of out
// and values are `stride` long, whole vectors; `columns`, the rows of out, are whole panels.
template <class Real>
[[gnu::always_inline]] inline void add_values(Index depth, Index columns, const Real* values,
                                              Columns<Real> exponentials, Real* out, Index stride) {
    Index first = 0;
    const auto part = [&]<int Height>() __attribute__((always_inline)) {
        static_assert(kPanel<Real> % kAtOnce<Real, Height> == 0);
        for (; stride - first >= Height * kLanes<Real>; first += Height * kLanes<Real>) {
            add_product<Real, Height, kAtOnce<Real, Height>>(depth, columns, values + first, stride,
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

}  // namespace noisync::simd
