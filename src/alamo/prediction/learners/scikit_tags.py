"""What scikit-learn asks of an estimator before it takes it into a pipeline."""

from __future__ import annotations

from typing import Any


def regressor_tags() -> Any:
    """Return the tags of a regressor of several columns that takes missing values and text (`sklearn.utils.Tags`).

    scikit-learn is loaded here, when it asks, and not by those who work without it.
    """
    from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags  # noqa: PLC0415

    return Tags(
        estimator_type="regressor",
        target_tags=TargetTags(required=True),
        regressor_tags=RegressorTags(),
        input_tags=InputTags(allow_nan=True, string=True, categorical=True),
    )
