"""What is known exactly: the covariance of the noise, rates, bounds, and the law of two tokens.

``covariance``, a sum over terms (``perceptron``), is at the bottom; generator and law of a pair
stand on it, and :class:`noisync.Kernel` shows them all.
"""
