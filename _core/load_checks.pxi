# What a generator is asked for is checked before anything is opened; the error names the argument, and what may be.

cdef int require_range(str name, value, lowest, highest) except -1:
    if not lowest <= value <= highest:
        raise ValueError(f"{name}: must be from {lowest} to {highest}, not {value}")
    return 0


cdef int require_most(str name, int value, int most, str whence) except -1:
    if not 1 <= value <= most:
        raise ValueError(f"{name}: must be from 1 to {most} {whence}, not {value}")
    return 0


cdef int require_rate(str name, double value) except -1:
    if value and not _RATE_MIN <= value <= _RATE_MAX:
        raise ValueError(f"{name}: must be 0, or from {_RATE_MIN} to {_RATE_MAX} a second, not {value}")
    return 0


cdef bint is_loopback(str host):
    return ipaddress.IPv4Address(host).is_loopback


cdef uint32_t address_word(str host):
    """In network order."""
    return htonl(<uint32_t>int(ipaddress.IPv4Address(host)))


cdef int require_address(str name, str host, bint is_remote) except -1:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        address = None
    if is_remote and address is None:
        raise ValueError(f"{name}: must be an IPv4 address, not {host!r}")
    if not is_remote and (address is None or not address.is_loopback):
        raise ValueError(f"{name}: only loopback addresses (127.0.0.0/8) may be loaded, not {host!r}")
    return 0


cdef int require_path(str path, int channels, str elsewhere) except -1:
    """Something must tell the channels apart: the path, or in another protocol what is sent."""
    if not path.startswith("/") or not path.isascii() or any(c <= " " or c == "\x7f" for c in path):
        raise ValueError(f"path: must begin with a slash and be printable ASCII without spaces, not {path!r}")
    if len(path) > 2048:
        raise ValueError("path: must not be longer than 2048 characters")
    if channels > 1 and "{channel}" not in path and "{channel}" not in elsewhere:
        raise ValueError("path: must contain {channel} when there are several channels")
    return 0


cdef int require_together(int channels, int members, int senders, int in_flight, bint has_spread) except -1:
    """Numbers that are each in their range, and together more than there is memory for. The error tells what the bound is of."""
    require_range("channels", channels, 1, CONNECTIONS_MAX)
    require_range("members", members, 1, 99_999)
    each = f"{members} member{'s' * (members > 1)}"
    require_most("channels", channels, CONNECTIONS_MAX // members, f"with {each} each, {CONNECTIONS_MAX} in all")
    require_most("senders", senders, members, f"in a channel of {each}")
    require_range("in_flight", in_flight, 1, 99_999)
    several = f"in each of {channels} channels" if channels > 1 else "in one channel"
    require_most("in_flight", in_flight, SLOTS_MAX // channels, f"{several}, {SLOTS_MAX} in all")
    most = PAIRS_MAX // (channels * members)
    require_most("senders", senders, most, f"with {channels} x {each}, for the books of {PAIRS_MAX} pairs of sender and receiver")
    if has_spread and channels * members > SPREAD_MEMBERS_MAX:
        raise ValueError(f"has_spread: channels × members must not exceed {SPREAD_MEMBERS_MAX}")
    return 0
