#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "base/random.hpp"
#include "reference.hpp"

namespace {

using noisync::fill_normals;
using noisync::Index;
using noisync::PhiloxCounter;
using noisync::Purpose;
using noisync::Stream;
using reference::Long;

constexpr Stream kStream{0x0123456789abcdefU, 3, 17, Purpose::mlp_input_weights};

template <class Real>
std::vector<Real> normals(const Stream& stream, std::uint64_t first, Index count, Real scale = 1) {
    std::vector<Real> out(std::size_t(count), Real(99));
    fill_normals<Real>(stream, first, count, scale, out.data());
    return out;
}

// Errors of log, sqrt and sin add up to a few roundings of the radius, which is at most 7.5.
Long largest_error(const Stream& stream, std::uint64_t first, Index count) {
    const std::vector<double> drawn = normals<double>(stream, first, count);
    Long worst = 0;
    for (Index i = 0; i < count; ++i) {
        const Long expected = reference::normal(stream, first + std::uint64_t(i));
        worst = std::max(worst, std::abs(Long(drawn[std::size_t(i)]) - expected));
    }
    return worst;
}

}  // namespace

TEST_CASE("philox4x32-10 gives the published known answers") {
    CHECK(noisync::philox4x32({0, 0, 0, 0}, {0, 0}) ==
          PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(noisync::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                              {0xffffffff, 0xffffffff}) ==
          PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(noisync::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                              {0xa4093822, 0x299f31d0}) ==
          PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normals are the Box-Muller transform of the documented bits") {
    CHECK(largest_error(kStream, 0, 200000) < 2e-15L);
    CHECK(largest_error({~0ULL, ~0U, ~0U, Purpose::mlp_output_bias}, 0, 5000) < 2e-15L);
    CHECK(largest_error({}, 0, 5000) < 2e-15L);
}

TEST_CASE("element indices beyond 2^34, where the block number passes 2^32, are as documented") {
    const std::uint64_t edge = std::uint64_t{1} << 34;
    CHECK(largest_error(kStream, edge - 300, 600) < 2e-15L);
    CHECK(largest_error(kStream, (edge << 20) + 5, 600) < 2e-15L);
    CHECK(normals<double>(kStream, edge, 600) != normals<double>(kStream, 0, 600));
    const Index half = 300;
    const std::vector<double> across = normals<double>(kStream, edge - 300, 600);
    const std::vector<double> above = normals<double>(kStream, edge, half);
    CHECK(std::equal(above.begin(), above.end(), across.begin() + half));
}

TEST_CASE_TEMPLATE("any window agrees bit for bit with the whole stream", Real, double, float) {
    const Real scale = Real(0.3);
    const std::vector<Real> whole = normals<Real>(kStream, 0, 3000, scale);
    Index different = 0;
    for (const Index first : {0, 1, 2, 3, 4, 5, 63, 255, 256, 257, 1021}) {
        for (const Index count : {0, 1, 2, 3, 4, 5, 7, 251, 255, 256, 257, 511, 512, 513, 1500}) {
            const std::vector<Real> window =
                normals<Real>(kStream, std::uint64_t(first), count, scale);
            different += std::equal(window.begin(), window.end(), whole.begin() + first) ? 0 : 1;
        }
    }
    CHECK(different == 0);
}

TEST_CASE("nothing is written behind the last element") {
    std::vector<double> out(600, 99.0);
    fill_normals<double>(kStream, 3, 259, 1.0, out.data());
    CHECK(std::count(out.begin(), out.end(), 99.0) == 600 - 259);
    CHECK(std::count(out.begin(), out.begin() + 259, 99.0) == 0);
}

TEST_CASE("float32 normals are the rounded float64 ones times the scale") {
    const std::vector<double> wide = normals<double>(kStream, 2, 1000);
    const std::vector<float> narrow = normals<float>(kStream, 2, 1000);
    const std::vector<double> scaled_wide = normals<double>(kStream, 2, 1000, 0.7);
    const std::vector<float> scaled = normals<float>(kStream, 2, 1000, 0.7F);
    Index different = 0;
    for (std::size_t i = 0; i < wide.size(); ++i) {
        different += narrow[i] == float(wide[i]) ? 0 : 1;
        different += scaled[i] == float(wide[i]) * 0.7F ? 0 : 1;
        different += scaled_wide[i] == wide[i] * 0.7 ? 0 : 1;
    }
    CHECK(different == 0);
}

TEST_CASE("every part of the address of a stream changes all numbers") {
    std::vector<Stream> streams(7, kStream);
    streams[1].seed ^= 1U;
    streams[2].seed ^= std::uint64_t{1} << 40;
    streams[3].replicate += 1;
    streams[4].layer += 1;
    streams[5].purpose = Purpose::mlp_output_weights;
    streams[6].purpose = Purpose::initial_tokens;
    std::set<double> distinct;
    for (const Stream& stream : streams) {
        for (const double number : normals<double>(stream, 0, 400)) {
            distinct.insert(number);
        }
    }
    CHECK(distinct.size() == streams.size() * 400);
}

TEST_CASE("the first moments are those of a standard normal") {
    const Index count = 1000000;
    Long mean = 0;
    Long square = 0;
    Long fourth = 0;
    Long neighbours = 0;
    double previous = 0;
    for (const double z : normals<double>(kStream, 0, count)) {
        mean += z / Long(count);
        square += Long(z) * z / count;
        fourth += Long(z) * z * z * z / count;
        neighbours += Long(z) * previous / count;
        previous = z;
    }
    // Five standard deviations: 1, sqrt(2), sqrt(96) and 1 over the root of the count.
    CHECK(std::abs(mean) < 5e-3L);
    CHECK(std::abs(square - 1) < 7.1e-3L);
    CHECK(std::abs(fourth - 3) < 4.9e-2L);
    CHECK(std::abs(neighbours) < 5e-3L);
}
