"""`kind: decision`: no model, a rule over the merged scores."""

from dataclasses import dataclass

from agentctl.agents.call import AgentCall, Fields
from agentctl.channels.decision import Verdict, decide, vetoed
from agentctl.channels.view import plain
from agentctl.workspace.spec import AgentSpec


@dataclass(frozen=True, slots=True)
class DecisionAgent:
    """Decides by `weighted`, `majority` or `borda`, with veto and quorum."""

    role: str
    spec: AgentSpec

    async def run(self, call: AgentCall) -> Fields:
        """Return `winner` and `decision`; without a winner, `decision.text` says why."""
        state, veto = call.state, self.spec.veto
        options = plain(state["options"])
        # By single scores: `rewards` holds sums over rounds, and a veto means one judgement.
        struck = vetoed(plain(call.names["_peaks"]), veto.metric, veto.above) if veto else []
        verdict = decide(
            self.spec.rule or "weighted",
            plain(state["rewards"]),
            options,
            plain(call.names["_weights"]),
            struck=struck,
            quorum=self.spec.quorum,
        )
        return {"winner": verdict.option, "decision": self._decision(verdict, options)}

    def _decision(self, verdict: Verdict, options: list[dict[str, str]]) -> dict[str, object]:
        chosen = next((option for option in options if option["id"] == verdict.option), None)
        title = chosen["title"] if chosen else verdict.option
        return {
            "option": verdict.option,
            "title": title,
            "text": (chosen["text"] or title if chosen else title)
            if verdict.option
            else f"no option won: {verdict.reason}",
            "rule": self.spec.rule or "weighted",
            "totals": verdict.totals,
            "dissent": verdict.dissent,
            "vetoed": verdict.vetoed,
        }
