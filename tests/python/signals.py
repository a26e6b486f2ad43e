"""Signals that arrive while something is computed, however fast or busy the machine is."""

import signal
import threading


class Signal:
    """An observer that has a signal come soon after it was called so often, not before."""

    __name__ = "signal"

    def __init__(self, number, calls=1):
        self.number = number
        self.calls = calls

    def __call__(self, tokens):
        self.calls -= 1
        if self.calls == 0:
            threading.Timer(0.02, signal.raise_signal, [self.number]).start()
        return 0.0
