#include <pybind11/stl.h>

#include <memory>

#include "arrays.hpp"
#include "noisync/dynamics.hpp"
#include "noisync/energy.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

// Copies the state into the caller's (slots, n, dim) array and counts what is there.
template <class Real>
class Save final : public Observer<Real> {
   public:
    Save(std::vector<Index> layers, Real* out, Index& saved)
        : Observer<Real>(std::move(layers)), out_(out), saved_(saved) {}
    void observe(Index slot, const Tokens<Real>& x, Execution&) override {
        std::copy_n(x.data(), x.size(), out_ + slot * x.size());
        saved_ = slot + 1;
    }

   private:
    Real* out_;
    Index& saved_;
};

// Writes E_beta after every layer into the caller's (layers + 1, betas) array.
template <class Real>
class RecordEnergy final : public Observer<Real> {
   public:
    RecordEnergy(std::vector<double> betas, Vector<double> weights, double* out)
        : betas_(std::move(betas)), weights_(std::move(weights)), out_(out) {}
    void observe(Index slot, const Tokens<Real>& x, Execution& execution) override {
        const auto energies =
            interaction_energy(x.template cast<double>(), weights_, betas_, execution);
        std::copy(energies.begin(), energies.end(), out_ + slot * Index(betas_.size()));
    }

   private:
    std::vector<double> betas_;
    Vector<double> weights_;
    double* out_;
};

// Calls a Python function with a copy of the tokens after every layer.
template <class Real>
class CallPython final : public Observer<Real> {
   public:
    explicit CallPython(py::function function) : function_(std::move(function)) {}
    void observe(Index /*layer*/, const Tokens<Real>& x, Execution&) override {
        const py::gil_scoped_acquire gil;
        function_(array_from(x));
    }

   private:
    py::function function_;
};

// What the run should record, with buffers the caller owns; turned into observers when it starts.
struct SaveRequest {
    std::vector<Index> layers;
    py::array out;
};
struct EnergyRequest {
    std::vector<double> betas;
    py::array out;
};
struct CallRequest {
    py::function function;
};
using Request = std::variant<SaveRequest, EnergyRequest, CallRequest>;

template <class Real>
struct MakeObserver {
    Index tokens;  // n
    Index dim;
    Index layers;
    const Vector<double>& weights;
    Index& saved;

    using Result = std::unique_ptr<Observer<Real>>;
    Result operator()(SaveRequest& request) const {
        const Index size = Index(request.layers.size()) * tokens * dim;
        return std::make_unique<Save<Real>>(request.layers,
                                            output_buffer<Real>(request.out, size, "out"), saved);
    }
    Result operator()(EnergyRequest& request) const {
        const Index size = (layers + 1) * Index(request.betas.size());
        return std::make_unique<RecordEnergy<Real>>(
            request.betas, weights, output_buffer<double>(request.out, size, "out"));
    }
    Result operator()(CallRequest& request) const {
        return std::make_unique<CallPython<Real>>(request.function);
    }
};

// How a run ended. `error` is the Python exception that stopped it, or None.
struct Outcome {
    Index completed = -1;   // last layer that every observer has seen; -1: not even layer 0
    Index saved = 0;        // states in the SaveRequest's buffer
    Index lost_token = -1;  // the token that left the sphere, in layer completed + 1
    py::object error = py::none();
};

struct Start {
    const py::array& tokens;
    const py::array& weights;
    const std::optional<AttentionConfig>& attention;
    const std::optional<NoiseConfig>& noise;
    Depth depth;
    Path path;
};

template <class Real>
Outcome run(const Start& start, std::vector<Request>& requests, int threads,
            const py::object& progress) {
    auto x = tokens_from<Real>(start.tokens, "tokens");
    if (start.attention) {
        require_dim(*start.attention, x.cols());
    }
    if (start.depth.layers < 1) {
        throw py::value_error("layers must be positive");
    }
    const auto weights = vector_from<double>(start.weights, x.rows(), "weights");
    const auto mass = vector_from<Real>(start.weights, x.rows(), "weights");
    Outcome outcome;
    std::vector<std::unique_ptr<Observer<Real>>> owned;
    std::vector<Observer<Real>*> observers;
    for (Request& request : requests) {
        owned.push_back(std::visit(
            MakeObserver<Real>{x.rows(), x.cols(), start.depth.layers, weights, outcome.saved},
            request));
        observers.push_back(owned.back().get());
    }
    const auto attention = start.attention ? make_attention<Real>(*start.attention) : nullptr;
    const auto noise = start.noise ? make_noise<Real>(*start.noise) : nullptr;

    PythonWatch watch(progress);
    try {
        run_watched(threads, watch, [&](Execution& execution) {
            run_layers(x, mass, attention.get(), noise.get(), start.depth, start.path, observers,
                       execution, outcome.completed);
        });
    } catch (const LeftSphere& lost) {
        outcome.lost_token = lost.token();
    } catch (py::error_already_set& error) {
        outcome.error = error.value();
    }
    return outcome;
}

}  // namespace

void register_dynamics(py::module_& module) {
    py::class_<SaveRequest>(module, "SaveRequest")
        .def(py::init<std::vector<Index>, py::array>(), py::arg("layers"), py::arg("out"));
    py::class_<EnergyRequest>(module, "EnergyRequest")
        .def(py::init<std::vector<double>, py::array>(), py::arg("betas"), py::arg("out"));
    py::class_<CallRequest>(module, "CallRequest")
        .def(py::init<py::function>(), py::arg("function"));
    py::class_<Outcome>(module, "Outcome")
        .def_readonly("completed", &Outcome::completed)
        .def_readonly("saved", &Outcome::saved)
        .def_readonly("lost_token", &Outcome::lost_token)
        .def_readonly("error", &Outcome::error);

    module.def(
        "run_layers",
        [](const py::array& tokens, const py::array& weights,
           const std::optional<AttentionConfig>& attention, const std::optional<NoiseConfig>& noise,
           double horizon, Index layers, std::uint64_t seed, std::uint32_t replicate,
           std::vector<Request> requests, int threads, const py::object& progress) {
            const Start start{tokens, weights,           attention,
                              noise,  {horizon, layers}, {seed, replicate}};
            return with_real(tokens, [&](auto zero) {
                return run<decltype(zero)>(start, requests, threads, progress);
            });
        },
        py::arg("tokens"), py::arg("weights"), py::kw_only(), py::arg("attention"),
        py::arg("noise"), py::arg("horizon"), py::arg("layers"), py::arg("seed"),
        py::arg("replicate"), py::arg("requests"), py::arg("threads"), py::arg("progress"),
        "Runs the layers in the dtype of `tokens` (float32 or float64); never raises for what "
        "happens on the way, but reports it in the Outcome.");
}

}  // namespace noisync::bindings
