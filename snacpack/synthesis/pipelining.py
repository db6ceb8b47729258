"""The places of a circuit's registers, such that the logic between two of them fits a clock period."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from snacpack.synthesis.devices import Delays
from snacpack.synthesis.timing import CLOCK_UNCERTAINTY

if TYPE_CHECKING:
    from da4ml.types import CombLogic, Op, Pipeline

# So far, in ns, stages are balanced.
BALANCED_NS = 0.02


def cut_pipeline(logic: "CombLogic", clock_period_ns: float, delays: Delays) -> "Pipeline":
    """Cut a circuit into the fewest stages that fit a clock period, and those as short as so many can be.

    Every operation stands in the first stage that can hold it; one that does not fit the period gets one for itself.

    Parameters
    ----------
    logic
        The circuit, in da4ml's form.
    clock_period_ns
        The clock period, of which ``CLOCK_UNCERTAINTY`` is kept in reserve.
    delays
        The delays of the parts of a path.
    """
    from da4ml.trace.pipeline import to_pipeline

    steps = [_step(op, logic.ops, delays) for op in logic.ops]
    loose, tight = clock_period_ns * (1 - CLOCK_UNCERTAINTY) - delays.clock_to_q - delays.setup, 0.0
    stages = _stages(steps, loose, delays.carry_bit)
    while loose - tight > BALANCED_NS:
        middle = (loose + tight) / 2
        shorter = _stages(steps, middle, delays.carry_bit)
        if max(shorter) > max(stages):
            tight = middle
        else:
            loose, stages = middle, shorter
    # da4ml puts an operation into the stage in which it ends: each ends in the middle of one that takes 1.
    ops = [op._replace(latency=stage + 0.5) for op, stage in zip(logic.ops, stages, strict=True)]
    return to_pipeline(logic._replace(ops=ops), 1.0, retiming=False, verbose=False)


class _Step(NamedTuple):
    """An operation as far as its delay goes.

    Its bits have the places from ``low`` to below ``high``, place 0 being worth 1. ``sources`` are the operations that
    it reads, with the places by which each is shifted. A ``ripple`` hands its bits on one by one, the lowest first; all
    else hands them on when the last is there. ``delay_ns`` is without the way along the carry chain.
    """

    low: int
    high: int
    sources: tuple[tuple[int, int], ...] = ()
    ripple: bool = False
    delay_ns: float = 0.0
    constant: bool = False


def _step(op: "Op", ops: Sequence["Op"], delays: Delays) -> _Step:
    level, adder = delays.level, delays.adder
    # The codes are da4ml's. The negative ones are for a negated operand, which is one adder more.
    negation = adder if op.opcode < 0 else 0.0
    places, first = _places(op), (op.id0, 0)
    match op.opcode:
        case -1:
            return _Step(*places)
        case 5:
            return _Step(*places, constant=True)
        case 0 | 1:
            return _Step(*places, (first, (op.id1, op.data)), True, adder)
        case 4:
            return _Step(*places, (first,), True, adder)
        case 3 | -3:
            return _Step(*places, (first,), True, negation)
        case 2 | -2:
            return _Step(*places, (first,), False, negation + level)
        case 6 | -6:
            key, shift = op.data & 0xFFFFFFFF, _signed(op.data >> 32)
            return _Step(*places, (first, (op.id1, shift), (key, 0)), False, negation + level)
        case 8:
            low, high = _places(ops[op.id0])
            return _Step(*places, (first,), False, _table_levels(high - low) * (level + delays.mux))
    raise NotImplementedError(f"it is not known how long da4ml's operation {op.opcode} takes")


def _places(op: "Op") -> tuple[int, int]:
    from da4ml.types import minimal_kif

    sign, integer, fraction = minimal_kif(op.qint)
    return -fraction, integer + sign


def _signed(data: int) -> int:
    """The lower 32 bits as a signed number."""
    return (data & 0x7FFFFFFF) - (data & 0x80000000)


def _table_levels(bits: int) -> int:
    # A LUT holds any function of 6 bits; joining those of 7 or 8 takes a second level, and two bits more another.
    return 1 if bits <= 6 else 2 + (bits - 7) // 2


def _stages(steps: Sequence[_Step], budget_ns: float, carry_bit_ns: float) -> list[int]:
    """Return the stage of every operation."""
    stages = [0] * len(steps)
    # After the clock edge of its stage, the bit of place p is there at begin + carry_bit_ns * p, and the last at end.
    arrivals = [(0.0, 0.0)] * len(steps)
    for number, step in enumerate(steps):
        sources = [(source, shift) for source, shift in step.sources if not steps[source].constant]
        stage = max((stages[source] for source, _ in sources), default=0)
        arrival = _arrival(step, sources, stage, stages, steps, arrivals, carry_bit_ns)
        if arrival[1] > budget_ns:
            later = _arrival(step, sources, stage + 1, stages, steps, arrivals, carry_bit_ns)
            # A register does not help where there is one already, or where only bits are picked.
            if step.delay_ns and later[1] < arrival[1]:
                stage, arrival = stage + 1, later
        stages[number], arrivals[number] = stage, arrival
    return _with_constants(stages, steps)


def _arrival(
    step: _Step,
    sources: Sequence[tuple[int, int]],
    stage: int,
    stages: Sequence[int],
    steps: Sequence[_Step],
    arrivals: Sequence[tuple[float, float]],
    carry_bit_ns: float,
) -> tuple[float, float]:
    """Return begin and end of an operation's bits if it stands in a stage."""
    begin, end = -carry_bit_ns * step.low, 0.0
    if not sources:
        return begin, end
    begins, ends = [], []
    for source, shift in sources:
        # A number of an earlier stage comes out of a register, all bits at once.
        begin, end = arrivals[source] if stages[source] == stage else (-carry_bit_ns * steps[source].low, 0.0)
        begins.append(begin - carry_bit_ns * shift)
        ends.append(end)
    if not step.delay_ns:
        return max(begins), max(ends)
    if step.ripple:
        begin = max(begins) + step.delay_ns
        return begin, begin + carry_bit_ns * step.high
    end = max(ends) + step.delay_ns
    return end - carry_bit_ns * step.low, end


def _with_constants(stages: list[int], steps: Sequence[_Step]) -> list[int]:
    """Put every constant where it is read first: a register in front of it would hold nothing."""
    first: dict[int, int] = {}
    for stage, step in zip(stages, steps, strict=True):
        for source, _ in step.sources:
            if steps[source].constant:
                first[source] = min(stage, first.get(source, stage))
    return [first.get(number, stage) for number, stage in enumerate(stages)]
