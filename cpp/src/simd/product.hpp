// Small dense products with the result in registers: the inner loop of all pair sums.
#pragma once

#include <utility>

#include "simd/vec.hpp"

namespace noisync::simd {

// A column of numbers for every depth: entry (depth, column) at data[depth * step + column * skip].
template <class Real>
struct Columns {
    const Real* data;
    Index step;
    Index skip;
};

// For Width columns, each Height vectors tall: sums over depth of
// a(depth)[0 .. Height * lanes) * b(depth, column), a(depth) at a + depth * a_step; depth >= 1:
// with a way around the loop the compiler keeps two copies of the sums, more than there are
// registers.
template <class Real, int Height, int Width>
[[gnu::always_inline]] inline void multiply(Index depth, const Real* a, Index a_step,
                                            const Columns<Real>& b,
                                            Vec<Real> (&sums)[Width][Height]) {
    Index k = 0;
    do {
        Vec<Real> left[Height];
        for (int h = 0; h < Height; ++h) {
            left[h] = load(a + k * a_step + h * kLanes<Real>);
        }
        for (int w = 0; w < Width; ++w) {
            const Vec<Real> right = broadcast(b.data[k * b.step + w * b.skip]);
            for (int h = 0; h < Height; ++h) {
                sums[w][h] += left[h] * right;
            }
        }
    } while (++k < depth);
}

// out(column) += sum over depth a(depth) b(depth, column) for `columns` columns, a multiple of
// Width; out(column)[0 .. Height * lanes) at out + column * out_step.
template <class Real, int Height, int Width>
[[gnu::always_inline]] inline void add_product(Index depth, Index columns, const Real* a,
                                               Index a_step, Columns<Real> b, Real* out,
                                               Index out_step) {
    for (Index column = 0; column < columns; column += Width) {
        Vec<Real> sums[Width][Height];
        Real* to = out + column * out_step;
        for (int w = 0; w < Width; ++w) {
            for (int h = 0; h < Height; ++h) {
                sums[w][h] = load(to + w * out_step + h * kLanes<Real>);
            }
        }
        multiply<Real, Height, Width>(depth, a, a_step, b, sums);
        for (int w = 0; w < Width; ++w) {
            for (int h = 0; h < Height; ++h) {
                store(to + w * out_step + h * kLanes<Real>, sums[w][h]);
            }
        }
        b.data += Width * b.skip;
    }
}

}  // namespace noisync::simd
