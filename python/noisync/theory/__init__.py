"""What is known exactly: the covariance of the noise, rates, bounds, and the law of two tokens.

``covariance`` is at the bottom; coefficients, generator and the law of a pair stand on it, and
:class:`noisync.Kernel` shows them all.
"""
