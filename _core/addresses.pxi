# Tables keyed by address, in memory that never grows: a token bucket for each address that connects (AddressLimiter), and the
# addresses that are blocked (AddressBlocks).
#
# Both are one table: sets of eight slots. A key's hash names its set, and it is in one of those slots or nowhere, so a look-up
# costs the same whatever is stored. Both hold the same, token buckets: a block is a bucket that owes as many tokens as
# seconds are left, and pays one back every second. When a set is full the bucket with the most tokens makes room: the limiter
# forgets the address that is nearest to being as good as new, the blocks forget the one that ends first. A bucket that has
# filled up, or a block that has ended, is as good as none, so nothing has to be swept out.
#
# What a flood of addresses can do: an address that is forgotten starts anew, with a full bucket or unblocked, so nobody is
# refused for what others did. In return a set with more than eight offenders at once forgets one of them. To be that one, an
# offender needs eight others in its set that lack more tokens than it does, or are blocked for longer. Addresses that connect
# once and go lack one token each, and only replace one another. And since the hash is keyed with a secret nobody can choose
# addresses for a set: the whole table must be filled. With 65 536 slots that takes about as many addresses, each of which has
# used up as many connections, or was kicked as recently, as the one that is to be freed. Who has those needs not that one.
#
# The hash is the finalizer of splitmix64 (Steele, Lea and Flood, 2014), a bijection in which each bit of the key changes each bit
# of the result with about even odds. It is not a cryptographic one. It need not be: which keys share a set is not to be seen
# from outside, and to know it would gain no more than the above. Rejected: a dict, because it grows; a list ordered by last
# use, because any flood flushes it.

cdef enum:
    SLOTS_PER_SET = 8
    MAX_ADDRESSES = 1048576

cdef struct slot_t:
    uint64_t key                # 0: free
    bucket_t bucket

cdef uint64_t address_secret = int.from_bytes(_urandom(8), "little")    # of this process, since the module was loaded


cdef inline uint64_t address_hash(uint64_t key) noexcept nogil:
    key ^= address_secret
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9ULL
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBULL
    return key ^ (key >> 31)


cdef class AddressTable:
    """What the two tables share; not for callers."""

    cdef slot_t *slots
    cdef size_t set_mask

    def __dealloc__(self):
        free(self.slots)

    @property
    def allocated_bytes(self):
        """The size of the table, the same from the start to the end."""
        return slot_count(self) * sizeof(slot_t)


cdef inline size_t slot_count(AddressTable t) noexcept nogil:
    return (t.set_mask + 1) * SLOTS_PER_SET


cdef int address_table_open(AddressTable t, Py_ssize_t capacity) except -1:
    """Room for `capacity` addresses, rounded up to a power of two."""
    cdef size_t sets = 1
    if not 1 <= capacity <= MAX_ADDRESSES:
        raise ValueError(f"capacity: expected 1 to {MAX_ADDRESSES} addresses, got {capacity}")
    while sets * SLOTS_PER_SET < <size_t>capacity:
        sets *= 2
    t.slots = <slot_t *>calloc(sets * SLOTS_PER_SET, sizeof(slot_t))
    if t.slots == NULL:
        raise MemoryError
    t.set_mask = sets - 1
    return 0


cdef inline slot_t *address_set(AddressTable t, uint64_t key) noexcept nogil:
    return t.slots + (address_hash(key) & t.set_mask) * SLOTS_PER_SET


cdef slot_t *address_find(AddressTable t, uint64_t key) noexcept nogil:
    """The slot of this key, or NULL."""
    cdef slot_t *slots = address_set(t, key)
    cdef int i
    for i in range(SLOTS_PER_SET):
        if slots[i].key == key:
            return slots + i
    return NULL


cdef slot_t *address_claim(AddressTable t, uint64_t key, double rate, double now) noexcept nogil:
    """A slot for a key that has none, its bucket yet to be set: a free one, or that of the bucket with most tokens at `now`."""
    cdef slot_t *slots = address_set(t, key)
    cdef slot_t *fullest = slots
    cdef int i
    for i in range(SLOTS_PER_SET):
        if slots[i].key == 0:
            fullest = slots + i
            break
        if bucket_unbounded(&slots[i].bucket, rate, now) > bucket_unbounded(&fullest.bucket, rate, now):
            fullest = slots + i
    fullest.key = key
    return fullest


@cython.final
cdef class AddressLimiter(AddressTable):
    """A token bucket for each address; a new one starts full. `capacity` is for how many, rounded up to a power of two.

    Addresses are 64-bit keys. Key 0, which means that no limits apply, is never refused; at a rate of 0 none is. When there is no
    room for another, the address that is nearest to a full bucket is forgotten. Raises ValueError for numbers out of range.
    """

    cdef double rate, burst

    def __cinit__(self, double rate, double burst, *, Py_ssize_t capacity=65536):
        address_table_open(self, capacity)
        self.configure(rate, burst)

    def try_consume(self, uint64_t key, double now, double cost=1.0):
        """Take `cost` tokens of this address if they are there; take none and return False if not. Time that runs backwards
        refills nothing. Raises ValueError for a cost that is negative or no number."""
        cdef slot_t *slot
        require_cost(cost)
        if key == 0 or self.rate == 0:
            return True
        slot = address_find(self, key)
        if slot == NULL:
            slot = address_claim(self, key, self.rate, now)
            bucket_fill(&slot.bucket, self.burst, now)
        bucket_refill(&slot.bucket, self.rate, self.burst, now)
        return bucket_consume(&slot.bucket, cost)

    def seconds_until(self, uint64_t key, double now, double cost=1.0):
        """How long from `now` until this address has `cost` tokens; 0.0 when it has, inf when it never will. Raises ValueError
        for a cost that is negative or no number."""
        cdef bucket_t bucket
        cdef const slot_t *slot
        require_cost(cost)
        if key == 0 or self.rate == 0:
            return 0.0
        bucket_fill(&bucket, self.burst, now)
        slot = address_find(self, key)
        if slot != NULL:
            bucket = slot.bucket
            bucket_refill(&bucket, self.rate, self.burst, now)
        return bucket_wait(&bucket, self.rate, self.burst, cost)

    def configure(self, double rate, double burst):
        """Go on at another rate and burst. Addresses keep the tokens they have, as far as the burst allows."""
        cdef size_t i
        require_amounts(rate, burst)
        self.rate = rate
        self.burst = burst
        for i in range(slot_count(self)):
            if self.slots[i].bucket.tokens > burst:
                self.slots[i].bucket.tokens = burst


@cython.final
cdef class AddressBlocks(AddressTable):
    """Addresses that are blocked, each until some time. `capacity` is for how many, rounded up to a power of two.

    Addresses are 64-bit keys. Key 0, which means that no limits apply, is never blocked. When there is no room for another, the
    block that ends first is lifted. Raises ValueError for a capacity out of range.
    """

    def __cinit__(self, Py_ssize_t capacity=65536):
        address_table_open(self, capacity)

    def block(self, uint64_t key, double until):
        """Block this address until then; a block that ends later stays. Raises ValueError for a time that is no number."""
        cdef slot_t *slot
        if until != until:
            raise ValueError(f"until: expected a time in seconds, got {until}")
        if key == 0:
            return
        slot = address_find(self, key)
        if slot == NULL:
            slot = address_claim(self, key, 1.0, 0.0)
        elif block_end(slot) >= until:
            return
        bucket_fill(&slot.bucket, -until, 0.0)

    def unblock(self, uint64_t key):
        """Lift the block of this address. False when there was none; one that has ended may still count."""
        cdef slot_t *slot = NULL if key == 0 else address_find(self, key)
        if slot == NULL:
            return False
        slot.key = 0
        return True

    def blocked_until(self, uint64_t key, double now):
        """When the block of this address ends; 0.0 when it is not blocked."""
        cdef slot_t *slot = NULL if key == 0 else address_find(self, key)
        return block_end(slot) if slot != NULL and block_end(slot) > now else 0.0

    def count(self, double now):
        """How many addresses are blocked. Looks at all of the table: for reports."""
        cdef size_t i, total = 0
        for i in range(slot_count(self)):
            total += self.slots[i].key != 0 and block_end(&self.slots[i]) > now
        return total


cdef inline double block_end(const slot_t *slot) noexcept nogil:
    """When a block ends: its debt, counted from time 0 on."""
    return -slot.bucket.tokens
