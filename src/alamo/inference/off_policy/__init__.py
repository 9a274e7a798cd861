"""Off-policy evaluation: what a policy would earn, known from the log of another one, before it is launched.

Not here: choosing probabilities (steering), learning effects per customer (prediction). Everything works on plain
arrays of logged decisions with their propensities; a log that says too little about a policy is refused.
"""

from __future__ import annotations

from alamo.inference.off_policy.evaluate import analyze_policy, score_policy
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy
from alamo.inference.off_policy.overlap import Overlap, overlap_of, weights
from alamo.inference.off_policy.result import PolicyResult, PolicyRow
from alamo.inference.off_policy.selection import Selection, select_policy
from alamo.inference.off_policy.spec import PolicySpec
from alamo.inference.off_policy.tree import PolicyTree, TreeScores, TreeSettings, fit_policy_tree

__all__ = [
    "LoggedDecisions",
    "Overlap",
    "PolicyResult",
    "PolicyRow",
    "PolicySpec",
    "PolicyTree",
    "Selection",
    "TargetPolicy",
    "TreeScores",
    "TreeSettings",
    "analyze_policy",
    "fit_policy_tree",
    "overlap_of",
    "score_policy",
    "select_policy",
    "weights",
]
