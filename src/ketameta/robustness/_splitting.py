"""How far each study parts the subsets that hold it from those that do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.robustness._cautions import ENOUGH
from ketameta.robustness._membership import unpacked

__all__ = ["SHARES", "splits_of", "splitter_of"]

SHARES = ("share", "share_i2")
_HALF = 0.5
_CHUNK = 2**16
_SAME = 1e-10


def splits_of(members: AnyArray, estimate: Array, i2: Array, labels: Sequence[str]) -> pd.DataFrame:
    """Compare the subsets with and without each of k studies.

    Parameters
    ----------
    members : ndarray of uint8, shape (n, ceil(k / 8))
        The subsets as bits.
    estimate, i2 : Array, shape (n,)
        Pooled effect and I2 (percent) of each; subsets where either is missing are left out.
    labels : sequence of str, length k
        Names of the studies.

    Returns
    -------
    DataFrame
        ``label, n_with, estimate_with, estimate_without, difference, i2_with, i2_without, share, share_i2``,
        one row a study: means, and the share of the variance of estimates and of I2 that membership explains.
        A share is missing where no subset is without the study, or all subsets have one value.

    Notes
    -----
    With the share p of subsets that hold the study, the share of variance is
    p (1 - p) (mean with - mean without)^2 / variance, the squared point-biserial correlation. Sums are taken
    of deviations from the mean of all subsets, part by part, so that memory does not grow with k times n.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._membership import numbered
    >>> from ketameta.robustness._splitting import splits_of
    >>> table = splits_of(numbered(0, 8, 3), np.array([0, 1, 1, 1.0]), np.zeros(4), ("a", "b", "c"))
    >>> table["share"].round(2).tolist()
    [0.11, 0.11, 1.0]
    """
    k = len(labels)
    sound = np.isfinite(estimate) & np.isfinite(i2)
    n = int(sound.sum())
    estimates, spreads = _Deviations(estimate, sound), _Deviations(i2, sound)
    count, sums = np.zeros(k), np.zeros((2, k))
    for start in range(0, sound.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        mask = unpacked(members[part], k)[sound[part]].astype(np.float64)
        count += mask.sum(axis=0)
        sums[0] += estimates.of(part) @ mask
        sums[1] += spreads.of(part) @ mask
    table = pd.DataFrame({"label": list(labels), "n_with": count.astype(np.int64)})
    means = [one.means(total, count, n) for one, total in zip((estimates, spreads), sums, strict=True)]
    table["estimate_with"], table["estimate_without"] = means[0]
    table["difference"] = means[0][0] - means[0][1]
    table["i2_with"], table["i2_without"] = means[1]
    for name, one, total in zip(SHARES, (estimates, spreads), sums, strict=True):
        table[name] = one.share(total, count, n)
    return table


def splitter_of(table: pd.DataFrame) -> tuple[int, str] | None:
    """Position of the study that splits the subsets, and in which column of the table it does.

    Membership explains more than half of the variance of the estimates, or else of I2. None where no study
    does, or there are fewer than ten.
    """
    if len(table) < ENOUGH:
        return None
    for column in SHARES:
        shares = table[column].to_numpy()
        if (shares > _HALF).any():
            return int(np.nanargmax(shares)), column
    return None


class _Deviations:
    """Deviations of values from their mean, in units of the largest, so that no square overflows."""

    def __init__(self, values: Array, sound: BoolArray) -> None:
        self.values, self.sound = values, sound
        good = values[sound]
        self.mean = float(np.mean(good)) if good.size else np.nan
        off = good - self.mean
        largest = float(np.abs(off).max(initial=0.0))
        size = float(np.abs(good).max(initial=0.0))
        self.unit = largest if largest > _SAME * size else 0.0
        self.variance = float(np.mean(np.square(off / self.unit))) if self.unit else 0.0

    def of(self, part: slice) -> Array:
        """Deviations of a part in units; 0 where all values are the same."""
        good = self.values[part][self.sound[part]]
        return (good - self.mean) / self.unit if self.unit else np.zeros_like(good)

    def means(self, total: Array, count: Array, n: int) -> tuple[Array, Array]:
        """Means with and without each study."""
        scale = self.unit
        with_it = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        without = np.divide(-total, n - count, out=np.full_like(total, np.nan), where=count < n)
        return self.mean + scale * with_it, self.mean + scale * without

    def share(self, total: Array, count: Array, n: int) -> Array:
        """Share of the variance that membership explains."""
        known = (count > 0) & (count < n) & (self.variance > 0)
        among = np.divide(np.square(total), count * (n - count), out=np.full_like(total, np.nan), where=known)
        return among / self.variance if self.variance else among
