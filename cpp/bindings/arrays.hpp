// NumPy arrays in and out of the core's types, and the only place where arguments are checked on
// this side: shapes and dtypes, so that no call from Python can read out of bounds. What a value
// means is checked in Python, where the message can name the user's argument.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "base/types.hpp"

namespace noisync::bindings {

namespace py = pybind11;

template <class Real>
using Array = py::array_t<Real, py::array::c_style | py::array::forcecast>;

template <class Real>
Tokens<Real> tokens_from(const py::array& array, const char* name) {
    const Array<Real> rows(array);
    if (rows.ndim() != 2 || rows.shape(0) < 1 || rows.shape(1) < 2) {
        throw py::value_error(std::string(name) + " must have shape (n, dim) with dim >= 2");
    }
    return TokensView<Real>(rows.data(), rows.shape(0), rows.shape(1));
}

template <class Real>
Vector<Real> vector_from(const py::array& array, Index size, const char* name) {
    const Array<Real> values(array);
    if (values.ndim() != 1 || values.shape(0) != size) {
        throw py::value_error(std::string(name) + " must have shape (" + std::to_string(size) +
                              ",)");
    }
    return Eigen::Map<const Vector<Real>>(values.data(), size);
}

// A new array that owns a copy of the matrix.
template <class Real>
py::array_t<Real> array_from(const Tokens<Real>& matrix) {
    return py::array_t<Real>({matrix.rows(), matrix.cols()}, matrix.data());
}

template <class Value>
py::array_t<Value> array_from(const std::vector<Value>& values) {
    return py::array_t<Value>(py::ssize_t(values.size()), values.data());
}

// The caller's own buffer, written in place: C-contiguous, writable, of exactly this dtype.
template <class Real>
Real* output_buffer(py::array& array, Index size, const char* name) {
    if (!py::isinstance<py::array_t<Real, py::array::c_style>>(array) || array.size() != size) {
        throw py::value_error(std::string(name) + " must be a C-contiguous array of " +
                              std::to_string(size) + " numbers of the run's dtype");
    }
    return static_cast<Real*>(array.mutable_data());
}

// Calls function(Real{}) with the floating type of the array: float32 as is, all else as float64.
template <class Function>
auto with_real(const py::array& array, Function&& function) {
    if (py::isinstance<py::array_t<float>>(array)) {
        return function(float{});
    }
    return function(double{});
}

}  // namespace noisync::bindings
