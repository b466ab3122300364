"""The line before one counter: fair by weight, in order for each caller, and never without somebody called."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tollhouse_rate_limit.line import IDLE, Line, Ticket

WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]), min_size=2)


def serve(line):
    """Serve whoever is called."""
    ticket = line.called
    assert ticket.turn.is_set()
    line.served(ticket)
    return ticket


def served_by(line, times, again):
    """How much each caller got, after each of some services; who is called has joined `again` before it is served."""
    got: dict[str, Fraction] = {}
    for _ in range(times):
        again(line.called.caller)
        ticket = serve(line)
        got[ticket.caller] = got.get(ticket.caller, Fraction(0)) + ticket.cost
        again(ticket.caller)
        yield dict(got)


@given(WEIGHTS, st.data(), st.integers(1, 6), st.integers(1, 3))
def test_callers_who_always_wait_get_shares_by_weight_within_one_request_each(weights, data, dearest, ahead):
    line = Line("k", 0.0)

    def join(caller):
        line.join(Ticket("x", caller, weights[caller], 0.0), data.draw(st.integers(1, dearest)))

    for _ in range(ahead):
        for caller in weights:
            join(caller)
    for got in served_by(line, 40, join):
        shares = {caller: got.get(caller, Fraction(0)) / Fraction(weights[caller]) for caller in weights}
        for one in weights:
            for other in weights:
                bound = dearest / Fraction(weights[one]) + dearest / Fraction(weights[other])
                assert abs(shares[one] - shares[other]) <= bound


def test_a_greedy_caller_delays_another_by_one_request_only():
    line = Line("k", 0.0)
    for number in range(50):
        line.join(Ticket(f"g{number}", "greedy", 1.0, 0.0), 1)
    line.join(Ticket("m", "modest", 1.0, 0.0), 1)
    assert [serve(line).id for _ in range(3)] == ["g0", "m", "g1"]


def test_the_order_told_is_the_order_served():
    line = Line("k", 0.0)
    for number, caller in enumerate("aabacbbcad"):
        line.join(Ticket(str(number), caller, 2.0 if caller == "a" else 1.0, 0.0), 1 + number % 3)
    told = [ticket.id for ticket in line.order()]
    assert [serve(line).id for _ in range(len(told))] == told


def test_the_expected_wait_counts_what_is_ahead():
    line = Line("k", 2.0)
    first, second, third = (Ticket(str(number), "a", 1.0, 0.0) for number in range(3))
    for ticket in (first, second, third):
        line.join(ticket, 3)
    line.due = 15.0
    assert [line.expected(ticket, 10.0) for ticket in (first, second, third)] == [0.0, 11.0, 17.0]
    assert line.emptied(10.0) == 17.0


def test_callers_who_are_gone_are_forgotten_within_a_bound():
    line = Line("k", 0.0)
    line.join(Ticket("x", "patient", 1e-3, 0.0), 1)
    line.join(Ticket("y", "patient", 1e-3, 0.0), 1)
    for number in range(IDLE * 2):
        line.join(Ticket("z", f"once {number}", 1.0, 0.0), 1)
        serve(line)
    assert len(line._flows) <= IDLE + 2


def test_who_comes_from_another_line_stands_before_its_callers_later_requests_but_not_before_who_was_called():
    line = Line("k", 0.0)
    for name, since in (("called", 5.0), ("later", 6.0), ("latest", 7.0)):
        line.join(Ticket(name, "a", 1.0, since), 1)
    line.join(Ticket("returned", "a", 1.0, 1.0), 1)
    assert [ticket.id for ticket in line.order()] == ["called", "returned", "later", "latest"]


class AnyLine(RuleBasedStateMachine):
    """Any history of joins, services and leaves."""

    def __init__(self):
        super().__init__()
        self.line, self.there, self.number = Line("k", 0.0), [], 0

    @rule(caller=st.sampled_from("abc"), weight=st.sampled_from([0.5, 1.0, 3.0]), cost=st.integers(0, 5))
    def join(self, caller, weight, cost):
        self.number += 1
        ticket = Ticket(str(self.number), caller, weight, 0.0)
        self.line.join(ticket, cost)
        self.there.append(ticket)

    @precondition(lambda self: self.there)
    @rule()
    def serve(self):
        ticket = serve(self.line)
        own = [one for one in self.there if one.caller == ticket.caller]
        assert own[0] is ticket
        self.there.remove(ticket)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def leave(self, data):
        ticket = data.draw(st.sampled_from(self.there))
        self.line.leave(ticket)
        self.there.remove(ticket)

    @invariant()
    def somebody_is_called_and_everybody_is_there_once(self):
        assert len(self.line) == len(self.there)
        assert sorted(map(id, self.line.order())) == sorted(map(id, self.there))
        assert (self.line.called is not None) == bool(self.there)
        assert [one for one in self.there if one.turn.is_set()].count(self.line.called) == bool(self.there)
        assert sum(one.called for one in self.there) == bool(self.there)
        assert sum(self.line.callers().values()) == len(self.there)


AnyLine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAnyLine = AnyLine.TestCase
