# The token bucket: `burst` tokens at most, refilled by `rate` a second. Kept as the tokens there were at a time, and brought
# up to date when asked, so that an idle connection costs nothing.

cdef struct bucket_t:
    double tokens
    double updated              # seconds; tokens is what there was then


cdef inline void bucket_fill(bucket_t *bucket, double burst, double now) noexcept nogil:
    bucket.tokens = burst
    bucket.updated = now


cdef inline void bucket_refill(bucket_t *bucket, double rate, double burst, double now) noexcept nogil:
    """Bring it up to `now`. A clock that stands or runs backwards refills nothing, and does not pay twice afterwards."""
    if now <= bucket.updated:
        return
    bucket.tokens += (now - bucket.updated) * rate
    if bucket.tokens > burst:
        bucket.tokens = burst
    bucket.updated = now


cdef inline double bucket_unbounded(const bucket_t *bucket, double rate, double now) noexcept nogil:
    """The tokens at `now` if no burst bounded them."""
    return bucket.tokens + (now - bucket.updated) * rate


cdef inline bint bucket_consume(bucket_t *bucket, double cost) noexcept nogil:
    if bucket.tokens < cost:
        return False
    bucket.tokens -= cost
    return True


cdef inline double bucket_wait(const bucket_t *bucket, double rate, double burst, double cost) noexcept nogil:
    """Seconds until `cost` tokens are there; infinity when the bucket can never hold them."""
    if bucket.tokens >= cost:
        return 0.0
    if cost > burst or rate <= 0:
        return INFINITY
    return (cost - bucket.tokens) / rate


cdef int require_amounts(double rate, double burst) except -1:
    if not 0 <= rate < INFINITY:
        raise ValueError(f"rate: expected a finite number, 0 or more, got {rate}")
    if not 0 <= burst < INFINITY:
        raise ValueError(f"burst: expected a finite number, 0 or more, got {burst}")
    return 0


cdef int require_cost(double cost) except -1:
    if not cost >= 0:
        raise ValueError(f"cost: expected 0 or more, got {cost}")
    return 0


@cython.final
cdef class TokenBucket:
    """A token bucket: `burst` tokens at most, refilled by `rate` a second; starts full. A rate of 0 never refuses."""

    cdef bucket_t bucket
    cdef double rate, burst

    def __cinit__(self, double rate, double burst, double now=0.0):
        require_amounts(rate, burst)
        self.rate = rate
        self.burst = burst
        bucket_fill(&self.bucket, burst, now)

    def try_consume(self, double now, double cost=1.0):
        """Take `cost` tokens if they are there; take none and return False if not. Time that runs backwards refills nothing."""
        require_cost(cost)
        if self.rate == 0:
            return True
        bucket_refill(&self.bucket, self.rate, self.burst, now)
        return bucket_consume(&self.bucket, cost)

    def tokens(self, double now):
        """How many tokens are there at `now`."""
        bucket_refill(&self.bucket, self.rate, self.burst, now)
        return self.bucket.tokens

    def seconds_until(self, double now, double cost=1.0):
        """How long from `now` until `cost` tokens are there; 0.0 when they are, inf when they never will be."""
        if self.rate == 0:
            return 0.0
        bucket_refill(&self.bucket, self.rate, self.burst, now)
        return bucket_wait(&self.bucket, self.rate, self.burst, cost)
