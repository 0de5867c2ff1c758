# uid -> member, for direct messages: an open-addressing table of borrowed members with linear probing, at most half full.
# A channel builds it at its first direct message; the many that never see one pay nothing.
#
# Uids are ours and random, so an attacker can choose what to look up but not what is stored: no chain grows by design. Members
# of verbatim rooms have none and are never looked up.

cdef struct directory_t:
    PyObject **slots            # NULL until the first look-up
    uint32_t mask
    uint32_t used


cdef inline uint32_t uid_hash(const uint8_t *uid, size_t length) noexcept nogil:
    """FNV-1a, 32 bits (Fowler, Noll, Vo)."""
    cdef uint32_t h = 2166136261
    cdef size_t i
    for i in range(length):
        h = (h ^ uid[i]) * 16777619
    return h


cdef void directory_put(directory_t *d, PyObject *member) noexcept:
    """Store a member; the table has room."""
    cdef uint32_t i = uid_hash((<Member>member).uid_data, (<Member>member).uid_length) & d.mask
    while d.slots[i] != NULL:
        i = (i + 1) & d.mask
    d.slots[i] = member
    d.used += 1


cdef int directory_build(directory_t *d, PyObject **members, uint32_t count) except -1:
    """(Re)build the table for these members, at most a quarter full."""
    cdef uint32_t capacity = 16, i
    cdef PyObject **slots
    while capacity < count * 4:
        capacity *= 2
    slots = <PyObject **>calloc(capacity, sizeof(PyObject *))
    if slots == NULL:
        raise MemoryError
    free(d.slots)
    d.slots = slots
    d.mask = capacity - 1
    d.used = 0
    for i in range(count):
        directory_put(d, members[i])
    return 0


cdef PyObject *directory_find(const directory_t *d, const uint8_t *uid, size_t length) noexcept:
    """The member with this uid, borrowed, or NULL."""
    cdef uint32_t i = uid_hash(uid, length) & d.mask
    cdef PyObject *slot
    while True:
        slot = d.slots[i]
        if slot == NULL:
            return NULL
        if (<Member>slot).uid_length == length and memcmp((<Member>slot).uid_data, uid, length) == 0:
            return slot
        i = (i + 1) & d.mask


cdef void directory_remove(directory_t *d, PyObject *member) noexcept:
    """Forget a member, and move up those behind it whose probing passes the hole (Knuth, TAOCP 3, 6.4, algorithm R)."""
    cdef uint32_t hole = uid_hash((<Member>member).uid_data, (<Member>member).uid_length) & d.mask
    cdef uint32_t i, home
    while d.slots[hole] != member:
        if d.slots[hole] == NULL:
            return
        hole = (hole + 1) & d.mask
    i = hole
    while True:
        i = (i + 1) & d.mask
        if d.slots[i] == NULL:
            break
        home = uid_hash((<Member>d.slots[i]).uid_data, (<Member>d.slots[i]).uid_length) & d.mask
        if ((i - home) & d.mask) >= ((i - hole) & d.mask):
            d.slots[hole] = d.slots[i]
            hole = i
    d.slots[hole] = NULL
    d.used -= 1
