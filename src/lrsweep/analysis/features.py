"""Features of configurations, for k-means and for the random forest of the importance."""

import numpy as np
import pandas as pd

from lrsweep.space import Choice, Space


def features_of(trials: pd.DataFrame, space: Space) -> dict[str, np.ndarray]:
    """Give the features of each name, float64 of shape (trials, features of the name).

    A number is one feature, its logarithm where the scale is logarithmic. Each choice is a feature, 1 where it was chosen.
    """
    found = {}
    for name in space:
        one, values = space[name], trials[name].to_numpy()
        if isinstance(one, Choice):
            found[name] = np.stack([values == choice for choice in one.choices], axis=-1).astype(float)
        else:
            numbers = values.astype(float)[:, None]
            found[name] = np.log(numbers) if one.is_log else numbers
    return found
