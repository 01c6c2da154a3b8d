"""What a run says of itself: the facts for report and card, and metrics.json."""

from __future__ import annotations

import shlex
import time
from datetime import datetime
from typing import Any

from eyespot import environment
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.metrics import Evaluation
from eyespot.run_folder import RunFolder
from eyespot.runs.outcome import Outcome


def facts(outcome: Outcome, folder: RunFolder) -> Facts:
    """What report and card say of a run besides its figures."""
    order, learned = outcome.order, outcome.learned
    return Facts(
        run=folder.name,
        command=f"eyespot train --config {shlex.quote(str(folder.args))}",
        fingerprint=learned.fingerprint,
        tested=outcome.tested,
        recipe=order.recipe_name,
        watched=outcome.watched,
        parameters=outcome.model.count_params(),
        epochs=len(learned.history),
        stopped_early=learned.stopped_early,
        interrupted=outcome.interrupted is not None,
        train_seconds=learned.seconds,
        seed=order.seed,
        date=f"{datetime.now():%Y-%m-%d %H:%M}",
        arguments=order.arguments(),
        environment=environment.summary(),
    )


def metrics(
    outcome: Outcome, stated: Facts, folder: RunFolder, evaluation: Evaluation, *, difference: float, began: float
) -> dict[str, Any]:
    """What metrics.json holds.

    Args:
        outcome: the run.
        stated: its facts.
        folder: where it lies.
        evaluation: its figures.
        difference: by how much, at most, the written model's probabilities differ from those learned.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
    """
    order, learned, appraisal = outcome.order, outcome.learned, outcome.appraisal
    return {
        "run": str(folder.path),
        "recipe": order.recipe_name,
        "data": order.data,
        "seed": order.seed,
        "epochs": len(learned.history),
        "steps": learned.steps,
        "parameters": stated.parameters,
        "train_seconds": learned.seconds,
        "images_per_second": learned.pictures / learned.seconds,
        "stopped_early": learned.stopped_early,
        "resumed_from_step": None,
        "skipped": len(outcome.dataset.skipped),
        "test": {**evaluation.to_json(), **({} if appraisal is None else {"method": appraisal.method})},
        "few": None if appraisal is None else appraisal.to_json(),
        "calibration": _calibration(outcome, evaluation),
        "interrupted": outcome.interrupted is not None,
        "pictures": {name: len(part) for name, part in outcome.dataset.parts.items()},
        "data_facts": dict(outcome.dataset.facts),
        "environment": dict(stated.environment),
        "largest_probability_difference": difference,
        "budget": _spent(outcome, began),
    }


def _calibration(outcome: Outcome, evaluation: Evaluation) -> dict[str, Any] | None:
    calibration, confidence = outcome.calibration, evaluation.confidence
    if calibration is None or confidence is None:
        return None
    return calibration.checked(confidence.check).to_json()


def _spent(outcome: Outcome, began: float) -> dict[str, Any] | None:
    """The budget, the seconds that were predicted, to the end of the process, and those spent so far; None without a budget.

    The time in which the user thought about a question is none of it.
    """
    if outcome.order.budget is None:
        return None
    spent = {
        "before": outcome.planned - began - outcome.waited,
        "training": outcome.finished - outcome.planned,
        "after": time.monotonic() - outcome.finished,
    }
    plan = outcome.plan
    return {
        "seconds": outcome.order.budget,
        "predicted_seconds": None if plan is None else sum(plan.predicted.values()),
        "spent_seconds": sum(spent.values()),
        "predicted": None if plan is None else dict(plan.predicted),
        "spent": spent,
        "measured": None if plan is None else dict(plan.measured),
    }
