#include "simd/gaps.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kTall;
using Lanes = simd::Vec<double>;

// Below this gap its value from inner products has lost more than four digits: it is then taken
// from the difference of the tokens.
constexpr double kSmallGap = 1e-4;

}  // namespace

PackedTokens::PackedTokens(const Tokens<double>& x, const Vector<double>& mass)
    : dim(x.cols()), panels(simd::up_to(x.rows(), kPanel<double>) / kPanel<double>) {
    rows.setZero(panels * kPanel<double>, dim);
    rows.topRows(x.rows()) = x;
    lanes.resize(panels * dim, kPanel<double>);
    for (Index panel = 0; panel < panels; ++panel) {
        simd::pack_panel(rows.middleRows(panel * kPanel<double>, kPanel<double>), panel, lanes);
    }
    halves = 0.5 * rows.rowwise().squaredNorm();
    weights.setZero(rows.rows());
    weights.head(x.rows()) = mass;
}

void fill_gaps(const PackedTokens& tokens, Index panel, Index first, Index columns, double* tile) {
    const double* lanes = tokens.lanes.row(panel * tokens.dim).data();
    const double* halves = tokens.halves.data() + panel * kPanel<double>;
    simd::fill_tile<double>(tokens.dim, lanes, tokens.rows.row(first).data(), tokens.dim, columns,
                            nullptr, tile);
    for (Index column = 0; column < columns; ++column) {
        const double half = tokens.halves(first + column);
        for (int h = 0; h < kTall; ++h) {
            double* entries = tile + column * kPanel<double> + h * kLanes<double>;
            Lanes gap = simd::load(halves + h * kLanes<double>) + half - simd::load(entries);
            const Lanes small = gap < kSmallGap ? simd::broadcast(1.0) : simd::broadcast(0.0);
            if (simd::sum<double>(small) > 0) {
                Lanes square = simd::broadcast(0.0);
                for (Index k = 0; k < tokens.dim; ++k) {
                    const Lanes difference =
                        simd::load(lanes + k * kPanel<double> + h * kLanes<double>) -
                        tokens.rows(first + column, k);
                    square += difference * difference;
                }
                gap = gap < kSmallGap ? 0.5 * square : gap;
            }
            simd::store(entries, gap);
        }
    }
}

}  // namespace noisync
