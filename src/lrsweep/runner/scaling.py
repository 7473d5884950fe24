"""The proxies of the final training as a study: runs of other lengths, sizes or batches, placed so that each has a profile."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from lrsweep.analysis.law import MUP_WIDTH
from lrsweep.analysis.rules import Rule, Shape, rules
from lrsweep.analysis.scaling import Scaling, scale
from lrsweep.runner.progress import Size
from lrsweep.runner.repeats import Placed
from lrsweep.runner.trainer import carried_values, completed, script_defaults
from lrsweep.search import plan
from lrsweep.search.plan import AT_ONCE, Chain, Plan, Task
from lrsweep.search.racing import Entry
from lrsweep.search.trial import Proposal
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget, Values


@dataclass(frozen=True)
class Proxy:
    """A run that stands for the final training: its length, and the values of its size and its batch."""

    budget: Budget
    values: Mapping[str, int]


class Scale(Placed):
    """The profiles of the proxies. The profile of an Entry is the number of its proxy."""

    stage = "scale"

    @property
    def size(self) -> Size:
        """The first runs of all proxies at once; nothing where `scale` is null."""
        section = self.params.scale
        if section is None:
            return Size(self.stage, 0, 0, (self.budget.steps,))
        lengths = [proxy.budget.steps for proxy in self.proxies for _ in range(section.runs)]
        return Size(self.stage, len(lengths), len(self.proxies) * AT_ONCE, (round(sum(lengths) / len(lengths)),))

    @property
    def own(self) -> Mapping[str, Any]:
        """Nothing: a record is found by its length too."""
        return {}

    @cached_property
    def proxies(self) -> list[Proxy]:
        """All lengths by all sizes by all batches."""
        section = self.params.scale
        if section is None:
            return []
        batches = [{"batch_size": one} for one in section.batch_size]
        return [
            Proxy(self._budget(steps), {**size, **batch})
            for steps, size, batch in product(section.steps, section.sizes or ({},), batches or ({},))
        ]

    def _budget(self, steps: int) -> Budget:
        """Give a length whose warm-up has the share that it has in phase 2, with an eval at the end."""
        own = self.budget
        return Budget(
            steps=steps,
            warmup_steps=min(steps - 1, round(own.warmup_steps * steps / own.steps)),
            eval_every=math.gcd(steps, own.eval_every),
        )

    def sizes(self, steps: int, values: Values) -> dict[str, float]:
        """Give what a law is a function of, by name, for a run of this length: the size and the batch of the proxies' values."""
        names = {name: name for name in (self.proxies[0].values if self.proxies else ())}
        if not self.params.trainer and self.params.model.parametrization == "mup" and "d_model" in names:
            names["d_model"] = MUP_WIDTH
        return {"steps": float(steps), **{name: float(values[own]) for own, name in names.items()}}

    @property
    def answer(self) -> Scaling:
        """What the proxies, which must have ended, say of the final training."""
        if not self.proxies:
            return self._scaling
        values = {**self.carried, "lr": self._scaling.lr or self.selected["lr"]}
        return replace(self._scaling, values=values, rules=self._rules)

    @property
    def _rules(self) -> tuple[Rule, ...]:
        params = self.params
        names = ("lr", *params.sweep_bayes.space)
        default = completed(params, params.select.default, names, params.train)
        return rules(self._scaling.lr, self.carried, self.selected, default, self._shape)

    @property
    def _shape(self) -> Shape | str:
        """The final training as published rules see it, or why none applies to it."""
        own = self.whole
        if self.params.trainer:
            return "the parameters and the tokens of a script are not known"
        if own["optimizer"] != "adamw":
            return f"it is for AdamW, and the optimizer is {own['optimizer']}"
        model, steps = self.params.model, self.params.train.steps
        if model.parametrization == "mup":
            return "it is for the standard parametrization"
        tokens = steps * int(own["batch_size"]) * model.context_length
        # 6 FLOPs a parameter, and those of attention (DeepSeek-AI 2024, arXiv 2401.02954, equation 2)
        flops = tokens * (6.0 * model.parameters + 12 * model.n_layers * model.d_model * model.context_length)
        return Shape(model.parameters, tokens, flops)

    @cached_property
    def _scaling(self) -> Scaling:
        told = [
            (self.sizes(proxy.budget.steps, proxy.values), [self.run(entry) for entry in self.entries(number)])
            for number, proxy in enumerate(self.proxies)
        ]
        return scale(told, self.sizes(self.params.train.steps, self.whole), self.params.seed)

    @cached_property
    def whole(self) -> Values:
        """The selected values, over all that the final training has else."""
        if self.params.trainer:
            return {**script_defaults(self.params), **self.selected}
        return {**vars(self.params.model), **vars(self.params.optimizer), **self.selected}

    @cached_property
    def selected(self) -> Values:
        """The selected configuration of phase 2."""
        return self.results.read_json("select/choice.json")["selected"]

    @cached_property
    def carried(self) -> Values:
        """The selected configuration as other lengths take it over."""
        return carried_values(self.params, self.selected)

    @cached_property
    def plan(self) -> Plan:
        """The runs of all profiles, each placed when those that it is placed by have ended."""
        runs = self.params.scale.runs if self.params.scale else 0
        chains = [Chain(proxy.budget.steps, runs, AT_ONCE) for proxy in self.proxies]
        return plan.placed(chains, self.done)

    def length(self, task: Task) -> Budget:
        """Give the length of a proxy."""
        return self.proxies[Entry.of(task.trial).candidate].budget

    def planned(self, task: Task) -> tuple[Proposal, int]:
        """Give the carried values with the size, the batch and the placed LR of a run; and the seed."""
        entry = Entry.of(task.trial)
        values = {**self.carried, **self.proxies[entry.candidate].values, "lr": self.lr(entry)}
        return Proposal.known(task.trial, values, "profile"), derive_seed(self.params.seed, "scale/run", entry.repeat)

    def place(self, entry: Entry) -> float:
        """Place a run by those of its proxy before it."""
        section = self.params.scale
        assert section is not None, "nothing is planned where it is null"
        seed = derive_seed(self.params.seed, f"scale/proxy {entry.candidate}", entry.repeat)
        return self.by_profile(entry, float(self.selected["lr"]), section.factor, seed)

    def label(self, task: Task) -> Mapping[str, Any]:
        """Give the number of the proxy that a run is of."""
        return {"proxy": Entry.of(task.trial).candidate}

    def entries(self, proxy: int) -> Iterator[Entry]:
        """Give the runs of a proxy in the order of placement."""
        yield from (Entry(proxy, run) for run in range(self.params.scale.runs if self.params.scale else 0))
