"""Print src/random/quantile_table.hpp: polynomials for the quantile function of the normal law.

With B an odd integer of 32 bits and p = B / 2^33 a probability below 1/2, z = -ndtri(p) > 0. In the
octave 2^e <= B < 2^(e+1), e = 16..31, z is a polynomial in y, one for every octave in float64,
y = 2 - B / 2^e, and one for every half of it in float32, y = 3/2 - B / 2^e or 2 - B / 2^e. Those
that end at the median, y = 0 at p = 1/2, vanish there. Further out, 2^-65 <= p <= 2^-17, with
s = sqrt(-2 log p), z = s + a polynomial in 1/s. All interpolate at Chebyshev nodes.

Usage: python quantile_table.py > ../src/random/quantile_table.hpp
The largest errors on fine grids go to standard error.
"""

import sys
import textwrap

import mpmath as mp
import numpy as np
from scipy import special

mp.mp.dps = 40


def quantile(p):
    """Solve erfc(z / sqrt 2) / 2 = p by Newton's method, from float64's answer."""
    z = mp.mpf(float(-special.ndtri(float(p))))
    for _ in range(3):
        z += (mp.erfc(z / mp.sqrt(2)) / 2 - p) / mp.npdf(z)
    return z


def interpolate(function, low, high, powers):
    """Coefficients, lowest power first, of the polynomial through `function` at Chebyshev nodes."""
    angles = [mp.pi * (2 * k + 1) / (2 * len(powers)) for k in range(len(powers))]
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(angle) for angle in angles]
    matrix = mp.matrix([[y**power for power in powers] for y in nodes])
    found = mp.lu_solve(matrix, mp.matrix([function(y) for y in nodes]))
    return [mp.mpf(0)] * powers[0] + list(found)


def octave(e, degree):
    """In float64, on 0 <= y <= 1."""
    median = e == 31  # a node is there
    low = 1 - 2 / (1 + mp.cos(mp.pi / (2 * degree + 2))) if median else mp.mpf(0)
    row = interpolate(lambda y: quantile(probability(e, 2, y)), low, 1, range(degree + 1))
    return [mp.mpf(0), *row[1:]] if median else row


def half_octave(e, half, degree):
    """In float32, on 0 <= y <= 1/2."""
    end = mp.mpf(3 + half) / 2
    powers = range(1 if (e, end) == (31, 2) else 0, degree + 1)
    return interpolate(lambda y: quantile(probability(e, end, y)), 0, mp.mpf(1) / 2, powers)


def probability(e, end, y):
    """Give p at B / 2^e = end - y."""
    return mp.mpf(2) ** (e - 33) * (end - y)


def largest_error(e, row, end, length):
    """Largest |polynomial - z| on a fine grid of 0 <= y <= length."""
    y = np.linspace(0, length, 10001)
    z = -special.ndtri(2.0 ** (e - 33) * (end - y))
    return np.abs(np.polyval([float(c) for c in row[::-1]], y) - z).max()


def tail(degree):
    """Coefficients of z - s in 1/s, lowest first, and the largest error."""
    low, high = (1 / mp.sqrt(2 * n * mp.log(2)) for n in (65, 17))
    row = interpolate(
        lambda t: quantile(mp.exp(-1 / (2 * t**2))) - 1 / t, low, high, range(degree + 1)
    )
    t = np.linspace(float(low), float(high), 10001)
    z = -special.ndtri(np.exp(-1 / (2 * t**2)))
    return row, np.abs(1 / t + np.polyval([float(c) for c in row[::-1]], t) - z).max()


def braces(values, digits, suffix=""):
    """Numbers of C++ in braces, over several lines."""
    text = ", ".join(mp.nstr(v, digits) + suffix if v else "0" for v in values)
    return textwrap.fill(f"{{{text}}}", 96, initial_indent="    ", subsequent_indent="     ")


def table(name, kind, rows, digits, suffix=""):
    """Print coefficients [power, highest first][piece] of rows [piece][power, lowest first]."""
    columns = [[row[k] for row in rows] for k in reversed(range(len(rows[0])))]
    print(f"inline constexpr {kind} {name}[{len(columns)}][{len(rows)}] = {{")
    print(",\n".join(braces(column, digits, suffix) for column in columns) + "};\n")


def main():
    """Print the header."""
    # A piece's number is the low bits of the exponent 1023 + e (or 127 + e: the same bits), then
    # the first bit of the mantissa where octaves are halved.
    exponents = [*range(17, 32), 16]
    octaves = [octave(e, 10) for e in exponents]
    halves = [half_octave(e, half, 7) for e in exponents for half in (0, 1)]
    far, rare = tail(9)
    wide = max(largest_error(e, row, 2, 1) for e, row in zip(exponents, octaves, strict=True))
    narrow = max(
        largest_error(exponents[k // 2], row, (3 + k % 2) / 2, 0.5) for k, row in enumerate(halves)
    )
    print(f"errors: {wide:.2g} float64, {narrow:.2g} float32, {rare:.2g} tail", file=sys.stderr)
    print("// Written by cpp/tools/quantile_table.py, which says what the numbers are.")
    print("#pragma once\n\nnamespace noisync::random {\n")
    print("// clang-format off\n// NOLINTBEGIN(modernize-use-std-numbers)")
    print("// [power, highest first][octave]")
    table("kOctaves", "double", octaves, 20)
    print("// [power, highest first][half of an octave]")
    table("kHalfOctaves", "float", halves, 10, "F")
    print("// [power of 1/s, highest first]")
    print(f"inline constexpr double kTail[{len(far)}] =\n{braces(far[::-1], 20)};")
    print("// NOLINTEND(modernize-use-std-numbers)\n// clang-format on\n")
    print("}  // namespace noisync::random")


if __name__ == "__main__":
    main()
