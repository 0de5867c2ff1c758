/* The ceiling's members and channels: who is where, and what one turn has for a channel. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    BUCKETS = 8192,
};

typedef struct {
    size_t start, end; /* in the channel's batch */
    struct member *sender;
} message_t;

typedef struct channel {
    struct channel *next; /* in its bucket */
    char *name;
    unsigned char *batch; /* the frames of this turn */
    size_t batch_bytes, batch_room;
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
    unsigned char *carry, *pending; /* a frame half read, and what the socket did not take */
    size_t carry_bytes, pending_bytes;
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

static void keep(unsigned char **block, size_t *size, const unsigned char *data, size_t more)
{
    *block = realloc(*block, *size + more);
    if (*block == NULL)
        abort();
    memcpy(*block + *size, data, more);
    *size += more;
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
    free(member->pending);
    free(member);
}
