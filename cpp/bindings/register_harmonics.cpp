#include <string>

#include "arrays.hpp"
#include "harmonics/transform.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

Matrix<double> matrix_from(const py::array& array, const char* name) {
    const Array<double> values(array);
    if (values.ndim() != 2) {
        throw py::value_error(std::string(name) + " must be a matrix");
    }
    return TokensView<double>(values.data(), values.shape(0), values.shape(1));
}

void require_rows(const Matrix<double>& matrix, Index rows, const char* name) {
    if (matrix.rows() != rows) {
        throw py::value_error(std::string(name) + " must have " + std::to_string(rows) + " rows");
    }
}

py::array_t<double> analyse(const py::array& x, const py::array& weights, const py::array& values,
                            Index degree, int threads) {
    const Tokens<double> points = tokens_from<double>(x, "x");
    const Vector<double> masses = vector_from<double>(weights, points.rows(), "weights");
    const Matrix<double> numbers = matrix_from(values, "values");
    require_rows(numbers, points.rows(), "values");
    Matrix<double> moments;
    PythonWatch watch;
    run_watched(threads, watch, [&](Execution& execution) {
        moments =
            HarmonicTransform(degree, points.cols()).analyse(points, masses, numbers, execution);
    });
    return array_from<double>(moments);
}

py::array_t<double> synthesise(const py::array& x, const py::array& coefficients, Index degree,
                               int threads) {
    const Tokens<double> points = tokens_from<double>(x, "x");
    const Matrix<double> numbers = matrix_from(coefficients, "coefficients");
    Matrix<double> values;
    PythonWatch watch;
    const HarmonicTransform transform(degree, points.cols());
    require_rows(numbers, transform.basis().size(), "coefficients");
    run_watched(threads, watch, [&](Execution& execution) {
        values = transform.synthesise(points, numbers, execution);
    });
    return array_from<double>(values);
}

}  // namespace

void register_harmonics(py::module_& module) {
    module.def("harmonics_up_to", &harmonics_up_to, py::arg("degree"), py::arg("dim"),
               "Number of spherical harmonics of degrees 0..degree on S^{dim-1}, as a float.");
    module.def(
        "harmonic_stretch",
        [](Index degree, Index dim, Index rows) {
            return HarmonicTransform(degree, dim).stretches(rows).length(0);
        },
        py::arg("degree"), py::arg("dim"), py::arg("rows"),
        "Number of rows, but for the last, whose sums over harmonics are added in a fixed tree.");
    module.def("analyse", &analyse, py::arg("x"), py::arg("weights"), py::arg("values"),
               py::arg("degree"), py::arg("threads"),
               "sum_j w_j Y_k(x_j) (v_j, 1) for the harmonics k of degrees 0..degree, low degrees "
               "first, orthonormal under the uniform law; shape (harmonics, columns of v + 1).");
    module.def("synthesise", &synthesise, py::arg("x"), py::arg("coefficients"), py::arg("degree"),
               py::arg("threads"), "sum_k Y_k(x_i) coefficients_k, shape (n, columns).");
}

}  // namespace noisync::bindings
