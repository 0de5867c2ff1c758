/* The ceiling: what the kernel alone charges for a fan-out.
 *
 * This is no relay. It answers opening handshakes, reads frames, and sends bytes that were prepared when a member joined: an
 * envelope whose id and date never change, with the payload copied in. Nothing is checked: no UTF-8, no JSON, no limit,
 * no close code, no ping. What is left are the system calls that any server must make which sends once per turn what the turn
 * produced, as the relay does:
 *
 *   - one epoll_wait per turn, and one recv of at most 64 KiB for each socket that is ready;
 *   - then one send per member of each channel that something came in for, whatever it was that came. A member that sent
 *     something itself gets one sendmsg with its own messages left out;
 *   - after 4 ms of sending it reads again, as the relay does, before the other channels have their turn: what comes in for them
 *     meanwhile leaves with the same send. Without that it made twice the sends of the relay where payloads are large.
 *
 * The price per delivery of this program, on the same machine and under the same load, is as near to the kernel's as it
 * gets; the distance from it is what a server adds. What it leaves out for members, besides all checks: the fan-out of one large
 * channel is not cut, and nothing bounds a slow reader.
 *
 *     cc -O2 -o build/peers/ceiling benchmarks/peers/servers/ceiling/ceiling.c
 */
#define _GNU_SOURCE
#include "channels.h"
#include "handshake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define TURN_SECONDS 0.004

enum {
    READ_BYTES = 64 * 1024,
    MESSAGE_BYTES_MAX = 2 * 1024 * 1024,
    HEAD_BYTES_MAX = 8 * 1024,
    EVENTS = 1024,
    RUNS = 64, /* parts of one sendmsg */
};

static unsigned char input[MESSAGE_BYTES_MAX + READ_BYTES];

/* --- frames */

static void publish(member_t *sender, const unsigned char *mask, const unsigned char *payload, size_t size)
{
    static const char envelope[] = "{\"id\":\"ceiling00001\",\"uid\":\"%08x\",\"date\":1700000000000,\"message\":";
    channel_t *channel = sender->channel;
    char head[128];
    size_t head_bytes = (size_t)sprintf(head, envelope, sender->number);
    size_t body = head_bytes + size + 1;
    unsigned char *out = room_in_batch(channel, body + 10);
    size_t at = body < 126 ? 2 : body < 65536 ? 4 : 10;
    out[0] = 0x81;
    out[1] = at == 2 ? (unsigned char)body : at == 4 ? 126 : 127;
    for (size_t i = 2; i < at; i++)
        out[i] = (unsigned char)((uint64_t)body >> (at - 1 - i) * 8);
    memcpy(out + at, head, head_bytes);
    at += head_bytes;
    for (size_t i = 0; i < size; i++)
        out[at + i] = payload[i] ^ mask[i & 3];
    out[at + size] = '}';
    channel->messages =
        grown(channel->messages, &channel->message_room, channel->message_count + 1, sizeof(message_t));
    size_t start = channel->batch->bytes, end = start + at + size + 1;
    channel->messages[channel->message_count++] = (message_t){start, end, sender};
    channel->batch->bytes = end;
    sender->is_sender = 1;
    if (!channel->is_dirty) {
        dirty = grown(dirty, &dirty_room, dirty_count + 1, sizeof(channel_t *));
        dirty[dirty_count++] = channel;
        channel->is_dirty = 1;
    }
}

/* Take whole frames; returns the bytes they had, or -1 when the connection is to end. */
static ssize_t take_frames(member_t *member, const unsigned char *data, size_t size)
{
    size_t at = 0;
    while (size - at >= 6) {
        size_t payload = data[at + 1] & 127, head = 6;
        if (payload >= 126) {
            size_t width = payload == 126 ? 2 : 8;
            head += width;
            if (size - at < head)
                break;
            payload = 0;
            for (size_t i = 0; i < width; i++)
                payload = payload << 8 | data[at + 2 + i];
        }
        if ((data[at] & 15) == 8 || payload > MESSAGE_BYTES_MAX - 14)
            return -1;
        if (size - at < head + payload)
            break;
        if ((data[at] & 15) == 1)
            publish(member, data + at + head - 4, data + at + head, payload);
        at += head + payload;
    }
    return (ssize_t)at;
}

/* --- the turn */

static ssize_t send_some(member_t *member, struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    if (count == 1)
        return send(member->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
    return sendmsg(member->fd, &message, MSG_NOSIGNAL);
}

static void send_rest(member_t *member)
{
    struct iovec parts[RUNS];
    int count = 0;
    for (rest_t *rest = member->first_rest; rest != NULL && count < RUNS; rest = rest->next)
        parts[count++] = (struct iovec){rest->batch->data + rest->start, rest->end - rest->start};
    ssize_t sent = send_some(member, parts, count);
    for (; sent > 0; sent -= (ssize_t)parts->iov_len) {
        rest_t *rest = member->first_rest;
        parts->iov_len = rest->end - rest->start;
        if ((size_t)sent < parts->iov_len) {
            rest->start += (size_t)sent;
            return;
        }
        drop_first_rest(member);
    }
    if (member->first_rest == NULL)
        watch(member, EPOLL_CTL_MOD, EPOLLIN);
}

static void send_parts(member_t *member, batch_t *batch, struct iovec *parts, int count)
{
    size_t sent = 0;
    if (member->first_rest == NULL) {
        ssize_t taken = send_some(member, parts, count);
        if (taken < 0 && errno != EAGAIN)
            return; /* epoll tells of its end */
        sent = taken < 0 ? 0 : (size_t)taken;
    }
    for (int i = 0; i < count; i++) {
        size_t skipped = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        size_t start = (size_t)((unsigned char *)parts[i].iov_base - batch->data);
        sent -= skipped;
        if (skipped == parts[i].iov_len)
            continue;
        if (member->first_rest == NULL)
            watch(member, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        keep_rest(member, batch, start + skipped, start + parts[i].iov_len);
    }
}

/* All of the turn but what the member sent itself: messages that are neighbours are one part. */
static void send_others(const channel_t *channel, member_t *member)
{
    struct iovec parts[RUNS];
    int count = 0;
    for (size_t i = 0; i < channel->message_count; i++) {
        const message_t *message = channel->messages + i;
        if (message->sender == member)
            continue;
        unsigned char *start = channel->batch->data + message->start;
        if (count && (unsigned char *)parts[count - 1].iov_base + parts[count - 1].iov_len == start) {
            parts[count - 1].iov_len += message->end - message->start;
            continue;
        }
        if (count == RUNS) {
            send_parts(member, channel->batch, parts, count);
            count = 0;
        }
        parts[count++] = (struct iovec){start, message->end - message->start};
    }
    if (count)
        send_parts(member, channel->batch, parts, count);
}

static void flush(channel_t *channel)
{
    batch_t *batch = channel->batch;
    for (size_t i = 0; i < channel->member_count; i++) {
        member_t *member = channel->members[i];
        struct iovec all = {batch->data, batch->bytes};
        if (member->is_sender)
            send_others(channel, member);
        else
            send_parts(member, batch, &all, 1);
        member->is_sender = 0;
    }
    if (batch->users > 1) {
        leave_batch(batch);
        channel->batch = NULL;
    } else {
        batch->bytes = 0;
    }
    channel->message_count = 0;
    channel->is_dirty = 0;
}

static void read_member(member_t *member)
{
    size_t size = member->carry_bytes;
    if (size)
        memcpy(input, member->carry, size);
    ssize_t got = recv(member->fd, input + size, READ_BYTES, 0), taken;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(member);
        return;
    }
    size += (size_t)got;
    if (member->channel == NULL) {
        input[size] = 0;
        char *end = strstr((char *)input, "\r\n\r\n");
        taken = end == NULL ? (size > HEAD_BYTES_MAX ? -1 : 0) : end + 4 - (char *)input;
        if (taken > 0 && answer(member, (char *)input) < 0)
            taken = -1;
    } else {
        taken = take_frames(member, input, size);
    }
    if (taken < 0) {
        drop(member);
        return;
    }
    keep_carry(member, input + taken, size - (size_t)taken);
}

static void accept_all(int listener)
{
    int yes = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        member_t *member = calloc(1, sizeof(member_t));
        member->fd = fd;
        member->number = ++member_numbers;
        watch(member, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void flush_dirty(void)
{
    double until = now() + TURN_SECONDS;
    size_t done = 0;
    while (done < dirty_count && (done == 0 || now() < until))
        flush(dirty[done++]);
    dirty_count -= done;
    memmove(dirty, dirty + done, dirty_count * sizeof(channel_t *));
}

static void turn(int listener)
{
    static struct epoll_event events[EVENTS];
    int ready = epoll_wait(epoll, events, EVENTS, dirty_count ? 0 : -1);
    for (int i = 0; i < ready; i++) {
        member_t *member = events[i].data.ptr;
        if (member == NULL) {
            accept_all(listener);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            send_rest(member);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            read_member(member);
    }
    if (dirty_count)
        flush_dirty();
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1024) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
        perror("ceiling");
        return 1;
    }
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;)
        turn(listener);
}
