#include "base/sphere.hpp"

namespace noisync {

template <class Real>
Index normalize_rows(Tokens<Real>& x, Execution& execution) {
    return first_lost(x.rows(), execution,
                      [&](Index i) { return normalize_row(x.row(i), Real(0)) > 0; });
}

template <class Real>
Index normalize_rows(Tokens<Real>& x, const Vector<Real>& least, Vector<Real>& norms,
                     Execution& execution) {
    norms.resize(x.rows());
    return first_lost(x.rows(), execution, [&](Index i) {
        norms(i) = normalize_row(x.row(i), least(i));
        return norms(i) > 0;
    });
}

template Index normalize_rows<float>(Tokens<float>&, Execution&);
template Index normalize_rows<double>(Tokens<double>&, Execution&);
template Index normalize_rows<float>(Tokens<float>&, const Vector<float>&, Vector<float>&,
                                     Execution&);
template Index normalize_rows<double>(Tokens<double>&, const Vector<double>&, Vector<double>&,
                                      Execution&);

}  // namespace noisync
