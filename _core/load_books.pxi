# The books: every delivery is matched with the message it belongs to. The right one at the right time takes
# the first branch of `take_delivery`; all else is sorted out in `take_odd_delivery`.

cdef struct ledger_t:
    slot_t *slots               # of the receiver's channel
    uint32_t *pairs             # of the receiver


cdef inline ledger_t ledger_of(const load_t *load, const connection_t *receiver) noexcept nogil:
    cdef ledger_t ledger
    cdef size_t index = receiver - load.connections
    ledger.slots = load.slots + <size_t>receiver.channel * load.in_flight
    ledger.pairs = load.next_of_pair + index * load.senders
    return ledger


cdef inline void free_slot(load_t *load, slot_t *slot) noexcept nogil:
    slot.remaining = 0
    load.outstanding -= 1
    put_free(load, <uint32_t>(slot - load.slots))


cdef inline void put_free(load_t *load, uint32_t index) noexcept nogil:
    cdef channel_t *channel
    if load.pace.interval_ns:
        channel = load.channel_states + index // load.in_flight
        load.slots[index].next = channel.free
        channel.free = index
    else:
        load.free_slots[load.free_count] = index
        load.free_count += 1


cdef inline void count_off(load_t *load, slot_t *slot) noexcept nogil:
    slot.remaining -= 1
    if slot.remaining == 0:
        free_slot(load, slot)


cdef inline uint32_t *pair_of(const load_t *load, const connection_t *receiver, uint32_t sender) noexcept nogil:
    return ledger_of(load, receiver).pairs + sender


cdef inline void count_delivery(load_t *load, uint64_t sent_ns, uint64_t now) noexcept nogil:
    # One read brings runs of messages that were due together: their latency is the same, and recorded once.
    cdef uint64_t latency = now - sent_ns if now > sent_ns else 0
    if latency != load.totals.run_latency:
        record_run(load)
        load.totals.run_latency = latency
    load.totals.run += 1


cdef inline void record_run(load_t *load) noexcept nogil:
    if load.totals.run == 0:
        return
    record_latency(&load.totals.fresh, load.totals.run_latency, load.totals.run)
    if load.spread != NULL:
        record_spread(load, load.run_receiver, load.totals.run_latency, <uint32_t>load.totals.run)
    load.totals.run = 0


cdef inline void take_delivery(
    load_t *load, const connection_t *receiver, const ledger_t *ledger, const unsigned char *payload, uint64_t now
) noexcept nogil:
    """Count one delivery. `now` is in ns since the generator was made."""
    cdef message_t message
    cdef slot_t *slot
    cdef uint32_t *next_number
    if load.is_template and not has_mark(payload, receiver.channel):
        load.totals.unexpected += 1
        load.totals.foreign += 1
        return
    read_message(payload, &message)
    if (
        message.sender >= load.senders
        or message.slot >= load.in_flight
        or (message.sender == receiver.member and not load.has_echo)
    ):
        load.totals.unexpected += 1
        load.totals.echoed += message.sender == receiver.member
        return
    slot = ledger.slots + message.slot
    next_number = ledger.pairs + message.sender
    if (
        message.number == next_number[0]
        and slot.remaining
        and slot.number == message.number
        and slot.sender == message.sender
    ):
        next_number[0] += 1
        count_delivery(load, slot.sent_ns, now)
        count_off(load, slot)
    else:
        take_odd_delivery(load, receiver, &message, sent_ns_in(payload), now)


cdef void take_odd_delivery(
    load_t *load, const connection_t *receiver, const message_t *message, uint64_t sent_ns, uint64_t now
) noexcept nogil:
    """A delivery that is early, late, repeated, never sent, or of a message that was given up."""
    cdef connection_t *sender = load.connections + <size_t>receiver.channel * load.members + message.sender
    cdef slot_t *slot = load.slots + <size_t>receiver.channel * load.in_flight + message.slot
    if message.number >= sender.next_number:
        load.totals.unexpected += 1
    elif message.number < sender.first_number:
        load.totals.stale += 1
    elif not is_new(load, pair_of(load, receiver, message.sender), message.number):
        load.totals.duplicated += 1
    else:
        count_delivery(load, sent_ns, now)
        if slot.remaining and slot.number == message.number and slot.sender == message.sender:
            count_off(load, slot)


cdef bint is_new(load_t *load, uint32_t *next_number, uint32_t number) noexcept nogil:
    """Whether the pair sees this number for the first time; a new one below the next is a reordered one."""
    cdef uint64_t pair = <uint64_t>(next_number - load.next_of_pair) << 32
    cdef uint32_t skipped
    if number < next_number[0]:
        if not take_missing(load, pair | number):
            return False
        load.totals.reordered += 1
        return True
    for skipped in range(next_number[0], number):
        if load.missing_count == MISSING_MAX:
            break           # later arrivals of what is not remembered count as repeats
        load.missing[load.missing_count] = pair | skipped
        load.missing_count += 1
    next_number[0] = number + 1
    return True


cdef bint take_missing(load_t *load, uint64_t key) noexcept nogil:
    cdef uint32_t i
    for i in range(load.missing_count):
        if load.missing[i] == key:
            load.missing_count -= 1
            load.missing[i] = load.missing[load.missing_count]
            return True
    return False


cdef void give_up(load_t *load, uint64_t sent_before_ns) noexcept nogil:
    """Take back the slots of messages sent before a time: what has not arrived by now is lost, or very late."""
    cdef uint32_t i
    for i in range(load.channels * load.in_flight):
        if load.slots[i].remaining and load.slots[i].sent_ns < sent_before_ns:
            load.totals.given_up += 1
            free_slot(load, &load.slots[i])


cdef void give_up_sent_by(load_t *load, const connection_t *sender) noexcept nogil:
    """Take back the slots of one whose messages are larger than the server takes: all have one size, so none will arrive."""
    cdef slot_t *slot = load.slots + <size_t>sender.channel * load.in_flight
    cdef uint32_t k
    for k in range(load.in_flight):
        if slot[k].remaining and slot[k].sender == sender.member:
            load.totals.given_up += 1
            free_slot(load, slot + k)


cdef bint is_deserted(load_t *load) noexcept nogil:
    """Whether no channel has anybody left to send to anybody. Members do not come back: a channel found silent stays so."""
    while load.silent_channels < load.channels:
        if can_talk(load, load.silent_channels):
            return False
        load.silent_channels += 1
    return True


cdef bint can_talk(const load_t *load, uint32_t channel) noexcept nogil:
    cdef const connection_t *members = load.connections + <size_t>channel * load.members
    cdef uint32_t member
    if load.channel_states[channel].alive < (1 if load.has_echo else 2):
        return False
    for member in range(load.senders):
        if members[member].state == OPEN:
            return True
    return False


cdef void write_off_receiver(load_t *load, const connection_t *receiver) noexcept nogil:
    """A connection ended: nobody waits for it any longer. What it did not get stays lost."""
    cdef slot_t *slot = load.slots + <size_t>receiver.channel * load.in_flight
    cdef uint32_t k
    load.channel_states[receiver.channel].alive -= 1
    for k in range(load.in_flight):
        if (
            slot[k].remaining
            and (slot[k].sender != receiver.member or load.has_echo)
            and pair_of(load, receiver, slot[k].sender)[0] <= slot[k].number
        ):
            count_off(load, slot + k)


cdef void start_books(load_t *load) noexcept nogil:
    """Begin a run: totals at zero, every slot free, and older messages known as stale."""
    cdef uint32_t i
    cdef size_t pair
    memset(&load.totals, 0, sizeof(totals_t))
    load.missing_count = load.outstanding = load.free_count = 0
    for i in range(load.channels):
        load.channel_states[i].free = NONE
    for i in range(load.channels * load.in_flight):
        load.slots[i].remaining = 0
        put_free(load, i)
    for i in range(load.member_count):
        load.connections[i].first_number = load.connections[i].next_number
    for pair in range(<size_t>load.member_count * load.senders):
        load.next_of_pair[pair] = sender_of_pair(load, pair).first_number
    clear_spread(load)


cdef inline const connection_t *sender_of_pair(const load_t *load, size_t pair) noexcept nogil:
    cdef size_t channel = pair // load.senders // load.members
    return load.connections + channel * load.members + pair % load.senders
