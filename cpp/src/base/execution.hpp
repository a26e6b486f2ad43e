// How work is spread over threads, and how it is stopped.
//
// Invariant: which thread runs a task never changes a result. Tasks write to disjoint places and
// every sum over tasks is taken in the order of their indices, so 1, 2 or 64 threads give the same
// bits.
#pragma once

#include <omp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/ranks.hpp"
#include "base/types.hpp"

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

    // Called every few hundredths of a second by the thread that started the computation; `layers`
    // were completed so far, in all runs together. Returns true to stop.
    virtual bool poll(Index layers) = 0;
};

class Execution {
   public:
    explicit Execution(int threads = 1, Watch* watch = nullptr, const Ranks* ranks = nullptr)
        : threads_(threads < 1 ? 1 : threads), watch_(watch), ranks_(ranks) {}

    // One that may leave out, in sums over pairs, all rows but first .. last - 1 of what they give.
    Execution(int threads, Index first, Index last) : Execution(threads) {
        wanted_ = {first, last};
    }

    [[nodiscard]] int threads() const { return threads_; }

    // The processes that share the tokens; null where there is one.
    [[nodiscard]] const Ranks* ranks() const { return ranks_; }

    // How many tokens there are in all, where this process has so many.
    [[nodiscard]] Index rows_of_all(Index own) const {
        return ranks_ == nullptr ? own : ranks_->rows();
    }

    // Whether any of these rows has to be right.
    [[nodiscard]] bool wants(Index first, Index count) const {
        return first < wanted_.second && wanted_.first < first + count;
    }

    // Another layer of a run is complete.
    void count_layer() { ++*layers_; }

    // Runs task(index, worker) for every index in [0, count); `worker` < threads() numbers the
    // thread, for scratch memory. Rethrows the first exception; throws Interrupted when asked to.
    template <class Task>
    void for_each(Index count, Task&& task) {
        distribute(count, false, std::forward<Task>(task));
    }

    // Whether a task that takes long is to go on; to be asked now and then by its worker.
    bool goes_on(int worker) {
        if (worker == 0) {
            poll();
        }
        return !stopped_ && !failed_;
    }

    // Calls body(index, worker, execution) for every index in [0, count), side by side, each with a
    // single-threaded execution that stops when this one is asked to or another call fails.
    template <class Body>
    void side_by_side(Index count, Body&& body) {
        std::vector<std::unique_ptr<Relay>> relays;
        std::vector<std::unique_ptr<Execution>> alone;
        for (int worker = 0; worker < threads_; ++worker) {
            relays.push_back(std::make_unique<Relay>(*this, worker == 0));
            alone.push_back(std::make_unique<Execution>(1, relays.back().get()));
            alone.back()->layers_ = layers_;
        }
        distribute(count, true, [&](Index index, int worker) {
            body(index, worker, *alone[std::size_t(worker)]);
        });
    }

   private:
    static constexpr std::chrono::milliseconds kPollInterval{50};

    // Hands the polls of one of the runs side by side on to the watch; only the first worker is the
    // thread that may call it.
    class Relay final : public Watch {
       public:
        Relay(Execution& owner, bool first) : owner_(owner), first_(first) {}
        bool poll(Index layers) override {
            if (first_ && owner_.watch_ != nullptr && owner_.watch_->poll(layers)) {
                owner_.stopped_ = true;
            }
            return owner_.stopped_ || owner_.failed_;
        }

       private:
        Execution& owner_;
        bool first_;
    };

    // `long_tasks`: a task takes so long that the watch is to be asked also while it waits for
    // others.
    template <class Task>
    void distribute(Index count, bool long_tasks, Task&& task) {
        poll();
        if (threads_ == 1 || count == 1) {
            for (Index index = 0; index < count && !stopped_; ++index) {
                task(index, 0);
                poll();
            }
        } else {
            run_team(count, long_tasks, std::forward<Task>(task));
        }
        if (stopped_) {
            throw Interrupted();
        }
    }

    // Threads that have no more tasks.
    class Arrivals {
       public:
        void add() {
            {
                const std::scoped_lock lock(mutex_);
                ++count_;
            }
            changed_.notify_one();
        }
        // Waits for so many, but not for long; whether they are there.
        bool wait(int count) {
            std::unique_lock lock(mutex_);
            return changed_.wait_for(lock, kPollInterval, [&] { return count_ >= count; });
        }

       private:
        std::mutex mutex_;
        std::condition_variable changed_;
        int count_ = 0;
    };

    template <class Task>
    void run_team(Index count, bool long_tasks, Task&& task) {
        std::exception_ptr error;
        Arrivals arrivals;
#pragma omp parallel num_threads(threads_)
        {
            const int worker = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1) nowait
            for (Index index = 0; index < count; ++index) {
                if (stopped_ || failed_) {
                    continue;
                }
                try {
                    task(index, worker);
                    if (worker == 0) {
                        poll();
                    }
                } catch (...) {
                    if (!failed_.exchange(true)) {
                        error = std::current_exception();
                    }
                }
            }
            if (long_tasks && worker == 0) {
                while (!arrivals.wait(omp_get_num_threads() - 1)) {
                    poll();
                }
            } else if (long_tasks) {
                arrivals.add();
            }
        }
        if (error) {
            failed_ = false;
            std::rethrow_exception(error);
        }
    }

    void poll() {
        if (watch_ == nullptr) {
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if (now - last_poll_ >= kPollInterval) {
            last_poll_ = now;
            if (watch_->poll(*layers_)) {
                stopped_ = true;
            }
        }
    }

    int threads_;
    Watch* watch_;
    const Ranks* ranks_;
    std::pair<Index, Index> wanted_{0, std::numeric_limits<Index>::max()};
    std::atomic<Index> own_layers_{0};
    std::atomic<Index>* layers_ = &own_layers_;  // of the execution that started all others
    std::atomic<bool> stopped_{false};
    std::atomic<bool> failed_{false};
    std::chrono::steady_clock::time_point last_poll_ = std::chrono::steady_clock::now();
};

}  // namespace noisync
