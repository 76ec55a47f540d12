/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files for the table's blocks, and everything about them that is not rows: who writes, the lock that
 * says that the writer lives, the rename that puts a larger block in the place of a smaller one, and
 * the ways in which clients are woken.
 *
 * A file is locked before it has the public name and until it is closed, so there is no moment at
 * which a living daemon's table looks dead. Room is allocated before it is mapped: a store to a page
 * for which the file system has no room would be SIGBUS. When there is none, the table goes on in
 * private memory, and clients read for themselves.
 *
 * Clients can write nowhere. How one asks for a sync all the same is in publish-table-sync.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "log.h"
#include "netns.h"
#include "publish-table-sync.h"
#include "publish-table.h"
#include "table-internal.h"

/* Blocks at once: the public one, and those that grew since in the same batch */
#define BLOCKS_MAX 4

typedef struct Block {
        TableHeader *header; /* NULL: this slot is free */
        size_t size;
        int fd; /* -1: private memory */
} Block;

struct SharedTable {
        TableStorage storage;
        char path[PATH_MAX];
        char lock_path[PATH_MAX];
        int lock_fd;
        Block blocks[BLOCKS_MAX];
        Block *current; /* what the table is in since the last batch; NULL: nothing yet */
        bool ready; /* the first reading is complete */
        bool visible; /* current has the public name */
        uint64_t writer;
        uint64_t netns_inode;
        uint8_t boot_id[16];

        Publisher publisher;
        SyncRounds rounds;
};

/* The mark on a dead daemon's table: at the end of a thread, however it ends, the kernel goes through a
 * list that the thread gave it, and sets a bit in each word that holds the thread's number. Made for
 * mutexes; here the word is in the header, and readers see by a plain load that nobody writes any more.
 * The C library keeps such a list for robust mutexes, of which the daemon has none. */
static struct {
        struct robust_list_head head;
        struct robust_list entry;
} deathbed;

static void mark_at_death(TableHeader *h) {
        deathbed.head.list.next = &deathbed.head.list;
        if (!h)
                return;
        deathbed.entry.next = &deathbed.head.list;
        deathbed.head.futex_offset = (char *) &h->writer_tid - (char *) &deathbed.entry;
        if (syscall(SYS_set_robust_list, &deathbed.head, sizeof(deathbed.head)) < 0)
                return; /* readers then look at the lock, by the clock */
        store32(&h->writer_tid, (uint32_t) gettid());
        deathbed.head.list.next = &deathbed.entry;
}

/* Who polls inotify is woken by writing the same value again, so nothing changes. */
static void tell_pollers(const Block *b) {
        uint32_t value = load32(&b->header->wake);

        if (b->fd >= 0)
                (void) !pwrite(b->fd, &value, sizeof(value), offsetof(TableHeader, wake));
}

static void wake(const Block *b) {
        sync_rounds_wake(&b->header->wake);
        tell_pollers(b);
}

/* Places ----------------------------------------------------------------------------------- */

/* What is left of a table that was cut, or that a file system lost the bytes of when the machine ended:
 * still this user's, writable for nobody, and with nothing in it where the header was. */
static bool is_remains(const struct stat *st, const uint8_t *header, size_t len) {
        static const uint64_t magic = TABLE_MAGIC;
        bool zero = true;

        if (st->st_uid != geteuid() || st->st_nlink != 1 || (st->st_mode & 07777 & ~0444U))
                return false;
        for (size_t i = 0; i < len && zero; i++)
                zero = header[i] == 0;
        return zero || (len < sizeof(magic) && memcmp(header, &magic, len) == 0);
}

/* What has the name of one of the table's files goes, so it must be nothing of somebody else's. */
static int check_place(const char *path) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        static const uint64_t magic = TABLE_MAGIC;
        uint8_t header[sizeof(TableHeader)];
        struct stat st;
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT ? 0 : errno == ELOOP || errno == ENXIO ? -EEXIST : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EEXIST;
        n = pread(fd, header, sizeof(header), 0);
        if (n < 0)
                return -errno;
        if ((size_t) n >= sizeof(magic) && memcmp(header, &magic, sizeof(magic)) == 0)
                return 0;
        return is_remains(&st, header, (size_t) n) ? 0 : -EEXIST;
}

/* Blocks ----------------------------------------------------------------------------------- */

static int temporary_path(const SharedTable *t, const Block *b, char buf[static PATH_MAX]) {
        int n = snprintf(buf, PATH_MAX, "%s.new%d", t->path, (int) (b - t->blocks));

        return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int lock_file(int fd) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* A file of this size under a temporary name, locked. */
static int make_file(const SharedTable *t, const Block *b, size_t size) {
        _cleanup_(closep) int fd = -1;
        char path[PATH_MAX];
        int r;

        r = temporary_path(t, b, path);
        if (r < 0)
                return r;
        /* Of a daemon that was killed: the lock on the path is ours. */
        r = check_place(path);
        if (r < 0)
                return r;
        (void) unlink(path);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
        if (fd < 0)
                return -errno;
        r = fchmod(fd, 0444) < 0 ? -errno : lock_file(fd);
        if (r >= 0)
                r = -posix_fallocate(fd, 0, (off_t) size);
        if (r < 0) {
                (void) unlink(path);
                return r;
        }
        return TAKE_FD(fd);
}

static void *map_block(int fd, size_t size) {
        int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

        return p == MAP_FAILED ? NULL : p;
}

static void *allocate(void *userdata, size_t size) {
        SharedTable *t = userdata;
        Block *b = NULL;
        int fd;

        for (size_t i = 0; i < BLOCKS_MAX && !b; i++)
                if (!t->blocks[i].header)
                        b = &t->blocks[i];
        if (!b)
                return NULL;
        fd = make_file(t, b, size);
        if (fd < 0)
                log_error("cannot make a file of %zu bytes for %s, clients will read netlink: %s",
                          size, t->path, strerror(-fd));
        *b = (Block){ .header = map_block(fd, size), .size = size, .fd = fd < 0 ? -1 : fd };
        if (!b->header && fd >= 0) {
                char path[PATH_MAX];

                if (temporary_path(t, b, path) >= 0)
                        (void) unlink(path);
                (void) close(fd);
        }
        return b->header;
}

static Block *find_block(SharedTable *t, const void *block) {
        for (size_t i = 0; i < BLOCKS_MAX; i++)
                if (t->blocks[i].header == block)
                        return &t->blocks[i];
        return NULL;
}

static void set_current(SharedTable *t, Block *b) {
        mark_at_death(b ? b->header : NULL);
        t->current = b;
        t->rounds.word = b ? &b->header->sync_rounds : NULL;
}

/* Readers that sleep on this block get another word to look at, then the mark, and wake up. */
static void release(void *userdata, void *block, size_t size) {
        SharedTable *t = userdata;
        Block *b = find_block(t, block);
        char path[PATH_MAX];

        if (!b)
                return;
        __atomic_store_n(&b->header->superseded, 1, __ATOMIC_RELEASE);
        store32(&b->header->writer_tid, b->header->writer_tid | TABLE_WRITER_DIED);
        store32(&b->header->wake, b->header->wake + 1);
        wake(b);
        if (t->current == b) {
                if (t->visible)
                        (void) unlink(t->path);
                set_current(t, NULL);
                t->visible = false;
        }
        /* It may never have got the public name. */
        if (b->fd >= 0 && temporary_path(t, b, path) >= 0)
                (void) unlink(path);
        (void) munmap(b->header, b->size);
        closep(&b->fd);
        *b = (Block){ .fd = -1 };
}

/* Gives the current block the public name. */
static int show(SharedTable *t) {
        Block *b = t->current;
        char path[PATH_MAX];
        int r;

        if (b->fd < 0)
                return 0;
        r = temporary_path(t, b, path);
        if (r < 0)
                return r;
        sync_rounds_watch(&t->rounds, path);
        if (rename(path, t->path) < 0)
                return -errno;
        t->visible = true;
        return 0;
}

static void show_or_complain(SharedTable *t) {
        int r;

        r = show(t);
        if (r < 0)
                log_error("cannot publish %s: %s", t->path, strerror(-r));
}

/* Until the first reading is complete, there is a table but nothing to show. */
static int publish(void *userdata, void *block, size_t size) {
        SharedTable *t = userdata;
        Block *b = find_block(t, block), *before = t->current;
        bool was_visible = t->visible;
        int r;

        b->header->netns_inode = t->netns_inode;
        b->header->writer = t->writer;
        memcpy(b->header->boot_id, t->boot_id, sizeof(t->boot_id));
        set_current(t, b);
        t->visible = false;
        if (!t->ready)
                return 0;
        r = show(t);
        if (r < 0) {
                set_current(t, before);
                t->visible = was_visible;
        } else if (b->fd < 0 && was_visible)
                (void) unlink(t->path);
        return r;
}

/* Who polls looks up before a batch, in case that there is no end of it. Who sleeps on the word does not:
 * it looks by itself, and being woken too early makes the change come later. */
static void announce(void *userdata, void *block) {
        const SharedTable *t = userdata;

        if (t->visible && t->current->header == block)
                tell_pollers(t->current);
}

/* Batches ---------------------------------------------------------------------------------- */

static void count_resync(TableHeader *h, const Batch *batch) {
        uint64_t reason = 0;

        while (reason + 1 < _RESYNC_REASON_MAX && batch->reason &&
               strcmp(resync_reason_to_string((ResyncReason) reason), batch->reason) != 0)
                reason++;
        store64(&h->resyncs, ((h->resyncs >> 8) + 1) << 8 | reason);
}

static void on_batch(Publisher *p, const Batch *batch) {
        SharedTable *t = (SharedTable *) ((char *) p - offsetof(SharedTable, publisher));

        if (!t->current)
                return;
        if (t->ready && !t->visible)
                show_or_complain(t);
        if (batch->resynced)
                count_resync(t->current->header, batch);
        wake(t->current);
}

static void on_state(Publisher *p, SourceState state) {
        SharedTable *t = (SharedTable *) ((char *) p - offsetof(SharedTable, publisher));

        if (state == SOURCE_STARTING || t->ready)
                return;
        t->ready = true;
        if (t->current)
                show_or_complain(t);
}

/* Life ------------------------------------------------------------------------------------- */

/* As 16 bytes; zero when it cannot be read. */
static void read_boot_id(uint8_t ret[static 16]) {
        static const char digits[] = "0123456789abcdef";
        _cleanup_(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        char text[64] = "";
        size_t n = 0;

        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
                return;
        for (const char *p = text; n < 32 && *p; p++) {
                const char *digit = strchr(digits, *p);

                if (!digit)
                        continue;
                ret[n / 2] = (uint8_t) (ret[n / 2] << 4 | (digit - digits));
                n++;
        }
}

static void make_directory(const char *path) {
        char copy[PATH_MAX];

        (void) snprintf(copy, sizeof(copy), "%s", path);
        /* Whatever the umask says: clients are other users. */
        if (mkdir(dirname(copy), 0755) >= 0) {
                (void) snprintf(copy, sizeof(copy), "%s", path);
                (void) chmod(dirname(copy), 0755);
        }
}

/* The lock file goes with its owner, so the one that was opened may be gone when it is locked. What has
 * something in it is none. */
static int take_path(SharedTable *t) {
        for (;;) {
                _cleanup_(closep) int fd = -1;
                struct stat a, b;
                int r;

                fd = open(t->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return -errno;
                r = lock_file(fd);
                if (r < 0)
                        return r == -EAGAIN || r == -EACCES ? -EADDRINUSE : r;
                if (fstat(fd, &a) < 0)
                        return -errno;
                if (!S_ISREG(a.st_mode) || a.st_size > 0)
                        return -EEXIST;
                if (stat(t->lock_path, &b) < 0 || a.st_ino != b.st_ino || a.st_dev != b.st_dev)
                        continue;
                t->lock_fd = TAKE_FD(fd);
                return 0;
        }
}

static const char *place_hint(int error) {
        switch (error) {
        case -EADDRINUSE:
                return "another daemon does, see --table";
        case -EEXIST:
                return "something that is not a table is there, or in the place of its .lock; "
                       "remove it, or give another --table=PATH";
        }
        return strerror(-error);
}

static int set_paths(SharedTable *t, const char *path) {
        int n = snprintf(t->lock_path, sizeof(t->lock_path), "%s.lock", path);

        if (n < 0 || (size_t) n >= sizeof(t->lock_path))
                return -ENAMETOOLONG;
        (void) snprintf(t->path, sizeof(t->path), "%s", path);
        return 0;
}

int shared_table_new(const char *path, SharedTable **ret) {
        _cleanup_(shared_table_freep) SharedTable *t = NULL;
        char given[LOG_GIVEN_MAX];
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->lock_fd = -1;
        sync_rounds_init(&t->rounds);
        for (size_t i = 0; i < BLOCKS_MAX; i++)
                t->blocks[i].fd = -1;
        t->storage = (TableStorage){ .allocate = allocate,
                                     .publish = publish,
                                     .release = release,
                                     .announce = announce,
                                     .userdata = t };
        r = set_paths(t, path);
        if (r >= 0) {
                make_directory(path);
                r = take_path(t);
        }
        if (r >= 0)
                r = check_place(path);
        if (r < 0) {
                log_error("cannot publish the table as %s: %s", log_given(path, given),
                          place_hint(r));
                return r;
        }
        (void) netns_get_id(&t->netns_inode);
        read_boot_id(t->boot_id);
        if (getrandom(&t->writer, sizeof(t->writer), GRND_NONBLOCK) != (ssize_t) sizeof(t->writer))
                t->writer = (uint64_t) getpid() << 32 ^ (uint64_t) time(NULL);
        *ret = TAKE_PTR(t);
        return 0;
}

SharedTable *shared_table_free(SharedTable *t) {
        if (!t)
                return NULL;
        sync_rounds_done(&t->rounds);
        if (t->lock_fd >= 0)
                (void) unlink(t->lock_path);
        closep(&t->lock_fd);
        free(t);
        return NULL;
}

const TableStorage *shared_table_storage(const SharedTable *t) {
        return &t->storage;
}

int shared_table_start(SharedTable *t, Manager *m) {
        int r;

        t->publisher = (Publisher){ .on_batch = on_batch, .on_state = on_state };
        r = sync_rounds_start(&t->rounds, m);
        if (r < 0)
                log_warning("clients of %s cannot ask for a sync: %s", t->path, strerror(-r));
        return manager_add_publisher(m, &t->publisher);
}
