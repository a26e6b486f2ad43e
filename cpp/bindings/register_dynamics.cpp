#include <string>
#include <tuple>

#include "arrays.hpp"
#include "dynamics/ensemble.hpp"
#include "python_ranks.hpp"
#include "python_watch.hpp"
#include "register.hpp"
#include "requests.hpp"

namespace noisync::bindings {

namespace {

// The arrays of a States, as Python holds them.
struct StateArrays {
    py::array tokens;
    std::optional<py::array> norms;
    py::array vectors;
    py::array growth;
    std::optional<py::array> least_jacobian;
    py::array layers;
    py::array layers_summed_directly;
    py::array seen;
};

template <class Real>
States<Real> states_from(StateArrays& arrays) {
    if (arrays.tokens.ndim() != 3 || arrays.vectors.ndim() != 3) {
        throw py::value_error("tokens and vectors must have shape (runs, rows, dim)");
    }
    States<Real> states{arrays.tokens.shape(0), arrays.tokens.shape(1), arrays.tokens.shape(2),
                        arrays.vectors.shape(1)};
    const Index runs = states.runs;
    const Index tangents = runs * states.tangents;
    states.tokens = output_buffer<Real>(arrays.tokens, runs * states.count * states.dim, "tokens");
    if (arrays.norms) {
        states.norms = output_buffer<Real>(*arrays.norms, runs * states.count, "norms");
    }
    states.vectors = output_buffer<Real>(arrays.vectors, tangents * states.dim, "vectors");
    states.growth = output_buffer<double>(arrays.growth, tangents, "growth");
    if (arrays.least_jacobian) {
        states.least_jacobian =
            output_buffer<double>(*arrays.least_jacobian, runs, "least_jacobian");
    }
    states.layers = output_buffer<Index>(arrays.layers, runs, "layers");
    states.layers_summed_directly =
        output_buffer<Index>(arrays.layers_summed_directly, runs, "layers_summed_directly");
    states.seen = output_buffer<Index>(arrays.seen, runs, "seen");
    return states;
}

Scheme scheme_from_name(const std::string& name) {
    if (name == "layer") {
        return Scheme::layer;
    }
    if (name == "euler") {
        return Scheme::euler;
    }
    if (name == "rk4") {
        return Scheme::rk4;
    }
    throw py::value_error("unknown scheme " + name);
}

LayerNorm layer_norm(const std::string& name, Index switch_layer, double alpha) {
    const auto placement = placement_from_name(name);
    if (!placement) {
        throw py::value_error("unknown normalisation " + name);
    }
    return {*placement, switch_layer, alpha};
}

Dynamics dynamics(const std::optional<SummedAttention>& attention, const SharedNoiseLaw& noise,
                  const std::string& scheme, const std::optional<LayerNorm>& norm, double thickness,
                  Index span, std::uint64_t seed, std::uint32_t first_replicate, bool shares_path,
                  Index tangent_token, Index tangent_tokens, const py::array& weights) {
    return {attention,
            noise,
            scheme_from_name(scheme),
            {thickness, span},
            {seed, first_replicate},
            shares_path,
            tangent_token,
            tangent_tokens,
            vector_from<double>(weights, weights.size(), "weights"),
            norm.value_or(LayerNorm{})};
}

// Run, layer, why it could not be completed, and what was left of an iteration that did not
// converge.
using Lost = std::optional<std::tuple<Index, Index, std::string, std::optional<double>>>;

template <class Real>
Lost run(const Dynamics& dynamics, StateArrays& arrays, Index last, std::vector<Request>& requests,
         int threads, bool side_by_side, const py::object& progress, const PythonRanks* ranks) {
    const States<Real> states = states_from<Real>(arrays);
    const Recording<Real> recording = recording_of<Real>(requests, states.runs);
    require(dynamics, states, recording, ranks);
    PythonWatch watch(progress);
    try {
        run_watched(
            threads, watch,
            [&](Execution& execution) {
                advance(dynamics, states, last, recording, side_by_side, execution);
            },
            ranks);
    } catch (const Interrupted&) {
        if (ranks != nullptr) {
            ranks->rethrow();
        }
        throw;
    } catch (const RunLeftSphere& lost) {
        return {{lost.run(), lost.layer(),
                 "token " + std::to_string(lost.token()) +
                     " left the sphere (its vector became zero up to rounding, infinite or NaN)",
                 std::nullopt}};
    } catch (const RunNotConverged& lost) {
        return {{lost.run(), lost.layer(), lost.what(), lost.residual()}};
    }
    return std::nullopt;
}

}  // namespace

void register_dynamics(py::module_& module) {
    py::class_<Schedule>(module, "Schedule")
        .def_static("regular", &Schedule::regular, py::arg("every"), py::arg("last"))
        .def_static("listed", &Schedule::listed, py::arg("layers"));
    py::class_<MeasureRequest>(module, "MeasureRequest")
        .def(py::init<Schedule, SharedMeasure, std::vector<py::array>>(), py::arg("schedule"),
             py::arg("measure"), py::arg("outputs"));
    py::class_<CallRequest>(module, "CallRequest")
        .def(py::init<Schedule, py::function>(), py::arg("schedule"), py::arg("function"));
    py::class_<StateArrays>(module, "States")
        .def(py::init<py::array, std::optional<py::array>, py::array, py::array,
                      std::optional<py::array>, py::array, py::array, py::array>(),
             py::kw_only(), py::arg("tokens"), py::arg("norms") = py::none(), py::arg("vectors"),
             py::arg("growth"), py::arg("least_jacobian"), py::arg("layers"),
             py::arg("layers_summed_directly"), py::arg("seen"));
    py::class_<PythonRanks>(module, "Ranks", "Processes that share the tokens of a run.")
        .def(py::init<Index, Index, Index, Index, Index, py::function>(), py::kw_only(),
             py::arg("rows"), py::arg("first"), py::arg("count"), py::arg("tangents"),
             py::arg("first_tangent"), py::arg("gather"));
    py::class_<LayerNorm>(module, "LayerNorm", "Where the normalisation of a layer stands.")
        .def(py::init(&layer_norm), py::arg("name"), py::kw_only(), py::arg("switch_layer"),
             py::arg("alpha"));
    py::class_<Dynamics>(module, "Dynamics")
        .def(py::init(&dynamics), py::kw_only(), py::arg("attention"), py::arg("noise"),
             py::arg("scheme"), py::arg("layer_norm") = py::none(), py::arg("thickness"),
             py::arg("span"), py::arg("seed"), py::arg("first_replicate"), py::arg("shares_path"),
             py::arg("tangent_token"), py::arg("tangent_tokens"), py::arg("weights"));
    module.def(
        "advance",
        [](const Dynamics& dynamics, StateArrays states, Index last, std::vector<Request> requests,
           int threads, bool side_by_side, const py::object& progress, const PythonRanks* ranks) {
            return with_real(states.tokens, [&](auto zero) {
                return run<decltype(zero)>(dynamics, states, last, requests, threads, side_by_side,
                                           progress, ranks);
            });
        },
        py::arg("dynamics"), py::arg("states"), py::kw_only(), py::arg("last"), py::arg("requests"),
        py::arg("threads"), py::arg("side_by_side"), py::arg("progress"),
        py::arg("ranks") = py::none(),
        "Carries runs from their states to layer `last`, in the dtype of their tokens (float32 or "
        "float64); `states` hold where each stands, however it ends. Returns None, or (run, layer, "
        "reason, residual) of a layer that could not be completed; raises what a function or a "
        "signal raised. With ranks every process calls it with its own rows.");
}

}  // namespace noisync::bindings
