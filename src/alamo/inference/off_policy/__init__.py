"""Off-policy evaluation: what a policy would earn, known from the log of another one, before it is launched.

Not here: choosing probabilities (steering), learning effects per customer (prediction). Everything works on plain
arrays of logged decisions with their propensities; a log that says too little about a policy is refused.
"""

from __future__ import annotations

from alamo.inference.off_policy.choice_analysis import PolicyChoiceResult, analyze_policy_choice
from alamo.inference.off_policy.evaluate import analyze_policy, score_policy
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy
from alamo.inference.off_policy.overlap import Overlap, overlap_of, weights
from alamo.inference.off_policy.result import PolicyResult, PolicyRow
from alamo.inference.off_policy.selection import Selection, select_policy
from alamo.inference.off_policy.spec import PolicyChoiceSpec, PolicySpec, PolicyTreeSpec
from alamo.inference.off_policy.tree import PolicyTree, TreeScores, TreeSettings, fit_policy_tree
from alamo.inference.off_policy.tree_analysis import PolicyTreeResult, analyze_policy_tree
from alamo.inference.off_policy.tree_model import PolicyTreeModel, policy_tree_from_dict

__all__ = [
    "LoggedDecisions",
    "Overlap",
    "PolicyChoiceResult",
    "PolicyChoiceSpec",
    "PolicyResult",
    "PolicyRow",
    "PolicySpec",
    "PolicyTree",
    "PolicyTreeModel",
    "PolicyTreeResult",
    "PolicyTreeSpec",
    "Selection",
    "TargetPolicy",
    "TreeScores",
    "TreeSettings",
    "analyze_policy",
    "analyze_policy_choice",
    "analyze_policy_tree",
    "fit_policy_tree",
    "overlap_of",
    "policy_tree_from_dict",
    "score_policy",
    "select_policy",
    "weights",
]
