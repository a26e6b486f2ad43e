#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "random/quantile.hpp"
#include "random/random.hpp"
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

// In units of the last place of a float32.
Long units(Long error, Long z) {
    return error / (Long(std::nextafter(std::abs(float(z)), 100.0F)) - std::abs(float(z)));
}

struct Errors {
    Long wide = 0;    // of float64
    Long narrow = 0;  // of float32, in units of its last place
};

Errors largest_errors(const Stream& stream, std::uint64_t first, Index count) {
    const std::vector<double> wide = normals<double>(stream, first, count);
    const std::vector<float> narrow = normals<float>(stream, first, count);
    Errors worst;
    for (Index i = 0; i < count; ++i) {
        const Long z = reference::normal(stream, first + std::uint64_t(i));
        worst.wide = std::max(worst.wide, std::abs(Long(wide[std::size_t(i)]) - z));
        worst.narrow = std::max(worst.narrow, units(std::abs(narrow[std::size_t(i)] - z), z));
    }
    return worst;
}

void check_stream(const Stream& stream, std::uint64_t first, Index count) {
    const Errors worst = largest_errors(stream, first, count);
    CHECK(worst.wide < 5e-10L);
    CHECK(worst.narrow < 2);
}

// Words at both ends of every half of an octave, both signs, and some between.
std::vector<std::uint32_t> words_of_all_pieces() {
    std::vector<std::uint32_t> words;
    for (int e = 16; e < 32; ++e) {
        const std::uint64_t half = std::uint64_t{1} << (e - 1);
        for (const std::uint64_t begin : {2 * half, 3 * half}) {
            for (std::uint64_t k = 0; k < 40; ++k) {
                words.push_back(std::uint32_t(begin + k));
                words.push_back(std::uint32_t(begin + half - 1 - k));
                words.push_back(std::uint32_t(begin + half / 40 * k + k % 2));
            }
        }
    }
    return words;
}

template <class Real>
std::vector<Real> normals_of(const std::vector<std::uint32_t>& words) {
    std::vector<Real> out(words.size());
    noisync::random::normals<Real>(words.data(), Index(words.size()), 1, out.data());
    return out;
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

TEST_CASE("normals are the quantiles of the documented bits") {
    check_stream(kStream, 0, 100000);
    check_stream({~0ULL, ~0U, ~0U, Purpose::mlp_output_bias}, 0, 5000);
    check_stream({}, 0, 5000);
    check_stream({17, 2, 3, Purpose::value_matrix, 1}, 0, 100000);
    check_stream({17, 2, 3, Purpose::mlp_output_weights, 255}, (1ULL << 50) - 4000, 4000);
}

TEST_CASE("a part draws from a stream of its own, part 0 from the one of a noise alone") {
    const Stream alone{0x0123456789abcdefU, 3, 17, Purpose::mlp_input_weights};
    Stream part = alone;
    const std::vector<double> numbers = normals<double>(alone, 0, 1000);
    CHECK(normals<double>(part, 0, 1000) == numbers);
    for (part.part = 1; part.part < 256; ++part.part) {
        CHECK(normals<double>(part, 0, 4) != normals<double>(alone, 0, 4));
    }
}

TEST_CASE("in every octave of the probability, from end to end, with either sign") {
    const std::vector<std::uint32_t> words = words_of_all_pieces();
    const std::vector<double> wide = normals_of<double>(words);
    const std::vector<float> narrow = normals_of<float>(words);
    for (std::size_t i = 0; i < words.size(); ++i) {
        CAPTURE(words[i]);
        const Long z = reference::normal(words[i], 0);
        CHECK(std::abs(wide[i] - z) < 5e-10L);
        CHECK(units(std::abs(narrow[i] - z), z) < 2);
    }
}

TEST_CASE("words that differ in the last bit give opposite numbers") {
    std::vector<std::uint32_t> words = words_of_all_pieces();
    const std::vector<double> wide = normals_of<double>(words);
    const std::vector<float> narrow = normals_of<float>(words);
    for (std::uint32_t& word : words) {
        word ^= 1U;
    }
    std::vector<double> other_wide = normals_of<double>(words);
    std::vector<float> other_narrow = normals_of<float>(words);
    for (std::size_t i = 0; i < words.size(); ++i) {
        other_wide[i] = -other_wide[i];
        other_narrow[i] = -other_narrow[i];
    }
    CHECK(other_wide == wide);
    CHECK(other_narrow == narrow);
    CHECK(std::count(wide.begin(), wide.end(), 0.0) == 0);
}

TEST_CASE("a rare word takes a second one, up to 9.155") {
    using noisync::random::rare_normal;
    for (const std::uint32_t word : {0U, 1U, 2U, 3U, 100U, 4095U, 30000U, 65535U}) {
        for (const std::uint32_t second : {0U, 1U, 77U, 1U << 20, 1U << 31, ~0U}) {
            CAPTURE(word);
            CAPTURE(second);
            const Long z = reference::normal(word, second);
            CHECK(std::abs(rare_normal<double>(word, second) - z) < 5e-10L);
            CHECK(units(std::abs(rare_normal<float>(word, second) - z), z) < 2);
        }
    }
    CHECK(rare_normal<double>(0, 0) == doctest::Approx(9.155).epsilon(1e-4));
    CHECK_FALSE(noisync::random::is_rare(0x10000U));
    CHECK(noisync::random::is_rare(0xFFFFU));
}

TEST_CASE("rare words of a stream are seen wherever they stand") {
    constexpr Index kCount = 4000000;
    const std::vector<double> wide = normals<double>(kStream, 0, kCount);
    const std::vector<float> narrow = normals<float>(kStream, 0, kCount);
    // P(Z > 4.32) > 2^-17, the share of rare words of either sign: none is left out.
    std::set<Index> places;
    for (Index i = 0; i < kCount; ++i) {
        const double z = wide[std::size_t(i)];
        if (std::abs(z) > 4.32) {
            const Long expected = reference::normal(kStream, std::uint64_t(i));
            CHECK(std::abs(z - expected) < 5e-10L);
            CHECK(units(std::abs(narrow[std::size_t(i)] - expected), expected) < 2);
            places.insert(i % 512);
        }
    }
    CHECK(places.size() > 40);  // of 61 expected
}

TEST_CASE("element indices beyond 2^34, where the block number passes 2^32, are as documented") {
    const std::uint64_t edge = std::uint64_t{1} << 34;
    check_stream(kStream, edge - 300, 600);
    check_stream(kStream, (edge << 20) + 5, 600);
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
        for (const Index count :
             {0, 1, 2, 3, 4, 5, 7, 9, 16, 17, 63, 65, 251, 255, 256, 257, 511, 512, 513, 1500}) {
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

TEST_CASE_TEMPLATE("the scale multiplies", Real, double, float) {
    const std::vector<Real> plain = normals<Real>(kStream, 2, 1000);
    const std::vector<Real> scaled = normals<Real>(kStream, 2, 1000, Real(0.7));
    Index different = 0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
        different += scaled[i] == plain[i] * Real(0.7) ? 0 : 1;
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
