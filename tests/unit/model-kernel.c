/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sockets of the small kernel; see the header. What a message says is world.h's, what becomes of it
 * on its way to the reader is decided here.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "model-kernel.h"
#include "rtnl-builder.h"

#define GETMULTICAST 58
#define PORT 4711
#define ROWS_PER_DATAGRAM 4
/* Leaves room for what is forged. */
#define QUEUE_LIMIT (KERNEL_QUEUE / 4)

static bool happens(Kernel *k, unsigned chance) {
        return chance > 0 && world_random(&k->world, 1000) < chance;
}

/* Queues --------------------------------------------------------------------------------------- */

static void queue_put(KernelSocket *s, const void *data, size_t len, bool forged) {
        KernelDatagram *d;

        if (s->n == KERNEL_QUEUE)
                abort();
        d = &s->queue[(s->first + s->n++) % KERNEL_QUEUE];
        *d = (KernelDatagram){ .data = malloc(len), .len = len, .forged = forged };
        if (!d->data)
                abort();
        memcpy(d->data, data, len);
        if (s->n == 1)
                (void) eventfd_write(s->fd, 1);
}

static KernelDatagram queue_take(KernelSocket *s) {
        KernelDatagram d = s->queue[s->first];
        eventfd_t value;

        s->first = (s->first + 1) % KERNEL_QUEUE;
        if (--s->n == 0) {
                s->congested = false;
                if (s->error == 0)
                        (void) eventfd_read(s->fd, &value);
        }
        return d;
}

static void queue_clear(KernelSocket *s) {
        while (s->n > 0)
                free(queue_take(s).data);
        s->congested = false;
        s->error = 0;
}

static void set_error(KernelSocket *s, int error) {
        if (s->n == 0 && s->error == 0)
                (void) eventfd_write(s->fd, 1);
        s->error = error;
}

static int take_error(KernelSocket *s) {
        int error = s->error;
        eventfd_t value;

        s->error = 0;
        if (s->n == 0)
                (void) eventfd_read(s->fd, &value);
        return error;
}

/* Announcements -------------------------------------------------------------------------------- */

static void announce(Kernel *k, KernelSocket *s, const void *data, size_t len) {
        size_t limit = k->faults.queue > 0 ? k->faults.queue : QUEUE_LIMIT;

        if (s->fd < 0)
                return;
        if (s->congested) {
                s->drops++;
                return;
        }
        if (s->n >= limit) {
                s->drops++;
                s->congested = true;
                set_error(s, -ENOBUFS);
                return;
        }
        if (happens(k, k->faults.silent_drop)) {
                s->drops++;
                return;
        }
        if (happens(k, k->faults.set_error)) {
                set_error(s, -ENOBUFS);
                return;
        }
        queue_put(s, data, len, false);
}

static void on_emit(void *userdata, bool routes, const struct nlmsghdr *message) {
        Kernel *k = userdata;

        if (!k->announces_groups && message->nlmsg_type >= 56 && message->nlmsg_type <= 58)
                return;
        announce(k, &k->sockets[routes ? SOCKET_ROUTES : SOCKET_MONITOR], message,
                 message->nlmsg_len);
}

/* A message of somebody with the right to send here, that says that a link is gone. */
static void forge(Kernel *k, SocketRole role) {
        KernelSocket *s = &k->sockets[role];
        BuiltLink gone = { .removed = true, .ifindex = 1 };
        static Builder builder;

        if (s->fd < 0 || s->n >= KERNEL_QUEUE / 2)
                return;
        gone.ifindex = (int32_t) world_random(&k->world, WORLD_LINKS) + 1;
        (void) build_link(&builder, &gone);
        builder.header.nlmsg_seq = k->request.nlmsg_seq;
        builder.header.nlmsg_pid = PORT;
        queue_put(s, &builder.header, builder.header.nlmsg_len, true);
}

void kernel_step(Kernel *k) {
        world_step(&k->world);
        k->on_step(k->userdata);
        if (happens(k, k->faults.forged))
                forge(k, (SocketRole) world_random(&k->world, _SOCKET_ROLE_MAX));
}

/* Dumps ---------------------------------------------------------------------------------------- */

typedef struct Piece {
        uint8_t data[32768];
        size_t len;
} Piece;

static struct nlmsghdr *piece_add(Kernel *k, Piece *p, const struct nlmsghdr *message,
                                  uint16_t flags) {
        struct nlmsghdr *m = (struct nlmsghdr *) (void *) (p->data + p->len);

        if (p->len + NLMSG_ALIGN(message->nlmsg_len) > sizeof(p->data))
                abort();
        memcpy(m, message, message->nlmsg_len);
        m->nlmsg_seq = k->request.nlmsg_seq;
        m->nlmsg_pid = PORT;
        m->nlmsg_flags |= flags;
        p->len += NLMSG_ALIGN(message->nlmsg_len);
        return m;
}

/* Fills the next piece now, for whoever reads it later. */
static void fill_piece(Kernel *k, KernelSocket *s) {
        static Builder builder;
        static Piece piece;
        uint16_t flags = NLM_F_MULTI;

        piece.len = 0;
        for (size_t i = 0; i < ROWS_PER_DATAGRAM && !k->ended; i++) {
                const struct nlmsghdr *row;
                uint32_t sequence;

                row = world_row(&k->world, &builder, k->type, k->family, k->ifindex, &k->pos,
                                &sequence);
                if ((k->sequence != 0 && sequence != k->sequence) ||
                    happens(k, k->faults.interrupted))
                        flags |= NLM_F_DUMP_INTR;
                k->sequence = sequence;
                if (row)
                        (void) piece_add(k, &piece, row, flags);
                else
                        k->ended = true;
        }
        if (piece.len > 0) {
                queue_put(s, piece.data, piece.len, false);
                return;
        }
        k->dumping = false;
        if (happens(k, k->faults.endless))
                return;
        (void) piece_add(k, &piece, build_result(&builder, NLMSG_DONE, 0), flags);
        queue_put(s, piece.data, piece.len, false);
}

static void answer(Kernel *k, KernelSocket *s, const struct nlmsghdr *message, uint16_t flags) {
        static Piece piece;

        piece.len = 0;
        (void) piece_add(k, &piece, message, flags);
        queue_put(s, piece.data, piece.len, false);
}

static void answer_result(Kernel *k, KernelSocket *s, uint16_t type, int error) {
        static Builder builder;

        answer(k, s, build_result(&builder, type, error), 0);
}

static uint32_t read_attribute(const struct nlmsghdr *request, size_t header, uint16_t type) {
        const uint8_t *p = (const uint8_t *) request + NLMSG_HDRLEN + NLMSG_ALIGN(header);
        const uint8_t *end = (const uint8_t *) request + request->nlmsg_len;

        while ((size_t) (end - p) >= sizeof(struct nlattr)) {
                struct nlattr a;
                uint32_t value;

                memcpy(&a, p, sizeof(a));
                if (a.nla_type == type && a.nla_len >= NLA_HDRLEN + sizeof(value)) {
                        memcpy(&value, p + NLA_HDRLEN, sizeof(value));
                        return value;
                }
                p += NLMSG_ALIGN(a.nla_len);
        }
        return 0;
}

static void read_request(Kernel *k, const struct nlmsghdr *request) {
        const uint8_t *payload = (const uint8_t *) request + NLMSG_HDRLEN;

        k->request = *request;
        k->type = request->nlmsg_type;
        k->family = payload[0];
        k->ifindex = 0;
        if (k->type == RTM_GETADDR || k->type == GETMULTICAST) {
                struct ifaddrmsg header;

                memcpy(&header, payload, sizeof(header));
                k->ifindex = (int32_t) header.ifa_index;
        } else if (k->type == RTM_GETLINK) {
                struct ifinfomsg header;

                memcpy(&header, payload, sizeof(header));
                k->ifindex = header.ifi_index;
        } else {
                k->ifindex = (int32_t) read_attribute(request, sizeof(struct rtmsg), RTA_OIF);
        }
}

static void begin_dump(Kernel *k, KernelSocket *s) {
        k->pos = k->sequence = 0;
        k->ended = false;
        if (k->type == GETMULTICAST && !k->dumps_groups)
                answer_result(k, s, NLMSG_ERROR, -EOPNOTSUPP);
        else if (happens(k, k->faults.refused))
                answer_result(k, s, NLMSG_DONE, -EINVAL);
        else if (happens(k, k->faults.busy))
                answer_result(k, s, NLMSG_ERROR, -EBUSY);
        else if (k->ifindex > 0 && !world_has_link(&k->world, k->ifindex))
                answer_result(k, s, NLMSG_DONE, -ENODEV);
        else {
                k->dumping = true;
                fill_piece(k, s);
        }
}

static int kernel_send(void *userdata, SocketRole role, int fd _unused_, const void *data,
                       size_t size _unused_) {
        Kernel *k = userdata;
        KernelSocket *s = &k->sockets[role];
        static Builder builder;
        const struct nlmsghdr *row;
        uint32_t pos = 0, sequence;

        if (happens(k, k->faults.send_error))
                return -ENOBUFS;
        if (k->dumping && role == SOCKET_QUERY) {
                answer_result(k, s, NLMSG_ERROR, -EBUSY);
                return 0;
        }
        if (((const struct nlmsghdr *) data)->nlmsg_type == RTM_GETLINK)
                world_finish(&k->world);
        read_request(k, data);
        if (k->request.nlmsg_flags & NLM_F_DUMP) {
                begin_dump(k, s);
                return 0;
        }
        row = world_row(&k->world, &builder, RTM_GETLINK, 0, k->ifindex, &pos, &sequence);
        if (row)
                answer(k, s, row, 0);
        else
                answer_result(k, s, NLMSG_ERROR, -ENODEV);
        return 0;
}

/* SocketOps ------------------------------------------------------------------------------------ */

static int kernel_open(void *userdata, SocketRole role, size_t receive_buffer _unused_,
                       bool *groups) {
        Kernel *k = userdata;
        KernelSocket *s = &k->sockets[role];

        s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->fd < 0)
                return -errno;
        s->drops = 0;
        if (role == SOCKET_QUERY)
                k->dumping = false;
        if (role == SOCKET_MONITOR)
                *groups = *groups && k->announces_groups;
        return s->fd;
}

static void kernel_close(void *userdata, SocketRole role, int fd) {
        Kernel *k = userdata;
        KernelSocket *s = &k->sockets[role];

        queue_clear(s);
        (void) close(fd);
        s->fd = -1;
}

static int kernel_receive(void *userdata, SocketRole role, int fd _unused_, void *buffer,
                          size_t size, Received *ret) {
        Kernel *k = userdata;
        KernelSocket *s = &k->sockets[role];
        KernelDatagram d;

        k->now += happens(k, k->faults.slow) ? SOURCE_BUDGET_USEC : 1;
        while (happens(k, k->faults.step))
                kernel_step(k);
        if (happens(k, k->faults.eintr))
                return -EINTR;
        if (s->error != 0)
                return take_error(s);
        if (s->n == 0)
                return -EAGAIN;
        if (role == SOCKET_QUERY && happens(k, k->faults.query_error))
                return -ENOBUFS;

        d = queue_take(s);
        *ret = (Received){ .from_kernel = !d.forged, .len = CONST_MIN(d.len, size) };
        if (happens(k, k->faults.truncated)) {
                ret->truncated = true;
                ret->len = world_random(&k->world, (unsigned) d.len);
        } else if (happens(k, k->faults.cut)) {
                /* Inside the last message: at the end of one it could not be told. */
                ret->len -= 1 + world_random(&k->world, NLMSG_HDRLEN - 1);
        }
        memcpy(buffer, d.data, ret->len);
        free(d.data);
        if (role == SOCKET_QUERY && k->dumping && s->n == 0)
                fill_piece(k, s);
        return 0;
}

static int kernel_wait(void *userdata, SocketRole role, int fd _unused_, int timeout_msec) {
        Kernel *k = userdata;

        if (k->sockets[role].n > 0)
                return 0;
        k->now += (uint64_t) timeout_msec * USEC_PER_MSEC;
        return -ETIMEDOUT;
}

static int kernel_drops(void *userdata, SocketRole role, int fd _unused_, uint32_t *ret) {
        Kernel *k = userdata;

        *ret = k->sockets[role].drops;
        return 0;
}

static uint32_t kernel_port(void *userdata _unused_, SocketRole role _unused_, int fd _unused_) {
        return PORT;
}

static uint64_t kernel_now(void *userdata) {
        Kernel *k = userdata;

        return k->now;
}

static int kernel_read_groups(void *userdata, int family, char **ret_text, size_t *ret_len) {
        Kernel *k = userdata;

        *ret_text = world_groups_text(&k->world, family, ret_len);
        return 0;
}

void kernel_init(Kernel *k, uint64_t seed, SocketOps *ret_ops) {
        memset(k, 0, sizeof(*k));
        world_init(&k->world, seed, on_emit, k);
        k->now = USEC_PER_SEC;
        k->announces_groups = k->dumps_groups = true;
        for (SocketRole role = 0; role < _SOCKET_ROLE_MAX; role++)
                k->sockets[role].fd = -1;
        *ret_ops = (SocketOps){
                .open = kernel_open,
                .receive = kernel_receive,
                .send = kernel_send,
                .wait = kernel_wait,
                .drops = kernel_drops,
                .port = kernel_port,
                .close = kernel_close,
                .now = kernel_now,
                .read_groups = kernel_read_groups,
                .userdata = k,
        };
}

void kernel_done(Kernel *k) {
        for (SocketRole role = 0; role < _SOCKET_ROLE_MAX; role++)
                if (k->sockets[role].fd >= 0)
                        kernel_close(k, role, k->sockets[role].fd);
}
