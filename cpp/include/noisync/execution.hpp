// How work is spread over threads, and how it is stopped.
//
// Invariant: which thread runs a task never changes a result. Tasks write to disjoint places and
// every sum over tasks is taken in the order of their indices, so 1, 2 or 64 threads give the same
// bits.
#pragma once

#include <omp.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "noisync/types.hpp"

namespace noisync {

// Thrown out of a long computation whose Watch asked for a stop.
class Interrupted : public std::runtime_error {
   public:
    Interrupted() : std::runtime_error("interrupted") {}
};

// The outside world's say in a long computation; the bindings implement it with Python's signals.
class Watch {
   public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    virtual ~Watch() = default;

    // Called every few hundredths of a second by the thread that started the computation.
    // `layer` is the layer being computed. Returns true to stop.
    virtual bool poll(Index layer) = 0;
};

class Execution {
   public:
    explicit Execution(int threads = 1, Watch* watch = nullptr)
        : threads_(threads < 1 ? 1 : threads), watch_(watch) {}

    [[nodiscard]] int threads() const { return threads_; }

    void enter_layer(Index layer) { layer_ = layer; }

    // Runs task(index, worker) for every index in [0, count); `worker` < threads() numbers the
    // thread, for scratch memory. Rethrows the first exception; throws Interrupted when asked to.
    template <class Task>
    void for_each(Index count, Task&& task) {
        poll();
        if (threads_ == 1 || count == 1) {
            for (Index index = 0; index < count && !stopped_; ++index) {
                task(index, 0);
                poll();
            }
        } else {
            run_team(count, std::forward<Task>(task));
        }
        if (stopped_) {
            throw Interrupted();
        }
    }

   private:
    template <class Task>
    void run_team(Index count, Task&& task) {
        std::exception_ptr error;
        std::atomic<bool> failed{false};
#pragma omp parallel num_threads(threads_)
        {
            const int worker = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1)
            for (Index index = 0; index < count; ++index) {
                if (stopped_ || failed) {
                    continue;
                }
                try {
                    task(index, worker);
                    if (worker == 0) {
                        poll();
                    }
                } catch (...) {
                    if (!failed.exchange(true)) {
                        error = std::current_exception();
                    }
                }
            }
        }
        if (error) {
            std::rethrow_exception(error);
        }
    }

    void poll() {
        if (watch_ == nullptr) {
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if (now - last_poll_ >= std::chrono::milliseconds(50)) {
            last_poll_ = now;
            if (watch_->poll(layer_)) {
                stopped_ = true;
            }
        }
    }

    int threads_;
    Watch* watch_;
    Index layer_ = 0;
    std::atomic<bool> stopped_{false};
    std::chrono::steady_clock::time_point last_poll_ = std::chrono::steady_clock::now();
};

}  // namespace noisync
