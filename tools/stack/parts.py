"""The three stacks of Parley: the template of each, and the parameters that it takes from the one
before.

State, application, observability, in this order: outputs of one are parameters of the next, by
the same names. A stack gets only the parameters that its own template declares.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.stack.building import BUILD
from tools.stack.emulator import ROOT
from tools.stack.templates import template

Parameters = dict[str, str]


@dataclass(frozen=True)
class Part:
    """One of the stacks.

    Attributes
    ----------
    source: its template in this checkout.
    file: the file that is deployed.
    suffix: suffix of its name, after the application's.
    """

    source: str
    file: Path
    suffix: str

    def stack(self, application: str) -> str:
        return f"{application}{self.suffix}"

    def told(self, known: Mapping[str, str]) -> Parameters:
        """Returns the parameters that its template declares."""
        declared = template(self.source)["Parameters"]
        return {name: value for name, value in known.items() if name in declared}


STATE = Part("infra/state.yaml", ROOT / "infra" / "state.yaml", "-state")
APPLICATION = Part("template.yaml", BUILD / "template.yaml", "")
OBSERVABILITY = Part(
    "infra/observability.yaml", ROOT / "infra" / "observability.yaml", "-observability"
)
PARTS = (STATE, APPLICATION, OBSERVABILITY)


@cache
def resources() -> Mapping[str, dict[str, Any]]:
    """Returns the resources of all three stacks by logical id, which are unique across the
    stacks."""
    found: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        more = template(part.source)["Resources"]
        if both := found.keys() & more.keys():
            raise ValueError(f"two stacks have {', '.join(sorted(both))}")
        found |= more
    return found


Deploy = Callable[[Part, Parameters], Mapping[str, str]]
"""Deploys a stack with these parameters; returns its outputs."""


def deploy_all(application: str, given: Mapping[str, str], deploy: Deploy) -> Mapping[str, str]:
    """Deploys the three stacks; returns the application's outputs.

    Parameters
    ----------
    application: name of its stack.
    given: parameters of all three.
    """
    state = deploy(STATE, STATE.told(given))
    # Parameters of the operator take precedence: a restored table, or a replica in another region.
    outputs = deploy(APPLICATION, APPLICATION.told({**state, **given}))
    known = {**given, **outputs, "Application": application}
    deploy(OBSERVABILITY, OBSERVABILITY.told(known))
    return outputs
