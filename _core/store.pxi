# What a log is made of: the framed bytes, an index of entries, and the few entries that are not for everyone.
#
# A store is taken from a pool when a log gets its first entry and given back when every member has caught up, usually within
# the same turn. So an idle channel holds no buffer, and a busy one meets memory that is mapped and warm.

cdef extern from *:
    """
    #include <stdint.h>
    typedef struct {
        uint64_t start;            /* position in the log's stream */
        uint32_t length : 31;
        uint32_t is_message : 1;   /* not a join or a leave */
        uint32_t next_own;         /* how many entries further the same sender's next one is; 0: none */
    } entry_t;
    """
    ctypedef struct entry_t:
        uint64_t start
        uint32_t length
        bint is_message
        uint32_t next_own

cdef struct special_t:
    uint64_t start
    uint32_t length
    uint8_t audience

cdef struct store_t:
    uint8_t *data
    entry_t *entries
    special_t *specials
    size_t data_capacity
    size_t entry_capacity
    size_t special_capacity
    store_t *next               # in the pool

cdef enum:
    STORE_FIRST_BYTES = 4096
    STORE_KEPT_BYTES = 524288   # one that has grown beyond is freed instead of pooled
    STORE_POOL_SIZE = 32

cdef store_t *store_pool = NULL
cdef int store_pool_size = 0


cdef void store_free(store_t *store) noexcept:
    if store == NULL:
        return
    free(store.data)
    free(store.entries)
    free(store.specials)
    free(store)


cdef store_t *store_take() except NULL:
    global store_pool, store_pool_size
    cdef store_t *store = store_pool
    if store != NULL:
        store_pool = store.next
        store_pool_size -= 1
        return store
    store = <store_t *>calloc(1, sizeof(store_t))
    if store == NULL:
        raise MemoryError
    return store


cdef void store_give_back(store_t *store) noexcept:
    global store_pool, store_pool_size
    if store_pool_size >= STORE_POOL_SIZE or store.data_capacity > STORE_KEPT_BYTES:
        store_free(store)
        return
    store.next = store_pool
    store_pool = store
    store_pool_size += 1


cdef void *grown(void *block, size_t *capacity, size_t needed, size_t item, size_t first) except NULL:
    """Make room for `needed` items of `item` bytes, doubling; the block stays as it was when memory is out."""
    cdef size_t wanted = capacity[0] * 2 if capacity[0] else first
    cdef void *larger
    if wanted < needed:
        wanted = needed
    larger = realloc(block, wanted * item)
    if larger == NULL:
        raise MemoryError
    capacity[0] = wanted
    return larger
