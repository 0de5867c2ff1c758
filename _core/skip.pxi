# A slow consumer that is not closed: the oldest messages that wait for it are skipped, and it is told how many they were.
#
# What may be skipped are entries of the log, and direct messages. What is not: the rest of a frame whose beginning was sent, the
# 101 and the self join, errors, pings and pongs; they are few, and who lets these alone exceed the limit is closed after all.
# The private item that tells of the gap stands before all messages that are kept, so that its number is exact at that place: it
# is delivered after what was sent before the gap, and before what follows it.

cdef enum:
    NOTHING_SKIPPED = 0         # or an exception, which is asked for then
    LAST_POSITION = 0xFFFFFFFFFFFFFFFF


cdef uint64_t log_count(Log log, Member m, uint64_t stop, bint only_messages) noexcept:
    """How many entries that start from a member's cursor on, and before `stop`, are for it."""
    cdef size_t i
    cdef uint64_t count = 0
    cdef uint32_t own = m.own_seq, own_left = m.own_count
    cdef const entry_t *entry
    cdef size_t special
    if log.store == NULL:
        return 0
    special = log_special_at(log, m.cursor)
    for i in range(log_entry_at(log, m.cursor), log.entry_end):
        entry = log.store.entries + i
        if entry.start >= stop:
            break
        while own_left and <uint32_t>(own - log.seq_base) < i:
            own += log_entry(log, own).next_own
            own_left -= 1
        if own_left and <uint32_t>(own - log.seq_base) == i:
            continue
        while special < log.special_count and log.store.specials[special].start < entry.start:
            special += 1
        if special < log.special_count and log.store.specials[special].start == entry.start:
            if not is_special_for(log.store.specials + special, m):
                continue
        count += entry.is_message or not only_messages
    return count


cdef uint64_t member_skip(Member m, uint64_t limit, uint64_t *untold) except? NOTHING_SKIPPED:
    """Skip the oldest messages of a member that costs more than `limit`, so that at most half of it is left. Returns how many
    that were meant for it are gone; `untold` is how many of earlier gaps it was not told of yet: the caller tells of both."""
    cdef uint64_t missed = 0, keep = limit // 2
    member_finish_frame(m)
    untold[0] = member_take_gaps(m)
    if m.log_object != NULL:
        missed = member_skip_entries(m, <Log>m.log_object, keep)
    return missed + member_skip_items(m, keep, LAST_POSITION)


cdef uint64_t member_skip_entries(Member m, Log log, uint64_t keep) noexcept:
    """Move the cursor from boundary to boundary, and drop the direct messages that are tied to a place before, in the order in
    which all these would have been sent, until the member costs at most `keep` or stands at the end."""
    cdef uint64_t before = m.cursor, missed = 0, stop
    cdef size_t index
    if log.store == NULL:
        return 0
    index = log_entry_at(log, log.end - keep if log.end - m.cursor > keep else m.cursor)
    while True:
        stop = log.store.entries[index].start if index < log.entry_end else log.end
        missed += member_skip_items(m, 0, stop)
        if stop == log.end or member_cost(m) - (stop - m.cursor) <= keep:
            break
        index += 1
    missed += log_count(log, m, stop, True)
    while m.own_count and log_entry(log, m.own_seq).start < stop:
        m.own_seq += log_entry(log, m.own_seq).next_own
        m.own_count -= 1
    m.cursor = stop
    log_moved_from(log, before)
    return missed


cdef uint64_t member_skip_items(Member m, uint64_t keep, uint64_t stop) noexcept:
    """Drop direct messages that are tied to a place before `stop`, oldest first, until the member costs at most `keep`."""
    cdef item_t *before = NULL
    cdef item_t *item = m.item_head
    cdef uint64_t missed = 0
    while item != NULL and item.position < stop and member_cost(m) > keep:
        if item.kind == MESSAGE_ITEM and item.sent == 0:
            member_drop_behind(m, before)
            missed += 1
        else:
            before = item
        item = m.item_head if before == NULL else before.next
    return missed


cdef uint64_t member_take_gaps(Member m) noexcept:
    """Take out what tells of earlier gaps and was not sent yet; how many messages they stand for."""
    cdef item_t *before = NULL
    cdef item_t *item = m.item_head
    cdef uint64_t missed = 0
    while item != NULL:
        if item.kind == GAP_ITEM and item.sent == 0:
            missed += item.missed
            member_drop_behind(m, before)
        else:
            before = item
        item = m.item_head if before == NULL else before.next
    return missed


cdef int member_put_gap(Member m, bytes frame, uint64_t missed) except -1:
    """Tell of a gap before all messages that were kept, and behind what goes out before them: the rest of a frame whose beginning
    was sent, the 101 and the self join."""
    cdef item_t *item = item_new(PyBytes_GET_SIZE(frame))
    cdef item_t *before = NULL
    cdef item_t *behind = m.item_head
    memcpy(item_data(item), PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
    item.kind = GAP_ITEM
    item.missed = <uint32_t>missed
    item.position = 0
    while behind != NULL and (behind.kind != MESSAGE_ITEM or behind.sent) and behind.position <= m.cursor:
        before = behind
        behind = behind.next
    item.next = behind
    if before == NULL:
        m.item_head = item
    else:
        item.position = before.position
        before.next = item
    if behind == NULL:
        m.item_tail = item
    m.item_total += 1
    m.item_bytes += item.length
    return 0
