"""How one process would spend its time: a simulation of the event loop's rounds at measured prices.

The loop is a server with gates. In each round it takes what has come since the round before, does all of it, and only then looks
again. So what a round costs decides how much the next one finds, and the more one channel has got in a round, the cheaper it
becomes: a member is sent all of it by one system call. This is why the price of a delivery falls as the load grows, and why it
cannot be multiplied out; it is played through instead, with random arrivals (a Poisson process) and a fixed seed.
"""

import random
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from relay.plan.idleness import Pause
from relay.plan.prices import Prices, coldness
from relay.plan.workload import JOIN_EVENT_BYTES, PING_BYTES, PONG_BYTES, Workload, framed

EVENTS: Final = 40_000
WARM_UP_EVENTS: Final = 4_000
EVENTS_PER_ROUND: Final = 256
TURN_SECONDS: Final = 0.004
LINGER_SECONDS: Final = 0.0002
LINGER_TURN_SECONDS: Final = 0.001
LIVELY_FROM: Final = 4
LIVELY_MOST: Final = 8
SEED: Final = 8787
_MICROSECOND: Final = 1e-6

POISSON: Final = "poisson"
EVEN: Final = "even"


class Outcome(NamedTuple):
    """`busy` is the share of a core; 1 or more means that the load is more than the process can carry, and the rest means nothing
    then. `batch` is how many messages a send carries. Latencies are seconds from the arrival of a message to a member's send."""

    busy: float
    sends_per_second: float
    bytes_out_per_second: float
    batch: float
    p50: float
    p99: float


class _Arrivals:
    """Messages, joins and leaves, each at a channel, in the order in which they come; the channels at random or, when they are
    spaced evenly, in turn."""

    def __init__(self, workload: Workload, count: int, spacing: str) -> None:
        chances = _chances(count, spacing)
        messages, channels = workload.messages_per_second, workload.channels
        self.rate = messages + 2 * workload.joins
        self.times = [moment / self.rate for moment in chances.moments]
        if spacing == EVEN:
            self.channels = [number % channels for number in range(count)]
        else:
            self.channels = [int(share * channels) for share in chances.channels]
        upto_message, upto_join = messages / self.rate, (messages + workload.joins) / self.rate
        self.kinds = [
            _MESSAGE if share < upto_message else _JOIN if share < upto_join else _LEAVE
            for share in chances.kinds
        ]


class _Chances(NamedTuple):
    """What is drawn once for all loads, so that two of them differ in nothing but what is asked: moments at one event a second,
    and shares of 1."""

    moments: list[float]
    channels: list[float]
    kinds: list[float]


@lru_cache(maxsize=4)
def _chances(count: int, spacing: str) -> _Chances:
    draw = random.Random(SEED)
    kinds = [draw.random() for _ in range(count)]
    if spacing == EVEN:
        return _Chances([number + 1.0 for number in range(count)], [], kinds)
    moments = list(accumulate(draw.expovariate(1.0) for _ in range(count)))
    return _Chances(moments, [draw.random() for _ in range(count)], kinds)


_MESSAGE, _JOIN, _LEAVE = range(3)


def simulate(
    prices: Prices, workload: Workload, events: int = EVENTS, spacing: str = POISSON
) -> Outcome:
    """What one process makes of the workload."""
    background = keepalive_share(prices, workload) + _merged_share(prices, workload)
    if workload.messages_per_second + workload.joins == 0:
        pings = workload.pings_per_second
        return Outcome(background, pings, pings * PING_BYTES, 1.0, 0.0, 0.0)
    return _Loop(prices, workload, background).run(_Arrivals(workload, events, spacing))


def keepalive_share(prices: Prices, workload: Workload) -> float:
    """The share of a core that pings and pongs take: a send, and a read that something was woken for."""
    each = prices.send_among(workload.connections) + prices.read + PONG_BYTES * prices.byte_in
    return workload.pings_per_second * each * _MICROSECOND


def _merged_share(prices: Prices, workload: Workload) -> float:
    """What the events take that tell of many joins and leaves at once."""
    each = prices.send_among(workload.connections) + framed(JOIN_EVENT_BYTES) * prices.byte_out
    return workload.merged_sends_per_second * each * _MICROSECOND


class _Loop:
    def __init__(self, prices: Prices, workload: Workload, background: float) -> None:
        self.prices = prices
        self.workload = workload
        self.background = background
        self.cold = prices.cold * coldness(workload.connections)
        self.others = max(workload.channel_size - 1, 0.0)
        self.frame_bytes = workload.frame_bytes
        self.event_bytes = framed(JOIN_EVENT_BYTES)
        self.tells_all = not workload.is_presence_merged
        self.take = prices.read + prices.message + workload.read_bytes * prices.byte_in
        self.draw = random.Random(SEED + 1)
        self.pause = Pause(0.0)  # the last one
        self.sent = 0.0  # sends since then
        self.turn_left = 0.0
        self.liveliness = 0
        self.sends = self.messages_sent = 0.0
        self.bytes_out = 0.0
        self.latencies: list[float] = []

    def run(self, arrivals: _Arrivals) -> Outcome:
        now = busy = 0.0
        taken = 0
        start = busy_at_start = 0.0
        while taken < len(arrivals.times):
            cost = 0.0
            if arrivals.times[taken] > now:
                cost += self._wake_up_after(arrivals.times[taken] - now)
                now = arrivals.times[taken]
            if self.turn_left <= 0.0:
                cost += self.prices.turn * _MICROSECOND
                self.turn_left = TURN_SECONDS
            limit = min(taken + EVENTS_PER_ROUND, len(arrivals.times))
            stop = max(bisect_right(arrivals.times, now, taken, limit), taken + 1)
            cost += self._round(arrivals, taken, stop, now + cost)
            if taken <= WARM_UP_EVENTS < stop:
                self._forget(now)
                start, busy_at_start = now, busy
            busy += cost
            self.turn_left -= cost
            # what pings take is taken from everything else
            now += cost / max(1.0 - self.background, 0.01)
            taken = stop
        return self._outcome(arrivals, now - start, busy - busy_at_start)

    def _wake_up_after(self, pause: float) -> float:
        """What it costs to be woken. After a short pause, where pauses have been short, the turn goes on."""
        prices = self.prices
        is_short = pause <= LINGER_SECONDS
        lingers = (
            self.liveliness >= LIVELY_FROM and TURN_SECONDS - self.turn_left < LINGER_TURN_SECONDS
        )
        self.liveliness = min(max(self.liveliness + (1 if is_short else -1), 0), LIVELY_MOST)
        self.turn_left = self.turn_left - pause if lingers and is_short else 0.0
        self.pause = Pause(pause * (1.0 - self.background))
        self.sent = 0.0
        price = prices.sleep * self.pause.asleep + prices.wake * self.pause.roused
        return price * _MICROSECOND

    def _round(self, arrivals: _Arrivals, first: int, stop: int, now: float) -> float:
        """The cost of doing what came, `first` to `stop`; notes when each delivery is sent."""
        prices = self.prices
        came: defaultdict[int, list[int]] = defaultdict(list)
        cost = prices.round
        for event in range(first, stop):
            kind = arrivals.kinds[event]
            if kind == _MESSAGE or self.tells_all:
                came[arrivals.channels[event]].append(event)
            if kind == _MESSAGE:
                cost += self.take
            elif kind == _JOIN:
                cost += prices.handshake + prices.visit
            else:
                cost += prices.read
        total = cost * _MICROSECOND
        for events in came.values():
            total += self._flush(arrivals, events, now + total)
        return total

    def _flush(self, arrivals: _Arrivals, events: list[int], now: float) -> float:
        """The cost of sending what one channel has got."""
        messages = [event for event in events if arrivals.kinds[event] == _MESSAGE]
        # one alone is not sent to its sender; several mostly come from different ones
        sends = self.others if len(events) == 1 else self.workload.channel_size
        told = (len(events) - len(messages)) * self.event_bytes
        size = self.others * (len(messages) * self.frame_bytes + told)
        cost = self._cost_of(sends, size)
        self.sends += sends
        self.messages_sent += len(messages) * self.others
        self.bytes_out += size
        for event in messages:
            self.latencies.append(now + cost * self.draw.random() - arrivals.times[event])
        return cost

    def _cost_of(self, sends: float, size: float) -> float:
        """Of the next so many sends, with so many bytes together."""
        prices, cooled = self.prices, self.pause.cools(self.sent, sends)
        self.sent += sends
        price = sends * prices.send + size * prices.byte_out + cooled.cold * self.cold
        price += cooled.chill * (prices.chill + size / max(sends, 1.0) * prices.byte_chill)
        price += cooled.stale * prices.stale + cooled.lapse * prices.lapse
        return price * _MICROSECOND

    def _forget(self, now: float) -> None:
        """The warm-up is over."""
        self.sends = self.messages_sent = 0.0
        self.bytes_out = 0.0
        self.latencies.clear()

    def _outcome(self, arrivals: _Arrivals, elapsed: float, busy: float) -> Outcome:
        pings, merged = self.workload.pings_per_second, self.workload.merged_sends_per_second
        latencies = sorted(self.latencies) or [0.0]
        keeps_up = elapsed * arrivals.rate <= 1.05 * (len(arrivals.times) - WARM_UP_EVENTS)
        share = busy / elapsed + self.background
        return Outcome(
            share if keeps_up else max(share, 1.0),
            self.sends / elapsed + pings + merged,
            self.bytes_out / elapsed + pings * PING_BYTES + merged * self.event_bytes,
            self.messages_sent / max(self.sends, 1.0),
            latencies[len(latencies) // 2],
            latencies[min(int(len(latencies) * 0.99), len(latencies) - 1)],
        )
