# What the generator knows: connections, the slots of messages in flight, and the running totals.
#
# A channel owns `in_flight` slots. A message occupies one from its sending until every receiver has it. Then, in a
# closed loop, the next message is due at once; in an open loop the slot waits in its channel's list until the clock
# makes one due. A pair is a (receiver, sender): it remembers the number that must come next, which tells gaps, repeats
# and late ones with four bytes a pair.
#
# The table of connections begins with the members, channel by channel. Behind them are the bystanders, which take part
# in channels and in no book: visitors, which leave and join again, and stalled ones, which do not read.

cdef enum connection_state:
    UNUSED
    CONNECTING          # nothing sent yet
    HANDSHAKING         # request sent, answer incomplete
    OPEN
    CLOSING             # our close frame is out
    GONE

cdef enum connection_kind:
    MEMBER
    VISITOR
    STALLED

cdef struct connection_t:
    int fd
    connection_state state
    connection_kind kind
    uint32_t channel
    uint32_t member
    uint32_t source             # the local address in network order; 0 lets the kernel choose
    bint is_late                # stalled: was told of a gap
    uint32_t next_number        # of the messages this connection sends
    uint32_t first_number       # the first one of this run
    uint32_t batch              # slots to send in this turn, linked; NONE ends
    uint32_t close_code
    uint64_t began_ns
    unsigned char *carry        # a frame or an answer that has only begun to arrive
    size_t carry_bytes
    unsigned char *pending      # what the socket would not take yet, from `pending_at` on
    size_t pending_bytes
    size_t pending_at
    unsigned char *request      # of its opening handshake; visitors need it again
    size_t request_bytes
    unsigned char *greeting     # a frame to send when it is open, or NULL
    size_t greeting_bytes

cdef enum:
    NONE = 0xFFFFFFFF

cdef struct slot_t:
    uint64_t sent_ns
    uint32_t sender
    uint32_t number
    uint32_t remaining          # deliveries still due; 0 when the slot is free
    uint32_t next               # in its sender's batch, or in its channel's list of free ones

cdef struct channel_t:
    uint32_t alive              # open members
    uint32_t turn               # who sends next, when several do
    uint32_t free               # open loop: the first of the channel's free slots; NONE ends

# What happens at even distances in time: event k is due at `began_ns` + k × `interval_ns`.
cdef struct pace_t:
    double interval_ns          # 0 when it is not used
    uint64_t began_ns
    uint64_t taken              # events that are done with
    uint64_t most               # there is none from this number on

cdef struct totals_t:
    uint64_t sent
    uint64_t expected           # deliveries that the sent messages should cause
    uint64_t run                # deliveries of the same latency, not yet in the histogram
    uint64_t run_latency
    uint64_t interval_sent      # totals at the beginning of the interval
    uint64_t unsent             # open loop: due in a channel that had nobody left
    uint64_t duplicated
    uint64_t reordered
    uint64_t stale              # of a message sent in an earlier run
    uint64_t unexpected         # frames that no rule here explains; of these:
    uint64_t echoed             # a sender's own messages
    uint64_t foreign            # messages of other channels
    uint64_t fragments
    uint64_t reserved           # frames with RSV bits, which is compressed ones
    uint64_t given_up           # messages whose slot was taken back
    uint64_t joins
    uint64_t leaves
    uint64_t errors
    uint64_t limited            # errors that tell of a rate limit
    uint64_t left               # visitors: by their own closing handshake
    uint64_t returned
    uint64_t not_returned       # refused, or failed to connect
    uint64_t late_visits        # due while the visitor was still on its way
    uint64_t events             # other frames that begin {"type":
    uint64_t pings
    uint64_t received_bytes
    uint64_t reads
    uint64_t writes
    uint64_t waits
    histogram_t fresh           # of this interval
    histogram_t latency         # of all intervals before it
    histogram_t lateness        # open loop: how long after it was due a message was written
    histogram_t connecting

cdef struct load_t:
    int epoll
    int timer
    bint has_echo
    bint sending
    bint stopping               # asked to stop, by a signal's handler
    bint exhausted              # a sender has no numbers left
    bint deserted               # nobody is left to send, or to get it
    bint closing
    uint32_t channels
    uint32_t members
    uint32_t member_count
    uint32_t visitor_count
    uint32_t stalled_count
    uint32_t total              # connections
    uint32_t senders            # per channel
    uint32_t in_flight
    uint32_t payload_bytes
    uint64_t epoch_ns
    uint64_t epoch_wall_ns      # the same instant since 1970
    uint64_t armed_ns           # when the timer goes off
    pace_t pace                 # of messages, in an open loop
    pace_t churn                # of visitors
    unsigned char key[4]
    uint64_t mask               # the key, turned to where the stamp begins
    unsigned char *frame        # the masked frame every message starts from
    size_t frame_bytes
    size_t frame_head_bytes
    size_t stamp_at             # of the numbers, in the frame
    unsigned char pad           # in front of the numbers
    bint is_template
    size_t stamp_hint           # of a delivery: where the last stamp was found
    field_t places[PLACES_MAX]  # what a template has besides the stamp
    int place_count
    size_t frame_bytes_max      # of what the server may send
    unsigned char fields[FIELDS_BYTES]
    unsigned char pong[FRAME_HEAD_MAX]
    sockaddr_in server
    int receive_buffer_bytes    # of stalled connections
    const char *accept          # what a right answer to the opening handshake carries
    connection_t *connections
    channel_t *channel_states
    slot_t *slots
    uint32_t *next_of_pair
    uint32_t *free_slots
    uint32_t free_count
    uint32_t *batched           # connections with a batch in this turn
    uint32_t batched_count
    uint32_t *returning         # visitors that have left in this turn
    uint32_t returning_count
    uint32_t silent_channels    # the first so many have nobody left to send to anybody
    uint32_t outstanding        # occupied slots
    uint32_t handshaking
    uint32_t opened
    uint32_t failed             # before they were open
    uint32_t dropped            # after, by the server
    faults_t faults
    int last_errno
    bint has_spread
    uint32_t *spread            # per member a coarse histogram; NULL when nobody asked
    uint64_t *longest           # per member
    uint32_t run_receiver
    unsigned char error_text[ERROR_TEXT_BYTES]
    size_t error_bytes          # of the first error event
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
    load.member_count = load.channels * load.members
    load.total = load.member_count + load.visitor_count + load.stalled_count
    load.connections = <connection_t *>zeroed(load.total, sizeof(connection_t))
    load.channel_states = <channel_t *>zeroed(load.channels, sizeof(channel_t))
    load.slots = <slot_t *>zeroed(<size_t>load.channels * load.in_flight, sizeof(slot_t))
    load.free_slots = <uint32_t *>zeroed(<size_t>load.channels * load.in_flight, sizeof(uint32_t))
    load.batched = <uint32_t *>zeroed(load.total, sizeof(uint32_t))
    load.returning = <uint32_t *>zeroed(load.visitor_count, sizeof(uint32_t))
    load.next_of_pair = <uint32_t *>zeroed(<size_t>load.member_count * load.senders, sizeof(uint32_t))
    load.frame_bytes_max = load.payload_bytes + SPARE_FRAME_BYTES
    load.read_buffer = <unsigned char *>zeroed(load.frame_bytes_max + READ_BYTES, 1)
    load.write_buffer = <unsigned char *>zeroed(WRITE_BYTES + load.frame_bytes + FIELDS_BYTES, 1)
    lay_out(load)
    return allocate_spread(load) if load.has_spread else 0


cdef void lay_out(load_t *load) noexcept nogil:
    cdef connection_t *connection
    cdef uint32_t i
    for i in range(load.total):
        connection = load.connections + i
        connection.fd = -1
        connection.batch = NONE
        if i < load.member_count:
            connection.channel = i // load.members
            connection.member = i % load.members
        else:
            connection.kind = VISITOR if i < load.member_count + load.visitor_count else STALLED
            connection.channel = (i - load.member_count) % load.channels
            connection.member = NONE


cdef void release(load_t *load) noexcept nogil:
    cdef uint32_t i
    if load.connections != NULL:
        for i in range(load.total):
            release_connection(load.connections + i)
    free(load.connections)
    free(load.channel_states)
    free(load.slots)
    free(load.free_slots)
    free(load.batched)
    free(load.returning)
    free(load.next_of_pair)
    free(load.spread)
    free(load.longest)
    free(load.read_buffer)
    free(load.write_buffer)
    free(load.frame)
    if load.epoll >= 0:
        close_fd(load.epoll)
    if load.timer >= 0:
        close_fd(load.timer)


cdef void release_connection(connection_t *connection) noexcept nogil:
    if connection.fd >= 0:
        close_fd(connection.fd)
    free(connection.carry)
    free(connection.pending)
    free(connection.request)
    free(connection.greeting)
