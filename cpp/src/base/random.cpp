#include "base/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace noisync {

namespace {

using std::uint32_t;
using std::uint64_t;

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;

// Blocks computed together: plain loops over these arrays are what the compiler vectorises.
constexpr int kLanes = 64;
constexpr int kNormalsPerBlock = 4;
constexpr uint64_t kWord = 0xFFFFFFFFU;

// Words of 32 bits in the lower halves of 64, the upper halves being anything: products of lower
// halves are then one instruction, and nothing is packed or unpacked between rounds.
struct Lanes {
    uint64_t word[4][kLanes];
};

void philox_rounds(Lanes& lanes, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < kLanes; ++i) {
            const uint64_t product0 = uint64_t{kMultiplier0} * uint32_t(lanes.word[0][i]);
            const uint64_t product1 = uint64_t{kMultiplier1} * uint32_t(lanes.word[2][i]);
            lanes.word[0][i] = (product1 >> 32) ^ lanes.word[1][i] ^ key0;
            lanes.word[2][i] = (product0 >> 32) ^ lanes.word[3][i] ^ key1;
            lanes.word[1][i] = product1;
            lanes.word[3][i] = product0;
        }
        key0 += kWeyl0;
        key1 += kWeyl1;
    }
}

// An integer below 2^52 as a double, in integer operations that every SIMD level has.
[[gnu::always_inline]] inline double exact_double(uint64_t integer) {
    return std::bit_cast<double>(integer | 0x4330000000000000U) - 0x1p52;
}

// Coefficients from the highest power down.
template <std::size_t Count>
[[gnu::always_inline]] inline double polynomial(const double (&coefficients)[Count], double x) {
    double value = coefficients[0];
    for (std::size_t i = 1; i < Count; ++i) {
        value = value * x + coefficients[i];
    }
    return value;
}

// -2 log u for a u in [2^-60, 1): u = 2^k m with m in [sqrt(1/2), sqrt(2)), s = (m-1)/(m+1),
// -2 log u = -2 k log 2 - 4 artanh s. Polynomials here are near-minimax (Chebyshev interpolation),
// relative errors below 2^-53.
[[gnu::always_inline]] inline double minus_two_log(double u) {
    constexpr double kSeries[] = {-0.29619420721310553396, -0.30625056296728381932,
                                  -0.36367263360458657607, -0.44444394113452093217,
                                  -0.57142857521283359765, -0.79999999998604676226,
                                  -1.3333333333333529132,  -4.0};
    constexpr uint64_t kExponent = 0x7FF0000000000000U;
    constexpr uint64_t kOffset = uint64_t{64} << 52;  // keeps exponents above zero
    constexpr auto kRootHalf = std::bit_cast<uint64_t>(std::numbers::sqrt2 / 2);
    const auto bits = std::bit_cast<uint64_t>(u);
    const uint64_t shifted = bits - kRootHalf + kOffset;  // exponent k + 64
    const auto m = std::bit_cast<double>(bits + kOffset - (shifted & kExponent));
    const double k = std::bit_cast<double>((shifted >> 52) | 0x4330000000000000U) - (0x1p52 + 64);
    const double s = (m - 1) / (m + 1);
    return k * (-2 * std::numbers::ln2) + s * polynomial(kSeries, s * s);
}

// On [0, pi/4].
[[gnu::always_inline]] inline double sin_octant(double x) {
    constexpr double kSeries[] = {1.5894736651849095259e-10,
                                  -2.5050716974102745028e-8,
                                  2.7557313376400129128e-6,
                                  -0.00019841269828650300013,
                                  0.0083333333333203624567,
                                  -0.16666666666666616666,
                                  1.0};
    return x * polynomial(kSeries, x * x);
}

[[gnu::always_inline]] inline double cos_octant(double x) {
    constexpr double kSeries[] = {2.063045437966229288e-9,    -2.7555233884847418601e-7,
                                  0.000024801578538562986336, -0.0013888888869978658824,
                                  0.041666666666472305795,    -0.49999999999999250779,
                                  0.99999999999999995284};
    return polynomial(kSeries, x * x);
}

// Box-Muller with 64 random bits a pair: the radius takes 40 bits (so |z| reaches 7.5), the angle
// 24. Equally spaced angles integrate all trigonometric moments below the 2^24th exactly, so their
// coarseness biases no moment; the first two of the 24 bits are the signs.
void box_muller(const uint64_t (&high)[kLanes], const uint64_t (&low)[kLanes],
                double (&first)[kLanes], double (&second)[kLanes]) {
    for (int i = 0; i < kLanes; ++i) {
        const uint64_t radius_bits = ((high[i] & kWord) << 8) | ((low[i] & kWord) >> 24);
        const double u = (exact_double(radius_bits) + 0.5) * 0x1p-40;
        const double radius = std::sqrt(minus_two_log(u));
        // The angle in (0, pi/2), folded to [0, pi/4] where the polynomials hold.
        const double turn = (exact_double(low[i] & 0x3FFFFFU) + 0.5) * 0x1p-22;
        const bool upper = turn > 0.5;
        const double folded = (upper ? 1 - turn : turn) * (std::numbers::pi / 2);
        const double sine = radius * sin_octant(folded);
        const double cosine = radius * cos_octant(folded);
        const double x = upper ? sine : cosine;
        const double y = upper ? cosine : sine;
        first[i] = (low[i] & 0x800000U) != 0 ? -x : x;
        second[i] = (low[i] & 0x400000U) != 0 ? -y : y;
    }
}

void normals_of_blocks(const Stream& stream, uint64_t first_block,
                       double (&out)[kNormalsPerBlock][kLanes]) {
    Lanes lanes;
    const uint32_t purpose = static_cast<uint32_t>(stream.purpose) << 24;
    for (int i = 0; i < kLanes; ++i) {
        const uint64_t block = first_block + uint64_t(i);
        lanes.word[0][i] = block;
        lanes.word[1][i] = stream.layer;
        lanes.word[2][i] = stream.replicate;
        lanes.word[3][i] = purpose | (uint32_t(block >> 32) & 0xFFFFFFU);
    }
    philox_rounds(lanes, uint32_t(stream.seed), uint32_t(stream.seed >> 32));
    box_muller(lanes.word[0], lanes.word[1], out[0], out[1]);
    box_muller(lanes.word[2], lanes.word[3], out[2], out[3]);
}

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
    Lanes lanes{};
    for (int word = 0; word < 4; ++word) {
        lanes.word[word][0] = counter[word];
    }
    philox_rounds(lanes, key[0], key[1]);
    PhiloxCounter block;
    for (std::size_t word = 0; word < 4; ++word) {
        block[word] = uint32_t(lanes.word[word][0]);
    }
    return block;
}

template <class Real>
void fill_normals(const Stream& stream, std::uint64_t first, Index count, Real scale, Real* out) {
    double normals[kNormalsPerBlock][kLanes];
    constexpr Index kBatch = Index{kLanes} * kNormalsPerBlock;
    uint64_t block = first / kNormalsPerBlock;
    auto skip = Index(first % kNormalsPerBlock);
    while (count > 0) {
        normals_of_blocks(stream, block, normals);
        const Index taken = std::min(count, kBatch - skip);
        if (taken == kBatch) {
            for (Index lane = 0; lane < kLanes; ++lane) {
                for (Index k = 0; k < kNormalsPerBlock; ++k) {
                    out[lane * kNormalsPerBlock + k] = Real(normals[k][lane]) * scale;
                }
            }
        } else {
            for (Index i = 0; i < taken; ++i) {
                const Index element = skip + i;
                out[i] =
                    Real(normals[element % kNormalsPerBlock][element / kNormalsPerBlock]) * scale;
            }
        }
        out += taken;
        count -= taken;
        block += kLanes;
        skip = 0;
    }
}

template void fill_normals<float>(const Stream&, std::uint64_t, Index, float, float*);
template void fill_normals<double>(const Stream&, std::uint64_t, Index, double, double*);

}  // namespace noisync
