"""Plain NumPy formulas, one line of mathematics a line of code: what the fast code must match."""

from __future__ import annotations

import numpy as np
from scipy import special

from noisync import _core

PURPOSES = {
    "tokens": 0, "U": 1, "b_U": 2, "W": 3, "b_W": 4,
    "frozen U": 5, "frozen b_U": 6, "frozen W": 7, "frozen b_W": 8, "harmonic": 9, "exact": 10,
    "V": 13, "independent": 14, "W' of heads": 16, "W of heads": 17,
}  # fmt: skip

ACTIVATIONS = {
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "erf": special.erf,
    "softplus": lambda z: np.logaddexp(0.0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "identity": lambda z: z,
    "sin": np.sin,
}


def philox(counter, key):
    """Philox4x32-10 of the paper, on Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def words(seed, replicate, layer, purpose, first, count, part=0):
    """Words first..first+count-1 of a stream: four of a block."""
    element = np.arange(first, first + count, dtype=np.uint64)
    block = element // 4
    counter = [block & 0xFFFFFFFF, layer, replicate, (purpose << 24 | block >> 32) ^ part << 16]
    four = philox(counter, [seed & 0xFFFFFFFF, seed >> 32])
    return np.select([element % 4 == k for k in range(4)], four)


def normals(seed, replicate, layer, purpose, first, count, part=0):
    """Elements first..first+count-1 of a stream, by the documented quantiles."""
    address = seed, replicate, layer
    word = words(*address, PURPOSES[purpose], first, count, part)
    second = words(*address, PURPOSES[purpose] + 128, first, count, part)
    fine = (word // 2 * 2**32 + second + 0.5) / 2**64
    z = -special.ndtri(np.where(word < 2**16, fine, (word // 2 + 0.5) / 2**32))
    return np.where(word % 2 == 1, -z, z)


def drawn(seed, replicate, layer, purpose, first, count, part=0):
    """The same numbers as the core gives them: the formulas below are compared to rounding."""
    out = np.empty(count)
    _core.fill_normals(seed, replicate, layer, PURPOSES[purpose], first, out, part)
    return out


def normalize(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def attention(x, w, query, key, value, *, normalized=True, mask=None):
    """Softmax or unnormalised attention with full matrices."""
    logits = (x @ query.T) @ (x @ key.T).T
    if normalized:
        return softmax(logits, seen(x, w, mask)) @ x @ value.T
    weights = np.exp(seen(x, w, mask))
    if mask is not None:
        total = weights.sum(axis=1, keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return (np.exp(logits) * weights) @ x @ value.T


def seen(x, w, mask):
    """Logarithms of the weights of tokens j as tokens i see them: −∞ for those that it does not."""
    n = len(x)
    with np.errstate(divide="ignore"):
        logs = np.tile(np.log(np.broadcast_to(w, n)), (n, 1))
    if mask is None:
        return logs
    lag = np.subtract.outer(np.arange(n), np.arange(n))
    return np.where(lag >= (0 if mask.include_self else 1), logs - mask.decay * lag / n, -np.inf)


def softmax(logits, log_weights):
    """Rows of weights with sum 1; 0 where there is no weight."""
    exponents = logits + log_weights
    largest = exponents.max(axis=1, keepdims=True)
    p = np.exp(exponents - np.where(np.isfinite(largest), largest, 0))
    total = p.sum(axis=1, keepdims=True)
    return np.divide(p, total, out=np.zeros_like(p), where=total > 0)


def sinkhorn(x, w, query, key, epsilon=1.0):
    """Doubly stochastic p, row by row: Newton's method on the logarithms of a and b.

    For tokens with weight: Σ_j p_ij = 1 and Σ_i w_i p_ij = w_j, p_ij = a_i w_j b_j e^{l_ij/ε}.
    """
    logits = (x @ query.T) @ (x @ key.T).T / epsilon
    has = np.flatnonzero(np.broadcast_to(w, len(x)) > 0)
    mass, inner = w[has], logits[np.ix_(has, has)]
    f, g = -inner.max(axis=1), np.zeros(len(has))
    for _ in range(200):
        f = -special.logsumexp(inner + g, axis=1, b=mass)
        plan = mass[:, None] * np.exp(f[:, None] + inner + g) * mass
        columns = plan.sum(axis=0)
        if np.abs(columns / mass - 1).max() < 1e-14:
            break
        # g changes by δ with (diag(columns) − planᵀ diag(mass)⁻¹ plan) δ = mass − columns.
        slope = np.diag(columns) - plan.T @ (plan / mass[:, None])
        step = np.linalg.lstsq(slope, mass - columns, rcond=1e-15)[0]
        g = g + step / max(1.0, np.abs(step).max())
    exponents = logits[:, has] + g
    return has, softmax(exponents, np.tile(np.log(mass), (len(x), 1)))


def distance_attention(x, w, query, key, value, mask=None):
    """Softmax of −|Qx − Ky|², from the differences themselves."""
    gaps = (x @ query.T)[:, None, :] - (x @ key.T)[None, :, :]
    return softmax(-np.sum(gaps**2, axis=2), seen(x, w, mask)) @ x @ value.T


def mlp(y, activation, width, sigma_u, sigma_w, seed, replicate, layer, numbers=drawn, part=0):
    """The random MLP of a layer, its weights drawn from the documented streams."""
    d = y.shape[1]
    address = seed, replicate, layer
    draw = lambda purpose, count: numbers(*address, purpose, 0, count, part)  # noqa: E731
    U = draw("U", width * d).reshape(width, d)
    W = draw("W", width * d).reshape(width, d).T
    b_U, b_W = sigma_u * draw("b_U", width), sigma_w * draw("b_W", d)
    return ACTIVATIONS[activation](y @ U.T / np.sqrt(d) + b_U) @ W.T / np.sqrt(width) + b_W


def features(y, activation, width, sigma_u, sigma_w, seed, replicate, layer):
    """An MLP with the hidden neurons of layer 0 in every layer."""
    d = y.shape[1]
    draw = lambda purpose, count, at: drawn(seed, replicate, at, purpose, 0, count)  # noqa: E731
    U, b_U = draw("frozen U", width * d, 0).reshape(width, d), draw("frozen b_U", width, 0)
    W, b_W = draw("frozen W", width * d, layer).reshape(width, d), draw("frozen b_W", d, layer)
    hidden = ACTIVATIONS[activation](y @ U.T / np.sqrt(d) + sigma_u * b_U)
    return hidden @ W / np.sqrt(width) + sigma_w * b_W


def value_noise(y, w, beta, scale, seed, replicate, layer, part=0):
    """A random matrix times the softmax means of the tokens."""
    d = y.shape[1]
    V = drawn(seed, replicate, layer, "V", 0, d * d, part).reshape(d, d)
    return scale * attention(y, w, beta * np.eye(d), np.eye(d), V)


def head_means(y, w, noise, seed, replicate, layer, part=0):
    """The softmax means m_h(y_i) of every random head of a ValueNoise, (heads, n, d)."""
    d, r = y.shape[1], noise.head_dim
    means = []
    for h in range(noise.heads):
        queries, keys = (
            noise.head_scale
            * drawn(seed, replicate, layer, purpose, h * r * d, r * d, part).reshape(r, d)
            for purpose in ("W' of heads", "W of heads")
        )
        means.append(attention(y, w, noise.beta * queries, keys, np.eye(d)))
    return np.array(means)


def random_heads(y, w, noise, seed, replicate, layer, part=0):
    """Random matrices times the means of random heads."""
    d = y.shape[1]
    V = drawn(seed, replicate, layer, "V", 0, noise.heads * d * d, part)
    means = head_means(y, w, noise, seed, replicate, layer, part)
    total = np.einsum("hnd,hed->ne", means, V.reshape(noise.heads, d, d))
    return noise.scale * total / np.sqrt(noise.heads)


def independent_noise(y, scale, seed, replicate, layer, part=0):
    """Normals of each token's own."""
    return scale * drawn(seed, replicate, layer, "independent", 0, y.size, part).reshape(y.shape)


def exact_field(y, kernel, seed, replicate, layer):
    """The Gaussian field at tokens in general position: Cholesky factor times normals."""
    n, d = y.shape
    factor = np.linalg.cholesky(kernel(np.clip(y @ y.T, -1, 1)))
    return factor @ drawn(seed, replicate, layer, "exact", 0, n * d).reshape(n, d)


def layer(x, step, attend, noise):
    """One layer: y = LN(x + Δ Attn(x)), x' = LN(y + √Δ G(y))."""
    y = normalize(x + step * attend(x))
    return normalize(y + np.sqrt(step) * noise(y))


def normalized_layer(name, x, r, step, time, attend, alpha=1.0, noise=None):
    """One layer from `time` on, wherever the normalisation stands: directions and norms."""
    a = attend(x)
    if name in ("peri", "ngpt"):
        a = alpha * normalize(a)
    if name == "sqrt":
        a = a / np.sqrt(time + 1)
    keeps = name in ("pre", "peri")
    y = (r[:, None] * x if keeps else x) + step * a
    if noise is not None:
        y = (y if keeps else normalize(y)) + np.sqrt(step) * noise(normalize(y))
    return normalize(y), np.linalg.norm(y, axis=1) if keeps else r


def equal_angles(n, d, u):
    """Tokens with all pairwise cosines u."""
    x = np.zeros((n, d))
    x[:, :n] = np.linalg.cholesky((1 - u) * np.eye(n) + u)
    return x


def energy(x, w, beta):
    """½ Σ w_i w_j (e^β − e^{βu}), from the differences of the tokens."""
    gap = 0.5 * ((x[:, None, :] - x[None, :, :]) ** 2).sum(-1)
    return 0.5 * np.exp(beta) * w @ -np.expm1(-beta * gap) @ w


def budget(x, w, beta, attend, kernel):
    """The attention and the noise part of dE/dt, as they are defined."""
    weights = w[:, None] * w * np.exp(beta * np.clip(x @ x.T, -1, 1))
    drift = attend(x)
    tangential = drift - np.sum(drift * x, axis=1, keepdims=True) * x
    attention = -beta * np.sum(weights * (tangential @ x.T))
    if kernel is None:
        return attention, 0.0
    covariance = kernel(np.clip(x @ x.T, -1, 1))
    np.fill_diagonal(covariance, kernel(1.0))
    return attention, noise_budget(x, w, beta, covariance)


def noise_budget(x, w, beta, covariance):
    """The noise part of dE/dt for noise with covariance k_ij I between tokens i and j."""
    d, u = x.shape[1], np.clip(x @ x.T, -1, 1)
    own = np.diag(covariance)
    mean = 0.5 * (own[:, None] + own)
    g0 = covariance * (d - 2 + u**2) - mean * (d - 1) * u
    g1 = (1 - u**2) * (mean - u * covariance)
    return -0.5 * beta * np.sum(w[:, None] * w * np.exp(beta * u) * (g0 + beta * g1))


def harmonics(x, degree):
    """Harmonics of degrees 0..degree at points (m, d), a table (N_n, m) each, with ∫Y² dσ = 1.

    In d variables they are (1−u²)^{l/2} C_k^{(λ)}(u) Y_l, u = x_d, k = n − l, λ = l + d/2 − 1, Y_l
    those of one variable less at the direction of the others.
    """
    d = x.shape[1]
    if d == 2:
        angle = np.arctan2(x[:, 1], x[:, 0])
        waves = [
            np.sqrt(2) * np.array([np.cos(n * angle), np.sin(n * angle)]) for n in range(degree + 1)
        ]
        return [np.ones((1, len(x))), *waves[1:]]
    u, rest = x[:, -1], x[:, :-1]
    radius = np.linalg.norm(rest, axis=1, keepdims=True)
    lower = harmonics(rest / np.where(radius > 0, radius, 1), degree)
    tables = []
    for n in range(degree + 1):
        rows = []
        for low in range(n + 1):
            k, lam = n - low, low + d / 2 - 1
            square = np.exp(
                np.log(np.pi) + (1 - 2 * lam) * np.log(2) + special.gammaln(k + 2 * lam)
                - special.gammaln(k + 1) - np.log(k + lam) - 2 * special.gammaln(lam)
            ) / special.beta(0.5, (d - 1) / 2)  # fmt: skip
            polar = radius[:, 0] ** low * special.eval_gegenbauer(k, lam, u) / np.sqrt(square)
            rows.append(polar * lower[low])
        tables.append(np.concatenate(rows))
    return tables
