// What a run records: requests with buffers that the caller owns, turned into observers, one set
// for every replicate. A buffer has shape (replicates, slots, ...), a slot for every listed layer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "noisync/dynamics.hpp"
#include "noisync/measures.hpp"
#include "register.hpp"

namespace noisync::bindings {

// Copies the state.
template <class Real>
class Save final : public Observer<Real> {
   public:
    Save(Schedule schedule, Real* out) : Observer<Real>(std::move(schedule)), out_(out) {}
    void observe(Index slot, const Tokens<Real>& x, Execution&) override {
        std::copy_n(x.data(), x.size(), out_ + slot * x.size());
    }

   private:
    Real* out_;
};

// A buffer for some of the numbers of a measure.
struct Part {
    double* out;
    Index size;
};

// Writes the numbers of a measure, the first ones into the first part, and so on.
template <class Real>
class RecordMeasure final : public Observer<Real> {
   public:
    RecordMeasure(Schedule schedule, SharedMeasure measure, const Vector<double>& weights,
                  std::vector<Part> parts)
        : Observer<Real>(std::move(schedule)),
          measure_(std::move(measure)),
          weights_(weights),
          parts_(std::move(parts)),
          values_(std::size_t(measure_->size())) {}
    void observe(Index slot, const Tokens<Real>& x, Execution& execution) override {
        measure_->evaluate(x.template cast<double>(), weights_, values_.data(), execution);
        const double* from = values_.data();
        for (const Part& part : parts_) {
            std::copy_n(from, part.size, part.out + slot * part.size);
            from += part.size;
        }
    }

   private:
    SharedMeasure measure_;
    const Vector<double>& weights_;
    std::vector<Part> parts_;
    std::vector<double> values_;
};

// Writes the growth of the tangent vectors that the run carries.
template <class Real>
class RecordGrowth final : public Observer<Real> {
   public:
    RecordGrowth(Schedule schedule, const TangentFlow<Real>& tangents, double* out)
        : Observer<Real>(std::move(schedule)), tangents_(tangents), out_(out) {}
    void observe(Index slot, const Tokens<Real>&, Execution&) override {
        const Vector<double>& growth = tangents_.growth();
        std::copy_n(growth.data(), growth.size(), out_ + slot * growth.size());
    }

   private:
    const TangentFlow<Real>& tangents_;
    double* out_;
};

// Calls a Python function with the replicate's place, the slot and a copy of the tokens.
template <class Real>
class CallPython final : public Observer<Real> {
   public:
    CallPython(Schedule schedule, const py::function& function, Index replicate)
        : Observer<Real>(std::move(schedule)), function_(function), replicate_(replicate) {}
    void observe(Index slot, const Tokens<Real>& x, Execution&) override {
        const py::gil_scoped_acquire gil;
        function_(replicate_, slot, array_from(x));
    }

   private:
    const py::function& function_;
    Index replicate_;
};

struct SaveRequest {
    Schedule schedule;
    py::array out;
};
struct MeasureRequest {
    Schedule schedule;
    SharedMeasure measure;
    std::vector<py::array> outs;  // together of the measure's size
};
struct LyapunovRequest {
    Schedule schedule;
    Index token;
    Index count;
    py::array out;
};
struct CallRequest {
    Schedule schedule;
    py::function function;
};
using Request = std::variant<SaveRequest, MeasureRequest, LyapunovRequest, CallRequest>;

// The buffers are checked and their addresses taken once, with the GIL held; observers for a
// replicate are then made in any thread without it.
template <class Real>
class Recording {
   public:
    Recording(std::vector<Request>& requests, Index replicates, Index tokens, Index dim,
              const Vector<double>& weights)
        : weights_(weights), tokens_(tokens), dim_(dim), state_(tokens * dim) {
        for (Request& request : requests) {
            std::visit([&](auto& item) { add(item, replicates); }, request);
        }
    }

    struct Set {
        std::unique_ptr<TangentFlow<Real>> tangents;
        std::vector<std::unique_ptr<Observer<Real>>> owned;
        std::vector<Observer<Real>*> observers;
    };

    // The observers of the replicate at this place.
    [[nodiscard]] Set observers(Index place) const {
        Set set;
        for (const auto& make : makers_) {
            set.owned.push_back(make(place, set));
            set.observers.push_back(set.owned.back().get());
        }
        return set;
    }

   private:
    using Maker = std::function<std::unique_ptr<Observer<Real>>(Index, Set&)>;

    void add(SaveRequest& request, Index replicates) {
        const Index size = request.schedule.slots() * state_;
        auto* out = output_buffer<Real>(request.out, replicates * size, "out");
        makers_.push_back([&request, out, size](Index place, Set&) {
            return std::make_unique<Save<Real>>(request.schedule, out + place * size);
        });
    }
    void add(MeasureRequest& request, Index replicates) {
        const Index slots = request.schedule.slots();
        std::vector<Part> parts;
        Index total = 0;
        for (py::array& out : request.outs) {
            Index size = 1;
            for (py::ssize_t axis = 2; axis < out.ndim(); ++axis) {
                size *= out.shape(axis);
            }
            parts.push_back({output_buffer<double>(out, replicates * slots * size, "outs"), size});
            total += size;
        }
        require_dim(*request.measure, dim_);
        if (total != request.measure->size()) {
            throw py::value_error("outs must hold what the measure gives for every state");
        }
        makers_.push_back([this, &request, parts, slots](Index place, Set&) {
            std::vector<Part> own = parts;
            for (Part& part : own) {
                part.out += place * slots * part.size;
            }
            return std::make_unique<RecordMeasure<Real>>(request.schedule, request.measure,
                                                         weights_, std::move(own));
        });
    }
    void add(LyapunovRequest& request, Index replicates) {
        if (request.token < 0 || request.token >= tokens_ || request.count < 1 ||
            request.count >= dim_) {
            throw py::value_error("token must be below " + std::to_string(tokens_) +
                                  ", count from 1 to " + std::to_string(dim_ - 1));
        }
        if (std::exchange(has_tangents_, true)) {
            throw py::value_error("a run carries one set of tangents, got two requests");
        }
        const Index size = request.schedule.slots() * request.count;
        auto* out = output_buffer<double>(request.out, replicates * size, "out");
        makers_.push_back([&request, out, size](Index place, Set& set) {
            set.tangents = std::make_unique<TangentFlow<Real>>(request.token, request.count);
            return std::make_unique<RecordGrowth<Real>>(request.schedule, *set.tangents,
                                                        out + place * size);
        });
    }
    void add(CallRequest& request, Index) {
        makers_.push_back([&request](Index place, Set&) {
            return std::make_unique<CallPython<Real>>(request.schedule, request.function, place);
        });
    }

    const Vector<double>& weights_;
    Index tokens_;
    Index dim_;
    Index state_;
    bool has_tangents_ = false;
    std::vector<Maker> makers_;
};

}  // namespace noisync::bindings
