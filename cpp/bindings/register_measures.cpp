#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "noisync/configuration.hpp"
#include "noisync/measures.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

SharedMeasure checked_energy(std::vector<double> betas, bool scaled,
                             std::vector<std::vector<double>> series, Index dim) {
    const auto same = [&](const auto& list) {
        return !list.empty() && list.size() == series[0].size();
    };
    if (!series.empty() && (series.size() != betas.size() || !std::ranges::all_of(series, same))) {
        throw py::value_error("series must hold as many coefficients for every beta");
    }
    return energy_measure(std::move(betas), scaled ? EnergyScale::relative : EnergyScale::plain,
                          std::move(series), dim);
}

void require_dim(const std::optional<SummedAttention>& attention, Index dim) {
    if (attention) {
        attention->law->require_dim(dim);
    }
}

SharedMeasure checked_budget(double beta, bool scaled, std::optional<SummedAttention> attention,
                             SharedPairNoise noise, Index dim, bool with_energy) {
    require_dim(attention, dim);
    if (noise) {
        noise->require_dim(dim);
    }
    return budget_measure({beta, std::move(attention), std::move(noise),
                           scaled ? EnergyScale::relative : EnergyScale::plain},
                          dim, with_energy);
}

SharedMeasure checked_linear_budget(double beta, bool scaled,
                                    std::optional<SummedAttention> attention,
                                    std::vector<double> harmonics, std::vector<double> noise,
                                    double limit, Index dim) {
    require_dim(attention, dim);
    if (harmonics.empty() || (!noise.empty() && noise.size() != harmonics.size())) {
        throw py::value_error("harmonics and noise must be of one length");
    }
    return budget_measure({beta, std::move(attention), std::move(harmonics), std::move(noise),
                           limit, scaled ? EnergyScale::relative : EnergyScale::plain},
                          dim);
}

SharedMeasure checked_cosines(Index bins) {
    if (bins < 1) {
        throw py::value_error("bins must be positive");
    }
    return cosine_measure(bins);
}

}  // namespace

void require_dim(const Measure& measure, Index dim) {
    if (measure.dim() != 0 && measure.dim() != dim) {
        throw py::value_error("the measure is for tokens of dimension " +
                              std::to_string(measure.dim()) + ", not " + std::to_string(dim));
    }
}

void register_measures(py::module_& module) {
    py::class_<Measure, std::shared_ptr<Measure>>(module, "Measure")
        .def_property_readonly("size", &Measure::size);
    module.def(
        "energy_measure",
        [](std::vector<double> betas, bool scaled, std::vector<std::vector<double>> series,
           Index dim) {
            return shared(checked_energy(std::move(betas), scaled, std::move(series), dim));
        },
        py::arg("betas"), py::arg("scaled"), py::arg("series"), py::arg("dim"),
        "E_beta for every beta; series: coefficients of e^{beta u}, for sums in linear time.");
    module.def(
        "budget_measure",
        [](double beta, bool scaled, std::optional<SummedAttention> attention,
           SharedPairNoise noise, Index dim, bool with_energy) {
            return shared(checked_budget(beta, scaled, std::move(attention), std::move(noise), dim,
                                         with_energy));
        },
        py::arg("beta"), py::arg("scaled"), py::arg("attention"), py::arg("noise"), py::arg("dim"),
        py::arg("with_energy"),
        "The attention and the noise part of dE_beta/dt; and E_beta, if asked for.");
    module.def(
        "linear_time_budget_measure",
        [](double beta, bool scaled, std::optional<SummedAttention> attention,
           std::vector<double> harmonics, std::vector<double> noise, double limit, Index dim) {
            return shared(checked_linear_budget(beta, scaled, std::move(attention),
                                                std::move(harmonics), std::move(noise), limit,
                                                dim));
        },
        py::arg("beta"), py::arg("scaled"), py::arg("attention"), py::arg("harmonics"),
        py::arg("noise"), py::arg("limit"), py::arg("dim"),
        "The same in linear time; harmonics, noise: coefficients of e^{beta (u - 1)} times 1 and "
        "times G_beta(u); limit: of the latter as u tends to 1.");
    module.def(
        "cosine_measure", [](Index bins) { return shared(checked_cosines(bins)); }, py::arg("bins"),
        "Counts of the pairwise cosines in equal bins of [-1, 1].");
    module.def(
        "order_measure", [] { return shared(order_measure()); },
        "The mean's length, the leading eigenvalue of sum w x x^T, the effective rank.");
    module.def(
        "cluster_measure", [](double angle) { return shared(cluster_measure(angle)); },
        py::arg("angle"), "The number of clusters and the weight of the heaviest.");
    module.def(
        "measure",
        [](const Measure& measure, const py::array& x, const py::array& weights, int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            require_dim(measure, tokens.cols());
            std::vector<double> values(std::size_t(measure.size()));
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                measure.evaluate(tokens, mass, values.data(), execution);
            });
            return array_from(values);
        },
        py::arg("measure"), py::arg("x"), py::arg("weights"), py::arg("threads"),
        "The numbers that the measure makes of the rows of x (n, dim).");
    module.def(
        "clusters",
        [](const py::array& x, double angle) {
            const auto tokens = tokens_from<double>(x, "x");
            std::vector<std::int64_t> labels;
            {
                const py::gil_scoped_release release;
                labels = clusters(tokens, angle);
            }
            return array_from(labels);
        },
        py::arg("x"), py::arg("angle"), "The cluster of every row of x (n, dim).");
}

}  // namespace noisync::bindings
