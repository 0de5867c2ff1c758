# What the generator knows: connections, the slots of messages in flight, and the running totals.
#
# A channel owns `in_flight` slots. A message occupies one from its sending until every receiver has it; then
# the slot is free and the next message is due at once (a closed loop). A pair is a (receiver, sender): it
# remembers the number that must come next, which tells gaps, repeats and late ones with four bytes a pair.

cdef enum connection_state:
    UNUSED
    CONNECTING          # nothing sent yet
    HANDSHAKING         # request sent, answer incomplete
    OPEN
    CLOSING             # our close frame is out
    GONE

cdef struct connection_t:
    int fd
    connection_state state
    uint32_t channel
    uint32_t member
    uint32_t next_number        # of the messages this connection sends
    uint32_t first_number       # the first one of this run
    uint32_t batch              # slots to send in this turn, linked; NONE ends
    uint32_t close_code
    uint64_t began_ns
    unsigned char *carry        # a frame or an answer that has only begun to arrive
    size_t carry_bytes
    unsigned char *pending      # what the socket would not take yet
    size_t pending_bytes

cdef enum:
    NONE = 0xFFFFFFFF

cdef struct slot_t:
    uint64_t sent_ns
    uint32_t sender
    uint32_t number
    uint32_t remaining          # deliveries still due; 0 when the slot is free
    uint32_t next               # in its sender's batch

cdef struct channel_t:
    uint32_t alive              # open members
    uint32_t turn               # who sends next, when everyone does

cdef struct totals_t:
    uint64_t sent
    uint64_t expected           # deliveries that the sent messages should cause
    uint64_t run                # deliveries of the same latency, not yet in the histogram
    uint64_t run_latency
    uint64_t duplicated
    uint64_t reordered
    uint64_t stale              # of a message sent in an earlier run
    uint64_t unexpected         # frames that no rule here explains
    uint64_t given_up           # messages whose slot was taken back
    uint64_t joins
    uint64_t leaves
    uint64_t errors
    uint64_t events             # other frames that begin {"type":
    uint64_t pings
    uint64_t received_bytes
    uint64_t reads
    uint64_t writes
    uint64_t waits
    histogram_t latency

cdef struct load_t:
    int epoll
    bint everyone_sends
    bint sending
    uint32_t channels
    uint32_t members
    uint32_t senders            # per channel
    uint32_t in_flight
    uint32_t payload_bytes
    uint64_t epoch_ns
    uint64_t mask
    unsigned char *frame        # the masked frame every message starts from
    size_t frame_bytes
    size_t frame_head_bytes
    size_t frame_bytes_max      # of what the server may send
    unsigned char fields[FIELDS_BYTES]
    unsigned char pong[FRAME_HEAD_MAX]
    const char *accept          # what a right answer to the opening handshake carries
    connection_t *connections
    channel_t *channel_states
    slot_t *slots
    uint32_t *next_of_pair
    uint32_t *free_slots
    uint32_t free_count
    uint32_t *batched           # connections with a batch in this turn
    uint32_t batched_count
    uint32_t outstanding        # occupied slots
    uint32_t handshaking
    uint32_t opened
    uint32_t refused
    uint32_t failed             # before they were open
    uint32_t dropped            # after
    uint64_t missing[MISSING_MAX]
    uint32_t missing_count
    uint32_t close_codes[CLOSE_CODES]
    uint32_t statuses[1000]
    unsigned char *read_buffer
    unsigned char *write_buffer
    epoll_event events[EVENTS_PER_WAIT]
    totals_t totals


cdef void *zeroed(size_t count, size_t size) except NULL:
    cdef void *memory = calloc(count if count else 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef int allocate(load_t *load) except -1:
    cdef size_t connections = <size_t>load.channels * load.members
    load.connections = <connection_t *>zeroed(connections, sizeof(connection_t))
    load.channel_states = <channel_t *>zeroed(load.channels, sizeof(channel_t))
    load.slots = <slot_t *>zeroed(<size_t>load.channels * load.in_flight, sizeof(slot_t))
    load.free_slots = <uint32_t *>zeroed(<size_t>load.channels * load.in_flight, sizeof(uint32_t))
    load.batched = <uint32_t *>zeroed(connections, sizeof(uint32_t))
    load.next_of_pair = <uint32_t *>zeroed(connections * load.senders, sizeof(uint32_t))
    load.frame_bytes_max = load.payload_bytes + SPARE_FRAME_BYTES
    load.read_buffer = <unsigned char *>zeroed(load.frame_bytes_max + READ_BYTES, 1)
    load.write_buffer = <unsigned char *>zeroed(WRITE_BYTES + load.frame_bytes, 1)
    lay_out(load)
    return 0


cdef void lay_out(load_t *load) noexcept nogil:
    cdef uint32_t i
    for i in range(load.channels * load.members):
        load.connections[i].fd = -1
        load.connections[i].channel = i // load.members
        load.connections[i].member = i % load.members
        load.connections[i].batch = NONE


cdef void release(load_t *load) noexcept nogil:
    cdef uint32_t i
    if load.connections != NULL:
        for i in range(load.channels * load.members):
            if load.connections[i].fd >= 0:
                close_fd(load.connections[i].fd)
            free(load.connections[i].carry)
            free(load.connections[i].pending)
    free(load.connections)
    free(load.channel_states)
    free(load.slots)
    free(load.free_slots)
    free(load.batched)
    free(load.next_of_pair)
    free(load.read_buffer)
    free(load.write_buffer)
    free(load.frame)
    if load.epoll >= 0:
        close_fd(load.epoll)
