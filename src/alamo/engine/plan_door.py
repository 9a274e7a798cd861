"""What can be done with the plans of a project, as methods; `alamo.project.Project` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from alamo.domain.records import PlanAct, PlanRecord
from alamo.engine import act, gate, standing, takeback
from alamo.engine.context import Context
from alamo.engine.load import Load, expected_load
from alamo.engine.rollback import Rollback, rollback


class PlanDoor:
    """The human gate as methods; a child holds the `context`."""

    context: Context

    def plans(self) -> Sequence[PlanRecord]:
        """Return all plans, oldest first."""
        return self.context.state.plans.all()

    def plan(self, plan_id: str | None = None) -> PlanRecord:
        """Return one plan, or the newest."""
        return gate.plan_named(self.context, plan_id)

    def plan_at_gate(self, plan_id: str | None = None) -> gate.PlanAtGate:
        """Return one plan, or the newest, with what has changed since it was made and who did what with it."""
        return gate.plan_at_gate(self.context, plan_id)

    def plan_load(
        self, plan_id: str | None = None, *, at: datetime | None = None, per_hour: Mapping[str, int] | None = None
    ) -> Load:
        """Return the messages of a plan by hour and channel if it is launched `at`; see `alamo.engine.load`."""
        return expected_load(self.context, plan_id, at=at, per_hour=per_hour)

    def plan_log(self, plan_id: str | None = None) -> Sequence[PlanAct]:
        """Return who did what with a plan, or with all, oldest first."""
        return self.context.state.plans.log(None if plan_id is None else self.plan(plan_id).plan_id)

    def approve(self, plan_id: str | None = None, *, by: str, anyway: str = "") -> PlanRecord:
        """Approve a proposed plan; nothing is sent yet. `anyway` is a reason to go on with a stale one."""
        return gate.approve(self.context, plan_id, by=by, anyway=anyway)

    def launch(
        self, plan_id: str | None = None, *, by: str, progress: act.Progress | None = None, anyway: str = ""
    ) -> takeback.Launch:
        """Launch an approved plan, or go on with an interrupted launch; `anyway` as in `approve`."""
        return act.launch(self.context, plan_id, by=by, progress=progress, anyway=anyway)

    def cancel(self, plan_id: str | None = None, *, by: str, reason: str = "") -> PlanRecord:
        """Cancel a plan that has not been launched."""
        return gate.cancel(self.context, plan_id, by=by, reason=reason)

    def stop(self, plan_id: str | None = None, *, by: str, reason: str = "") -> takeback.Launch:
        """Stop the launch of a plan that is under way, also from another process, or end an interrupted stop."""
        return takeback.stop(self.context, plan_id, by=by, reason=reason)

    def rollback(self, plan_id: str | None = None, *, by: str, reason: str = "") -> Rollback:
        """Take a launched plan back, by default the last: the policy before is in force again for real time."""
        return rollback(self.context, plan_id, by=by, reason=reason)

    def standing_approvals(self) -> Sequence[standing.StandingApproval]:
        """Return all standing approvals, those that are over included, oldest first."""
        return standing.standing_approvals(self.context)

    def grant_standing(self, wanted: standing.StandingApproval) -> standing.StandingApproval:
        """Let plans pass by themselves within limits; see `alamo.engine.standing`."""
        return standing.grant(self.context, wanted)

    def second_standing(self, approval_id: str, *, by: str) -> standing.StandingApproval:
        """Confirm a standing approval that takes two people, as the second."""
        return standing.second(self.context, approval_id, by=by)

    def revoke_standing(self, approval_id: str, *, by: str, reason: str = "") -> standing.StandingApproval:
        """Take a standing approval back."""
        return standing.revoke(self.context, approval_id, by=by, reason=reason)

    def launch_standing(self, plan_id: str | None = None, *, progress: act.Progress | None = None) -> takeback.Launch:
        """Approve and launch a plan if a standing approval covers it."""
        return standing.launch_standing(self.context, plan_id, progress=progress)
