import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def es():
    """Effects of 20 trials, with a year, a group and a dose as moderators."""
    rng = np.random.default_rng(3)
    year = np.arange(2001.0, 2021.0)
    group = np.array(["active", "inactive", "psychoactive"])[np.arange(20) % 3]
    vi = rng.uniform(0.02, 0.2, 20)
    yi = -0.8 + 0.03 * (year - 2010) + 0.3 * (group == "psychoactive") + rng.normal(0, np.sqrt(vi + 0.05))
    return pd.DataFrame({"yi": yi, "vi": vi, "year": year, "group": group, "dose": rng.uniform(0.1, 1, 20)})
