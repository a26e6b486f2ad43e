"""One system over several processes: which tokens each has, and what they tell one another."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.summation import stretch
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError, NoisyncError
from noisync.measure.function import Function
from noisync.measure.observer import Follow, Observer
from noisync.normalization import require_post
from noisync.run.plan import Plan
from noisync.run.start import Start
from noisync.run.state import State
from noisync.sphere.law import states_of
from noisync.storage.records import Record

#: Blocks that a rank should have at least where longer ones are not necessary.
_BLOCKS_PER_RANK = 8

#: Arrays of a state by what they have a row for, after an axis of runs: tokens, tangent vectors.
_BY_TOKEN, _BY_TANGENT, _LEAST = ("tokens", "norms"), ("tangents", "growth"), "least_jacobian"


@dataclass(frozen=True)
class Share:
    """The consecutive tokens of one of the ranks of an MPI communicator.

    Attributes
    ----------
    comm : mpi4py communicator
    n : int
        Tokens of all ranks.
    rows : slice
        Those of this one.
    length : int
        Every rank has whole stretches of so many tokens.
    follow : Follow
        The tangent vectors that all ranks together carry.
    """

    comm: Any
    n: int
    rows: slice
    length: int
    follow: Follow

    @classmethod
    def of(cls, comm: Any, plan: Plan, follow: Follow, stretches: Iterable[int] = ()) -> Share:
        """Return the share of this rank: whole stretches of the sums over all tokens.

        Of the attention, and of others of these lengths if the shares stay about equal.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For what is no communicator, more ranks than stretches, or what needs all tokens at one
            rank.
        """
        for name in ("allgather", "Allgatherv", "Gatherv", "bcast", "Get_rank", "Get_size"):
            if not hasattr(comm, name):
                raise ArgumentTypeError(
                    f"comm must be an mpi4py communicator, got {validate.shown(comm)}"
                )
        size, rank = comm.Get_size(), comm.Get_rank()
        model = plan.model
        require_post(model.placement, "comm")
        if model.total_noise is not None:
            if not model.total_noise.has_kernel:
                raise ArgumentError(
                    "comm: the noise must be a function on the sphere, the same for every rank "
                    f"without a message, got {model.noise!r}"
                )
            model.total_noise.on_sphere(model.dim)
        length = stretch(model.total_attention, model.dim, plan.n, plan.method, plan.tol)
        blocks = math.ceil(plan.n / length)
        if blocks < size:
            raise ArgumentError(
                f"comm must have at most {blocks} ranks, as many as there are stretches of "
                f"{length} of {plan.n} tokens, got {size}"
            )
        for other in stretches:
            common = math.lcm(length, other)
            if common == length or plan.n >= _BLOCKS_PER_RANK * size * common:
                length = common
        blocks = math.ceil(plan.n / length)
        edges = [min(length * (blocks * k // size), plan.n) for k in (rank, rank + 1)]
        return cls(comm, plan.n, slice(*edges), length, follow)

    def serves(self, stretch: int) -> bool:
        """Whether sums over stretches of so many tokens need no rank to know those of others."""
        return stretch > 0 and self.length % stretch == 0

    @property
    def first(self) -> bool:
        """Whether this is the rank that speaks for all."""
        return bool(self.comm.Get_rank() == 0)

    def check_same(self, call: Record) -> None:
        """Refuse calls that differ between ranks: in arguments, version or SIMD level."""
        digest = hashlib.sha256(json.dumps(call.header, sort_keys=True).encode())
        for name, array in sorted(call.arrays.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        found = self.comm.allgather(digest.hexdigest())
        other = [rank for rank, each in enumerate(found) if each != found[0]]
        if other:
            raise ArgumentError(
                f"comm: rank {other[0]} was called with other arguments than rank 0, or is of "
                "another version or SIMD level"
            )

    def plan(self, whole: Plan) -> Plan:
        """Return the plan of this rank's tokens."""
        ranks = _core.Ranks(
            rows=self.n, first=self.rows.start, count=self.rows.stop - self.rows.start,
            tangents=self.follow.k * self.follow.tokens, first_tangent=self.tangents.start,
            gather=self.gather,
        )  # fmt: skip
        return replace(whole, weights=whole.weights[self.rows], ranks=ranks)

    @property
    def own_follow(self) -> Follow:
        """Those of the tangent vectors that this rank carries."""
        count = self.tangents.stop - self.tangents.start
        if count == 0:
            return Follow(0, 0)
        first = max(self.follow.token, self.rows.start) - self.rows.start
        return self.follow._replace(token=first, tokens=count // self.follow.k)

    @property
    def tangents(self) -> slice:
        """Which of all tangent vectors this rank carries."""
        k, token, tokens, _ = self.follow
        first, last = (min(max(e - token, 0), tokens) for e in (self.rows.start, self.rows.stop))
        return slice(k * first, k * last)

    def start(self, whole: Start) -> Start:
        """Return the law of this rank's initial tokens."""
        return _Rows(whole, self.rows)

    def gather(self, own: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return the numbers of every rank, rank by rank."""
        sizes = np.array(self.comm.allgather(own.size))
        received = np.empty(int(sizes.sum()), own.dtype)
        self.comm.Allgatherv(np.ascontiguousarray(own), [received, sizes])
        return np.split(received, np.cumsum(sizes)[:-1])

    def whole(self, own: npt.NDArray[Any], *, everywhere: bool = True) -> npt.NDArray[Any]:
        """Return the rows of all ranks, (rows of all, ...); if not everywhere, at the first alone.

        The others then get none.
        """
        if everywhere:
            received = np.concatenate(self.gather(own.ravel()))
        else:
            sizes = np.array(self.comm.allgather(own.size))
            received = np.empty(int(sizes.sum()) if self.first else 0, own.dtype)
            self.comm.Gatherv(np.ascontiguousarray(own), [received, sizes], root=0)
        return received.reshape(-1, *own.shape[1:])

    def whole_states(
        self, own: Mapping[str, npt.NDArray[Any]], *, everywhere: bool = True
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of the states of a run with the rows of all ranks."""
        whole = dict(own)
        for name in (*_BY_TOKEN, *_BY_TANGENT):
            if name in own:
                whole[name] = self.whole(own[name][0], everywhere=everywhere)[None]
        least = self.comm.allgather(own.get(_LEAST))
        known = [each for each in least if each is not None]
        return {**whole, _LEAST: np.min(known, axis=0)} if known else whole

    def whole_state(self, own: State, *, everywhere: bool = True) -> State:
        """Return the state of a run with the rows of all ranks."""
        arrays = {"tokens": own.tokens[None]}
        if self.follow.k > 0:  # whether this rank carries any or not
            dim = own.tokens.shape[1]
            none: Sequence[npt.NDArray[Any]] = (np.zeros((0, dim), own.tokens.dtype), np.zeros(0))
            carried = own.tangents, own.growth
            for name, found, other in zip(_BY_TANGENT, carried, none, strict=True):
                array: npt.NDArray[Any] = other if found is None else found
                arrays[name] = array[None]
        if own.least_jacobian is not None:
            arrays[_LEAST] = np.array([own.least_jacobian])
        states = self.whole_states(arrays, everywhere=everywhere)
        whole: dict[str, Any] = {name: array[0] for name, array in states.items()}
        if _LEAST in whole:
            whole[_LEAST] = float(whole[_LEAST])
        return replace(own, **whole)

    def own_states(self, whole: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of the states of a run with the rows of this rank."""
        rows = dict.fromkeys(_BY_TOKEN, self.rows) | dict.fromkeys(_BY_TANGENT, self.tangents)
        return {k: v[:, rows[k]] if k in rows else v for k, v in whole.items()}

    def by_first(self, action: Callable[[], None]) -> None:
        """Let the first rank do something, and all raise what it raised."""
        error = None
        if self.first:
            try:
                action()
            except NoisyncError as caught:
                error = caught
        error = self.comm.bcast(error, root=0)
        if error is not None:
            raise error

    def check_observer(self, observer: Observer) -> None:
        """Refuse an observer that needs all tokens at one rank."""
        if isinstance(observer, Function) and not observer.rows:
            raise ArgumentError(
                f"observe: {observer.name} needs all tokens at one rank; where its values are of "
                "each token alone, give ns.Function(f, rows=True)"
            )


class _Rows:
    """Some tokens of a law."""

    def __init__(self, law: Start, rows: slice) -> None:
        self._law, self._rows = law, rows
        self.n, self.dim = rows.stop - rows.start, law.dim

    def samples(self, seed: int, first: int, count: int) -> FloatArray:
        """Return them for some replicates, (count, n, dim)."""
        return np.asarray(states_of("tokens", self._law, seed, first, count, self._rows))
