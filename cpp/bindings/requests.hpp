// What Python asks runs to record, as the records of the core.
#pragma once

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "dynamics/recording.hpp"

namespace noisync::bindings {

// Arrays of shape (runs, slots, ...), together of the measure's size for a run and a slot.
struct MeasureRequest {
    Schedule schedule;
    SharedMeasure measure;
    std::vector<py::array> outputs;
};
// Called with the run, the slot and a copy of the tokens.
struct CallRequest {
    Schedule schedule;
    py::function function;
};
using Request = std::variant<MeasureRequest, CallRequest>;

// The buffer of an array of shape (runs, slots, ...), float64 or float32, written in place.
inline Output output_of(py::array& array, Index runs, Index slots) {
    Index size = 1;
    for (py::ssize_t axis = 2; axis < array.ndim(); ++axis) {
        size *= array.shape(axis);
    }
    return with_real(array, [&](auto zero) {
        return Output{output_buffer<decltype(zero)>(array, runs * slots * size, "outputs"), size};
    });
}

// The requests must outlive it: the records refer to their functions and buffers.
template <class Real>
Recording<Real> recording_of(std::vector<Request>& requests, Index runs) {
    std::vector<MeasureRecord> measures;
    std::vector<CallRecord<Real>> calls;
    for (Request& request : requests) {
        if (auto* measure = std::get_if<MeasureRequest>(&request)) {
            measures.push_back({measure->schedule, measure->measure, {}});
            for (py::array& output : measure->outputs) {
                measures.back().outputs.push_back(
                    output_of(output, runs, measure->schedule.slots()));
            }
        } else {
            auto& call = std::get<CallRequest>(request);
            calls.push_back({call.schedule, [&function = call.function](Index run, Index slot,
                                                                        const Tokens<Real>& x) {
                                 const py::gil_scoped_acquire gil;
                                 function(run, slot, array_from(x));
                             }});
        }
    }
    return Recording<Real>(std::move(measures), std::move(calls));
}

}  // namespace noisync::bindings
