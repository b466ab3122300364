"""The breaker as a state machine, against what it promises in words."""

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tollhouse_failover import BreakerSettings
from tollhouse_failover.breaker import LEASE, SLOTS, Breaker

RULES = BreakerSettings(failures=3, least=4, ratio=0.5)
seconds = strategies.floats(0, 40, allow_nan=False)


def slot(at):
    return int(at * SLOTS / float(RULES.window))


class Model(RuleBasedStateMachine):
    """Attempts begin and end in any order, and time passes between."""

    @initialize()
    def begin(self):
        self.breaker, self.now, self.names = Breaker(), 100.0, 0
        self.running = {}
        self.probes = {}
        self.opened_at = None
        self.rest_until = 0.0
        self.ends = []

    @rule(passed=seconds)
    def wait(self, passed):
        self.now += passed

    @rule()
    def ask(self):
        self.names += 1
        who = f"r{self.names}"
        state = self.breaker.state(self.now)
        passed = self.breaker.enter(self.now, who)
        if state == "closed":
            assert passed
        elif state == "open":
            assert not passed
        else:
            alive = [until for until in self.probes.values() if self.now < until]
            assert passed is (not alive), "one probe at a time, and one as soon as there is none"
            if passed:
                self.probes = {who: self.now + LEASE}
        if passed:
            self.running[who] = self.now

    @rule(data=strategies.data(), good=strategies.booleans(), rest=strategies.floats(1, 30))
    def end(self, data, good, rest):
        if not self.running:
            return
        who = data.draw(strategies.sampled_from(sorted(self.running)))
        began = self.running.pop(who)
        opened, state = self.breaker.opened, self.breaker.state(self.now)
        late = opened and began < self.opened_at
        if good:
            closed = self.breaker.succeeded(self.now, began, RULES)
            assert closed is (opened and not late)
            if closed:
                self.opened_at, self.ends = None, []
                self.probes = {}
            if not late:
                self.ends.append((self.now, True))
        else:
            done = self.breaker.failed(self.now, began, RULES, rest=rest, why="x")
            if not opened:
                self.ends.append((self.now, False))
                streak = 0
                for _, ended_well in reversed(self.ends):
                    if ended_well:
                        break
                    streak += 1
                near = [well for at, well in self.ends if slot(at) > slot(self.now) - SLOTS]
                share = len(near) >= RULES.least and near.count(False) >= RULES.ratio * len(near)
                assert (done == "opened") is (streak >= RULES.failures or share)
            else:
                assert (done == "reopened") is (state == "half-open" and not late)
            if done:
                self.opened_at, self.rest_until = self.now, self.now + rest
                self.probes = {}
        self.breaker.leave(who)
        self.probes.pop(who, None)

    @invariant()
    def it_rests_exactly_as_long_as_it_was_told(self):
        state = self.breaker.state(self.now)
        if self.opened_at is None:
            assert state == "closed"
        else:
            assert state == ("open" if self.now < self.rest_until else "half-open")


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_failures_in_a_row_open_it_and_one_answer_between_does_not():
    breaker = Breaker()
    rules = BreakerSettings()
    for _ in range(4):
        assert breaker.failed(1.0, 1.0, rules, rest=5, why="x") == ""
    breaker.succeeded(1.0, 1.0, rules)
    for _ in range(4):
        assert breaker.failed(1.0, 1.0, rules, rest=5, why="x") == ""
    assert breaker.failed(1.0, 1.0, rules, rest=5, why="x") == "opened"


def test_a_share_of_failures_opens_it_only_within_the_window():
    rules = BreakerSettings(failures=1000)
    breaker = Breaker()
    for n in range(20):
        at = 100.0 * n
        breaker.succeeded(at, at, rules)
        assert breaker.failed(at, at, rules, rest=5, why="x") == ""
    for _ in range(3):
        breaker.succeeded(5000.0, 5000.0, rules)
        breaker.failed(5000.0, 5000.0, rules, rest=5, why="x")
    breaker.succeeded(5001.0, 5001.0, rules)
    breaker.succeeded(5001.0, 5001.0, rules)
    assert breaker.failed(5002.0, 5002.0, rules, rest=5, why="x") == ""
    assert breaker.failed(5002.0, 5002.0, rules, rest=5, why="x") == "opened"


def test_what_began_before_it_opened_says_nothing_new():
    breaker, rules = Breaker(), BreakerSettings(failures=1)
    assert breaker.failed(10.0, 9.0, rules, rest=5, why="x") == "opened"
    assert not breaker.succeeded(11.0, 1.0, rules)
    assert breaker.failed(16.0, 1.0, rules, rest=5, why="x") == ""
    assert breaker.state(16.0) == "half-open"
    assert breaker.succeeded(16.0, 15.5, rules)


def test_a_probe_that_never_ends_gives_way_after_its_lease():
    breaker = Breaker()
    breaker.open(0.0, 5.0, "x")
    assert breaker.enter(5.0, "first")
    assert not breaker.enter(5.0 + LEASE - 1, "second")
    assert breaker.enter(5.0 + LEASE, "second")
    assert not breaker.leave("first")
