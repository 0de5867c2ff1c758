/* What an answer to an opening handshake carries (RFC 6455 section 4.2.2): base64 of SHA-1 (RFC 3174) of the key and a GUID. */
#include "channels.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static uint32_t rotated(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
        uint32_t next = rotated(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* A key has 24 characters and the GUID 36: 60 bytes, which with their padding are two blocks. */
static void write_accept(const char *key, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char data[128] = {0}, hash[21] = {0};
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    memcpy(data, key, 24);
    memcpy(data + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    data[60] = 0x80;
    data[126] = 60 * 8 >> 8;
    data[127] = 60 * 8 & 0xFF;
    sha1_block(state, data);
    sha1_block(state, data + 64);
    for (int i = 0; i < 20; i++)
        hash[i] = state[i / 4] >> (24 - i % 4 * 8);
    for (int i = 0; i < 7; i++) {
        uint32_t group = (uint32_t)hash[3 * i] << 16 | hash[3 * i + 1] << 8 | hash[3 * i + 2];
        for (int k = 0; k < 4; k++)
            out[4 * i + k] = digits[group >> (18 - 6 * k) & 63];
    }
    out[27] = '=';
}

/* Join the channel that the request names, and send the 101; -1 when it is no such request. */
static int answer(member_t *member, char *head)
{
    static char response[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: ............................\r\n\r\n";
    char *key = strcasestr(head, "\r\nSec-WebSocket-Key: ");
    char *path = strchr(head, ' ');
    if (key == NULL || path == NULL || strncmp(path, " /c/", 4) != 0 || strlen(key) < 21 + 24)
        return -1;
    path += 4;
    write_accept(key + 21, response + sizeof(response) - 1 - 4 - 28);
    path[strcspn(path, " ?\r")] = 0;
    join(member, channel_named(path));
    return send(member->fd, response, sizeof(response) - 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}
