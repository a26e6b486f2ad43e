"""The exceptions of noisync, one family under :class:`NoisyncError`."""

from __future__ import annotations


class NoisyncError(Exception):
    """Root of everything noisync raises on purpose."""


class ArgumentError(NoisyncError, ValueError):
    """An argument has the right type and a value that breaks a rule."""


class ArgumentTypeError(NoisyncError, TypeError):
    """An argument has a type that cannot be used."""


class SimulationError(NoisyncError, RuntimeError):
    """A run that cannot go on.

    Attributes
    ----------
    trajectory : Trajectory or None
        What a single run saved until then.
    dataset : xarray.Dataset or None
        The complete replicates of an ensemble.
    residual : float or None
        What is left of an iteration that did not converge.
    """

    trajectory: object = None
    dataset: object = None
    residual: float | None = None

    @classmethod
    def of(
        cls,
        message: str,
        *,
        trajectory: object = None,
        dataset: object = None,
        residual: float | None = None,
    ) -> SimulationError:
        """Return an error with what was computed until then."""
        error = cls(message)
        error.trajectory = trajectory
        error.dataset = dataset
        error.residual = residual
        return error


class Terminated(KeyboardInterrupt):
    """SIGTERM came while a computation went on that writes checkpoints.

    Attributes
    ----------
    trajectory : Trajectory or None
        What a single run had come to.
    dataset : xarray.Dataset or None
        The complete replicates of an ensemble, or what a study had come to.
    """

    trajectory: object = None
    dataset: object = None


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; the one before it stands, and the computation goes on."""


class KernelAccuracyWarning(UserWarning):
    """A quadrature of the theory did not reach the accuracy that noisync promises."""
