# Messages of the user's own making, for servers that are no relay. A template holds one {stamp}, the numbers of a payload
# in an alphabet that survives whatever a server does to a text, and may hold some of them once more by themselves.
#
#     relay00007slot-00000numb-0000001200v5-000001234567890
#
# A channel's mark, in front of the time, says which channel a message was sent in: a path, which keeps channels apart in the
# relay, need not do so elsewhere, and a message of another channel would look like a repeated one. Four digits of base 32
# tell a million channels apart, and keep the distances.
#
# A stamp has the payload's distances, so that the same code reads and writes both. It is looked for where the last one was
# found, and everywhere when it is not there.

_STAMP = b"relay00000slot-00000numb-000000000000-000000000000000"
cdef const char *MARK_DIGITS = b"0123456789abcdefghijklmnopqrstuv"
_PLACES = {
    b"sender": (PLACE_SENDER, 5),
    b"sequence": (PLACE_SEQUENCE, 8),
    b"sent": (PLACE_SENT, 13),
}


cdef int digits_needed(int count):
    """How wide a channel's number is: all are as wide as the last one's."""
    return len(str(count - 1))


cdef tuple compiled(bytes template, int channels, int payload_bytes):
    """The message with its places blank, where the stamp begins, and each other place as (at, width, kind).

    Raises ValueError for a name that is none, for a template without exactly one stamp, and for one that does not fit.
    """
    message = b""
    stamps, places = [], []
    for literal, name in pieces_of(template):
        message += literal
        if name is None:
            continue
        if name == b"stamp":
            stamps.append(len(message))
            message += _STAMP
        elif name == b"padding":
            message += b"x" * max(0, payload_bytes - size_without_padding(template, channels))
        else:
            kind, width = place_named(name, channels)
            places.append((len(message), width, kind))
            message += b"0" * width
    if len(stamps) != 1:
        raise ValueError("template: must contain {stamp} exactly once")
    if len(places) > PLACES_MAX:
        raise ValueError(f"template: must not contain more than {PLACES_MAX} placeholders")
    if not FIELDS_BYTES <= len(message) <= PAYLOAD_BYTES_MAX:
        hint = "; {padding} in it fills it up" if len(message) < FIELDS_BYTES else ""
        raise ValueError(
            f"template: a message must have from {FIELDS_BYTES} to {PAYLOAD_BYTES_MAX} bytes, not {len(message)}{hint}"
        )
    return message, stamps[0], places


cdef tuple place_named(bytes name, int channels):
    if name == b"channel":
        return PLACE_CHANNEL, digits_needed(channels)
    if name not in _PLACES:
        raise ValueError(
            f"template: {{{name.decode()}}} is no placeholder; there are {{stamp}}, {{channel}}, {{sender}}, {{sequence}}, "
            "{sent} and {padding}"
        )
    return _PLACES[name]


cdef list pieces_of(bytes template):
    """As (text, the placeholder behind it or None): a name in braces; all other braces are text."""
    parts = re.split(rb"\{([a-z_]+)\}", template)
    return [(parts[i], parts[i + 1] if i + 1 < len(parts) else None) for i in range(0, len(parts), 2)]


cdef int size_without_padding(bytes template, int channels) except -1:
    size = 0
    for literal, name in pieces_of(template):
        size += len(literal)
        if name == b"stamp":
            size += len(_STAMP)
        elif name is not None and name != b"padding":
            size += place_named(name, channels)[1]
    return size


cdef int prepare_message(load_t *load, bytes template, int payload_bytes) except -1:
    """What does not change from message to message is made once: key and masked frame."""
    cdef bytes key = os.urandom(4)
    cdef int stamp_at = 0
    cdef bytes payload, head, frame, mask
    if template:
        payload, stamp_at, places = compiled(template, load.channels, payload_bytes)
    else:
        payload, places = blank_payload(payload_bytes), []
    load.is_template = bool(template)
    load.pad = 48 if template else 32
    load.payload_bytes = len(payload)
    head = frame_head(1, len(payload), key)
    frame = head + masked(payload, key)
    mask = (key * 3)[stamp_at & 3 :][:8]
    memcpy(load.key, <const char *>key, 4)
    load.mask = word_at(mask)
    load.frame_head_bytes, load.frame_bytes = len(head), len(frame)
    load.stamp_at = len(head) + stamp_at
    load.frame = <unsigned char *>zeroed(len(frame), 1)
    memcpy(load.frame, <const char *>frame, len(frame))
    memcpy(load.fields, <const char *>payload + stamp_at, min(FIELDS_BYTES, len(payload) - stamp_at))
    load.place_count = len(places)
    for i, (at, width, kind) in enumerate(places):
        load.places[i].at = len(head) + at
        load.places[i].width, load.places[i].kind = width, kind
    return 0


cdef void put_places(const load_t *load, unsigned char *frame, const message_t *message) noexcept nogil:
    cdef int i, k
    cdef size_t at
    cdef unsigned char digits[16]
    cdef const field_t *place
    for i in range(load.place_count):
        place = load.places + i
        put_number(digits + place.width, place.width, place_value(load, place.kind, message), pad_of(place.kind))
        for k in range(place.width):
            at = place.at + k
            frame[at] = digits[k] ^ load.key[(at - load.frame_head_bytes) & 3]


cdef inline unsigned char pad_of(place_kind kind) noexcept nogil:
    # A channel's number must be spelled as in the URL; the others may stand where JSON wants a number without zeros in front.
    return 48 if kind == PLACE_CHANNEL else 32


cdef uint64_t place_value(const load_t *load, place_kind kind, const message_t *message) noexcept nogil:
    if kind == PLACE_CHANNEL:
        return message.channel
    if kind == PLACE_SENDER:
        return message.sender
    if kind == PLACE_SEQUENCE:
        return message.number
    return (load.epoch_wall_ns + message.sent_ns) // 1_000_000


cdef const unsigned char *stamp_in(load_t *load, const unsigned char *body, size_t size) noexcept nogil:
    cdef const unsigned char *found
    if size >= load.stamp_hint + TIME_END and is_stamp(body + load.stamp_hint):
        return body + load.stamp_hint
    found = <const unsigned char *>memmem(body, size, b"relay", 5)
    while found != NULL and found + TIME_END <= body + size:
        if is_stamp(found):
            load.stamp_hint = found - body
            return found
        found = <const unsigned char *>memmem(found + 1, body + size - found - 1, b"relay", 5)
    return NULL


cdef inline bint is_stamp(const unsigned char *at) noexcept nogil:
    return (
        memcmp(at, b"relay", 5) == 0
        and memcmp(at + SENDER_END, b"slot-", 5) == 0
        and memcmp(at + SLOT_END, b"numb-", 5) == 0
        and at[MARK_END] == 45      # a hyphen
    )


cdef inline void put_mark(unsigned char *stamp, uint32_t channel) noexcept nogil:
    cdef int i
    for i in range(1, MARK_BYTES + 1):
        stamp[MARK_END - i] = MARK_DIGITS[channel & 31]
        channel >>= 5


cdef inline bint has_mark(const unsigned char *stamp, uint32_t channel) noexcept nogil:
    cdef int i
    for i in range(1, MARK_BYTES + 1):
        if stamp[MARK_END - i] != <unsigned char>MARK_DIGITS[channel & 31]:
            return False
        channel >>= 5
    return True
