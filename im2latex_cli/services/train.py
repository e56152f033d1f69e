"""`im2latex train`: data set and settings in, a run folder with a trained model out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from im2latex_cli import runs
from im2latex_cli._version import __version__
from im2latex_cli.errors import EXIT_OK, CheckpointError, Interrupted, PartialError
from im2latex_cli.latex.tokenizer import join as join_tokens
from im2latex_cli.progress import Reporter, SilentReporter, Step
from im2latex_cli.services.suspicious import SuspectLabel, find_suspects, write_suspects
from im2latex_cli.services.train_inputs import TrainingInputs, open_inputs, with_preset
from im2latex_cli.settings.sections import Settings
from im2latex_cli.settings.sources import ResolvedSettings
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup, join
from im2latex_cli.train.folder import RunFolder, RunLog, SilentLog
from im2latex_cli.train.loop import StepReport
from im2latex_cli.train.time_budget import StopRequest
from im2latex_cli.train.training_run import Throughput, TrainingData, TrainingRun
from im2latex_cli.vision.finish import encode_png

SAVE_SECONDS = 120.0
"""Longest time of training that a crash may cost."""

ROWS = 2_000
"""Rows of steps in metrics.jsonl, about."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training came to; scores in percent, of greedy readings.

    Attributes:
        output: the run folder.
        model: its best model file.
        status: "trained", "paused" or "already trained".
        preset: the preset taken.
        steps: steps done; planned_steps: steps of the whole run.
        epochs: passes over the train split.
        pictures: pictures of the train split.
        minutes: time spent in steps.
        pictures_per_second: training speed, NaN-free; 0 if no step was made now.
        loader_share: percent of the step time spent waiting for data.
        split: the split that was evaluated.
        best: figures of the best evaluation.
        memory: figures on the train split itself (memory, not skill), for small data sets.
        findings: what the run says about its own health.
        skipped: pictures that could not be read.
        calibration_error: expected calibration error (0 to 1) of the best model's confidence on
            the evaluated split, each half judged by a fit to the other half; None if all readings
            are right or all are wrong.
        suspicious: training pictures whose label may be wrong, listed in the run folder; None if
            they were not looked for.
    """

    output: str
    model: str
    status: str
    preset: str
    steps: int
    planned_steps: int
    epochs: int
    pictures: int
    minutes: float
    pictures_per_second: float
    loader_share: float
    split: str
    best: Mapping[str, Any]
    memory: Mapping[str, Any] | None = None
    findings: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    calibration_error: float | None = None
    suspicious: int | None = None
    exit_code: int = EXIT_OK

    @classmethod
    def restored(cls, stored: Mapping[str, Any], *, status: str) -> TrainResult:
        """The result that a finished run left, maybe of another version.

        Raises:
            CheckpointError: it lacks a field of this version.
        """
        names = {item.name for item in fields(cls)}
        values = {name: value for name, value in stored.items() if name in names}
        try:
            return cls(**{**values, "status": status})
        except TypeError as error:
            raise CheckpointError(
                f"The saved result of the finished run is incomplete ({error}).",
                hint="Resume it with `resume` and more `epochs`, or begin anew with `force`.",
            ) from error


@dataclass
class _Command:
    """One invocation: everything that the steps of the story below share."""

    settings: Settings
    reporter: Reporter
    inputs: TrainingInputs
    folder: RunFolder
    run: TrainingRun
    split: str
    saved: float = field(default_factory=time.monotonic)
    status: str = "trained"


def run_together(
    resolved: ResolvedSettings,
    reporter: Reporter,
    *,
    data: Path,
    resume: bool = False,
    force: bool = False,
) -> TrainResult | None:
    """As `run`, together with the other processes if torchrun started this one.

    Returns:
        None in a process that does not lead.
    """
    with join(resolved.settings.runtime.device) as processes:
        reporter = reporter if processes.is_main else SilentReporter()
        result = run(resolved, reporter, data=data, resume=resume, force=force, processes=processes)
        return result if processes.is_main else None


def run(
    resolved: ResolvedSettings,
    reporter: Reporter,
    *,
    data: Path,
    resume: bool = False,
    force: bool = False,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> TrainResult:
    """Train a model on a data set.

    Args:
        resolved: the settings; a preset fills in those that users did not set.
        reporter: shows steps, evaluations and findings.
        data: the data set folder.
        resume: go on with the run that the output folder holds.
        force: begin anew, replacing it.
        processes: the processes that train together; only the one that leads writes.

    Raises:
        InputError: the data set is missing, empty or without a vocabulary; or the model to begin
            with is missing.
        UsageError: the folder holds another run and neither flag was given.
        CheckpointError: the saved state, or the model to begin with, cannot be used.
        Interrupted: Ctrl-C; everything is saved.
        PartialError: the loss became no number; the best model so far is kept.
    """
    train_settings = resolved.settings.train
    output = Path(train_settings.output or runs.folder_for(data))
    folder = RunFolder(output, writes=processes.is_main)
    under_way = folder.last if folder.state.is_file() and not force else None
    with processes.local_main_first():
        inputs = open_inputs(data, train_settings.init, under_way, reporter)
    resolved = with_preset(resolved, inputs)
    settings = resolved.settings
    state = folder.state_to_resume(settings, inputs.train.key, resume=resume, force=force)
    if state and state[1].finished_as(settings):
        reporter.info(f"{folder.path} is already trained; `force` trains anew.")
        return TrainResult.restored(state[1].result or {}, status="already trained")
    with processes.local_main_first():
        val, split = inputs.validation(reporter)
    material = TrainingData(inputs.train, val, inputs.vocab, inputs.preprocessing)
    if state:
        training = TrainingRun.resume(settings, material, *state, processes=processes)
    else:
        weights = inputs.start.model.tensors if inputs.start else None
        training = TrainingRun.begin(settings, material, start=weights, processes=processes)
    work = _Command(settings, reporter, inputs, folder, training, split)
    _begin(work, resolved, anew=state is None)
    log = RunLog(folder.path, step=training.learner.step) if processes.is_main else SilentLog()
    with log, StopRequest() as stop:
        _train(work, log, stop)
    return _result(work)


def _begin(work: _Command, resolved: ResolvedSettings, *, anew: bool) -> None:
    """Prepare the run folder, and save the first state: the run needs its initial model no more."""
    if anew:
        work.folder.clear()
        if work.inputs.start:
            work.folder.save_model(work.run.model(_info(work, {})), best=False)
    work.folder.describe(resolved, work.inputs.vocab)
    _announce(work)


def _train(work: _Command, log: RunLog | SilentLog, stop: StopRequest) -> None:
    learner, began = work.run.learner, time.monotonic()
    rows = max(1, learner.steps // ROWS)
    with work.reporter.step("Train", learner.steps) as bar:
        bar.advance(learner.step)
        try:
            for report in work.run.steps():
                bar.resize(learner.steps)
                _show(bar, report, work.run.throughput)
                if report.step // rows > (report.step - report.covers) // rows:
                    log.row("train", report.step, report.row())
                last = report.step == learner.steps
                due = last or report.step % work.run.every == 0
                if due:
                    _evaluate(work, log)
                    if _patience_over(work):
                        work.reporter.info("No better evaluation for train.patience times: done.")
                        break
                if _to_leave(work, stop, began=began, due=due) and not last:
                    work.status = "paused"
                    _save_all(work)
                    break
        except FloatingPointError as error:
            raise PartialError(
                str(error),
                hint="Lower train.learning_rate or raise train.warmup and begin anew with `force`; "
                f"the best model so far is kept in {work.folder.path}.",
            ) from error
    if work.status == "trained":
        _finish(work, log)
        _save_state(work)


def _to_leave(work: _Command, stop: StopRequest, *, began: float, due: bool) -> bool:
    """Whether to pause now; saves now and then.

    Raises:
        Interrupted: Ctrl-C, after saving.
    """
    now, pause = time.monotonic(), work.settings.train.session_minutes
    late = not due and now - work.saved > SAVE_SECONDS
    over = pause is not None and now - began > pause * 60
    # Clocks and signals differ between processes, and all must do the same.
    stopped, late, over = work.run.processes.broadcast((stop.requested, late, over))
    if late:
        _save_state(work)
    if stopped:
        _save_all(work)
        learner = work.run.learner
        raise Interrupted(
            f"Interrupted after step {learner.step} of {learner.steps}; all is saved "
            f"in {work.folder.path}.",
            hint="The same command with `resume` goes on.",
        )
    return over


def _evaluate(work: _Command, log: RunLog | SilentLog) -> None:
    run = work.run
    evaluation = run.evaluate()
    better = run.remember(evaluation)
    step = run.learner.step
    log.row(work.split, step, evaluation.row())
    for number, (index, reference, hypothesis) in enumerate(evaluation.examples):
        log.example(number, step, run.picture(index), reference=reference, hypothesis=hypothesis)
        log.attention(number, step, run.attention(index))
    weights, gradients = run.tensors()
    log.histograms("weights", step, weights)
    log.histograms("gradients", step, gradients)
    statistics, findings = run.examine(evaluation)
    log.row("gradient", step, statistics.parts)
    log.row("variance", step, statistics.variances)
    work.reporter.metrics(_table_row(work, evaluation.row()))
    for finding in findings:
        log.row("health", step, {"code": finding.code, "message": finding.message})
        if finding.code not in run.history.findings:
            (work.reporter.warn if finding.serious else work.reporter.info)(finding.message)
    run.history.findings = {finding.code: finding.message for finding in findings}
    log.flush()
    work.folder.save_model(run.model(_info(work, evaluation.row())), best=better)
    _save_state(work)


def _finish(work: _Command, log: RunLog | SilentLog) -> None:
    """Close a finished run; a small one also reads its own train split: memory, not skill."""
    run = work.run
    run.history.finished = True
    if work.settings.train.check_labels and run.processes.is_main:
        _check_labels(work)
    if work.settings.train.preset == "small" and work.split != "train":
        evaluation = run.evaluate(run.data.train)
        run.history.recalled = evaluation.row()
        log.row("memory", run.learner.step, evaluation.row())
        work.reporter.info(
            f"Read back from its own train split (memory, not skill): BLEU-4 "
            f"{evaluation.bleu4:.1f}, edit similarity {evaluation.edit_similarity:.1f}, exact "
            f"match {evaluation.exact_match:.1f}."
        )


def _check_labels(work: _Command) -> None:
    """Write the training pictures whose label may be wrong."""
    run, train = work.run, work.run.data.train

    def label(index: int) -> SuspectLabel:
        formula = join_tokens(run.data.vocab.decode(train.formula(index)))
        return SuspectLabel(train.names[index], formula, lambda: encode_png(train.picture(index)))

    indices, losses = run.label_losses()
    suspects = [
        replace(suspect, index=int(indices[suspect.index]))
        for suspect in find_suspects(losses.tolist(), train.lengths[indices].tolist())
    ]
    run.history.suspicious = len(suspects)
    write_suspects(
        work.folder.path, "train", suspects, label, checked=len(indices), reporter=work.reporter
    )


def _save_all(work: _Command) -> None:
    """Save the state and the network of this moment, which no evaluation has seen."""
    work.folder.save_model(work.run.model(_info(work, {})), best=False)
    _save_state(work)


def _save_state(work: _Command) -> None:
    run = work.run
    run.record.result = asdict(_result(work)) if run.history.finished else None
    work.folder.save_state(*run.state())
    work.saved = time.monotonic()


def _result(work: _Command) -> TrainResult:
    run, learner = work.run, work.run.learner
    return TrainResult(
        output=str(work.folder.path),
        model=str(work.folder.best),
        status=work.status,
        preset=work.settings.train.preset,
        steps=learner.step,
        planned_steps=learner.steps,
        epochs=learner.cursor.epoch,
        pictures=len(run.data.train),
        minutes=round(learner.seconds / 60, 2),
        pictures_per_second=round(run.throughput.pictures_per_second, 1),
        loader_share=round(run.throughput.loader_share, 2),
        split=work.split,
        best=run.history.best,
        memory=run.history.recalled,
        findings=tuple(run.history.findings.values()),
        skipped=run.data.train.skipped,
        calibration_error=run.history.best.get("calibration_error"),
        suspicious=run.history.suspicious,
    )


def _announce(work: _Command) -> None:
    run, learner = work.run, work.run.learner
    for line in run.warnings:
        work.reporter.warn(line)
    teaches_attention = work.settings.train.glyph_weight or work.settings.train.attention_weight
    if teaches_attention and not run.classes:
        work.reporter.detail("The data set has no glyph positions: attention is not taught.")
    parameters = sum(p.numel() for p in learner.network.parameters())
    progress = f", from step {learner.step}" if learner.step else ""
    work.reporter.info(
        f"Preset {work.settings.train.preset}: {parameters / 1e6:.1f} M parameters, "
        f"{len(run.data.train)} pictures, {learner.steps} steps on {run.device}{progress}."
    )


def _show(bar: Step, report: StepReport, speed: Throughput) -> None:
    bar.note(
        f"loss {report.smoothed:.3f}, {speed.pictures_per_second:.0f} pictures/s, "
        f"loader {speed.loader_share:.1f} %"
    )
    bar.advance()


def _table_row(work: _Command, figures: Mapping[str, Any]) -> dict[str, float | int | str]:
    learner = work.run.learner
    return {
        "step": learner.step,
        "minutes": round(learner.seconds / 60, 1),
        "train loss": round(learner.smoothed, 3),
        f"{work.split} loss": round(figures["loss"], 3),
        "bleu": round(figures["bleu4"], 1),
        "edit": round(figures["edit_similarity"], 1),
        "exact": round(figures["exact_match"], 1),
        "identical": round(figures["identical"], 1),
        "well-formed": round(figures["well_formed"], 1),
    }


def _info(work: _Command, figures: Mapping[str, Any]) -> dict[str, Any]:
    learner, history = work.run.learner, work.run.history
    start = work.inputs.start
    info: dict[str, Any] = {"init": dict(start.info)} if start else {}
    if history.calibration:
        info["calibration"] = history.calibration
    return {
        "package": __version__,
        "data": work.inputs.data.resolve().name,
        "pictures": len(work.run.data.train),
        "validation_pictures": len(work.run.data.val),
        "tokens": len(work.run.data.vocab),
        "preset": work.settings.train.preset,
        "steps": learner.step,
        "epochs": learner.cursor.epoch,
        "minutes": round(learner.seconds / 60, 2),
        "scores": {"split": work.split, "decoding": "greedy", **figures},
        **info,
    }


def _patience_over(work: _Command) -> bool:
    patience = work.settings.train.patience
    return patience is not None and work.run.history.since_best >= patience
