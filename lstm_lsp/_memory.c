/* The compiled kernel of the project memory: counts of symbols after contexts, and the mixture.

   The same contract as memory_reference.py, which is its specification and takes its place
   where no compiler was available. Knows nothing of files, paths or Python's numbers beyond
   buffers: `Counts` holds what followed each context, `levels` reads it at a position, `mix`
   blends it into distributions.

   A table per context order, open addressing with linear probing; 32 bits of a context's hash
   say where its entries stand and which they are. A wide slot is eight bytes: the hash, 8 bits
   symbol, 24 bits count. A large table has narrow slots of four: where a slot stands says most of
   the hash, so that it keeps only the rest of it, how far it stands from its home, symbol and a
   small count (Cleary 1984, with the distance for his two bits). What does not fit a narrow slot,
   a large count or an entry too far from home, stands in a small table of wide ones beside them.
   All symbols seen after one context share a home. Two contexts of one order are taken for one
   with a probability of (contexts of that order) / 2^32; removal stays exact even then. */

#define _DEFAULT_SOURCE /* madvise */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

/* A context is the last 3, 4, ... symbols; or the word begun, with the line's beginning or
   without; or the beginning of the line above. Its place here is its place in the recursion. */
enum { C3, LINE, WORD, C4, C6, ABOVE, C8, C12, C24, C48, CONTEXTS };
enum { LONGEST = 128, TOTALS = 9, DISTINCTS = 4, BUCKETS = TOTALS * DISTINCTS };

/* For each context a level of the project's counts, one of those of the current file's folder and
   one of the current file's alone. */
enum { EACH = 3, LEVELS = EACH * CONTEXTS };

/* Of the current file alone, the longest are no levels. */
static int in_file(int order) { return order < C24; }

/* A folder's levels: those that gain most. Counting fewer costs a folder less. */
static int in_folder(int order)
{
    return order == C6 || order == ABOVE || order == C12;
}

/* A count has 24 bits, so no more symbols than this are counted. */
static const Py_ssize_t most_symbols = (1 << 24) - 1;

/* ---------------------------------------------------------------- tables */

/* A large table is read all over. In huge pages, where the system has them to give, fewer reads
   miss the processor's list of pages. */
enum { HUGE_PAGE = 1 << 21 };

static void *zeros(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + page - 1) / page * page;
        uint8_t *got = mmap(NULL, used + HUGE_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (got == MAP_FAILED)
            return NULL;
        /* From a huge page's start on; what is before and after goes back. */
        size_t before = HUGE_PAGE - (uintptr_t)got % HUGE_PAGE;
        munmap(got, before);
        if (before < HUGE_PAGE)
            munmap(got + before + used, HUGE_PAGE - before);
        madvise(got + before, used, MADV_HUGEPAGE);
        return got + before;
    }
#endif
    return calloc(bytes, 1);
}

static void release(void *start, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE) {
        munmap(start, bytes);
        return;
    }
#endif
    (void)bytes;
    free(start);
}

typedef struct {
    uint64_t *slots;
    size_t capacity, used;
} Wide;

/* Contexts of low order are followed by many symbols, which makes long runs: their tables,
   small beside the others, are kept emptier, and so is what stands beside narrow slots. In 64ths. */
static size_t fullest(int order)
{
    return order == C3 ? 24 : order == WORD || order == C4 ? 38 : 58;
}

/* A table grows by one part in so many: less often takes more memory, more often more time. */
enum { BESIDE = 36, STEP = 4 };

static size_t home(const Wide *table, uint64_t slot)
{
    return (size_t)(((slot >> 32) * (uint64_t)table->capacity) >> 32);
}

static size_t next_in(const Wide *table, size_t at) { return at + 1 == table->capacity ? 0 : at + 1; }

/* Where the entry of a key (hash and symbol) stands, or the empty slot where it would. */
static size_t find_wide(const Wide *table, uint64_t key)
{
    size_t at = home(table, key << 24);
    while (table->slots[at] != 0 && table->slots[at] >> 24 != key)
        at = next_in(table, at);
    return at;
}

static void release_wide(Wide *table) { release(table->slots, table->capacity * sizeof(uint64_t)); }

static int resize_wide(Wide *table, size_t capacity)
{
    Wide next = {zeros(capacity * sizeof(uint64_t)), capacity, table->used};
    if (next.slots == NULL)
        return -1;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] != 0)
            next.slots[find_wide(&next, table->slots[i] >> 24)] = table->slots[i];
    release_wide(table);
    *table = next;
    return 0;
}

/* Adds n of a key; -1 when the table would have to grow past `room` more bytes, or memory is out. */
static int add_wide(Wide *table, size_t full, uint64_t key, uint32_t n, int64_t *room)
{
    if ((table->used + 1) * 64 > table->capacity * full) {
        /* Doubles while small; later in small steps, which copy in the order of memory. */
        size_t capacity = table->capacity < 64 ? 64 : table->capacity;
        capacity += capacity < (1 << 15) ? capacity : capacity / STEP;
        int64_t more = (int64_t)(capacity - table->capacity) * (int64_t)sizeof(uint64_t);
        if (more > *room || resize_wide(table, capacity) < 0)
            return -1;
        *room -= more;
    }
    size_t at = find_wide(table, key);
    if (table->slots[at] == 0) {
        table->slots[at] = key << 24;
        table->used++;
    }
    table->slots[at] += n;
    return 0;
}

/* Takes one away; -1 when there was none. */
static int decrement_wide(Wide *table, uint64_t key)
{
    if (table->used == 0)
        return -1;
    size_t at = find_wide(table, key);
    if (table->slots[at] == 0)
        return -1;
    table->slots[at]--;
    if ((table->slots[at] & 0xFFFFFF) != 0)
        return 0;
    /* Close the gap, so that runs stay unbroken without tombstones (Knuth 6.4, algorithm R). */
    size_t gap = at;
    for (;;) {
        at = next_in(table, at);
        uint64_t slot = table->slots[at];
        if (slot == 0)
            break;
        size_t from = home(table, slot);
        int stays = gap <= at ? (gap < from && from <= at) : (gap < from || from <= at);
        if (stays)
            continue;
        table->slots[gap] = slot;
        gap = at;
    }
    table->slots[gap] = 0;
    table->used--;
    return 0;
}

/* Wide slots alone while small. Then narrow ones (capacity 2^bits or more, below twice that,
   and WINDOW more so that none wraps round), and the wide ones hold what does not fit there.
   A narrow slot, from its highest bit: 32 - bits of the hash's rest, 5 of its distance from home,
   8 symbol, bits - 13 count. */
typedef struct {
    Wide wide;
    uint32_t *slots;
    size_t capacity, used;
    int bits;
} Table;

enum { WINDOW = 32, LEAST_BITS = 17, NARROW_FROM = 100000, WIDE_BELOW = 40000 };

static int may_be_narrow(int order) { return fullest(order) == 58; }

static size_t narrow_bytes(size_t capacity) { return (capacity + WINDOW) * sizeof(uint32_t); }

static int64_t held(const Table *table)
{
    return (int64_t)(table->wide.capacity * sizeof(uint64_t)) +
           (table->slots ? (int64_t)narrow_bytes(table->capacity) : 0);
}

static void release_table(Table *table)
{
    if (table->slots != NULL)
        release(table->slots, narrow_bytes(table->capacity));
    release_wide(&table->wide);
}

/* A context's home among narrow slots; `rest` becomes the part of its hash that slots keep. */
static size_t narrow_home(const Table *table, uint32_t hash, uint32_t *rest)
{
    /* Hashes of one home differ by the capacity here, at least 2^bits, so also after the shift. */
    uint64_t product = (uint64_t)hash * table->capacity;
    *rest = (uint32_t)product >> table->bits;
    return (size_t)(product >> 32);
}

/* The hash that a narrow slot at `at` stands for. */
static uint32_t narrow_hash(const Table *table, size_t at)
{
    int count_bits = table->bits - 13;
    uint32_t slot = table->slots[at];
    uint64_t from = at - (slot >> (count_bits + 8) & (WINDOW - 1));
    uint64_t least = from << 32 | (uint64_t)(slot >> (count_bits + 13)) << table->bits;
    return (uint32_t)((least + table->capacity - 1) / table->capacity);
}

/* Where an entry stands among narrow slots, or the empty slot for it with its new content but no
   count in `fresh`; -1 when neither is within the window. */
static ptrdiff_t find_narrow(const Table *table, uint32_t hash, uint8_t symbol, uint32_t *fresh)
{
    int count_bits = table->bits - 13;
    uint32_t rest;
    size_t at = narrow_home(table, hash, &rest);
    uint32_t want = rest << 13 | symbol;
    for (int i = 0; i < WINDOW; i++, at++, want += 256) {
        uint32_t slot = table->slots[at];
        *fresh = slot == 0 ? want << count_bits : 0;
        if (slot == 0 || slot >> count_bits == want)
            return (ptrdiff_t)at;
    }
    return -1;
}

static void close_narrow(Table *table, size_t gap)
{
    int distance_at = table->bits - 13 + 8;
    size_t end = table->capacity + WINDOW;
    for (size_t at = gap + 1; at < end && at - gap < WINDOW && table->slots[at] != 0; at++) {
        uint32_t slot = table->slots[at], moved = (uint32_t)(at - gap);
        if ((slot >> distance_at & (WINDOW - 1)) < moved)
            continue;
        table->slots[gap] = slot - (moved << distance_at);
        gap = at;
    }
    table->slots[gap] = 0;
    table->used--;
}

static uint32_t narrow_most(const Table *table) { return (1u << (table->bits - 13)) - 1; }

static uint64_t key_of(uint32_t hash, uint8_t symbol) { return (uint64_t)hash << 8 | symbol; }

/* Puts an entry that is not there yet where it fits. */
static int place(Table *table, int order, uint32_t hash, uint8_t symbol, uint32_t n, int64_t *room)
{
    uint32_t fresh;
    if (table->slots != NULL && n <= narrow_most(table)) {
        ptrdiff_t at = find_narrow(table, hash, symbol, &fresh);
        if (at >= 0) {
            table->slots[at] = fresh | n;
            table->used++;
            return 0;
        }
    }
    size_t full = table->slots != NULL ? BESIDE : fullest(order);
    return add_wide(&table->wide, full, key_of(hash, symbol), n, room);
}

/* Makes the table anew with so many narrow slots; 0: with wide ones alone. */
static int rebuild(Table *table, int order, size_t capacity)
{
    Table next = {.capacity = capacity};
    int64_t room = INT64_MAX;
    int failed = 0;
    if (capacity != 0) {
        for (next.bits = LEAST_BITS; capacity >> (next.bits + 1) != 0;)
            next.bits++;
        next.slots = zeros(narrow_bytes(capacity));
        failed = next.slots == NULL;
        if (table->slots != NULL && !failed)
            failed = resize_wide(&next.wide, table->wide.capacity);
    }
    /* Entries come nearly in the order of their homes: one whose home is in the run filled last,
       or after it, has its place without a search. */
    size_t run = 0, end = 0;
    for (size_t i = 0; table->slots != NULL && !failed && i < table->capacity + WINDOW; i++) {
        uint32_t slot = table->slots[i], rest, hash, n = slot & narrow_most(table);
        if (slot == 0)
            continue;
        uint8_t symbol = (uint8_t)(slot >> (table->bits - 13));
        hash = narrow_hash(table, i);
        if (capacity != 0 && n <= narrow_most(&next)) {
            size_t from = narrow_home(&next, hash, &rest);
            if (from > end)
                run = end = from;
            while (next.slots[end] != 0) /* placed by a search; the last slot is never used */
                end++;
            if (from >= run && end - from < WINDOW) {
                rest = (rest << 5 | (uint32_t)(end - from)) << 8 | symbol;
                next.slots[end++] = rest << (next.bits - 13) | n;
                next.used++;
                continue;
            }
        }
        failed = place(&next, order, hash, symbol, n, &room);
    }
    for (size_t i = 0; !failed && i < table->wide.capacity; i++) {
        uint64_t slot = table->wide.slots[i];
        if (slot != 0)
            failed = place(&next, order, (uint32_t)(slot >> 32), (uint8_t)(slot >> 24),
                           (uint32_t)slot & 0xFFFFFF, &room);
    }
    release_table(failed ? &next : table);
    if (!failed)
        *table = next;
    return failed;
}

/* Adds one; -1 when the table would have to grow past `room` more bytes, or memory is out. */
static int increment(Table *table, int order, uint32_t hash, uint8_t symbol, int64_t *room)
{
    uint64_t key = key_of(hash, symbol);
    if (table->slots == NULL) {
        if (table->wide.used < NARROW_FROM || !may_be_narrow(order))
            return add_wide(&table->wide, fullest(order), key, 1, room);
        int64_t before = held(table);
        if (rebuild(table, order, (size_t)1 << LEAST_BITS) < 0)
            return -1;
        *room += before - held(table);
    }
    uint32_t fresh;
    ptrdiff_t at = find_narrow(table, hash, symbol, &fresh);
    if (at >= 0 && table->slots[at] != 0) {
        uint32_t n = table->slots[at] & narrow_most(table);
        if (n < narrow_most(table)) {
            table->slots[at]++;
            return 0;
        }
        if (add_wide(&table->wide, BESIDE, key, n + 1, room) < 0)
            return -1;
        close_narrow(table, (size_t)at);
        return 0;
    }
    if (table->wide.used != 0) {
        size_t wide = find_wide(&table->wide, key);
        if (table->wide.slots[wide] != 0) {
            table->wide.slots[wide]++;
            return 0;
        }
    }
    if ((table->used + 1) * 64 > table->capacity * fullest(order)) {
        int64_t more = (int64_t)(table->capacity / STEP * sizeof(uint32_t)), before = held(table);
        if (more > *room || rebuild(table, order, table->capacity + table->capacity / STEP) < 0)
            return -1;
        *room += before - held(table);
        return place(table, order, hash, symbol, 1, room);
    }
    if (at < 0)
        return add_wide(&table->wide, BESIDE, key, 1, room);
    table->slots[at] = fresh | 1;
    table->used++;
    return 0;
}

/* Takes one away; -1 when there was none. */
static int decrement(Table *table, uint32_t hash, uint8_t symbol)
{
    uint32_t fresh;
    ptrdiff_t at = table->slots != NULL ? find_narrow(table, hash, symbol, &fresh) : -1;
    if (at < 0 || table->slots[at] == 0)
        return decrement_wide(&table->wide, key_of(hash, symbol));
    if ((table->slots[at] & narrow_most(table)) > 1)
        table->slots[at]--;
    else
        close_narrow(table, (size_t)at);
    return 0;
}

/* Gives back what a table no longer needs. */
static void trim(Table *table, int order)
{
    size_t full = fullest(order);
    if (table->slots == NULL) {
        if (table->wide.used * 256 < table->wide.capacity * full && table->wide.capacity > 1024)
            resize_wide(&table->wide, table->wide.used * 96 / full + 64);
    } else if (table->used + table->wide.used < WIDE_BELOW) {
        rebuild(table, order, 0);
    } else if (table->used * 256 < table->capacity * full && table->capacity >> LEAST_BITS > 1) {
        size_t fewer = table->used * 96 / full, least = (size_t)1 << LEAST_BITS;
        rebuild(table, order, fewer > least ? fewer : least);
    }
}

/* ---------------------------------------------------------------- contexts */

static uint64_t word(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t scramble(uint64_t value)
{
    value *= 0x9E3779B97F4A7C15u;
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93u;
    value ^= value >> 29;
    return value;
}

/* The hash of no context: there is no word, or no line above. */
enum { NONE = 0 };

static int in_word(uint8_t symbol)
{
    return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') || symbol >= 0x80 ||
           (symbol >= '0' && symbol <= '9') || symbol == '_' || symbol == '$';
}

static uint64_t join(uint64_t value, uint8_t symbol)
{
    return (value ^ symbol) * 0x100000001B3u;
}

static uint32_t finished(uint64_t value)
{
    return (uint32_t)(scramble(value) >> 32) | 1;
}

static int blank(uint8_t symbol) { return symbol == ' ' || symbol == '\t'; }

enum { SEED = 0x345678, SHORT = 4, OPENING = 8 };

/* The hashes of LINE and ABOVE, for a word begun at `word` whose hash is `letters`. */
static void hash_lines(const uint8_t *end, const uint8_t *word, uint64_t letters,
                       uint32_t hashes[CONTEXTS])
{
    const uint8_t *first = end - LONGEST, *line = end, *at, *above;
    while (line > first && line[-1] != '\n')
        line--;
    for (at = line; at < end && blank(*at); at++)
        ;
    uint64_t hash = letters * 3 + (uint64_t)(at - line) * 0x9E3779B97F4A7C15u + SEED;
    while (at < end && in_word(*at))
        hash = join(hash, *at++);
    hashes[LINE] = finished(join(hash * 7, word > first ? word[-1] : 0));

    hashes[ABOVE] = NONE;
    if (line == first)
        return;
    for (above = line - 1; above > first && above[-1] != '\n'; above--)
        ;
    if (above == first)
        return;
    for (at = above; at < line - 1 && blank(*at); at++)
        ;
    hash = SEED + (uint64_t)(at - above);
    for (int i = 0; i < OPENING && at < line - 1; i++)
        hash = join(hash, *at++);
    hash = hash * 7 + 1;
    for (at = end - line > SHORT ? end - SHORT : line; at < end; at++)
        hash = join(hash, *at);
    hashes[ABOVE] = finished(hash);
}

/* The hashes of the contexts that end before `end`, which LONGEST symbols precede. WORD is the word that ends there,
   as far as written. LINE is the line's indentation and first word, the symbol before the word
   begun, and that. ABOVE is the indentation and the first symbols of the line above, and the
   last of this line. A line counts from its start, which must be among the symbols read. */
static void hash_contexts(const uint8_t *end, uint32_t hashes[CONTEXTS])
{
    uint64_t a = word(end - 8), b = word(end - 16), letters = 0xCBF29CE484222325u;
    uint64_t h8 = scramble(a), h16 = scramble(h8 + b + 1), h24 = scramble(h16 + word(end - 24));
    uint64_t h48 = scramble(scramble(h24 + word(end - 32)) + word(end - 40)) + word(end - 48);
    hashes[C3] = (uint32_t)(scramble(a >> 40) >> 32);
    hashes[C4] = (uint32_t)(scramble(a >> 32) >> 32);
    hashes[C6] = (uint32_t)(scramble(a >> 16) >> 32);
    hashes[C8] = (uint32_t)(h8 >> 32);
    hashes[C12] = (uint32_t)(scramble(h8 + (b >> 32)) >> 32);
    hashes[C24] = (uint32_t)(h24 >> 32);
    hashes[C48] = (uint32_t)(scramble(h48) >> 32);

    const uint8_t *at = end, *first = end - LONGEST;
    while (at > first && in_word(at[-1]))
        letters = join(letters, *--at);
    hashes[WORD] = at == end ? NONE : finished(letters);
    hash_lines(end, at, letters, hashes);
}

/* Whether a context is the last so many symbols, and so a part of each longer one. */
static int is_length(int order) { return order != WORD && order != LINE && order != ABOVE; }

static int is_none(int order, uint32_t hash) { return hash == NONE && !is_length(order); }

/* ---------------------------------------------------------------- Counts */

typedef struct {
    PyObject_HEAD
    Table tables[CONTEXTS];
    Py_ssize_t symbols;
    int of_folder; /* only the contexts of a folder's levels are counted */
} Counts;

static int skips(const Counts *self, int order, uint32_t hash)
{
    return is_none(order, hash) || (self->of_folder && !in_folder(order));
}

static int64_t table_bytes(const Counts *self)
{
    int64_t total = 0;
    for (int order = 0; order < CONTEXTS; order++)
        total += held(&self->tables[order]);
    return total;
}

static int counts_init(PyObject *self, PyObject *args, PyObject *names)
{
    static char *keys[] = {"of_folder", NULL};
    return PyArg_ParseTupleAndKeywords(args, names, "|p", keys, &((Counts *)self)->of_folder) ? 0 : -1;
}

static void counts_dealloc(PyObject *object)
{
    Counts *self = (Counts *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (int order = 0; order < CONTEXTS; order++)
        release_table(&self->tables[order]);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* A copy of text[start - LONGEST : stop], zeros standing before the text's start. */
static uint8_t *padded(const uint8_t *text, Py_ssize_t start, Py_ssize_t stop)
{
    uint8_t *copy = malloc((size_t)(stop - start) + LONGEST);
    if (copy == NULL)
        return NULL;
    Py_ssize_t before = start < LONGEST ? start : LONGEST;
    memset(copy, 0, (size_t)(LONGEST - before));
    memcpy(copy + LONGEST - before, text + start - before, (size_t)(stop - start + before));
    return copy;
}

enum { AHEAD = 8 };

static void prefetch(const Table *table, uint32_t hash)
{
#if defined(__GNUC__) || defined(__clang__)
    uint32_t rest;
    if (table->slots != NULL)
        __builtin_prefetch(table->slots + narrow_home(table, hash, &rest), 1);
    if (table->wide.capacity)
        __builtin_prefetch(table->wide.slots + home(&table->wide, (uint64_t)hash << 32), 1);
#else
    (void)table, (void)hash;
#endif
}

/* Adds or removes the symbols of text[start:stop]; returns how many were done whole. */
static Py_ssize_t count(Counts *self, const uint8_t *text, Py_ssize_t n, int adding, int64_t room)
{
    uint32_t ring[AHEAD][CONTEXTS];
    for (Py_ssize_t i = 0; i < n + AHEAD; i++) {
        Py_ssize_t done = i - AHEAD;
        if (done >= 0) {
            uint32_t *hashes = ring[done % AHEAD];
            uint8_t symbol = text[done];
            for (int order = 0; order < CONTEXTS; order++) {
                Table *table = &self->tables[order];
                if (skips(self, order, hashes[order]))
                    continue;
                if (!adding)
                    decrement(table, hashes[order], symbol);
                else if (increment(table, order, hashes[order], symbol, &room) < 0) {
                    while (order-- > 0)
                        if (!skips(self, order, hashes[order]))
                            decrement(&self->tables[order], hashes[order], symbol);
                    return done;
                }
            }
            self->symbols += adding ? 1 : -1;
        }
        if (i < n) {
            hash_contexts(text + i, ring[i % AHEAD]);
            for (int order = 0; order < CONTEXTS; order++)
                prefetch(&self->tables[order], ring[i % AHEAD][order]);
        }
    }
    return n;
}

static PyObject *counts_change(Counts *self, PyObject *args, int adding)
{
    Py_buffer text;
    Py_ssize_t start, stop;
    long long room = INT64_MAX;
    if (!PyArg_ParseTuple(args, adding ? "y*nn|L" : "y*nn", &text, &start, &stop, &room))
        return NULL;
    PyObject *result = NULL;
    if (start < 0 || start > stop || stop > text.len) {
        PyErr_SetString(PyExc_ValueError, "start and stop must lie in the text, in this order");
    } else {
        Py_ssize_t n = stop - start;
        if (adding && n > most_symbols - self->symbols)
            n = most_symbols - self->symbols;
        uint8_t *copy = padded(text.buf, start, start + n);
        if (copy == NULL) {
            PyErr_NoMemory();
        } else {
            Py_ssize_t done;
            Py_BEGIN_ALLOW_THREADS
            done = count(self, copy + LONGEST, n, adding, room);
            for (int order = 0; !adding && order < CONTEXTS; order++)
                trim(&self->tables[order], order);
            Py_END_ALLOW_THREADS
            free(copy);
            result = PyLong_FromSsize_t(start + done);
        }
    }
    PyBuffer_Release(&text);
    return result;
}

static PyObject *counts_add(PyObject *self, PyObject *args)
{
    return counts_change((Counts *)self, args, 1);
}

static PyObject *counts_remove(PyObject *self, PyObject *args)
{
    return counts_change((Counts *)self, args, 0);
}

static PyObject *counts_size(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(table_bytes((Counts *)self));
}

static PyObject *counts_symbols(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(((Counts *)self)->symbols);
}

static PyMethodDef counts_methods[] = {
    {"add", counts_add, METH_VARARGS, "add(text, start, stop, room=...) -> where it stopped"},
    {"remove", counts_remove, METH_VARARGS, "remove(text, start, stop) -> stop"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef counts_getset[] = {
    {"size", counts_size, NULL, "Bytes held.", NULL},
    {"symbols", counts_symbols, NULL, "Symbols counted.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot counts_slots[] = {
    {Py_tp_init, counts_init},
    {Py_tp_dealloc, counts_dealloc},
    {Py_tp_methods, counts_methods},
    {Py_tp_getset, counts_getset},
    {Py_tp_doc, "What followed each context in some text, and how often."},
    {0, NULL},
};

static PyType_Spec counts_spec = {
    "lstm_lsp._memory.Counts", sizeof(Counts), 0, Py_TPFLAGS_DEFAULT, counts_slots,
};

/* ---------------------------------------------------------------- queries */

typedef struct {
    int level;     /* its place in the recursion */
    int distinct;  /* symbols, with their counts and the counts' sum */
    uint32_t total;
    uint8_t symbol[256];
    int32_t count[256];
} Level;

typedef struct {
    const Counts *project, *own, *folder, *current;
} Sources;

/* Where each symbol stands in a level being gathered, plus one; 0: not yet. */
typedef uint16_t Places[256];

/* Adds n of a symbol to a level. */
static void gather_one(uint8_t symbol, int32_t n, Level *to, Places places)
{
    if (places[symbol] == 0) {
        to->symbol[to->distinct] = symbol;
        to->count[to->distinct++] = n;
        places[symbol] = (uint16_t)to->distinct;
    } else {
        to->count[places[symbol] - 1] += n;
    }
}

/* Adds a context's counts, times `sign`, to a level. */
static void gather(const Table *table, uint32_t hash, int sign, Level *to, Places places)
{
    if (table->slots != NULL) {
        int count_bits = table->bits - 13;
        uint32_t want;
        const uint32_t *slot = table->slots + narrow_home(table, hash, &want);
        want <<= 5;
        for (int i = 0; i < WINDOW && *slot != 0; i++, slot++, want++)
            if (*slot >> (count_bits + 8) == want)
                gather_one((uint8_t)(*slot >> count_bits),
                           (int32_t)(*slot & narrow_most(table)) * sign, to, places);
    }
    const Wide *wide = &table->wide;
    if (wide->used == 0)
        return;
    for (size_t at = home(wide, (uint64_t)hash << 32); wide->slots[at] != 0; at = next_in(wide, at)) {
        uint64_t slot = wide->slots[at];
        if ((uint32_t)(slot >> 32) == hash)
            gather_one((uint8_t)(slot >> 24), (int32_t)(slot & 0xFFFFFF) * sign, to, places);
    }
}

/* Drops what is no longer counted, sums up, and leaves `places` as it was. */
static void settle(Level *level, Places places)
{
    int kept = 0;
    level->total = 0;
    for (int k = 0; k < level->distinct; k++) {
        places[level->symbol[k]] = 0;
        if (level->count[k] <= 0)
            continue;
        level->symbol[kept] = level->symbol[k];
        level->count[kept++] = level->count[k];
        level->total += (uint32_t)level->count[k];
    }
    level->distinct = kept;
}

static void copy_level(const Level *from, Level *to)
{
    to->level = from->level;
    to->distinct = from->distinct;
    to->total = from->total;
    memcpy(to->symbol, from->symbol, (size_t)from->distinct);
    memcpy(to->count, from->count, (size_t)from->distinct * sizeof from->count[0]);
}

/* Asks for what a query with these hashes will read. */
static void prefetch_levels(const Sources *from, const uint32_t hashes[CONTEXTS])
{
    for (int order = 0; order < CONTEXTS; order++) {
        prefetch(&from->project->tables[order], hashes[order]);
        prefetch(&from->current->tables[order], hashes[order]);
        prefetch(&from->own->tables[order], hashes[order]);
        prefetch(&from->folder->tables[order], hashes[order]);
    }
}

/* The levels that know the context, shortest context first: the project without the current
   file's own disk text, plus the current file; then, where they know it, the other files of its
   folder, plus the current file; then the current file alone. */
static int find_levels(const Sources *from, const uint32_t hashes[CONTEXTS],
                       Level levels[LEVELS])
{
    Places places;
    Level file;
    memset(places, 0, sizeof places);
    int found = 0, unseen = 0; /* whether the last symbols, so many, were never seen together */
    for (int order = 0; order < CONTEXTS; order++) {
        if (is_none(order, hashes[order]) || (unseen && is_length(order)))
            continue;
        Level *whole = &levels[found];
        file.distinct = 0;
        file.level = EACH * order + 2;
        gather(&from->current->tables[order], hashes[order], 1, &file, places);
        copy_level(&file, whole);
        whole->level = EACH * order;
        gather(&from->project->tables[order], hashes[order], 1, whole, places);
        gather(&from->own->tables[order], hashes[order], -1, whole, places);
        settle(whole, places);
        if (whole->distinct == 0) {
            unseen |= is_length(order);
            continue;
        }
        found++;
        if (in_folder(order)) {
            Level *folder = &levels[found];
            folder->distinct = 0;
            folder->level = EACH * order + 1;
            gather(&from->folder->tables[order], hashes[order], 1, folder, places);
            if (folder->distinct > 0) {
                for (int k = 0; k < file.distinct; k++)
                    gather_one(file.symbol[k], file.count[k], folder, places);
                settle(folder, places);
                found++;
            }
        }
        if (file.distinct > 0 && in_file(order)) {
            settle(&file, places);
            copy_level(&file, &levels[found++]);
        }
    }
    return found;
}

static int bucket(uint32_t total, int distinct)
{
    int n = total <= 3 ? (int)total - 1
          : total <= 5 ? 3 : total <= 8 ? 4 : total <= 16 ? 5 : total <= 64 ? 6 : total <= 512 ? 7 : 8;
    int d = distinct == 1 ? 0 : distinct == 2 ? 1 : distinct <= 4 ? 2 : 3;
    return n * DISTINCTS + d;
}

static void mix_one(const Level *levels, int found, const double *interpolation,
                    const float *log_probs, float *out)
{
    double weight = 1.0, known[256];
    memset(known, 0, sizeof known);
    for (int i = found - 1; i >= 0; i--) {
        const Level *level = &levels[i];
        double back = interpolation[level->level * BUCKETS + bucket(level->total, level->distinct)];
        double share = weight * (1.0 - back) / level->total;
        for (int k = 0; k < level->distinct; k++)
            known[level->symbol[k]] += share * level->count[k];
        weight *= back;
    }
    double shift = log(weight);
    for (int s = 0; s < 256; s++)
        out[s] = log_probs[s] + (float)shift;
    for (int i = 0; i < found; i++)
        for (int k = 0; k < levels[i].distinct; k++) {
            uint8_t s = levels[i].symbol[k];
            if (known[s] == 0.0)
                continue; /* done, of a shorter context */
            out[s] = logf((float)(weight * expf(log_probs[s]) + known[s]));
            known[s] = 0.0;
        }
}

/* Copies the last LONGEST symbols of a tail before `end`, zeros before its start. */
static int read_tail(PyObject *tail, uint8_t bytes[LONGEST])
{
    char *data;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(tail, &data, &n) < 0)
        return -1;
    Py_ssize_t used = n < LONGEST ? n : LONGEST;
    memset(bytes, 0, (size_t)(LONGEST - used));
    memcpy(bytes + LONGEST - used, data + n - used, (size_t)used);
    return 0;
}

static PyObject *memory_levels(PyObject *module, PyObject *args)
{
    PyObject *type = PyObject_GetAttrString(module, "Counts"), *tail, *result = NULL;
    Counts *project, *own, *folder, *current;
    Level *levels = malloc(LEVELS * sizeof(Level));
    uint8_t bytes[LONGEST];
    if (type == NULL || levels == NULL || !PyArg_ParseTuple(args, "O!O!O!O!O", type, &project, type, &own, type, &folder, type, &current, &tail) || read_tail(tail, bytes) < 0)
        goto end;
    Sources from = {project, own, folder, current};
    uint32_t hashes[CONTEXTS];
    hash_contexts(bytes + LONGEST, hashes);
    int found = find_levels(&from, hashes, levels);
    result = PyList_New(0);
    for (int i = 0; result != NULL && i < found; i++) {
        PyObject *counts = PyDict_New(), *pair = NULL;
        for (int k = 0; counts != NULL && k < levels[i].distinct; k++) {
            PyObject *symbol = PyLong_FromLong(levels[i].symbol[k]);
            PyObject *n = PyLong_FromLong(levels[i].count[k]);
            if (symbol == NULL || n == NULL || PyDict_SetItem(counts, symbol, n) < 0)
                Py_CLEAR(counts);
            Py_XDECREF(symbol);
            Py_XDECREF(n);
        }
        if (counts != NULL)
            pair = Py_BuildValue("(iN)", levels[i].level, counts);
        if (pair == NULL || PyList_Append(result, pair) < 0)
            Py_CLEAR(result);
        Py_XDECREF(pair);
    }
end:
    Py_XDECREF(type);
    free(levels);
    return result;
}

/* A search's rows: all they will read is asked for first, and giving the interpreter away for
   them costs more than the work. */
enum { FEW = 32 };

static PyObject *memory_mix(PyObject *module, PyObject *args)
{
    PyObject *type = PyObject_GetAttrString(module, "Counts"), *tails, *result = NULL;
    Counts *project, *own, *folder, *current;
    Py_buffer interpolation = {0}, log_probs = {0}, out = {0};
    uint32_t(*hashes)[CONTEXTS] = NULL;
    if (type == NULL || !PyArg_ParseTuple(args, "O!O!O!O!y*y*O!w*", type, &project, type, &own, type, &folder,
                          type, &current, &interpolation, &log_probs, (PyObject *)&PyList_Type, &tails, &out))
        goto end;
    Py_ssize_t rows = PyList_Size(tails);
    if (interpolation.len != (Py_ssize_t)(LEVELS * BUCKETS * sizeof(double)) ||
        log_probs.len != rows * 256 * (Py_ssize_t)sizeof(float) || out.len != log_probs.len) {
        PyErr_SetString(PyExc_ValueError, "mix: shapes do not agree");
        goto end;
    }
    hashes = malloc((size_t)(rows ? rows : 1) * sizeof *hashes);
    if (hashes == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    Sources from = {project, own, folder, current};
    for (Py_ssize_t i = 0; i < rows; i++) {
        uint8_t bytes[LONGEST];
        if (read_tail(PyList_GetItem(tails, i), bytes) < 0)
            goto end;
        hash_contexts(bytes + LONGEST, hashes[i]);
        if (rows <= FEW)
            prefetch_levels(&from, hashes[i]);
    }
    PyThreadState *released = rows > FEW ? PyEval_SaveThread() : NULL;
    Level levels[LEVELS];
    for (Py_ssize_t i = 0; i < rows; i++) {
        if (rows > FEW)
            prefetch_levels(&from, hashes[i]);
        int found = find_levels(&from, hashes[i], levels);
        mix_one(levels, found, interpolation.buf, (const float *)log_probs.buf + i * 256,
                (float *)out.buf + i * 256);
    }
    if (released != NULL)
        PyEval_RestoreThread(released);
    result = Py_NewRef(Py_None);
end:
    Py_XDECREF(type);
    free(hashes);
    if (interpolation.obj != NULL)
        PyBuffer_Release(&interpolation);
    if (log_probs.obj != NULL)
        PyBuffer_Release(&log_probs);
    if (out.obj != NULL)
        PyBuffer_Release(&out);
    return result;
}

static PyMethodDef memory_methods[] = {
    {"levels", memory_levels, METH_VARARGS, "levels(project, own, folder, current, tail) -> [(level, counts)]"},
    {"mix", memory_mix, METH_VARARGS, "mix(project, own, folder, current, interpolation, log_probs, tails, out)"},
    {NULL, NULL, 0, NULL},
};

static int memory_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &counts_spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddObjectRef(module, "Counts", type);
    Py_DECREF(type);
    return failed;
}

static PyModuleDef_Slot memory_slots[] = {{Py_mod_exec, memory_exec}, {0, NULL}};

static struct PyModuleDef memory_module = {
    PyModuleDef_HEAD_INIT, "_memory", "The compiled kernel of the project memory.", 0,
    memory_methods, memory_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__memory(void)
{
    return PyModuleDef_Init(&memory_module);
}
