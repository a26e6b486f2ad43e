// Python's signals (Ctrl-C) and progress bars as a Watch over a computation without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "base/execution.hpp"

namespace noisync::bindings {

namespace py = pybind11;

class PythonWatch final : public Watch {
   public:
    // `progress`: a callable that takes the number of layers completed, of all runs, or None.
    explicit PythonWatch(py::object progress = py::none()) : progress_(std::move(progress)) {}

    bool poll(Index layers) override {
        const py::gil_scoped_acquire gil;
        try {
            if (PyErr_CheckSignals() != 0) {
                throw py::error_already_set();
            }
            if (!progress_.is_none()) {
                progress_(layers);
            }
        } catch (py::error_already_set& error) {
            error_.emplace(std::move(error));
            return true;
        }
        return false;
    }

    // Rethrows what Python raised while the computation ran; call with the GIL held.
    void rethrow() {
        if (error_) {
            throw py::error_already_set(std::move(*error_));
        }
    }

   private:
    py::object progress_;
    std::optional<py::error_already_set> error_;
};

// Runs computation(execution) without the GIL; an interrupt becomes the Python exception it was.
template <class Computation>
void run_watched(int threads, PythonWatch& watch, Computation&& computation,
                 const Ranks* ranks = nullptr) {
    try {
        const py::gil_scoped_release release;
        Execution execution(threads, &watch, ranks);
        computation(execution);
    } catch (const Interrupted&) {
        watch.rethrow();
        throw;
    }
}

}  // namespace noisync::bindings
