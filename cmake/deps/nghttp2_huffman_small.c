/* SPDX-License-Identifier: MIT */
/*
 * HPACK's Huffman code (RFC 7541, appendix B) for the profile `size`, in place of nghttp2's own
 * nghttp2_hd_huffman.c and its tables: 0.7 KB instead of 19. The code is canonical: symbols sorted
 * by length of code, then by value, have codes that count upwards, so that the number of codes of
 * each length and the order of the symbols say all. Reads bit by bit where nghttp2 reads four at a
 * time, and writes the same bytes. Declared by nghttp2_hd.h; compiled into the bundled nghttp2.
 */
#include "nghttp2_hd.h"

#include <string.h>

#define LENGTH_MAX 30
#define PADDING_BITS_MAX 7
#define FAILED 0xffff /* no state: a depth is at most LENGTH_MAX */

static const uint8_t codes_of_length[LENGTH_MAX + 1] = {
    0, 0, 0, 0, 0, 10, 26, 32, 6,  0, 5,  3,  2,  6, 2, 3,
    0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
};

/* The 257th, with the last code of all, is the end of string, which nobody may send. */
static const uint8_t symbols[256] = {
    48,  49,  50,  97,  99,  101, 105, 111, 115, 116, 32,  37,  45,  46,  47,  51,  52,  53,  54,
    55,  56,  57,  61,  65,  95,  98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,
    67,  68,  69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,
    86,  87,  89,  106, 107, 113, 118, 119, 120, 121, 122, 38,  42,  44,  59,  88,  90,  33,  34,
    40,  41,  63,  39,  43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,  125, 60,  96,  123,
    92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209,
    216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173,
    178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141,
    143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191,
    197, 231, 239, 9,   142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235,
    192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212,
    214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, 2,   3,   4,   5,
    6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,  21,  23,  24,  25,  26,  27,  28,
    29,  30,  31,  127, 220, 249, 10,  13,  22,
};

/* The code of a byte, and how many bits it has. */
static uint32_t code_of(uint8_t byte, unsigned *bits)
{
    unsigned rank = (unsigned)((const uint8_t *)memchr(symbols, byte, sizeof symbols) - symbols);
    uint32_t first = 0;
    unsigned length = 0;
    while (rank >= codes_of_length[length]) {
        rank -= codes_of_length[length];
        first = (first + codes_of_length[length]) << 1;
        length++;
    }
    *bits = length;
    return first + rank;
}

size_t nghttp2_hd_huff_encode_count(const uint8_t *src, size_t len)
{
    size_t total = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned bits;
        (void)code_of(src[i], &bits);
        total += bits;
    }
    return (total + 7) / 8;
}

int nghttp2_hd_huff_encode(nghttp2_bufs *bufs, const uint8_t *src, size_t srclen)
{
    uint64_t waiting = 0;
    unsigned count = 0;
    for (size_t i = 0; i <= srclen; i++) {
        /* After the last byte, ones fill what is begun: the head of the end of string's code. */
        unsigned bits = (8 - count) % 8;
        uint32_t code = (1U << bits) - 1;
        if (i < srclen) {
            code = code_of(src[i], &bits);
        }
        waiting = waiting << bits | code;
        for (count += bits; count >= 8; count -= 8) {
            int rv = nghttp2_bufs_addb(bufs, (uint8_t)(waiting >> (count - 8)));
            if (rv != 0) {
                return rv;
            }
        }
    }
    return 0;
}

void nghttp2_hd_huff_decode_context_init(nghttp2_hd_huff_decode_context *ctx)
{
    ctx->fstate = 0;
    ctx->flags = NGHTTP2_HUFF_ACCEPTED;
}

/*
 * Walks the tree of codes. Of the nodes of one depth the leaves come first: a node is its rank
 * among those that are no leaves, and its depth. The two are kept from one piece of a string to the
 * next.
 */
nghttp2_ssize nghttp2_hd_huff_decode(nghttp2_hd_huff_decode_context *ctx, nghttp2_buf *buf,
                                     const uint8_t *src, size_t srclen, int fin)
{
    unsigned depth = ctx->fstate >> 8;
    unsigned rank = ctx->fstate & 0xff;
    unsigned shorter = 0; /* symbols whose codes are not longer than depth */
    for (unsigned i = 0; i <= depth && depth <= LENGTH_MAX; i++) {
        shorter += codes_of_length[i];
    }
    for (size_t i = 0; i < srclen * 8 && depth <= LENGTH_MAX; i++) {
        unsigned bit = src[i / 8] >> (7 - i % 8) & 1;
        depth++;
        rank = rank * 2 + bit;
        if (rank >= codes_of_length[depth]) {
            rank -= codes_of_length[depth];
            shorter += codes_of_length[depth];
            ctx->flags = ctx->flags && bit && depth <= PADDING_BITS_MAX;
        } else if (shorter + rank < sizeof symbols) {
            *buf->last++ = symbols[shorter + rank];
            depth = rank = shorter = 0;
            ctx->flags = NGHTTP2_HUFF_ACCEPTED;
        } else {
            depth = FAILED >> 8;
            rank = FAILED & 0xff;
            ctx->flags = 0;
        }
    }
    ctx->fstate = (uint16_t)(depth << 8 | rank);
    if (fin && !ctx->flags) {
        return NGHTTP2_ERR_HEADER_COMP;
    }
    return (nghttp2_ssize)srclen;
}

int nghttp2_hd_huff_decode_failure_state(nghttp2_hd_huff_decode_context *ctx)
{
    return ctx->fstate == FAILED;
}
