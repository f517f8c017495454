/* SPDX-License-Identifier: MIT */
/*
 * Two-level segregated fit (Masmano, Ripoll, Crespo, Real 2004). Memory is a row of blocks, each
 * behind a header that names its size and its left neighbour, up to an empty block that ends the
 * row. Free blocks of similar size are listed together; two bit maps find a list with a fitting
 * block without a search. Neighbours are joined at once, so two free blocks never touch. A header's
 * spare bits say whose block it is.
 */
#include "base/region.h"

#include "base/wipe.h"

#include <string.h>

/* Blocks are counted in grains. Lists: the first row has one list per grain, each further row
 * splits a power of two into equal parts. */
enum {
    GRAIN = CMX_REGION_ALIGN,
    COLUMN_BITS = 3,
    COLUMNS = 1 << COLUMN_BITS,
    ROWS = 21,
    OWNER_SHIFT = 27,       /* of the owner in a header: above any size, within 32 bits */
    LARGE_BYTES_MIN = 1024, /* of the blocks that come from the right end of a free one */
    LOOKS_MAX = 4,          /* blocks looked at in a list whose blocks may be too small */
};

/* The largest block that has a list, and so the most that a region makes use of: 128 MiB. */
#define BLOCK_BYTES_MAX (((size_t)GRAIN << (ROWS - 1 + COLUMN_BITS)) - GRAIN)

typedef struct block block;
struct block {
    size_t head; /* bytes to the next header, a multiple of GRAIN; owner above; bit 0: free */
    block *left; /* neighbour, NULL = this is the first one */
    /* Here what was given out begins; a free block has its links there. */
    block *next_free; /* in the same list, NULL = last */
    block *prev_free; /* in the same list, NULL = first */
};

enum {
    HEADER = offsetof(block, next_free),
    BLOCK_BYTES_MIN = (sizeof(block) + GRAIN - 1) / GRAIN * GRAIN,
};

_Static_assert(HEADER <= 16, "the price of a block");
_Static_assert(GRAIN % HEADER == 0, "headers fit between aligned pointers");
_Static_assert(BLOCK_BYTES_MAX < (size_t)1 << OWNER_SHIFT, "a size leaves the owner its bits");
_Static_assert(CMX_REGION_OWNERS <= 1 << (32 - OWNER_SHIFT), "an owner fits its bits");

#define SIZE_MASK (((size_t)1 << OWNER_SHIFT) - GRAIN)

/* What one owner holds, headers included. */
struct share {
    uint32_t used;
    uint32_t peak;
};

struct cmx_region {
    block *first;             /* of the row */
    size_t capacity;          /* bytes of all blocks, headers included */
    size_t used;              /* bytes of the blocks given out, headers included */
    size_t peak;              /* most that `used` ever was */
    uint64_t count;           /* blocks ever taken */
    uint64_t refused;         /* requests not served */
    size_t cap;               /* of each owner but 0 */
    uint32_t owner;           /* to whom is charged what is taken now */
    uint32_t row_map;         /* bit r: row r has a list that is not empty */
    uint8_t column_map[ROWS]; /* bit c: the list of this row and column is not empty */
    struct share shares[CMX_REGION_OWNERS];
    block *lists[ROWS * COLUMNS]; /* first block of each list, row by row */
};

_Static_assert(COLUMNS <= 8, "a row's bits fit column_map");
_Static_assert(ROWS <= 32, "the rows' bits fit row_map");
_Static_assert(sizeof(cmx_region) + 2 * GRAIN + BLOCK_BYTES_MIN < CMX_REGION_BYTES_MIN,
               "the smallest region has room for a block");

static size_t size_of(const block *b)
{
    return b->head & SIZE_MASK;
}

static bool is_free(const block *b)
{
    return (b->head & 1) != 0;
}

/* Of a block that is given out; a free one has none. */
static uint32_t owner_of(const block *b)
{
    return (uint32_t)(b->head >> OWNER_SHIFT);
}

static block *right_of(const block *b)
{
    return (block *)((uintptr_t)b + size_of(b));
}

static void *content_of(block *b)
{
    return (uint8_t *)b + HEADER;
}

static block *block_of(void *content)
{
    return (block *)(void *)((uint8_t *)content - HEADER);
}

static unsigned highest_bit(uint32_t value)
{
    return 31u - (unsigned)__builtin_clz(value);
}

static unsigned lowest_bit(uint32_t value)
{
    return (unsigned)__builtin_ctz(value);
}

/* Returns the number of the list that blocks of `size` bytes are kept in. */
static unsigned place_of(size_t size)
{
    uint32_t grains = (uint32_t)(size / GRAIN);
    unsigned shift = highest_bit(grains | COLUMNS) - COLUMN_BITS;

    /* What is left of `grains` is below COLUMNS in the first row, else COLUMNS and the column. */
    return (shift << COLUMN_BITS) + (grains >> shift);
}

static void list_put(cmx_region *region, block *b)
{
    unsigned at = place_of(size_of(b));
    block *second = region->lists[at];

    b->head |= 1;
    b->next_free = second;
    b->prev_free = NULL;
    region->lists[at] = b;
    if (second != NULL) {
        second->prev_free = b;
        return;
    }
    region->column_map[at / COLUMNS] |= (uint8_t)(1u << at % COLUMNS);
    region->row_map |= UINT32_C(1) << at / COLUMNS;
}

static void list_remove(cmx_region *region, block *b)
{
    block *next = b->next_free;
    block *prev = b->prev_free;

    CMX_ASSERT(is_free(b));
    b->head &= ~(size_t)1;
    if (next != NULL) {
        CMX_ASSERT(next->prev_free == b);
        next->prev_free = prev;
    }
    if (prev != NULL) {
        CMX_ASSERT(prev->next_free == b);
        prev->next_free = next;
        return;
    }
    unsigned at = place_of(size_of(b));
    CMX_ASSERT(region->lists[at] == b);
    region->lists[at] = next;
    if (next == NULL) {
        region->column_map[at / COLUMNS] &= (uint8_t) ~(1u << at % COLUMNS);
        if (region->column_map[at / COLUMNS] == 0) {
            region->row_map &= ~(UINT32_C(1) << at / COLUMNS);
        }
    }
}

/* Returns the first block of the next list behind `at` that is not empty: all of its blocks are
 * larger than any of `at`. NULL = there is none. */
static block *first_behind(const cmx_region *region, unsigned at)
{
    unsigned row = at / COLUMNS;
    uint32_t columns = region->column_map[row] & (UINT32_MAX << at % COLUMNS << 1);

    if (columns == 0) {
        uint32_t rows = region->row_map & (UINT32_MAX << row << 1);
        if (rows == 0) {
            return NULL;
        }
        row = lowest_bit(rows);
        columns = region->column_map[row];
    }
    return region->lists[row * COLUMNS + lowest_bit(columns)];
}

/* Returns a free block of at least `size` bytes, or NULL. The blocks of the list that `size`
 * belongs to may be too small, so only a few are looked at before a larger one is split. */
static block *find_fit(const cmx_region *region, size_t size)
{
    unsigned at = place_of(size);
    block *b = region->lists[at];

    for (unsigned looks = 0; b != NULL && looks < LOOKS_MAX; looks++) {
        if (size_of(b) >= size) {
            return b;
        }
        b = b->next_free;
    }
    return first_behind(region, at);
}

/* Makes one block of `b` and its right neighbour. A stale pointer to the neighbour is noticed when
 * it is given back: what is right of it does not name it as its left one any more. */
static void absorb_right(block *b)
{
    block *right = right_of(b);

    b->head += size_of(right);
    right_of(right)->left = b;
}

/* Joins `b`, which nobody uses, with its free neighbours and lists the result. */
static void release(cmx_region *region, block *b)
{
    if (is_free(right_of(b))) {
        list_remove(region, right_of(b));
        absorb_right(b);
    }
    if (b->left != NULL && is_free(b->left)) {
        b = b->left;
        list_remove(region, b);
        absorb_right(b);
    }
    list_put(region, b);
}

/* Cuts `b` down to `size` bytes. Returns the rest, or NULL if it makes no block. */
static block *cut(block *b, size_t size)
{
    size_t rest_size = size_of(b) - size;

    if (rest_size < BLOCK_BYTES_MIN) {
        return NULL;
    }
    block *rest = (block *)((uintptr_t)b + size);
    right_of(b)->left = rest;
    b->head = size;
    rest->head = rest_size;
    rest->left = b;
    return rest;
}

/* Cuts `b`, the end of which was free, down to `size` bytes. */
static void split(cmx_region *region, block *b, size_t size)
{
    block *rest = cut(b, size);

    if (rest != NULL) {
        list_put(region, rest); /* its right neighbour is in use, or they would be one */
    }
}

/* Cuts a block of `size` bytes off the right end of `b` if the rest makes a block, and returns it,
 * or all of `b`. */
static block *split_right(cmx_region *region, block *b, size_t size)
{
    size_t rest_size = size_of(b) - size;

    if (rest_size < BLOCK_BYTES_MIN) {
        return b;
    }
    block *taken = (block *)((uintptr_t)b + rest_size);
    right_of(b)->left = taken;
    taken->head = size;
    taken->left = b;
    b->head = rest_size;
    list_put(region, b); /* its left neighbour is in use, or they would be one */
    return taken;
}

/* Returns the size of a block with room for `bytes`, or 0 if no region can have one. */
static size_t size_for(const cmx_region *region, size_t bytes)
{
    if (bytes > region->capacity) {
        return 0;
    }
    size_t size = (bytes + HEADER + GRAIN - 1) / GRAIN * GRAIN;
    return size < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : size;
}

static bool may_hold(const cmx_region *region, uint32_t owner, size_t more)
{
    return owner == 0 || region->shares[owner].used + more <= region->cap;
}

/* Charges a block that was taken or has grown. */
static void charge_block(cmx_region *region, block *b, uint32_t owner)
{
    struct share *share = &region->shares[owner];

    b->head |= (size_t)owner << OWNER_SHIFT;
    region->used += size_of(b);
    share->used += (uint32_t)size_of(b);
    if (region->used > region->peak) {
        region->peak = region->used;
    }
    if (share->used > share->peak) {
        share->peak = share->used;
    }
}

/* Takes it from its owner, whom it returns; until it is charged again its header names no one. */
static uint32_t discharge_block(cmx_region *region, block *b)
{
    uint32_t owner = owner_of(b);

    CMX_ASSERT(region->shares[owner].used >= size_of(b));
    region->used -= size_of(b);
    region->shares[owner].used -= (uint32_t)size_of(b);
    b->head &= ((size_t)1 << OWNER_SHIFT) - 1;
    return owner;
}

/* Returns the block behind a pointer that came from this region and is still given out. */
static block *block_in_use(const cmx_region *region, void *content)
{
    size_t offset = (uintptr_t)content - (uintptr_t)region->first;
    CMX_ASSERT((uintptr_t)content % CMX_REGION_ALIGN == 0);
    CMX_ASSERT(offset >= HEADER);
    CMX_ASSERT(offset < region->capacity);

    block *b = block_of(content);
    CMX_ASSERT(!is_free(b));
    CMX_ASSERT(owner_of(b) < CMX_REGION_OWNERS);
    CMX_ASSERT(size_of(b) >= BLOCK_BYTES_MIN);
    CMX_ASSERT(size_of(b) <= region->capacity - (offset - HEADER));
    CMX_ASSERT(right_of(b)->left == b);
    return b;
}

cmx_region *cmx_region_init(void *memory, size_t bytes)
{
    CMX_ASSERT((uintptr_t)memory % CMX_REGION_ALIGN == 0);
    CMX_ASSERT(memory != NULL);
    CMX_ASSERT(bytes >= CMX_REGION_BYTES_MIN);

    /* The first header ends where the first aligned content begins. */
    size_t start = (sizeof(cmx_region) + HEADER + GRAIN - 1) / GRAIN * GRAIN - HEADER;
    size_t capacity = (bytes - start - HEADER) / GRAIN * GRAIN;
    if (capacity > BLOCK_BYTES_MAX) {
        capacity = BLOCK_BYTES_MAX;
    }

    cmx_region *region = memory;
    memset(region, 0, sizeof(*region));
    region->first = (block *)(void *)((uint8_t *)memory + start);
    region->capacity = capacity;
    region->cap = SIZE_MAX / 2;
    region->first->head = capacity;
    region->first->left = NULL;
    block *end = right_of(region->first);
    end->head = 0;
    end->left = region->first;
    list_put(region, region->first);
    return region;
}

void cmx_region_cap(cmx_region *region, size_t cap_bytes)
{
    CMX_ASSERT(cap_bytes <= SIZE_MAX / 2);
    region->cap = cap_bytes;
}

void cmx_region_charge(cmx_region *region, uint32_t owner)
{
    CMX_ASSERT(owner < CMX_REGION_OWNERS);
    region->owner = owner;
}

/* Takes a block of `size` bytes, as size_for() gives it, for `owner`; NULL = not possible. */
static void *take_for(cmx_region *region, size_t size, uint32_t owner)
{
    block *b = NULL;

    if (size > 0 && size <= region->capacity && may_hold(region, owner, size)) {
        b = find_fit(region, size);
    }
    if (b == NULL) {
        region->refused++;
        return NULL;
    }
    list_remove(region, b);
    /* Few are large and they come and go; the many small ones stay. Each kind has its own end, so
     * that a small one rarely stands in the middle of what was a large one's room. */
    if (size >= LARGE_BYTES_MIN) {
        b = split_right(region, b, size);
    } else {
        split(region, b, size);
    }
    charge_block(region, b, owner);
    region->count++;
    return content_of(b);
}

void *cmx_region_take(cmx_region *region, size_t bytes)
{
    return take_for(region, size_for(region, bytes), region->owner);
}

void *cmx_region_take_zeroed(cmx_region *region, size_t count, size_t bytes)
{
    if (bytes > 0 && count > SIZE_MAX / bytes) {
        region->refused++;
        return NULL;
    }
    void *content = cmx_region_take(region, count * bytes);
    if (content != NULL) {
        memset(content, 0, count * bytes);
    }
    return content;
}

/* Gives `b` exactly `size` bytes where it stands, or leaves it as it is. */
static bool resize_in_place(cmx_region *region, block *b, size_t size)
{
    size_t size_before = size_of(b);
    block *right = right_of(b);
    bool grows = size > size_before;

    if (grows && (!is_free(right) || size_before + size_of(right) < size ||
                  !may_hold(region, owner_of(b), size - size_before))) {
        return false;
    }
    uint32_t owner = discharge_block(region, b);
    if (grows) {
        list_remove(region, right);
        absorb_right(b);
    } else {
        cmx_wipe((uint8_t *)b + size, size_before - size);
    }
    block *rest = cut(b, size);
    if (rest != NULL) {
        release(region, rest);
    }
    charge_block(region, b, owner);
    return true;
}

void *cmx_region_resize(cmx_region *region, void *block_content, size_t bytes)
{
    if (block_content == NULL) {
        return cmx_region_take(region, bytes);
    }
    block *b = block_in_use(region, block_content);
    size_t size = size_for(region, bytes);
    if (size > 0 && resize_in_place(region, b, size)) {
        return block_content;
    }
    void *moved = take_for(region, size, owner_of(b));
    if (moved != NULL) {
        memcpy(moved, block_content, size_of(b) - HEADER);
        cmx_region_give(region, block_content);
    }
    return moved;
}

void cmx_region_give(cmx_region *region, void *block_content)
{
    if (block_content == NULL) {
        return;
    }
    block *b = block_in_use(region, block_content);
    cmx_wipe(block_content, size_of(b) - HEADER);
    (void)discharge_block(region, b);
    release(region, b);
}

size_t cmx_region_capacity(const cmx_region *region)
{
    return region->capacity;
}

size_t cmx_region_used(const cmx_region *region)
{
    return region->used;
}

size_t cmx_region_peak(const cmx_region *region)
{
    return region->peak;
}

size_t cmx_region_largest_free(const cmx_region *region)
{
    if (region->row_map == 0) {
        return 0;
    }
    unsigned row = highest_bit(region->row_map);
    const block *b = region->lists[row * COLUMNS + highest_bit(region->column_map[row])];
    size_t largest = 0;
    for (unsigned looks = 0; b != NULL && looks < LOOKS_MAX; looks++) {
        largest = size_of(b) > largest ? size_of(b) : largest;
        b = b->next_free;
    }
    return largest - HEADER;
}

size_t cmx_region_owner_used(const cmx_region *region, uint32_t owner)
{
    CMX_ASSERT(owner < CMX_REGION_OWNERS);
    return region->shares[owner].used;
}

size_t cmx_region_owner_peak(const cmx_region *region, uint32_t owner)
{
    CMX_ASSERT(owner < CMX_REGION_OWNERS);
    return region->shares[owner].peak;
}

uint64_t cmx_region_count(const cmx_region *region)
{
    return region->count;
}

uint64_t cmx_region_refused(const cmx_region *region)
{
    return region->refused;
}
