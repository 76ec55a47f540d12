/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens when a table's file becomes shorter than its mapping: the next access to what is gone is
 * a SIGBUS, which no check before the access prevents. Only who may write to the file can do that, and
 * the daemon never does; but a program that asks for it survives even that.
 *
 * The handler puts memory that reads as zero in the place of what is gone, and marks the mapping: its
 * epoch changes, so that whatever a reader saw there does not count, and the next reading begins with
 * another file or none. It takes no lock and waits for nobody, for the thread that it interrupts may
 * hold any lock. What it reads of the registry may change under it, except for the one region that
 * matters: a region that a reader is in stays where it is until the reader is out.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client-internal.h"

/* An exchange waits this long at most for handlers that are at work in other threads. */
#define SETTLE_USEC (10 * USEC_PER_MSEC)
#define SETTLE_NAP_NSEC 20000

/* Registry ------------------------------------------------------------------------------------- */

/* version is odd while the others change; map NULL: free. */
typedef struct Region {
        uint64_t version;
        ClientMap *map;
        const void *base;
        size_t size;
} Region;

#define CHUNK_REGIONS 64

/* Never freed: the handler may be in there at any time. */
typedef struct Chunk {
        struct Chunk *next;
        Region regions[CHUNK_REGIONS];
} Chunk;

static Chunk registry;

static bool lock_region(Region *region, uint64_t version) {
        return version % 2 == 0 &&
               __atomic_compare_exchange_n(&region->version, &version, version + 1,
                                           /* weak= */ false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Between lock and unlock, by one thread; the handler reads the members meanwhile, and throws away what
 * it read. */
static void fill_region(Region *region, ClientMap *m, const void *base, size_t size) {
        __atomic_store_n(&region->map, m, __ATOMIC_SEQ_CST);
        __atomic_store_n(&region->base, base, __ATOMIC_SEQ_CST);
        __atomic_store_n(&region->size, size, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&region->version, 1, __ATOMIC_SEQ_CST);
}

static bool take_region(Chunk *chunk, ClientMap *m, const void *base, size_t size) {
        for (size_t i = 0; i < CHUNK_REGIONS; i++) {
                Region *region = &chunk->regions[i];
                uint64_t version = __atomic_load_n(&region->version, __ATOMIC_SEQ_CST);

                if (__atomic_load_n(&region->map, __ATOMIC_SEQ_CST) ||
                    !lock_region(region, version))
                        continue;
                fill_region(region, m, base, size);
                return true;
        }
        return false;
}

static Chunk *next_chunk(const Chunk *chunk) {
        return __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE);
}

/* Without a mutex, so that a child of fork() finds nothing locked for ever. */
static Chunk *append_chunk(Chunk *last) {
        Chunk *chunk = calloc(1, sizeof(*chunk)), *none = NULL;

        if (!chunk)
                return NULL;
        if (__atomic_compare_exchange_n(&last->next, &none, chunk, /* weak= */ false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                return chunk;
        free(chunk);
        return none;
}

int client_fault_add(ClientMap *m, const void *base, size_t size) {
        for (Chunk *chunk = &registry;;) {
                Chunk *next;

                if (take_region(chunk, m, base, size))
                        return 0;
                next = next_chunk(chunk);
                chunk = next ? next : append_chunk(chunk);
                if (!chunk)
                        return -ENOMEM;
        }
}

void client_fault_remove(const ClientMap *m) {
        for (Chunk *chunk = &registry; chunk; chunk = next_chunk(chunk))
                for (size_t i = 0; i < CHUNK_REGIONS; i++) {
                        Region *region = &chunk->regions[i];

                        /* Nobody else changes a region of this map. */
                        if (__atomic_load_n(&region->map, __ATOMIC_SEQ_CST) == m &&
                            lock_region(region,
                                        __atomic_load_n(&region->version, __ATOMIC_SEQ_CST)))
                                fill_region(region, NULL, NULL, 0);
                }
}

static bool find_region(uintptr_t address, Region *ret) {
        for (const Chunk *chunk = &registry; chunk; chunk = next_chunk(chunk))
                for (size_t i = 0; i < CHUNK_REGIONS; i++) {
                        const Region *region = &chunk->regions[i];
                        Region copy = {
                                .version = __atomic_load_n(&region->version, __ATOMIC_SEQ_CST),
                                .map = __atomic_load_n(&region->map, __ATOMIC_SEQ_CST),
                                .base = __atomic_load_n(&region->base, __ATOMIC_SEQ_CST),
                                .size = __atomic_load_n(&region->size, __ATOMIC_SEQ_CST),
                        };

                        if (copy.version % 2 != 0 || !copy.map ||
                            __atomic_load_n(&region->version, __ATOMIC_SEQ_CST) != copy.version)
                                continue;
                        if (address - (uintptr_t) copy.base < copy.size) {
                                *ret = copy;
                                return true;
                        }
                }
        return false;
}

/* Exchanges ------------------------------------------------------------------------------------ */

/* An exchange makes the epoch odd, then waits until no handler is at work. A handler says that it is at
 * work before it marks the map, and marks it, by another epoch, before it maps anything. So one that has
 * marked the map before the exchange began is waited for; one that does so later changes the epoch, and
 * the exchange notices, or the result of the exchange is marked. */
bool client_fault_settle(const ClientMap *m) {
        const struct timespec nap = { .tv_nsec = SETTLE_NAP_NSEC };
        uint64_t end = 0, now;

        while (__atomic_load_n(&m->n_faults, __ATOMIC_SEQ_CST) > 0) {
                now = client_now();
                if (end == 0)
                        end = now + SETTLE_USEC;
                if (now >= end)
                        return false;
                (void) nanosleep(&nap, NULL);
        }
        return true;
}

static void mark(ClientMap *m) {
        uint64_t epoch = __atomic_load_n(&m->epoch, __ATOMIC_SEQ_CST);

        while (!__atomic_compare_exchange_n(&m->epoch, &epoch, epoch + 1 + epoch % 2,
                                            /* weak= */ false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                ;
}

/* The system call itself: sanitizers do more in a function of this name than a handler may. */
static bool map_zero_pages(uintptr_t from, uintptr_t to) {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
#if defined(__s390__)
        /* Takes its parameters from memory. */
        const unsigned long parameters[] = {
                from, to - from, PROT_READ, (unsigned) flags, -1UL, 0
        };

        return syscall(SYS_mmap, parameters) != -1;
#elif defined(SYS_mmap2)
        return syscall(SYS_mmap2, from, to - from, PROT_READ, flags, -1L, 0L) != -1;
#else
        return syscall(SYS_mmap, from, to - from, PROT_READ, flags, -1L, 0L) != -1;
#endif
}

/* Found out before the handler can run, which may not ask. */
static uintptr_t page_size;

/* From the page that is gone on, all are. True: the access may be tried again. */
static bool replace(const void *where) {
        uintptr_t address = (uintptr_t) where;
        uintptr_t page = address & ~(page_size - 1);
        Region region;
        bool done;

        if (!find_region(address, &region))
                return false;
        __atomic_add_fetch(&region.map->n_faults, 1, __ATOMIC_SEQ_CST);
        mark(region.map);
        done = map_zero_pages(page, (uintptr_t) region.base + region.size);
        __atomic_sub_fetch(&region.map->n_faults, 1, __ATOMIC_SEQ_CST);
        return done;
}

/* The signal ----------------------------------------------------------------------------------- */

/* The action that was there before; written before the handler can run. */
static struct sigaction before;
static bool before_was_reset; /* SA_RESETHAND, and it ran */

/* Whether returning from the handler repeats the access that was the cause. Of memory errors that need
 * no action the kernel tells as it would of anything else. */
static bool is_repeated(const siginfo_t *info) {
        return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
}

/* What the kernel does for SIG_DFL: the cause is repeated, or sent again. */
static void die(int sig, const siginfo_t *info) {
        struct sigaction action = { .sa_handler = SIG_DFL };

        (void) sigaction(sig, &action, NULL);
        if (!is_repeated(info))
                (void) raise(sig);
}

static void chain(int sig, siginfo_t *info, void *context) {
        if (before.sa_flags & (int) SA_RESETHAND &&
            __atomic_exchange_n(&before_was_reset, true, __ATOMIC_SEQ_CST))
                die(sig, info);
        else if (before.sa_flags & SA_SIGINFO)
                before.sa_sigaction(sig, info, context);
        else if (before.sa_handler == SIG_DFL)
                die(sig, info);
        else if (before.sa_handler != SIG_IGN)
                before.sa_handler(sig);
        else if (is_repeated(info))
                /* The kernel does not let a fault be ignored. */
                die(sig, info);
}

static void on_sigbus(int sig, siginfo_t *info, void *context) {
        int saved_errno = errno;

        if (info->si_code != BUS_ADRERR || !replace(info->si_addr))
                chain(sig, info, context);
        errno = saved_errno;
}

static bool is_handler(const struct sigaction *action) {
        return action->sa_flags & SA_SIGINFO ||
               (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* As the action before wants to be run, so that chaining is nothing but a call. */
static int install_handler(void) {
        struct sigaction action = { .sa_sigaction = on_sigbus,
                                    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

        page_size = (uintptr_t) sysconf(_SC_PAGESIZE);
        if (sigaction(SIGBUS, NULL, &before) < 0)
                return -errno;
        (void) sigemptyset(&action.sa_mask);
        if (is_handler(&before)) {
                action.sa_mask = before.sa_mask;
                action.sa_flags = SA_SIGINFO |
                                  (before.sa_flags & (SA_ONSTACK | SA_RESTART | SA_NODEFER));
        }
        return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int ifroster_handle_sigbus(void) {
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        static bool installed;
        int r = 0;

        (void) pthread_mutex_lock(&mutex);
        if (!installed) {
                r = install_handler();
                installed = r >= 0;
        }
        (void) pthread_mutex_unlock(&mutex);
        return r;
}
