# What must hold between operations. Debug builds check it; in a release build the compiler drops the calls.

cdef void check(bint holds, const char *what) noexcept nogil:
    if not holds:
        relay_broken(what)


cdef void check_log(Log log) noexcept:
    """A log, its store and all its members agree. O(members + entries)."""
    cdef uint32_t i, lists = 0, blocked = 0, at_low = 0
    cdef Member m
    check(log.base <= log.low <= log.end or log.store == NULL, b"base <= low <= end")
    check(log.pass_end <= log.end, b"a pass ends within the log")
    check(not log.in_pass or log.pass_index <= log.member_total, b"the fan-out's place is within the members")
    check_store(log)
    for i in range(log.member_total):
        m = <Member>log.member_table[i]
        check(m.index == i, b"a member knows its index")
        check(m.log_object == <PyObject *>log, b"a member knows its log")
        check(m.state == OPEN, b"who is attached is open")
        check(m.cursor <= log.end, b"a cursor is within the log")
        check(log.store != NULL or m.cursor == log.end, b"who is behind keeps the store")
        check(log.store == NULL or m.cursor >= log.store.entries[log.entry_head].start, b"what a member lacks is there")
        check_own(log, m)
        check_items(m)
        lists += m.has_list
        blocked += m.is_blocked
        at_low += m.cursor == log.low
    check(lists == log.list_total, b"members with list are counted")
    check(blocked == log.blocked_total, b"blocked members are counted")
    check(at_low == log.low_total or log.store == NULL or log.is_dirty or log.in_pass, b"those furthest behind are counted")
    check(log.directory.slots == NULL or log.directory.used == log.member_total, b"the directory has everyone")


cdef void check_store(Log log) noexcept:
    """Entries follow each other without a gap, and special ones are entries."""
    cdef size_t i, k
    cdef uint64_t position
    if log.store == NULL:
        check(log.entry_end == 0 and log.special_count == 0, b"a log without a store has no entries")
        return
    check(log.entry_head < log.entry_end, b"a store has a live entry")
    check(log.end - log.base <= log.store.data_capacity, b"the data fits")
    position = log.store.entries[log.entry_head].start
    k = log.special_head
    for i in range(log.entry_head, log.entry_end):
        check(log.store.entries[i].start == position, b"entries follow each other")
        if k < log.special_count and log.store.specials[k].start == position:
            check(log.store.specials[k].length == log.store.entries[i].length, b"a special entry is an entry")
            k += 1
        position += log.store.entries[i].length
    check(position == log.end, b"the last entry ends the log")
    check(k == log.special_count, b"special entries are in order")


cdef void check_own(Log log, Member m) noexcept:
    """A member's chain leads through as many entries as it says, none of them behind its cursor."""
    cdef uint32_t seq = m.own_seq, left = m.own_count
    cdef const entry_t *entry
    while left:
        entry = log_entry(log, seq)
        check(entry.start >= m.cursor, b"own entries lie ahead")
        left -= 1
        check(left == 0 or entry.next_own != 0, b"the chain of own entries goes on")
        check(left != 0 or seq == m.own_last, b"the chain ends at the last own entry")
        seq += entry.next_own


cdef void check_items(Member m) noexcept:
    """Private items are in order of position, and their bytes add up."""
    cdef const item_t *item = m.item_head
    cdef const item_t *last = NULL
    cdef uint64_t total = 0
    cdef uint32_t count = 0
    while item != NULL:
        check(last == NULL or last.position <= item.position, b"private items are in order")
        check(item.sent < item.length, b"a private item that was sent is gone")
        check(item.sent == 0 or last == NULL, b"only the first private item is in part sent")
        total += item.length - item.sent
        count += 1
        last = item
        item = item.next
    check(total == m.item_bytes and count == m.item_total and last == m.item_tail, b"private items add up")


cdef void check_blocked(Reactor r) noexcept:
    """The list of blocked members has those of the table that are, and no other. O(connections)."""
    cdef size_t fd
    cdef uint32_t at, blocked = 0
    cdef PyObject *item
    for at in range(r.blocked_total):
        item = r.blocked[at]
        check((<Member>item).is_blocked, b"a listed member is blocked")
        check((<Member>item).blocked_index == at, b"a listed member knows its place")
        check(reactor_at(r, (<Conn>item).fd) == item, b"a listed member is in the table")
    for fd in range(r.table_capacity):
        item = r.table[fd]
        blocked += item != NULL and (<Conn>item).kind == IS_MEMBER and (<Member>item).is_blocked
    check(r.blocked_total == blocked, b"blocked members are listed")
