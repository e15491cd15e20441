"""The full plan on N engines, simulated with the driver's own scheduling and measured rates.

    python -m benchmarks.full_plan [--frames-per-second 9.3 --load-seconds 9 --overhead-seconds 1.5]

350 scenes, 1,750 minutes. Every event of a run is played on a clock of its own: loading a scene, an
attempt that succeeds, an attempt whose engine dies somewhere in the tour and is started again. The
lower bound is what no schedule can beat without faults: every frame drawn once, every scene loaded
once, all engines busy to the end; or the longest tour alone. Writes
`benchmarks/results/full_plan.json` and `.png`.
"""

import heapq
import sys
from dataclasses import dataclass

import numpy as np
import tyro

from benchmarks.results import FOLDER, write_results
from capture.crew.schedule import Idle, RetryPolicy, Schedule
from capture.tours.planning import PlanWish, SceneChoice, make_plan
from capture.tours.rows import PlanRow

SCENES, MINUTES = 350, 1750.0
ENGINES = (8, 16, 32, 64, 128)
FAULT_RATES = (0.0, 0.01, 0.05, 0.2)  # of the attempts
HANG_SHARE = 0.3  # of the faults: found out only after the reply timeout
REPLY_TIMEOUT_S = 60.0
HOURS = (0.25, 0.5, 1, 2, 4, 8)  # marks of the plot


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one engine does; the defaults were measured of the embedded engine at 1280 x 720 with a
    core of its own (`benchmarks.capture`: two workers)."""

    frames_per_second: float = 9.3
    """Frames that one engine draws and encodes a second."""
    load_seconds: float = 9.0
    """To start an engine with a scene, and warm up."""
    overhead_seconds: float = 1.5
    """A tour's path, warm-up and commit."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a simulated run."""

    makespan_s: float
    lower_bound_s: float
    captured: int
    given_up: int
    failures: int
    loads: int
    busy_share: float  # of all engines' time: drawing frames that were kept


def full_plan(seed: int) -> list[PlanRow]:
    """The plan of the whole dataset."""
    names = [f"scene-{index}" for index in range(SCENES)]
    scenes = [SceneChoice(scene=name, asset=name, licence="") for name in names]
    wish = PlanWish(
        minutes=MINUTES, seed=seed, motion="both", rotation_frame="camera", clearance_cm=25.0,
        fov_deg=90.0,
    )  # fmt: skip
    return make_plan(scenes, wish)


def simulate(
    rows: list[PlanRow], engines: int, fault_rate: float, settings: Settings, seed: int
) -> Outcome:
    """Play a run of the plan with `engines` engines, each on a machine of its own."""
    random = np.random.default_rng(seed)
    rate = settings.frames_per_second
    schedule = Schedule(rows, RetryPolicy(), load_frames=settings.load_seconds * rate)
    idle = [Idle(worker=index, scene=None, place=str(index)) for index in range(engines)]
    events: list[tuple[float, int, bool, str]] = []  # end, worker, succeeded, scene
    now = kept = 0.0
    failures = loads = captured = given_up = 0
    while schedule.waiting or schedule.running:
        for given in schedule.assign(idle, now):
            engine = next(e for e in idle if e.worker == given.worker)
            idle.remove(engine)
            load = settings.load_seconds if engine.scene != given.row.scene else 0.0
            loads += load > 0
            length = settings.overhead_seconds + given.row.frames / rate
            failed = random.random() < fault_rate
            if failed:
                hung = random.random() < HANG_SHARE
                length = length * random.random() + (REPLY_TIMEOUT_S if hung else 0.0)
            heapq.heappush(
                events, (now + load + length, int(str(given.worker)), not failed, given.row.scene)
            )
        if not events:  # everything that is left pauses after a failure
            now += 1.0
            continue
        now, worker, succeeded, scene = heapq.heappop(events)
        if succeeded:
            kept += schedule.finished(worker).frames / rate
            captured += 1
        else:
            failures += 1
            given_up += schedule.failed(worker, "simulated", now) is not None
        shown = scene if succeeded else None
        idle.append(Idle(worker=worker, scene=shown, place=str(worker)))
    return Outcome(
        makespan_s=now,
        lower_bound_s=lower_bound_s(rows, engines, settings),
        captured=captured,
        given_up=given_up,
        failures=failures,
        loads=loads,
        busy_share=kept / (now * engines),
    )


def lower_bound_s(rows: list[PlanRow], engines: int, settings: Settings) -> float:
    """No schedule without faults ends before this."""
    tours = [settings.overhead_seconds + row.frames / settings.frames_per_second for row in rows]
    loads = settings.load_seconds * len({row.scene for row in rows})
    return max((sum(tours) + loads) / engines, max(tours) + settings.load_seconds)


def main() -> None:
    """Simulate, print the table, write figures and plot."""
    settings = tyro.cli(Settings, description=__doc__)
    rows = full_plan(seed=0)
    minutes = sum(row.frames for row in rows) / 16 / 60
    sys.stdout.write(f"{len(rows)} tours, {minutes:.0f} minutes, {SCENES} scenes\n")
    sys.stdout.write("engines  faults  hours  bound/makespan  minutes per engine-hour  given up\n")
    table = []
    for engines in ENGINES:
        for fault_rate in FAULT_RATES:
            outcome = simulate(rows, engines, fault_rate, settings, seed=1)
            hours = outcome.makespan_s / 3600
            done = sum(row.frames for row in rows) / 16 / 60 * outcome.captured / len(rows)
            entry = {
                "engines": engines, "fault_rate": fault_rate, "hours": hours,
                "bound_over_makespan": outcome.lower_bound_s / outcome.makespan_s,
                "minutes_per_engine_hour": done / (hours * engines),
                "given_up": outcome.given_up, "failures": outcome.failures,
                "loads": outcome.loads, "busy_share": outcome.busy_share,
            }  # fmt: skip
            table.append(entry)
            sys.stdout.write(
                f"{engines:7d} {fault_rate:7.0%} {hours:6.2f} {entry['bound_over_makespan']:15.3f}"
                f" {entry['minutes_per_engine_hour']:24.1f} {outcome.given_up:9d}\n"
            )
    figures = {
        "tours": len(rows), "minutes": minutes, "scenes": SCENES,
        "frames_per_second": settings.frames_per_second, "load_seconds": settings.load_seconds,
        "overhead_seconds": settings.overhead_seconds, "runs": table,
    }  # fmt: skip
    write_results("full_plan", figures)
    _plot(table)


def _plot(table: list[dict[str, float]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for fault_rate in FAULT_RATES:
        runs = [entry for entry in table if entry["fault_rate"] == fault_rate]
        engines = [entry["engines"] for entry in runs]
        label = f"{fault_rate:.0%} of attempts fail"
        left.plot(engines, [entry["bound_over_makespan"] for entry in runs], "o-", label=label)
        right.plot(engines, [entry["hours"] for entry in runs], "o-", label=label)
    left.axhline(0.95, color="#8a94a6", linestyle="--", linewidth=1)
    left.set(xscale="log", ylim=(0.5, 1.02), xlabel="engines",
             ylabel="lower bound over makespan")  # fmt: skip
    right.set(xscale="log", yscale="log", xlabel="engines", ylabel="hours for the full plan")
    for axes in (left, right):
        axes.set_xticks(ENGINES, [str(count) for count in ENGINES])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    right.set_yticks(HOURS, [f"{hours:g}" for hours in HOURS])
    left.legend()
    figure.savefig(FOLDER / "full_plan.png", dpi=110)


if __name__ == "__main__":
    main()
