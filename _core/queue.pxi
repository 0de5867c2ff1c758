# What a member is sent, and in which order: the log's entries from its cursor on, less those that are not for it, with its
# private items (its self join, direct messages, errors, pongs, the close frame) put in between at the positions they are
# tied to. `walk_next` is the one place that knows that order; `gather` (what would be sent) and `advance` (what was taken)
# both follow it.

cdef enum ItemKind:
    PLAIN_ITEM = 0
    PONG_ITEM = 1
    PING_ITEM = 2
    MESSAGE_ITEM = 3            # a direct message
    REST_ITEM = 4               # of a frame whose beginning was sent from the log
    GAP_ITEM = 5                # tells of `missed` messages

cdef struct item_t:
    item_t *next
    uint64_t position           # of the log: everything before it goes first
    uint32_t length
    uint32_t sent
    uint32_t missed
    uint8_t kind

cdef struct walk_t:
    uint64_t position
    uint32_t own_seq
    uint32_t own_count
    size_t special
    item_t *item

cdef enum Segment:
    SEGMENT_NONE = 0
    SEGMENT_LOG = 1
    SEGMENT_ITEM = 2


cdef inline item_t *item_new(size_t length) except NULL:
    cdef item_t *item = <item_t *>malloc(sizeof(item_t) + length)
    if item == NULL:
        raise MemoryError
    item.next = NULL
    item.length = <uint32_t>length
    item.sent = 0
    item.missed = 0
    item.kind = PLAIN_ITEM
    return item


cdef inline uint8_t *item_data(item_t *item) noexcept nogil:
    return <uint8_t *>(item + 1)


cdef int member_put(Member m, item_t *item) except -1:
    """Queue an item, tied to where the log ends now, and have the member flushed."""
    item.position = (<Log>m.log_object).end if m.log_object != NULL else 0
    if m.item_tail == NULL:
        m.item_head = item
    else:
        m.item_tail.next = item
    m.item_tail = item
    m.item_total += 1
    m.item_bytes += item.length
    if m.reactor != NULL:
        reactor_note_dirty(<Reactor>m.reactor, m)
    return 0


cdef int member_enqueue(Member m, const void *data, size_t length, uint8_t kind) except -1:
    cdef item_t *item
    if m.state != OPEN or length == 0:
        return 0
    item = item_new(length)
    memcpy(item_data(item), data, length)
    item.kind = kind
    return member_put(m, item)


cdef int member_pong(Member m, const uint8_t *payload, size_t length) except -1:
    """Answer a ping. Of pongs that wait side by side only the newest is kept, as RFC 6455 section 5.5.3 allows: a peer that
    pings and does not read cannot fill the queue."""
    cdef item_t *item = m.item_tail
    if m.state != OPEN:
        return 0
    if item == NULL or item.kind != PONG_ITEM or item.sent:
        item = item_new(2 + MAX_CONTROL_PAYLOAD)    # room for whatever ping comes next
        item.kind = PONG_ITEM
        item.length = 0
        member_put(m, item)
    m.item_bytes -= item.length
    item.length = <uint32_t>(write_header(item_data(item), FIN | PONG, length) + length)
    m.item_bytes += item.length
    memcpy(item_data(item) + 2, payload, length)
    return 0


cdef inline bint is_part_sent(const item_t *item) noexcept nogil:
    """Whether nothing may come before what is left of this first item."""
    return item != NULL and (item.sent != 0 or item.kind == REST_ITEM)


cdef void member_free_item(Member m, item_t *item) noexcept:
    """Forget an item that is in the queue no more."""
    if item.kind == PING_ITEM:
        m.ping_waits = False
    m.item_total -= 1
    m.item_bytes -= item.length - item.sent
    free(item)


cdef void member_pop_item(Member m) noexcept:
    cdef item_t *item = m.item_head
    m.item_head = item.next
    if item.next == NULL:
        m.item_tail = NULL
    member_free_item(m, item)


cdef void member_drop_behind(Member m, item_t *before) noexcept:
    """Forget the item behind `before`; the first one when that is NULL."""
    cdef item_t *item
    if before == NULL:
        member_pop_item(m)
        return
    item = before.next
    before.next = item.next
    if item.next == NULL:
        m.item_tail = before
    member_free_item(m, item)


cdef void member_forget_items(Member m) noexcept:
    while m.item_head != NULL:
        member_pop_item(m)


cdef inline void walk_begin(Member m, walk_t *walk) noexcept:
    cdef Log log
    walk.position = m.cursor
    walk.own_seq = m.own_seq
    walk.own_count = m.own_count
    walk.item = m.item_head
    walk.special = 0
    if m.log_object != NULL:
        log = <Log>m.log_object
        walk.special = log_special_at(log, m.cursor) if log.special_count != log.special_head else log.special_count


cdef inline bint is_special_for(const special_t *special, Member m) noexcept:
    return (special.audience == FOR_LIST) == m.has_list


cdef int walk_next(Member m, walk_t *walk, uint8_t **data, size_t *length) noexcept:
    """The next run of bytes that is for this member, having passed over what is not."""
    cdef item_t *item
    cdef Log log
    cdef entry_t *own
    cdef special_t *special
    cdef uint64_t stop
    cdef bint at_own, at_special
    if m.log_object == NULL:
        return walk_item(walk, data, length)
    log = <Log>m.log_object
    while True:
        item = walk.item
        if item != NULL and item.position <= walk.position:
            return walk_item(walk, data, length)
        stop = log.end if item == NULL else item.position
        at_own = at_special = False
        own = NULL
        special = NULL
        while walk.own_count:
            own = log_entry(log, walk.own_seq)
            if own.start >= walk.position:
                if own.start < stop:
                    stop = own.start
                    at_own = True
                break
            walk_pass_own(walk, own)
        while walk.special < log.special_count:
            special = log.store.specials + walk.special
            if special.start >= walk.position and not is_special_for(special, m):
                if special.start < stop:
                    stop = special.start
                    at_own = False
                    at_special = True
                break
            walk.special += 1
        if walk.position < stop:
            data[0] = log.store.data + (walk.position - log.base)
            length[0] = stop - walk.position
            walk.position = stop
            return SEGMENT_LOG
        if at_own:
            walk.position = own.start + own.length
            walk_pass_own(walk, own)
        elif at_special:
            walk.position = special.start + special.length
            walk.special += 1
        elif item == NULL:
            return SEGMENT_NONE


cdef inline int walk_item(walk_t *walk, uint8_t **data, size_t *length) noexcept:
    cdef item_t *item = walk.item
    if item == NULL:
        return SEGMENT_NONE
    data[0] = item_data(item) + item.sent
    length[0] = item.length - item.sent
    walk.item = item.next
    return SEGMENT_ITEM


cdef inline void walk_pass_own(walk_t *walk, const entry_t *own) noexcept:
    walk.own_seq += own.next_own
    walk.own_count -= 1


cdef inline void member_take_over(Member m, const walk_t *walk) noexcept:
    """Make the walk's place the member's: the cursor moves, and the items that were passed are freed."""
    m.cursor = walk.position
    m.own_seq = walk.own_seq
    m.own_count = walk.own_count
    while m.item_head != walk.item:
        member_pop_item(m)


cdef void member_advance(Member m, size_t sent) noexcept:
    """Move past `sent` bytes, and past all that follows them and is not for this member."""
    cdef walk_t walk
    cdef uint8_t *data
    cdef size_t length
    cdef int kind
    cdef item_t *item
    walk_begin(m, &walk)
    while True:
        item = walk.item
        kind = walk_next(m, &walk, &data, &length)
        if kind == SEGMENT_NONE:
            break
        if sent < length:
            # it stops in here; what lies before this run, passed over or sent, is done with
            if kind == SEGMENT_LOG:
                walk.position -= length - sent
            else:
                item.sent += <uint32_t>sent
                m.item_bytes -= <uint32_t>sent
                walk.item = item
            break
        sent -= length
    member_take_over(m, &walk)
