// A communicator of Python's as Ranks.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <vector>

#include "arrays.hpp"
#include "base/execution.hpp"
#include "base/ranks.hpp"

namespace noisync::bindings {

class PythonRanks final : public Ranks {
   public:
    // `gather`: gets an array of this rank and returns those of all, rank by rank.
    PythonRanks(Index rows, Index first, Index count, Index tangents, Index first_tangent,
                py::function gather)
        : Ranks(rows, first, count, tangents, first_tangent), gather_(std::move(gather)) {}

    // Throws Interrupted where Python raised; see rethrow().
    [[nodiscard]] std::vector<std::vector<double>> gather(
        const std::vector<double>& own) const override {
        const py::gil_scoped_acquire gil;
        std::vector<std::vector<double>> all;
        try {
            const py::array_t<double> mine(py::ssize_t(own.size()), own.data());
            for (const auto& part : py::list(gather_(mine))) {
                const Array<double> values(py::reinterpret_borrow<py::object>(part));
                all.emplace_back(values.data(), values.data() + values.size());
            }
        } catch (py::error_already_set& error) {
            error_.emplace(std::move(error));
            throw Interrupted();
        }
        return all;
    }

    // Rethrows what Python raised; with the GIL held.
    void rethrow() const {
        if (error_) {
            throw py::error_already_set(std::move(*error_));
        }
    }

   private:
    py::function gather_;
    mutable std::optional<py::error_already_set> error_;
};

}  // namespace noisync::bindings
