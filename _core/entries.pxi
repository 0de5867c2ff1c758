# The entries of a log: found, appended, and let go of.

cdef inline entry_t *log_entry(Log log, uint32_t seq) noexcept:
    """An entry by its sequence number. The numbers wrap around; the difference does not care."""
    cdef uint32_t index = seq - log.seq_base
    if RELAY_CHECK and not log.entry_head <= index < log.entry_end:
        relay_broken("an own entry that is not in the log")
    return log.store.entries + index


cdef size_t log_special_at(Log log, uint64_t position) noexcept:
    """The first special entry that starts at `position` or behind it."""
    cdef size_t low = log.special_head, high = log.special_count, middle
    while low < high:
        middle = (low + high) >> 1
        if log.store.specials[middle].start < position:
            low = middle + 1
        else:
            high = middle
    return low


cdef size_t log_entry_at(Log log, uint64_t position) noexcept:
    """The index of the first entry that starts at `position` or behind it."""
    cdef size_t low = log.entry_head, high = log.entry_end, middle
    while low < high:
        middle = (low + high) >> 1
        if log.store.entries[middle].start < position:
            low = middle + 1
        else:
            high = middle
    return low


cdef size_t log_rest_of_entry(Log log, uint64_t position) noexcept:
    """Bytes of the entry that `position` lies inside of which come from there on; 0 at a boundary."""
    cdef size_t behind
    cdef const entry_t *entry
    if log.store == NULL:
        return 0
    behind = log_entry_at(log, position)
    if behind == log.entry_head:
        return 0
    entry = log.store.entries + behind - 1
    return entry.start + entry.length - position if position < entry.start + entry.length else 0


cdef uint8_t *log_reserve(Log log, size_t length) except NULL:
    """Room for one frame at the end; nothing has changed until `log_commit`."""
    cdef store_t *store
    cdef size_t used
    if log.store == NULL:
        log.store = store_take()
        log.base = log.low = log.end
        log.low_total = log.member_total
    store = log.store
    used = log.end - log.base
    if used + length > store.data_capacity and log_dead_bytes(log) * 4 >= used:
        log_compact(log)    # rather than grow for the past of a slow reader
        used = log.end - log.base
    if used + length > store.data_capacity:
        store.data = <uint8_t *>grown(store.data, &store.data_capacity, used + length, 1, STORE_FIRST_BYTES)
    if log.entry_end == store.entry_capacity:
        store.entries = <entry_t *>grown(
            store.entries, &store.entry_capacity, log.entry_end + 1, sizeof(entry_t), 32)
    return store.data + used


cdef int log_commit(Log log, size_t length, Member sender, uint8_t audience, bint is_message) except -1:
    """Make the bytes at the end an entry, for event streams too. `sender` may be None."""
    log_enter(log, length, sender, audience, is_message)
    return log_pass_on(
        log, log.store.data + (log.end - length - log.base), length,
        log.member_total - (sender is not None and not sender.has_echo), audience, is_message)


cdef inline int log_pass_on(
    Log log, const uint8_t *frame, size_t length, uint32_t recipients, uint8_t audience, bint is_message,
) except -1:
    """Append a frame to the event streams, if there are any, and count it."""
    if log.stream_log is not None and log.stream_log.member_total:
        recipients += log.stream_log.member_total
        stream_append(log.stream_log, frame, length, audience, is_message)
    if is_message and log.reactor is not None:
        count_message(log.reactor, recipients)
    return 0


cdef inline void count_message(Reactor r, uint32_t recipients) noexcept:
    r.counters.deliveries += recipients
    histogram_add(&r.work.fanout, recipients)


cdef int log_enter(Log log, size_t length, Member sender, uint8_t audience, bint is_message) except -1:
    """Index the bytes at the end, and have the log flushed."""
    cdef store_t *store = log.store
    cdef entry_t *entry
    cdef special_t *special
    cdef uint32_t seq = log.seq_base + <uint32_t>log.entry_end
    if audience != FOR_ALL:
        if log.special_count == store.special_capacity:
            store.specials = <special_t *>grown(
                store.specials, &store.special_capacity, log.special_count + 1, sizeof(special_t), 8)
        special = store.specials + log.special_count
        special.start = log.end
        special.length = <uint32_t>length
        special.audience = audience
        log.special_count += 1
    entry = store.entries + log.entry_end
    entry.start = log.end
    entry.length = <uint32_t>length
    entry.is_message = is_message
    entry.next_own = 0
    log.entry_end += 1
    log.end += length
    if sender is not None and not sender.has_echo:
        if sender.own_count:
            log_entry(log, sender.own_last).next_own = seq - sender.own_last
        else:
            sender.own_seq = seq
        sender.own_last = seq
        sender.own_count += 1
    if not log.is_dirty and log.reactor is not None:
        reactor_note_log(log.reactor, log)
    return 0


cdef int log_publish(Log log, Member sender, stamp_t *stamp, const uint8_t *payload, size_t length) except -1:
    """Stamp a checked payload into the log. `payload` must not lie in the log itself."""
    cdef bint with_id = not has_id(payload, length)
    cdef size_t size = stamped_length(stamp, with_id, sender.prefix_length, length)
    cdef uint8_t *out
    size += header_size(size)
    out = log_reserve(log, size)
    stamp_write(stamp, out, with_id, sender.prefix_data, sender.prefix_length, payload, length)
    return log_commit(log, size, sender, FOR_ALL, True)


cdef void log_moved_from(Log log, uint64_t cursor) noexcept:
    """A member has moved on from `cursor`, or has left there. During a pass, and when one is due, the pass will settle."""
    if log.is_dirty or log.in_pass or log.store == NULL or cursor != log.low:
        return
    log.low_total -= 1
    if log.low_total == 0:
        log_settle(log)


cdef void log_settle(Log log) noexcept:
    """Let go of what every member has been sent. Asks every member where it stands, so it is called once per pass, not per
    send; between passes only when the last of those that were furthest behind has moved."""
    cdef uint32_t i, at_low = 0
    cdef uint64_t low = log.end, cursor
    if log.store == NULL:
        return
    for i in range(log.member_total):
        cursor = (<Member>log.member_table[i]).cursor
        if cursor < low:
            low = cursor
            at_low = 0
        at_low += cursor == low
    log.low = low
    log.low_total = at_low
    if low == log.end:
        log.seq_base += <uint32_t>log.entry_end
        log.entry_head = log.entry_end = log.special_head = log.special_count = 0
        log.base = log.end
        store_give_back(log.store)
        log.store = NULL
    else:
        log_trim(log)
    if RELAY_CHECK:
        check_log(log)


cdef void log_trim(Log log) noexcept:
    """Drop what lies below `low`, and move the rest down once the dead part is the larger one: O(1) per byte over time."""
    cdef store_t *store = log.store
    cdef size_t dead
    while store.entries[log.entry_head].start + store.entries[log.entry_head].length <= log.low:
        log.entry_head += 1
    while log.special_head < log.special_count and store.specials[log.special_head].start < store.entries[log.entry_head].start:
        log.special_head += 1
    dead = log_dead_bytes(log)
    if dead > (log.end - log.base) - dead and dead >= STORE_FIRST_BYTES:
        log_compact(log)
        log_shrink(log)
    if log.entry_head > log.entry_end - log.entry_head:
        memmove(store.entries, store.entries + log.entry_head, (log.entry_end - log.entry_head) * sizeof(entry_t))
        log.seq_base += <uint32_t>log.entry_head
        log.entry_end -= log.entry_head
        log.entry_head = 0
    if log.special_head > log.special_count - log.special_head:
        memmove(
            store.specials, store.specials + log.special_head,
            (log.special_count - log.special_head) * sizeof(special_t))
        log.special_count -= log.special_head
        log.special_head = 0


cdef inline size_t log_dead_bytes(Log log) noexcept:
    """Bytes at the front of the store that every member has been sent."""
    return log.store.entries[log.entry_head].start - log.base if log.entry_head < log.entry_end else 0


cdef void log_compact(Log log) noexcept:
    """Move the live bytes to the front."""
    cdef size_t dead = log_dead_bytes(log)
    if dead == 0:
        return      # a store that is new has no bytes, and memmove takes no NULL
    memmove(log.store.data, log.store.data + dead, (log.end - log.base) - dead)
    log.base += dead


cdef void log_shrink(Log log) noexcept:
    """After a burst give most of a large buffer back, so that one slow reader's past is not held for good."""
    cdef size_t used = log.end - log.base
    cdef uint8_t *smaller
    if log.store.data_capacity > STORE_KEPT_BYTES and log.store.data_capacity > used * 4:
        smaller = <uint8_t *>realloc(log.store.data, used * 2)
        if smaller != NULL:
            log.store.data = smaller
            log.store.data_capacity = used * 2
