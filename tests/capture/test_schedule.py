"""The scheduling policy in simulated time: makespan against the lower bound, and every fault."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from capture.crew.schedule import Assignment, Idle, RetryPolicy, Schedule

PLACES = 4  # machines in simulations


@dataclass(frozen=True)
class Row:
    tour_id: str
    scene: str
    frames: int


def full_plan(scenes: int = 350, tours: int = 1400) -> list[Row]:
    """As many tours as the dataset needs, with its durations: median 63 s, at most 545 s."""
    drawn = random.Random(3)
    return [
        Row(f"t{n}", f"s{n % scenes}", min(8720, int(16 * drawn.lognormvariate(4.14, 0.6))))
        for n in range(tours)
    ]


@dataclass
class Simulation:
    """Engines that capture a frame in a unit of time, and sometimes fail."""

    schedule: Schedule
    engines: int
    load: float
    fault_rate: float = 0.0
    now: float = 0.0
    loads: int = 0
    done: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    def run(self) -> None:
        loaded: dict[int, str | None] = dict.fromkeys(range(self.engines))
        idle, events, since = set(loaded), [], dict.fromkeys(loaded, 0.0)
        drawn = random.Random(7)
        while self.schedule.waiting or events:
            offers = [
                Idle(worker=one, scene=loaded[one], place=str(one % PLACES)) for one in sorted(idle)
            ]
            for engine, start in since.items():
                self.schedule.progressed(engine, max(0, int(self.now - start)))
            for given in self.schedule.assign(offers, self.now):
                engine, fails = int(str(given.worker)), drawn.random() < self.fault_rate
                new = loaded[engine] != given.row.scene
                self.loads += new
                loaded[engine] = given.row.scene
                idle.discard(engine)
                since[engine] = self.now + self.load * new
                spent = given.row.frames * (drawn.random() if fails else 1) + self.load * new
                heapq.heappush(events, (self.now + spent, engine, fails))
            if not events:
                self.now += 1.0
                continue
            self.now, engine, fails = heapq.heappop(events)
            idle.add(engine)
            if fails:
                row = self.schedule.row_of(engine)
                assert row is not None
                loaded[engine] = None
                if self.schedule.failed(engine, "it broke", self.now) is not None:
                    self.given_up.append(row.tour_id)
            else:
                self.done.append(self.schedule.finished(engine).tour_id)


def lower_bound(rows: list[Row], engines: int, load: float) -> float:
    """No schedule ends earlier: all work shared evenly, or the longest tour alone."""
    scenes = len({row.scene for row in rows})
    total = sum(row.frames for row in rows) + scenes * load
    return max(total / engines, max(row.frames for row in rows) + load)


@pytest.mark.parametrize("engines", [1, 8, 32, 128])
@pytest.mark.parametrize("load", [50.0, 500.0])
def test_the_makespan_is_near_the_lower_bound(engines: int, load: float):
    rows = full_plan()
    run = Simulation(Schedule(rows, RetryPolicy(), load), engines, load)
    run.run()
    assert sorted(run.done) == sorted(row.tour_id for row in rows)
    assert lower_bound(rows, engines, load) / run.now >= 0.95
    # Only the very end is shared among engines at the price of loading a scene again.
    assert run.loads <= 350 + engines


def test_few_long_tours_of_one_scene_are_shared():
    rows = [Row(f"t{number}", "hall", 1000) for number in range(8)]
    run = Simulation(Schedule(rows, RetryPolicy(), 10.0), 4, 10.0)
    run.run()
    assert run.now == 2010.0


def test_loading_again_for_little_is_not_worth_it():
    schedule = Schedule([Row("a", "hall", 100), Row("b", "hall", 10)], RetryPolicy(), 500.0)
    idle = [Idle(worker=number, scene=None, place="x") for number in (1, 2)]
    given = schedule.assign(idle, 0.0)
    assert [one.row.tour_id for one in given] == ["a"]


def test_every_tour_ends_once_whatever_breaks():
    rows = full_plan(40, 300)
    run = Simulation(
        Schedule(rows, RetryPolicy(attempts=3, backoff_s=30.0)), 12, 200.0, fault_rate=0.3
    )
    run.run()
    assert Counter(run.done + run.given_up) == Counter(row.tour_id for row in rows)
    assert 0 < len(run.given_up) < 30  # 2.7 % are expected to fail three times


def only(schedule: Schedule, worker: int, place: str, now_s: float) -> Assignment | None:
    given = schedule.assign([Idle(worker=worker, scene=None, place=place)], now_s)
    return given[0] if given else None


def test_pauses_double_and_then_the_tour_is_given_up_with_all_reasons():
    schedule = Schedule([Row("a", "hall", 100)], RetryPolicy(attempts=3, backoff_s=10.0))
    for number, (start, pause) in enumerate([(0.0, 10.0), (50.0, 20.0)]):
        given = only(schedule, 1, "x", start)
        assert given is not None and given.retries == number
        assert schedule.failed(1, f"reason {number}", start + 1) is None
        assert only(schedule, 1, "x", start + 1 + pause - 0.1) is None
    assert only(schedule, 1, "x", 100.0) is not None
    attempts = schedule.failed(1, "reason 2", 101.0)
    assert attempts is not None
    assert [(one.time_s, one.host, one.reason) for one in attempts] == [
        (1.0, "x", "reason 0"), (51.0, "x", "reason 1"), (101.0, "x", "reason 2"),
    ]  # fmt: skip
    assert (schedule.waiting, schedule.running) == (0, 0)


def test_a_failed_tour_goes_to_another_machine_but_not_for_ever():
    schedule = Schedule([Row("a", "hall", 100)], RetryPolicy(attempts=9, backoff_s=10.0))
    assert only(schedule, 1, "bad", 0.0)
    schedule.failed(1, "no", 0.0)
    schedule.places_are({"bad", "good"})
    assert only(schedule, 1, "bad", 11.0) is None
    assert only(schedule, 2, "good", 11.0)
    schedule.failed(2, "no", 11.0)
    assert only(schedule, 1, "bad", 60.0)  # it has failed everywhere: anywhere will do
    schedule.failed(1, "no", 60.0)
    schedule.places_are({"bad", "good", "new"})
    assert only(schedule, 1, "bad", 105.0) is None
    assert only(schedule, 1, "bad", 1000.0)  # nothing came of waiting for a new machine


def test_a_tour_is_not_blamed_for_machines_that_go_away():
    schedule = Schedule([Row("a", "hall", 100)], RetryPolicy(attempts=2, losses=5, backoff_s=0.0))
    for number in range(4):
        assert only(schedule, number, "spot", 10.0 * number)
        assert schedule.lost(number, "taken away", 10.0 * number) is None
    assert only(schedule, 9, "spot", 100.0)
    attempts = schedule.lost(9, "taken away", 100.0)
    assert attempts is not None and len(attempts) == 5


def test_what_cannot_be_helped_is_not_tried_again():
    rows = [Row(f"t{number}", scene, 100) for number, scene in enumerate("aabb")]
    schedule = Schedule(rows, RetryPolicy(attempts=5))
    given = only(schedule, 1, "x", 0.0)
    assert given is not None
    assert schedule.failed(1, "no such scene", 1.0, hopeless=True) is not None
    others = schedule.give_up_scene(given.row.scene, "no such scene", 1.0)
    assert [row.scene for row, _ in others] == [given.row.scene]
    assert schedule.waiting == 2
