#include "harmonics/transform.hpp"

#include <algorithm>

#include "base/stretches.hpp"
#include "simd/product.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::Vec;
using Table = HarmonicTable<double>;

// Results held in registers: kAtOnce polynomials for up to kColumns columns in analysis; up to
// kColumns columns, summed over a zone and over all of them, for kAtOnce / 2 vectors of points in
// synthesis.
constexpr int kColumns = 5;
constexpr int kAtOnce = simd::kRegisters == 32 ? 4 : 2;

// Calls visit.operator()<Width>(first) for parts of [0, count), at most kColumns wide.
template <class Visit>
void for_parts(Index count, Visit&& visit) {
    for (Index first = 0; first < count;) {
        const Index left = count - first;
        const Index parts = (left + kColumns - 1) / kColumns;
        const Index width = (left + parts - 1) / parts;
        [&]<int... Width>(std::integer_sequence<int, Width...>) {
            (void)((width == Width + 1 && (visit.template operator()<Width + 1>(first), true)) ||
                   ...);
        }(std::make_integer_sequence<int, kColumns>());
        first += width;
    }
}

// sums(row, column) += sum over points of rows(row) harmonic columns(column), lane by lane, or
// starts with it; rows and columns are `length` long, sums(row, column) is a vector at
// sums + row * step + column * lanes.
template <int Rows, int Columns>
void add_inner_products(Index length, const double* rows, const double* harmonic,
                        const double* columns, double* sums, Index step, bool start) {
    Vec<double> totals[Rows][Columns] = {};
    for (int r = 0; r < Rows && !start; ++r) {
        for (int c = 0; c < Columns; ++c) {
            totals[r][c] = simd::load(sums + r * step + c * kLanes<double>);
        }
    }
    Index at = 0;
    do {
        Vec<double> left[Rows];
        for (int r = 0; r < Rows; ++r) {
            left[r] = simd::load(rows + r * length + at);
        }
        for (int c = 0; c < Columns; ++c) {
            const Vec<double> right =
                simd::load(harmonic + at) * simd::load(columns + c * length + at);
            for (int r = 0; r < Rows; ++r) {
                totals[r][c] += left[r] * right;
            }
        }
        at += kLanes<double>;
    } while (at < length);
    for (int r = 0; r < Rows; ++r) {
        for (int c = 0; c < Columns; ++c) {
            simd::store(sums + r * step + c * kLanes<double>, totals[r][c]);
        }
    }
}

}  // namespace

// A block of points, a column each, and tables of functions at them; the last columns may be zero.
class HarmonicTransform::Block {
   public:
    Block(const HarmonicTransform& transform, Index columns)
        : transform_(transform),
          points_(transform.basis_.dim(), transform.block_size_),
          values_(columns, transform.block_size_) {}

    [[nodiscard]] Index columns() const { return values_.rows(); }

    // Numbers at the points.
    Table& values() { return values_; }

    void set_points(const Tokens<double>& x, Index first, Index count) {
        points_.leftCols(count) = x.middleRows(first, count).transpose().array();
        points_.rightCols(points_.cols() - count).setZero();
        if (points_.rows() == 2) {
            lower_ = Table::Ones(1, points_.cols());
            polynomials_ = transform_.basis_.evaluate(points_);
        } else {
            lower_ = transform_.lower_.evaluate(Table(points_.topRows(points_.rows() - 1)));
            polynomials_.resize(transform_.basis_.degree() + 1, points_.cols());
        }
    }

    // The values of `count` points times their weights, which are the last column.
    void set_weighted(const Vector<double>& weights, const Matrix<double>& values, Index first,
                      Index count) {
        values_.setZero();
        auto mass = values_.row(columns() - 1).head(count);
        mass = weights.segment(first, count).transpose().array();
        for (Index c = 0; c + 1 < columns(); ++c) {
            values_.row(c).head(count) =
                mass * values.col(c).segment(first, count).transpose().array();
        }
    }

    // sums(harmonic, column), in the transform's own order, a vector each: += sum over points of
    // harmonic and value, lane by lane, or starts with it.
    void analyse(Table& sums, bool start) {
        for (const Zone& zone : transform_.zones_) {
            set_polynomials(zone);
            for (Index i = 0; i < zone.count; ++i) {
                add_moments(zone, lower_.row(zone.first + i).data(),
                            sums.row(zone.begin + i * zone.height).data(), start);
            }
        }
    }

    // values(column) <- sum over harmonics, coefficients in the transform's own order.
    void synthesise(const Matrix<double>& coefficients) {
        values_.setZero();
        for (const Zone& zone : transform_.zones_) {
            set_polynomials(zone);
            for_parts(columns(), [&]<int Width>(Index first) {
                add_zone<Width>(zone, coefficients.row(zone.begin).data() + first,
                                values_.row(first).data());
            });
        }
    }

   private:
    void set_polynomials(const Zone& zone) {
        const Index dim = points_.rows();
        if (dim == 2) {
            return;  // one zone, at hand
        }
        const double* x = points_.row(dim - 1).data();
        const Index length = points_.cols();
        double* table = polynomials_.data();
        const double* square = zone.squares.data();
        // A few vectors of points at a time, so that the recurrence stays in registers.
        constexpr int kTall = 2;
        for (Index at = 0; at < length; at += kTall * kLanes<double>) {
            Vec<double> previous[kTall] = {};
            Vec<double> current[kTall];
            for (auto& value : current) {
                value = simd::broadcast(1.0);
            }
            for (Index k = 0; k < zone.height; ++k) {
                for (int h = 0; h < kTall; ++h) {
                    const Index point = at + h * kLanes<double>;
                    simd::store(table + k * length + point, current[h]);
                    const Vec<double> next =
                        simd::load(x + point) * current[h] - square[k] * previous[h];
                    previous[h] = current[h];
                    current[h] = next;
                }
            }
        }
    }

    // For one lower harmonic.
    void add_moments(const Zone& zone, const double* harmonic, double* sums, bool start) const {
        const Index step = columns() * kLanes<double>;
        for_parts(columns(), [&]<int Width>(Index first) {
            double* to = sums + first * kLanes<double>;
            Index k = 0;
            const auto part = [&]<int Rows> {
                for (; zone.height - k >= Rows; k += Rows) {
                    add_inner_products<Rows, Width>(points_.cols(), polynomials_.row(k).data(),
                                                    harmonic, values_.row(first).data(),
                                                    to + k * step, step, start);
                }
            };
            part.template operator()<kAtOnce>();
            if constexpr (kAtOnce == 4) {
                part.template operator()<3>();
                part.template operator()<2>();
            }
            part.template operator()<1>();
        });
    }

    template <int Width>
    void add_zone(const Zone& zone, const double* coefficients, double* values) const {
        constexpr int kTall = kAtOnce / 2;
        const Index length = points_.cols();
        for (Index at = 0; at < length; at += kTall * kLanes<double>) {
            Vec<double> totals[Width][kTall];
            for (int c = 0; c < Width; ++c) {
                for (int h = 0; h < kTall; ++h) {
                    totals[c][h] = simd::load(values + c * length + at + h * kLanes<double>);
                }
            }
            for (Index i = 0; i < zone.count; ++i) {
                Vec<double> sums[Width][kTall] = {};
                simd::multiply<double, kTall, Width>(
                    zone.height, polynomials_.data() + at, length,
                    {coefficients + i * zone.height * columns(), columns(), 1}, sums);
                for (int h = 0; h < kTall; ++h) {
                    const Vec<double> harmonic =
                        simd::load(lower_.row(zone.first + i).data() + at + h * kLanes<double>);
                    for (int c = 0; c < Width; ++c) {
                        totals[c][h] += harmonic * sums[c][h];
                    }
                }
            }
            for (int c = 0; c < Width; ++c) {
                for (int h = 0; h < kTall; ++h) {
                    simd::store(values + c * length + at + h * kLanes<double>, totals[c][h]);
                }
            }
        }
    }

    const HarmonicTransform& transform_;
    Table points_;
    Table values_;
    Table lower_;
    Table polynomials_;
};

HarmonicTransform::HarmonicTransform(Index degree, Index dim)
    : basis_(degree, dim), lower_(degree, std::max<Index>(dim - 1, 2)) {
    // Lower harmonics of a block stay in the second-level cache; an odd number of pairs of vectors
    // spreads the rows of a table over all sets of the first one.
    constexpr Index kUnit = 32;
    block_size_ =
        std::clamp<Index>((Index{1} << 16) / lower_.size() / kUnit * kUnit, 64, 256) + kUnit / 2;
    if (dim == 2) {
        zones_.push_back({0, 1, basis_.size(), 0, {}});
        for (Index k = 0; k < basis_.size(); ++k) {
            place_.push_back(k);
            factors_.push_back(1);
        }
        return;
    }
    for (Index l = 0; l <= degree; ++l) {
        const Index first = lower_.begin(l);
        const Index count = lower_.begin(l + 1) - first;
        zones_.push_back({first, count, degree - l + 1, Index(place_.size()), {}});
        for (Index k = 0; l + k <= degree; ++k) {
            zones_.back().squares.push_back(basis_.step(l, k) * basis_.step(l, k));
        }
        for (Index i = 0; i < count; ++i) {
            double factor = basis_.start(l);
            for (Index k = 0; l + k <= degree; ++k) {
                if (k > 0) {
                    factor /= basis_.step(l, k);
                }
                place_.push_back(basis_.begin(l + k) + first + i);
                factors_.push_back(factor);
            }
        }
    }
}

Blocks HarmonicTransform::stretches(Index rows) const {
    return noisync::stretches(rows, block_size_, kLeastStretch);
}

Matrix<double> HarmonicTransform::analyse(const Tokens<double>& x, const Vector<double>& weights,
                                          const Matrix<double>& values, Execution& execution,
                                          const Ranks* ranks) const {
    constexpr Index kCount = kLanes<double>;
    const Index columns = values.cols() + 1;
    struct Scratch {
        Block block;
        Table sums;  // with rows that fill up the last kCount vectors
    };
    std::vector<Scratch> scratch(
        std::size_t(execution.threads()),
        {Block(*this, columns), Table::Zero(basis_.size() + kCount, columns * kCount)});
    const auto part = [&](Index begin, Index count, int worker, Vector<double>& own) {
        auto& [block, sums] = scratch[std::size_t(worker)];
        for (Index done = 0; done < count; done += block_size_) {
            const Index length = std::min(block_size_, count - done);
            block.set_points(x, begin + done, length);
            block.set_weighted(weights, values, begin + done, length);
            block.analyse(sums, done == 0);
        }
        own.resize(simd::padded<double>(basis_.size() * columns));
        for (Index k = 0; k < own.size(); k += kCount) {
            simd::store(&own[k], simd::sums<double>(sums.data() + k * kCount));
        }
    };
    const Blocks all = stretches(ranks == nullptr ? x.rows() : ranks->rows());
    const auto own = sum_of_stretches<Vector<double>>(all, execution, ranks, part);
    Matrix<double> moments(basis_.size(), columns);
    for (Index k = 0; k < basis_.size(); ++k) {
        moments.row(place_[std::size_t(k)]) =
            factors_[std::size_t(k)] * own.segment(k * columns, columns).transpose();
    }
    return moments;
}

Matrix<double> HarmonicTransform::synthesise(const Tokens<double>& x,
                                             const Matrix<double>& coefficients,
                                             Execution& execution) const {
    Matrix<double> own(coefficients.rows(), coefficients.cols());
    for (Index k = 0; k < own.rows(); ++k) {
        own.row(k) = factors_[std::size_t(k)] * coefficients.row(place_[std::size_t(k)]);
    }
    Matrix<double> out(x.rows(), coefficients.cols());
    std::vector<Block> scratch(std::size_t(execution.threads()), Block(*this, coefficients.cols()));
    const Blocks blocks{x.rows(), block_size_};
    execution.for_each(blocks.count(), [&](Index index, int worker) {
        Block& block = scratch[std::size_t(worker)];
        const Index first = blocks.begin(index);
        const Index count = blocks.length(index);
        block.set_points(x, first, count);
        block.synthesise(own);
        out.middleRows(first, count) = block.values().leftCols(count).matrix().transpose();
    });
    return out;
}

}  // namespace noisync
