// Attention where ranks have the tokens: what one of them sums for its own.
#pragma once

#include "attention/law.hpp"
#include "base/derivatives.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// Holds the tokens of all ranks, where they were needed. Every rank makes the same calls.
template <class Real>
class AttentionOfRanks {
   public:
    // Where there is no attention, it is not asked for any.
    explicit AttentionOfRanks(Attention<Real>* attention) : attention_(attention) {}

    // Attention::evaluate for this rank's rows x; without ranks they are all.
    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) {
        gathered_ = false;
        const Ranks* ranks = execution.ranks();
        if (ranks == nullptr) {
            attention_->evaluate(x, weights, out, execution);
        } else if (!attention_->evaluate_share(x, weights, out, execution)) {
            evaluate_whole(x, weights, out, *ranks, execution.threads());
        }
    }

    // slopes <- the derivatives at this rank's tokens `at`, null where it has none; after
    // `evaluate` at the same x.
    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights,
                       const Derivatives<Real>* at, Matrix<Real>& slopes, Execution& execution) {
        const Ranks* ranks = execution.ranks();
        if (ranks == nullptr && at != nullptr) {
            slopes = attention_->differentiate_at(x, weights, *at, execution);
        } else if (ranks != nullptr && ranks->tangents() > 0) {
            gather(x, weights, *ranks);
            if (at != nullptr) {
                Derivatives<Real> among_all = *at;
                among_all.first += ranks->first();
                among_all.total = ranks->tangents() / at->directions();
                Execution alone = for_own_rows(*ranks, execution.threads());
                slopes = attention_->differentiate_at(tokens_, weights_, among_all, alone);
            }
        }
    }

   private:
    // Over all tokens, in the order in which one process would.
    void evaluate_whole(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                        const Ranks& ranks, int threads) {
        gather(x, weights, ranks);
        if (attention_->by_rows()) {
            Execution alone = for_own_rows(ranks, threads);
            attention_->evaluate(tokens_, weights_, whole_, alone);
        } else {
            Execution alone(threads);
            attention_->evaluate(tokens_, weights_, whole_, alone);
        }
        out = whole_.middleRows(ranks.first(), ranks.count());
    }

    static Execution for_own_rows(const Ranks& ranks, int threads) {
        return {threads, ranks.first(), ranks.first() + ranks.count()};
    }

    void gather(const Tokens<Real>& x, const Vector<Real>& weights, const Ranks& ranks) {
        if (gathered_) {
            return;
        }
        tokens_ = ranks.all_rows<Tokens<Real>>(x);
        if (weights_.size() == 0) {
            weights_ = ranks.all_rows<Vector<Real>>(weights);
        }
        gathered_ = true;
    }

    Attention<Real>* attention_;
    Tokens<Real> tokens_;  // where the attention was evaluated last, if gathered
    Vector<Real> weights_;
    Tokens<Real> whole_;  // what all of them receive
    bool gathered_ = false;
};

}  // namespace noisync
