/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's table in the client: finding the file, deciding whether to believe it, mapping it, and
 * noticing that its daemon has died or made another one.
 *
 * Who may write a file that is mapped can make its readers fault, by shortening it: no check before
 * the access helps, only a handler of the fault, and installing one is the program's decision
 * (client-fault.c). So the file has to be of somebody who is trusted not to: of root, of the user
 * itself, or, outside the user's own runtime directory, of the owner of a directory that nobody else
 * can write to, because whoever named that path or made that directory chose its owner. Everything
 * else in the file may be garbage; readers check what they take from it.
 *
 * That the daemon lives is seen by its write lock on the file, which the kernel drops with its last
 * descriptor. A lock for reading proves nothing, anyone can have one. That it has died is also seen in
 * the mapping, where the kernel puts a mark; a daemon that is not marked is looked at by the clock.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-internal.h"

#define DEFAULT_PATH "/run/ifroster/table"
#define USER_FILE "ifroster/table"
/* The first reservation; room for some growth before there must be another one. */
#define RESERVE_MIN (UINT64_C(1) << 22)
#define RESERVE_FACTOR 4

uint64_t client_netns(void) {
        struct stat st;

        return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : st.st_ino;
}

bool client_is_own_namespace(const TableView *v) {
        uint64_t netns = load64(&((const TableHeader *) v->block)->netns_inode);

        return netns == 0 || netns == client_netns();
}

static int add_path(ClientMap *m, char *path, bool own_only) {
        if (!path)
                return -ENOMEM;
        m->paths[m->n_paths++] = (ClientPath){ .path = path, .own_only = own_only };
        return 0;
}

int client_map_init(ClientMap *m, const char *path) {
        const char *directory;
        char *joined;
        int r;

        if (path)
                return add_path(m, strdup(path), /* own_only= */ false);
        r = add_path(m, strdup(DEFAULT_PATH), /* own_only= */ false);
        if (r < 0)
                return r;
        directory = secure_getenv("XDG_RUNTIME_DIR");
        if (!directory || directory[0] != '/')
                return 0;
        if (asprintf(&joined, "%s/%s", directory, USER_FILE) < 0)
                return -ENOMEM;
        return add_path(m, joined, /* own_only= */ true);
}

/* Opening ---------------------------------------------------------------------------------- */

bool client_map_is_alive(int fd) {
        struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

        return fcntl(fd, F_OFD_GETLK, &lock) >= 0 && lock.l_type == F_WRLCK;
}

static bool is_trusted(const ClientPath *path, const struct stat *file,
                       const struct stat *directory) {
        if (!S_ISREG(file->st_mode) || (file->st_mode & (S_IWGRP | S_IWOTH)))
                return false;
        if (file->st_uid == 0 || file->st_uid == geteuid())
                return true;
        return !path->own_only && file->st_uid == directory->st_uid &&
               !(directory->st_mode & (S_IWGRP | S_IWOTH));
}

static int open_file(const ClientPath *path, size_t *ret_size) {
        _cleanup_(freep) char *directory = strdup(path->path);
        _cleanup_(closep) int directory_fd = -1, fd = -1;
        struct stat st, directory_st;
        char *slash;

        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        if (slash)
                slash[slash == directory ? 1 : 0] = 0;
        directory_fd = open(slash ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return -errno;
        fd = openat(directory_fd, slash ? path->path + (slash - directory) + 1 : path->path,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(directory_fd, &directory_st) < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!is_trusted(path, &st, &directory_st))
                return -EPERM;
        if (st.st_size < (off_t) sizeof(TableHeader) || (uint64_t) st.st_size > CLIENT_TABLE_MAX)
                return -EBADMSG;
        if (!client_map_is_alive(fd))
                return -ENOENT;
        *ret_size = (size_t) st.st_size;
        return TAKE_FD(fd);
}

bool client_map_is_dead(const ClientMap *m) {
        const TableView v = { .block = m->base, .size = m->size };

        return m->fd >= 0 && table_writer_died(&v);
}

bool client_map_is_busy(const ClientMap *m) {
        const TableHeader *header = m->base;

        return m->fd >= 0 && (load32(&header->wake) % 2 != 0 || load64(&header->sequence) % 2 != 0);
}

bool client_map_is_broken(const ClientMap *m) {
        return m->fd >= 0 && __atomic_load_n(&m->epoch, __ATOMIC_SEQ_CST) % 2 != 0;
}

/* Mapping ---------------------------------------------------------------------------------- */

static size_t page_align(size_t size) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);

        return (size + page - 1) / page * page;
}

static void *reserve(size_t size) {
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

/* ThreadSanitizer takes a new mapping for a write by this thread. It must not, here: readers that come
 * too late are meant to find another file, and to notice by the epoch. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define WITH_THREAD_SANITIZER
#endif
#ifdef WITH_THREAD_SANITIZER
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define IGNORE_WRITES_BEGIN() AnnotateIgnoreWritesBegin(__FILE__, __LINE__)
#define IGNORE_WRITES_END() AnnotateIgnoreWritesEnd(__FILE__, __LINE__)
#else
#define IGNORE_WRITES_BEGIN() ((void) 0)
#define IGNORE_WRITES_END() ((void) 0)
#endif

static int map_over(const void *base, size_t size, int flags, int fd) {
        void *p;

        IGNORE_WRITES_BEGIN();
        p = mmap((void *) (uintptr_t) base, size, PROT_READ, flags | MAP_FIXED, fd, 0);
        IGNORE_WRITES_END();
        return p == MAP_FAILED ? -errno : 0;
}

/* Memory that reads as zero in the place of a file: late readers are still in there. */
static void blank(const void *base, size_t size) {
        if (size > 0)
                (void) map_over(base, size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* Room for this many bytes at m->base. The epoch is odd. */
static int make_room(ClientMap *m, size_t size) {
        size_t wanted = CONST_MAX(page_align(size * RESERVE_FACTOR), (size_t) RESERVE_MIN);
        void *base;

        if (size <= m->reserved)
                return 0;
        if (m->n_retired >= CLIENT_RETIRED_MAX)
                return -E2BIG;
        wanted = CONST_MAX(wanted, 2 * m->reserved);
        base = reserve(wanted);
        if (!base) {
                wanted = size;
                base = reserve(wanted);
        }
        if (!base)
                return -ENOMEM;
        if (client_fault_add(m, base, wanted) < 0) {
                (void) munmap(base, wanted);
                return -ENOMEM;
        }
        if (m->base) {
                m->retired[m->n_retired].base = (void *) (uintptr_t) m->base;
                m->retired[m->n_retired++].reserved = m->reserved;
        }
        __atomic_store_n(&m->base, base, __ATOMIC_RELEASE);
        m->reserved = wanted;
        return 0;
}

static void check_later(ClientMap *m) {
        __atomic_store_n(&m->check_at, client_coarse_now() + CLIENT_CHECK_USEC * NSEC_PER_USEC,
                         __ATOMIC_RELAXED);
}

void client_map_drop(ifroster *h) {
        ClientMap *m = &h->map;

        if (m->fd < 0)
                return;
        /* It may be odd already, and another odd one at any time: see client-fault.c. */
        (void) __atomic_fetch_or(&m->epoch, 1, __ATOMIC_SEQ_CST);
        blank(m->base, m->mapped);
        m->mapped = 0;
        closep(&m->fd);
        m->fd = -1;
        check_later(m);
        client_watch_wake(h);
}

/* Whether what was mapped is a table for us. The epoch is odd. */
static int examine(const ifroster *h, const TableView *v, bool wait) {
        const TableHeader *header = v->block;
        uint64_t netns = load64(&header->netns_inode);
        uint64_t sequence;
        TableView checked;
        int r;

        r = table_view_init(&checked, v->block, v->size);
        if (r < 0)
                return r;
        if (!(h->flags & IFROSTER_SHARED_ONLY) && netns != 0 && h->netns != 0 && netns != h->netns)
                return -EXDEV;
        if (table_superseded(v) || table_writer_died(v) ||
            (!wait && !table_read_begin(v, &sequence)))
                return -EBUSY;
        return 0;
}

/* Maps a file and looks at it. The epoch is odd; what is mapped on failure, nobody believes. */
static int map_file(ifroster *h, int fd, size_t size, bool wait) {
        const ClientMap *m = &h->map;
        TableView v = { .block = m->base, .size = size };
        int r;

        r = map_over(m->base, page_align(size), MAP_SHARED, fd);
        return r < 0 ? r : examine(h, &v, wait);
}

/* Puts a file in the place of what is mapped. Takes the descriptor, also on failure. */
static int install(ifroster *h, int fd, size_t size, size_t path, bool wait) {
        ClientMap *m = &h->map;
        size_t length = page_align(size);
        uint64_t epoch;
        int r;

        client_map_drop(h);
        r = make_room(m, length);
        if (r < 0) {
                (void) close(fd);
                return r;
        }
        epoch = __atomic_load_n(&m->epoch, __ATOMIC_SEQ_CST);
        r = client_fault_settle(m) ? map_file(h, fd, size, wait) : -EBUSY;
        if (r >= 0) {
                __atomic_store_n(&m->size, size, __ATOMIC_RELEASE);
                check_later(m);
                if (load32(&((const TableHeader *) m->base)->writer_tid) != 0)
                        __atomic_store_n(&m->check_at, UINT64_MAX, __ATOMIC_RELAXED);
                /* Not when the file was found to be shorter meanwhile, by whichever thread. */
                if (!__atomic_compare_exchange_n(&m->epoch, &epoch, epoch + 1, /* weak= */ false,
                                                 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
                        r = -EBADMSG;
        }
        if (r < 0) {
                blank(m->base, length);
                (void) close(fd);
                check_later(m);
                return r;
        }
        m->fd = fd;
        m->path = path;
        m->mapped = length;
        /* Nobody would read what wakes its descriptor. */
        client_own_stop(h);
        client_watch_wake(h);
        return 0;
}

int client_map_open(ifroster *h, bool wait) {
        ClientMap *m = &h->map;

        for (size_t i = 0; i < m->n_paths; i++) {
                size_t size;
                int fd;

                fd = open_file(&m->paths[i], &size);
                if (fd >= 0 && install(h, fd, size, i, wait) >= 0)
                        return 0;
        }
        return -ENOENT;
}

/* Whether the mapped file is still as long as it was and of a daemon that lives. */
static bool is_current(const ClientMap *m) {
        const TableView v = { .block = m->base, .size = m->size };
        struct stat st;

        return fstat(m->fd, &st) >= 0 && (uint64_t) st.st_size >= m->size &&
               client_map_is_alive(m->fd) && !table_superseded(&v) && !table_writer_died(&v);
}

void client_map_check(ifroster *h) {
        ClientMap *m = &h->map;

        if (m->fd >= 0 && !client_map_is_broken(m) && is_current(m)) {
                if (m->check_at != UINT64_MAX)
                        check_later(m);
                return;
        }
        check_later(m);
        if (client_map_open(h, /* wait= */ m->fd >= 0) < 0)
                client_map_drop(h);
}

void client_map_done(ClientMap *m) {
        closep(&m->fd);
        client_fault_remove(m);
        if (m->base)
                (void) munmap((void *) (uintptr_t) m->base, m->reserved);
        for (size_t i = 0; i < m->n_retired; i++)
                (void) munmap(m->retired[i].base, m->retired[i].reserved);
        for (size_t i = 0; i < m->n_paths; i++)
                free(m->paths[i].path);
}
