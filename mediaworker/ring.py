"""Rings of samples, one a row, read and written for many rows at once.

A run of samples is copied as one piece: numpy is given a view in which every sample begins a run,
which is eleven times as fast as an index for every sample.  Only runs that go over the end of
their ring need the latter.
"""

from typing import Generic, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bus.columns import Column
from mediaworker.masks import some
from mediaworker.streams import Rows

Scalar = TypeVar("Scalar", bound=np.generic)


class Windows(Generic[Scalar]):
    """Views of a flat array, shape (size - n + 1, n), whose item i is the run from i on."""

    def __init__(self, flat: Column[Scalar]) -> None:
        self.flat = flat
        self.made: dict[int, Column[Scalar]] = {}

    def __getitem__(self, samples: int) -> Column[Scalar]:
        """Return the view for runs of so many samples."""
        view = self.made.get(samples)
        if view is None:
            count, step = len(self.flat) - samples + 1, self.flat.strides[0]
            view = as_strided(self.flat, (count, samples), (step, step))
            self.made[samples] = view
        return view


class Rings(Generic[Scalar]):
    """A column of rings, shape (rows, length)."""

    def __init__(self, rings: Column[Scalar]) -> None:
        self.length = rings.shape[1]
        self.windows = Windows(rings.reshape(-1))

    def read(self, rows: Rows, at: Column[np.int64], samples: int) -> Column[Scalar]:
        """Return the runs from ``at`` on, shape (rows, samples)."""
        if _over_the_end(at, samples, self.length):
            return self.windows.flat[self._indices(rows, at, samples)]
        runs: Column[Scalar] = self.windows[samples][rows * self.length + at]
        return runs

    def take(self, rows: Rows, at: Column[np.int64], samples: int) -> Column[Scalar]:
        """Return the runs from ``at`` on and put zeros there."""
        if _over_the_end(at, samples, self.length):
            places = self._indices(rows, at, samples)
            runs: Column[Scalar] = self.windows.flat[places]
            self.windows.flat[places] = 0
            return runs
        windows, starts = self.windows[samples], rows * self.length + at
        runs = windows[starts]
        windows[starts] = 0
        return runs

    def write(
        self, rows: Rows, at: Column[np.int64], samples: int, values: Column[Scalar] | int
    ) -> None:
        """Write runs of samples from ``at`` on."""
        if _over_the_end(at, samples, self.length):
            self.windows.flat[self._indices(rows, at, samples)] = values
        else:
            self.windows[samples][rows * self.length + at] = values

    def _indices(self, rows: Rows, at: Column[np.int64], samples: int) -> Column[np.int64]:
        within: Column[np.int64] = (at[:, np.newaxis] + np.arange(samples)) % self.length
        within += (rows * self.length)[:, np.newaxis]
        return within


def _over_the_end(at: Column[np.int64], samples: int, length: int) -> bool:
    return some(at > length - samples)
