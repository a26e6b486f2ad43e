#include <pybind11/stl.h>

#include <exception>
#include <memory>
#include <utility>

#include "noisync/dynamics.hpp"
#include "observers.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

// How the runs ended. `error` is the Python exception that stopped them, or None.
struct Outcome {
    std::vector<Progress> progress;  // of each replicate
    Index lost_replicate = -1;       // the place of a replicate of which a token left the sphere
    Index lost_token = -1;           // the token, in the layer after the last one computed
    py::object error = py::none();
};

struct Start {
    const py::array& tokens;  // (replicates, n, d)
    const py::array& weights;
    const std::optional<SummedAttention>& attention;
    const SharedNoiseLaw& noise;
    Scheme scheme;
    Depth depth;
    Path path;  // of the first replicate
    bool side_by_side;
};

// A token left the sphere, in a run among others.
struct Lost : std::exception {
    Lost(Index place_, Index token_) : place(place_), token(token_) {}
    Index place;
    Index token;
};

template <class Real>
class Runs {
   public:
    Runs(const Start& start, std::vector<Request>& requests)
        : start_(start), states_(start.tokens) {
        if (states_.ndim() != 3 || states_.shape(1) < 1 || states_.shape(2) < 2) {
            throw py::value_error("tokens must have shape (replicates, n, dim) with dim >= 2");
        }
        if (start.depth.layers < 1 || start.depth.path_layers % start.depth.layers != 0) {
            throw py::value_error("layers must be positive and divide path_layers");
        }
        if (start.attention) {
            start.attention->law->require_dim(dim());
        }
        if (start.noise) {
            start.noise->require_dim(dim());
        }
        weights_ = vector_from<double>(start.weights, tokens(), "weights");
        mass_ = vector_from<Real>(start.weights, tokens(), "weights");
        data_ = states_.data();
        recording_ =
            std::make_unique<Recording<Real>>(requests, replicates(), tokens(), dim(), weights_);
        progress_.resize(std::size_t(replicates()));
    }

    void run(Execution& execution) {
        if (start_.side_by_side) {
            std::vector<Parts> parts(std::size_t(execution.threads()));
            execution.side_by_side(replicates(), [&](Index place, int worker, Execution& alone) {
                run_one(place, parts[std::size_t(worker)], alone);
            });
        } else {
            Parts parts;
            for (Index place = 0; place < replicates(); ++place) {
                run_one(place, parts, execution);
            }
        }
    }

    [[nodiscard]] const std::vector<Progress>& progress() const { return progress_; }

   private:
    // What holds scratch memory and is used for one replicate after another.
    struct Parts {
        std::unique_ptr<Attention<Real>> attention;
        std::unique_ptr<NoiseField<Real>> noise;
    };

    void run_one(Index place, Parts& parts, Execution& execution) {
        if (start_.attention && !parts.attention) {
            parts.attention = start_.attention->evaluator<Real>();
        }
        if (start_.noise && !parts.noise) {
            parts.noise = start_.noise->field<Real>();
        }
        Tokens<Real> x = TokensView<Real>(data_ + place * tokens() * dim(), tokens(), dim());
        const auto set = recording_->observers(place);
        const System<Real> system{mass_, parts.attention.get(), parts.noise.get(), start_.scheme};
        const Path path{start_.path.seed, start_.path.replicate + std::uint32_t(place)};
        try {
            run_layers(x, system, start_.depth, path, set.tangents.get(), set.observers, execution,
                       progress_[std::size_t(place)]);
        } catch (const LeftSphere& lost) {
            throw Lost(place, lost.token());
        }
    }

    [[nodiscard]] Index replicates() const { return states_.shape(0); }
    [[nodiscard]] Index tokens() const { return states_.shape(1); }
    [[nodiscard]] Index dim() const { return states_.shape(2); }

    const Start& start_;
    Array<Real> states_;
    Vector<double> weights_;
    Vector<Real> mass_;
    const Real* data_ = nullptr;
    std::unique_ptr<Recording<Real>> recording_;
    std::vector<Progress> progress_;
};

template <class Real>
Outcome run(const Start& start, std::vector<Request>& requests, int threads,
            const py::object& progress) {
    Runs<Real> runs(start, requests);
    Outcome outcome;
    PythonWatch watch(progress);
    try {
        run_watched(threads, watch, [&](Execution& execution) { runs.run(execution); });
    } catch (const Lost& lost) {
        outcome.lost_replicate = lost.place;
        outcome.lost_token = lost.token;
    } catch (py::error_already_set& error) {
        outcome.error = error.value();
    }
    outcome.progress = runs.progress();
    return outcome;
}

py::array_t<Index> layers_of(const Outcome& outcome, Index Progress::* which) {
    std::vector<Index> layers;
    layers.reserve(outcome.progress.size());
    for (const Progress& progress : outcome.progress) {
        layers.push_back(progress.*which);
    }
    return array_from(layers);
}

Scheme scheme_from_name(const std::string& name) {
    if (name == "layer") {
        return Scheme::layer;
    }
    if (name == "euler") {
        return Scheme::euler;
    }
    if (name == "rk4") {
        return Scheme::runge_kutta;
    }
    throw py::value_error("unknown scheme " + name);
}

}  // namespace

void register_dynamics(py::module_& module) {
    py::class_<Schedule>(module, "Schedule")
        .def_static("regular", &Schedule::regular, py::arg("every"), py::arg("last"))
        .def_static("listed", &Schedule::listed, py::arg("layers"));
    py::class_<SaveRequest>(module, "SaveRequest")
        .def(py::init<Schedule, py::array>(), py::arg("schedule"), py::arg("out"));
    py::class_<MeasureRequest>(module, "MeasureRequest")
        .def(py::init<Schedule, SharedMeasure, std::vector<py::array>>(), py::arg("schedule"),
             py::arg("measure"), py::arg("outs"));
    py::class_<LyapunovRequest>(module, "LyapunovRequest")
        .def(py::init<Schedule, Index, Index, py::array>(), py::arg("schedule"), py::arg("token"),
             py::arg("count"), py::arg("out"));
    py::class_<CallRequest>(module, "CallRequest")
        .def(py::init<Schedule, py::function>(), py::arg("schedule"), py::arg("function"));
    py::class_<Outcome>(module, "Outcome")
        .def_property_readonly(
            "computed",
            [](const Outcome& outcome) { return layers_of(outcome, &Progress::computed); })
        .def_property_readonly(
            "observed",
            [](const Outcome& outcome) { return layers_of(outcome, &Progress::observed); })
        .def_readonly("lost_replicate", &Outcome::lost_replicate)
        .def_readonly("lost_token", &Outcome::lost_token)
        .def(
            "take_error", [](Outcome& outcome) { return std::exchange(outcome.error, py::none()); },
            "The exception that stopped the runs, or None; the outcome keeps no reference, which "
            "the garbage collector could not see.");

    module.def(
        "run_layers",
        [](const py::array& tokens, const py::array& weights,
           const std::optional<SummedAttention>& attention, const SharedNoiseLaw& noise,
           const std::string& scheme, double horizon, Index layers, Index path_layers,
           std::uint64_t seed, std::uint32_t first_replicate, std::vector<Request> requests,
           int threads, bool side_by_side, const py::object& progress) {
            const Start start{tokens,
                              weights,
                              attention,
                              noise,
                              scheme_from_name(scheme),
                              {horizon, layers, path_layers},
                              {seed, first_replicate},
                              side_by_side};
            return with_real(tokens, [&](auto zero) {
                return run<decltype(zero)>(start, requests, threads, progress);
            });
        },
        py::arg("tokens"), py::arg("weights"), py::kw_only(), py::arg("attention"),
        py::arg("noise"), py::arg("scheme"), py::arg("horizon"), py::arg("layers"),
        py::arg("path_layers"), py::arg("seed"), py::arg("first_replicate"), py::arg("requests"),
        py::arg("threads"), py::arg("side_by_side"), py::arg("progress"),
        "Runs the layers from each of the states tokens (replicates, n, d), in their dtype "
        "(float32 "
        "or float64). Never raises for what happens on the way, but reports it in the Outcome.");
}

}  // namespace noisync::bindings
