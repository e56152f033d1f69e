"""`im2latex train`: data set and settings in, a run folder with a trained model out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from im2latex_cli import __version__
from im2latex_cli.errors import EXIT_OK, Interrupted, PartialError
from im2latex_cli.progress import Reporter, SilentReporter, Step
from im2latex_cli.services.train_inputs import Inputs, open_inputs, with_preset
from im2latex_cli.settings.resolve import Resolved
from im2latex_cli.settings.tree import Settings
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup, join
from im2latex_cli.train.loop import StepReport
from im2latex_cli.train.monitor.log import RunLog, SilentLog
from im2latex_cli.train.run.folder import RunFolder
from im2latex_cli.train.run.interrupts import StopRequest
from im2latex_cli.train.run.resume import bound, finished, open_state
from im2latex_cli.train.run.training_run import TrainingRun

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
        pictures_per_second: training speed, NaN-free; 0 where nothing was trained now.
        loader_share: percent of the step time spent waiting for data.
        split: the split that was evaluated.
        best: figures of the best evaluation.
        memory: figures on the train split itself (memory, not skill), for small data sets.
        findings: what the run says about its own health.
        skipped: pictures that could not be read.
        calibration_error: expected calibration error (0 to 1) of the best model's confidence on
            the evaluated split, each half judged with what the other half taught; None where
            all readings are right or all are wrong.
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
    exit_code: int = EXIT_OK


@dataclass
class _Pace:
    """Sums of this command's steps."""

    seconds: float = 0.0
    waited: float = 0.0
    pictures: int = 0
    saved: float = field(default_factory=time.monotonic)

    def add(self, report: StepReport) -> None:
        self.seconds += report.seconds
        self.waited += report.waited
        self.pictures += report.pictures

    @property
    def rate(self) -> float:
        return self.pictures / self.seconds if self.seconds else 0.0

    @property
    def loader(self) -> float:
        return 100.0 * self.waited / self.seconds if self.seconds else 0.0


@dataclass
class _Run:
    """One invocation: everything that the steps of the story below share."""

    settings: Settings
    reporter: Reporter
    inputs: Inputs
    folder: RunFolder
    session: TrainingRun
    split: str
    extra: dict[str, Any]
    pace: _Pace = field(default_factory=_Pace)
    status: str = "trained"


def run_together(
    resolved: Resolved, reporter: Reporter, *, data: Path, resume: bool = False, force: bool = False
) -> TrainResult | None:
    """As `run`, together with the other processes where torchrun started this one.

    Returns:
        None in a process that does not lead.
    """
    with join(resolved.settings.runtime.device) as processes:
        told = reporter if processes.is_main else SilentReporter()
        result = run(resolved, told, data=data, resume=resume, force=force, processes=processes)
        return result if processes.is_main else None


def run(
    resolved: Resolved,
    reporter: Reporter,
    *,
    data: Path,
    resume: bool = False,
    force: bool = False,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> TrainResult:
    """Train a model on a data set.

    Args:
        resolved: the settings; a preset fills in what users did not set.
        reporter: told about steps, evaluations and findings.
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
    wanted = resolved.settings.train
    output = Path(wanted.output or Path("results") / data.resolve().name)
    folder = RunFolder(output, writes=processes.is_main)
    under_way = folder.last if folder.state.is_file() and not force else None
    with processes.local_main_first():
        inputs = open_inputs(data, wanted.init, under_way, reporter)
    resolved = with_preset(resolved, inputs)
    settings = resolved.settings
    extra = {"settings": bound(settings), "data": inputs.train.key}
    state = open_state(folder, settings, extra, resume=resume, force=force)
    if state and finished(state[1], settings):
        reporter.info(f"{folder.path} is already trained; --force trains anew.")
        return TrainResult(**{**state[1]["result"], "status": "already trained"})
    with processes.local_main_first():
        val, split = inputs.validation(reporter)
    session = TrainingRun(
        settings,
        inputs.train,
        val,
        vocab=inputs.vocab,
        preprocessing=inputs.preprocessing,
        state=state,
        start=inputs.start.model.tensors if inputs.start else None,
        processes=processes,
    )
    work = _Run(settings, reporter, inputs, folder, session, split, extra)
    _begin(work, resolved, anew=state is None)
    log = RunLog(folder.path, step=session.learner.step) if processes.is_main else SilentLog()
    with log, StopRequest() as stop:
        _train(work, log, stop)
    return _result(work)


def _begin(work: _Run, resolved: Resolved, *, anew: bool) -> None:
    """Make the run folder ready, and keep what the run begins with: it needs that model no more."""
    if anew:
        work.folder.clear()
        if work.inputs.start:
            work.folder.save_model(work.session.model(_info(work, {})), best=False)
    work.folder.describe(resolved, work.inputs.vocab)
    _announce(work)


def _train(work: _Run, log: RunLog | SilentLog, stop: StopRequest) -> None:
    learner, began = work.session.learner, time.monotonic()
    rows = max(1, learner.steps // ROWS)
    with work.reporter.step("Train", learner.steps) as bar:
        bar.advance(learner.step)
        try:
            for report in work.session.steps():
                work.pace.add(report)
                bar.resize(learner.steps)
                _show(bar, report, work.pace)
                if report.step // rows > (report.step - report.covers) // rows:
                    log.row("train", report.step, report.row())
                last = report.step == learner.steps
                due = last or report.step % work.session.every == 0
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
                hint="Lower train.learning_rate or raise train.warmup and begin anew with --force; "
                f"the best model so far is kept in {work.folder.path}.",
            ) from error
    if work.status == "trained":
        _finish(work, log)
        _save_state(work)


def _to_leave(work: _Run, stop: StopRequest, *, began: float, due: bool) -> bool:
    """Whether the session's time is over; saves now and then.

    Raises:
        Interrupted: Ctrl-C, after saving.
    """
    now, pause = time.monotonic(), work.settings.train.session_minutes
    late = not due and now - work.pace.saved > SAVE_SECONDS
    over = pause is not None and now - began > pause * 60
    # Clocks and signals differ between processes, and all must do the same.
    stopped, late, over = work.session.processes.broadcast((stop.requested, late, over))
    if late:
        _save_state(work)
    if stopped:
        _save_all(work)
        learner = work.session.learner
        raise Interrupted(
            f"Interrupted after step {learner.step} of {learner.steps}; all is saved "
            f"in {work.folder.path}.",
            hint="The same command with --resume goes on.",
        )
    return over


def _evaluate(work: _Run, log: RunLog | SilentLog) -> None:
    session = work.session
    evaluation = session.evaluate()
    better = session.remember(evaluation)
    step = session.learner.step
    log.row(work.split, step, evaluation.row())
    for number, (index, reference, found) in enumerate(evaluation.examples):
        log.example(number, step, session.picture(index), reference=reference, found=found)
        log.attention(number, step, session.attention(index))
    weights, gradients = session.tensors()
    log.histograms("weights", step, weights)
    log.histograms("gradients", step, gradients)
    statistics, findings = session.examine(evaluation)
    log.row("gradient", step, statistics.parts)
    log.row("variance", step, statistics.variances)
    work.reporter.metrics(_table_row(work, evaluation.row()))
    for finding in findings:
        log.row("health", step, {"code": finding.code, "message": finding.message})
        if finding.code not in session.memory.findings:
            (work.reporter.warn if finding.serious else work.reporter.info)(finding.message)
    session.memory.findings = {finding.code: finding.message for finding in findings}
    log.flush()
    work.folder.save_model(session.model(_info(work, evaluation.row())), best=better)
    _save_state(work)


def _finish(work: _Run, log: RunLog | SilentLog) -> None:
    """Close a finished run; a small one also reads its own train split: memory, not skill."""
    session = work.session
    session.memory.finished = True
    if work.settings.train.preset == "small" and work.split != "train":
        evaluation = session.evaluate(session.train)
        session.memory.recalled = evaluation.row()
        log.row("memory", session.learner.step, evaluation.row())
        work.reporter.info(
            f"Read back from its own train split (memory, not skill): BLEU-4 "
            f"{evaluation.bleu4:.1f}, edit similarity {evaluation.edit_similarity:.1f}, exact "
            f"match {evaluation.exact_match:.1f}."
        )


def _save_all(work: _Run) -> None:
    """Save the state and the network of this moment, which no evaluation has seen."""
    work.folder.save_model(work.session.model(_info(work, {})), best=False)
    _save_state(work)


def _save_state(work: _Run) -> None:
    extra = dict(work.extra)
    if work.session.memory.finished:
        extra["result"] = _plain(_result(work))
    work.folder.save_state(*work.session.state(extra))
    work.pace.saved = time.monotonic()


def _result(work: _Run) -> TrainResult:
    session, learner = work.session, work.session.learner
    return TrainResult(
        output=str(work.folder.path),
        model=str(work.folder.best),
        status=work.status,
        preset=work.settings.train.preset,
        steps=learner.step,
        planned_steps=learner.steps,
        epochs=learner.cursor.epoch,
        pictures=len(session.train),
        minutes=round(learner.seconds / 60, 2),
        pictures_per_second=round(work.pace.rate, 1),
        loader_share=round(work.pace.loader, 2),
        split=work.split,
        best=session.memory.best,
        memory=session.memory.recalled,
        findings=tuple(session.memory.findings.values()),
        skipped=session.train.skipped,
        calibration_error=session.memory.best.get("calibration_error"),
    )


def _announce(work: _Run) -> None:
    session, learner = work.session, work.session.learner
    wanted = work.settings.train.glyph_weight or work.settings.train.attention_weight
    if wanted and not session.classes:
        work.reporter.detail("The data set has no glyph positions: attention is not taught.")
    parameters = sum(p.numel() for p in learner.network.parameters())
    went = f", from step {learner.step}" if learner.step else ""
    work.reporter.info(
        f"Preset {work.settings.train.preset}: {parameters / 1e6:.1f} M parameters, "
        f"{len(session.train)} pictures, {learner.steps} steps on {session.device}{went}."
    )


def _show(bar: Step, report: StepReport, pace: _Pace) -> None:
    bar.note(f"loss {report.smoothed:.3f}, {pace.rate:.0f} pictures/s, loader {pace.loader:.1f} %")
    bar.advance()


def _table_row(work: _Run, figures: Mapping[str, Any]) -> dict[str, float | int | str]:
    learner = work.session.learner
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


def _info(work: _Run, figures: Mapping[str, Any]) -> dict[str, Any]:
    learner, memory = work.session.learner, work.session.memory
    start = work.inputs.start
    told: dict[str, Any] = {"init": dict(start.told)} if start else {}
    if memory.calibration:
        told["calibration"] = memory.calibration
    return {
        "package": __version__,
        "data": work.inputs.data.resolve().name,
        "pictures": len(work.session.train),
        "validation_pictures": len(work.session.val),
        "tokens": len(work.session.vocab),
        "preset": work.settings.train.preset,
        "steps": learner.step,
        "epochs": learner.cursor.epoch,
        "minutes": round(learner.seconds / 60, 2),
        "scores": {"split": work.split, "decoding": "greedy", **figures},
        **told,
    }


def _plain(result: TrainResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in TrainResult.__slots__}


def _patience_over(work: _Run) -> bool:
    patience = work.settings.train.patience
    return patience is not None and work.session.memory.since_best >= patience
