/* The ceiling's members and channels: who is where, and what one turn has for a channel. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    BUCKETS = 8192,
};

/* The frames of one turn. What a socket did not take stays here, for all members together: nothing is copied per member. */
typedef struct {
    size_t users; /* its channel, and each rest */
    size_t bytes, room;
    unsigned char data[];
} batch_t;

typedef struct rest {
    struct rest *next;
    batch_t *batch;
    size_t start, end;
} rest_t;

typedef struct {
    size_t start, end; /* in the channel's batch */
    struct member *sender;
} message_t;

typedef struct channel {
    struct channel *next; /* in its bucket */
    char *name;
    batch_t *batch;
    struct member **members;
    size_t member_count, member_room;
    message_t *messages; /* of this turn */
    size_t message_count, message_room;
    int is_dirty;
} channel_t;

typedef struct member {
    int fd;
    int is_sender; /* in this turn */
    uint32_t number;
    size_t place; /* in its channel */
    channel_t *channel;
    unsigned char *carry; /* a frame half read */
    size_t carry_bytes;
    rest_t *first_rest, *last_rest; /* what the socket did not take */
} member_t;

static int epoll;
static uint32_t member_numbers;
static channel_t *buckets[BUCKETS];
static channel_t **dirty;
static size_t dirty_count, dirty_room;

static void *grown(void *block, size_t *room, size_t needed, size_t item)
{
    if (needed <= *room)
        return block;
    *room = needed * 2;
    block = realloc(block, *room * item);
    if (block == NULL)
        abort();
    return block;
}

static unsigned char *room_in_batch(channel_t *channel, size_t needed)
{
    batch_t *batch = channel->batch;
    size_t bytes = batch == NULL ? 0 : batch->bytes;
    if (batch == NULL || bytes + needed > batch->room) {
        size_t room = (bytes + needed) * 2;
        batch = realloc(batch, sizeof(batch_t) + room);
        if (batch == NULL)
            abort();
        batch->users = 1; /* no rest refers to a batch that is being filled */
        batch->bytes = bytes;
        batch->room = room;
        channel->batch = batch;
    }
    return batch->data + bytes;
}

static void leave_batch(batch_t *batch)
{
    if (--batch->users == 0)
        free(batch);
}

static void keep_rest(member_t *member, batch_t *batch, size_t start, size_t end)
{
    rest_t *rest = malloc(sizeof(rest_t));
    if (rest == NULL)
        abort();
    *rest = (rest_t){NULL, batch, start, end};
    batch->users++;
    if (member->first_rest == NULL)
        member->first_rest = rest;
    else
        member->last_rest->next = rest;
    member->last_rest = rest;
}

static void drop_first_rest(member_t *member)
{
    rest_t *rest = member->first_rest;
    member->first_rest = rest->next;
    leave_batch(rest->batch);
    free(rest);
}

/* Keep the beginning of a frame, or of a head, until the rest of it is there. */
static void keep_carry(member_t *member, const unsigned char *data, size_t size)
{
    if (size == 0) {
        free(member->carry);
        member->carry = NULL;
    } else {
        member->carry = realloc(member->carry, size);
        if (member->carry == NULL)
            abort();
        memcpy(member->carry, data, size);
    }
    member->carry_bytes = size;
}

static void watch(member_t *member, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = member};
    epoll_ctl(epoll, operation, member->fd, &event);
}

/* --- channels */

static channel_t *channel_named(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    channel_t **bucket = &buckets[hash % BUCKETS];
    for (channel_t *found = *bucket; found != NULL; found = found->next)
        if (strcmp(found->name, name) == 0)
            return found;
    channel_t *made = calloc(1, sizeof(channel_t));
    made->name = strdup(name);
    made->next = *bucket;
    return *bucket = made;
}

static void join(member_t *member, channel_t *channel)
{
    channel->members =
        grown(channel->members, &channel->member_room, channel->member_count + 1, sizeof(member_t *));
    member->place = channel->member_count++;
    member->channel = channel;
    channel->members[member->place] = member;
}

static void drop(member_t *member)
{
    channel_t *channel = member->channel;
    if (channel != NULL) {
        member_t *last = channel->members[--channel->member_count];
        channel->members[member->place] = last;
        last->place = member->place;
        for (size_t i = 0; i < channel->message_count; i++)
            if (channel->messages[i].sender == member)
                channel->messages[i].sender = NULL;
    }
    close(member->fd);
    free(member->carry);
    while (member->first_rest != NULL)
        drop_first_rest(member);
    free(member);
}
