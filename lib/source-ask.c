/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Single questions to the kernel. netlink answers inside the sending call, so waiting is a formality
 * with a bound. Must not touch the table: what an answer says of it comes by the ordinary way.
 */

#include "source-private.h"

/* Rows of one answer that are believed. */
#define ASK_ROWS_MAX 65536
#define ASK_TRIES_MAX 3

typedef int (*AskRow)(Source *s, const struct nlmsghdr *message, void *userdata);

typedef struct Asking {
        uint32_t sequence;
        bool dump;
        bool interrupted;
        bool done;
        AskRow on_row;
        void *userdata;
} Asking;

static int ask_message(Source *s, Asking *a, const struct nlmsghdr *message) {
        int r;

        if (message->nlmsg_seq != a->sequence ||
            (s->ports[SOCKET_ASK] != 0 && message->nlmsg_pid != s->ports[SOCKET_ASK]))
                return 0;
        if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                a->interrupted = true;
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
                a->done = true;
                return rtnl_parse_result(message, message->nlmsg_len);
        }
        r = a->on_row(s, message, a->userdata);
        if (!a->dump)
                a->done = true;
        return r;
}

static int ask_datagram(Source *s, Asking *a, size_t len) {
        const uint8_t *p = s->buffer;
        int r;

        while (!a->done && len >= sizeof(struct nlmsghdr)) {
                const struct nlmsghdr *message = (const void *) p;
                size_t step;

                if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > len)
                        return -EBADMSG;
                r = ask_message(s, a, message);
                if (r < 0)
                        return r;
                step = NLMSG_ALIGN(message->nlmsg_len);
                if (step >= len)
                        break;
                p += step;
                len -= step;
        }
        return 0;
}

static int ask_once(Source *s, const RtnlRequest *request, Asking *a) {
        uint8_t buffer[RTNL_REQUEST_MAX];
        Received received;
        int len, r;

        a->sequence = ++s->sequence;
        a->interrupted = a->done = false;
        len = rtnl_build(request, a->sequence, buffer);
        if (len < 0)
                return len;
        r = source_drop_leftovers(s, SOCKET_ASK);
        if (r < 0)
                return r;
        r = s->ops.send(s->ops.userdata, SOCKET_ASK, s->fds[SOCKET_ASK], buffer, (size_t) len);
        if (r < 0)
                return r;
        while (!a->done) {
                r = source_receive(s, SOCKET_ASK, &received);
                if (r == 0)
                        r = s->ops.wait(s->ops.userdata, SOCKET_ASK, s->fds[SOCKET_ASK],
                                        SOURCE_ASK_TIMEOUT_MSEC);
                else if (r > 0 && !received.from_kernel)
                        s->counters.forged_messages++;
                else if (r > 0 && !received.truncated)
                        r = ask_datagram(s, a, received.len);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* After a failure the rest of an answer may still lie in the queue: a new socket has none. */
static int ask_uncounted(Source *s, const RtnlRequest *request, AskRow on_row, void *userdata) {
        Asking a = { .dump = request->dump, .on_row = on_row, .userdata = userdata };
        int r;

        r = ask_once(s, request, &a);
        if (r < 0 && !a.done) {
                source_close(s, SOCKET_ASK);
                if (source_open(s, SOCKET_ASK) < 0)
                        return -EIO;
        }
        if (r < 0)
                return r;
        return a.interrupted ? -EINTR : 0;
}

static int ask(Source *s, const RtnlRequest *request, AskRow on_row, void *userdata) {
        s->counters.asks++;
        return ask_uncounted(s, request, on_row, userdata);
}

static int on_statistics(Source *s _unused_, const struct nlmsghdr *message, void *userdata) {
        return rtnl_parse_statistics(message, message->nlmsg_len, userdata);
}

int source_ask_statistics(Source *s, int32_t ifindex,
                          uint64_t ret_values[static RTNL_STATISTICS_MAX]) {
        RtnlRequest request = { .object = RTNL_LINK, .statistics = true, .ifindex = ifindex };
        uint64_t values[RTNL_STATISTICS_MAX];
        int r;

        r = ask(s, &request, on_statistics, values);
        if (r < 0)
                return r;
        memcpy(ret_values, values, sizeof(values));
        return 0;
}

static int on_link(Source *s, const struct nlmsghdr *message, void *userdata) {
        int32_t *ifindex = userdata;
        int r;

        r = rtnl_parse(message, message->nlmsg_len, 0, s->message);
        if (r < 0)
                return r;
        if (r == RTNL_IGNORED || s->message->object != RTNL_LINK)
                return -EBADMSG;
        *ifindex = s->message->record.link.ifindex;
        return 0;
}

int source_ask_link_by_name(Source *s, TextSpan name, int32_t *ret_ifindex) {
        RtnlRequest request = { .object = RTNL_LINK, .name = name };
        int32_t ifindex = 0;
        int r;

        if (name.len == 0 || name.len > LINK_ALTNAME_MAX)
                return -ENODEV;
        r = ask(s, &request, on_link, &ifindex);
        if (r < 0)
                return r;
        model_want(s->model, (Scope){ .object = OBJECT_LINK, .ifindex = ifindex });
        *ret_ifindex = ifindex;
        return 0;
}

int source_ask_link_by_index(Source *s, int32_t ifindex) {
        RtnlRequest request = { .object = RTNL_LINK, .ifindex = ifindex };
        int32_t found = 0;
        int r;

        r = ask(s, &request, on_link, &found);
        if (r < 0)
                return r;
        model_want(s->model, (Scope){ .object = OBJECT_LINK, .ifindex = ifindex });
        return 0;
}

/* A link is looked up under the lock under which links and addresses change. Which one does not matter,
 * nor whether it is there. */
int source_ask_barrier(Source *s) {
        RtnlRequest request = { .object = RTNL_LINK, .ifindex = 1 };
        int32_t ifindex;
        int r;

        r = ask_uncounted(s, &request, on_link, &ifindex);
        return r == -ENODEV ? 0 : r;
}

static int on_route(Source *s _unused_, const struct nlmsghdr *message, void *userdata) {
        return rtnl_parse_fib(message, message->nlmsg_len, userdata);
}

int source_ask_route(Source *s, const IpAddress *destination, int32_t ifindex,
                     const IpAddress *source, bool fib_match, RtnlFib *ret) {
        RtnlRequest request = {
                .object = RTNL_FIB,
                .family = destination->family,
                .ifindex = ifindex,
                .destination = *destination,
                .fib_match = fib_match,
        };
        RtnlFib fib = {};
        int r;

        if (source)
                request.source = *source;
        r = ask(s, &request, on_route, &fib);
        /* Routes of the types unreachable, blackhole and prohibit answer with an error each. */
        if (r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL)
                return -ENETUNREACH;
        if (r < 0)
                return r;
        *ret = fib;
        return 0;
}

typedef struct Rows {
        RtnlObject object;
        uint8_t *rows;
        size_t size; /* of one */
        size_t n;
        size_t n_allocated;
} Rows;

static int on_listed(Source *s, const struct nlmsghdr *message, void *userdata) {
        Rows *rows = userdata;
        int r;

        r = rtnl_parse(message, message->nlmsg_len, 0, s->message);
        if (r < 0 || r == RTNL_IGNORED || s->message->object != rows->object)
                return 0;
        if (rows->n >= ASK_ROWS_MAX)
                return -E2BIG;
        if (rows->n == rows->n_allocated) {
                size_t wanted = rows->n_allocated == 0 ? 16 : 2 * rows->n_allocated;
                uint8_t *grown = reallocarray(rows->rows, wanted, rows->size);

                if (!grown)
                        return -ENOMEM;
                rows->rows = grown;
                rows->n_allocated = wanted;
        }
        memcpy(rows->rows + rows->n++ * rows->size,
               rows->object == RTNL_PROXY ? (const void *) &s->message->proxy
                                          : (const void *) &s->message->label,
               rows->size);
        return 0;
}

static int ask_list(Source *s, RtnlObject object, int family, size_t size, void **ret,
                    size_t *ret_n) {
        RtnlRequest request = { .object = object, .dump = true, .family = family };
        Rows rows = { .object = object, .size = size };
        int r;

        for (unsigned i = 0;; i++) {
                rows.n = 0;
                r = ask(s, &request, on_listed, &rows);
                if (r != -EINTR || i + 1 >= ASK_TRIES_MAX)
                        break;
        }
        if (r < 0 && r != -EINTR) {
                free(rows.rows);
                return r;
        }
        *ret = rows.rows;
        *ret_n = rows.n;
        return 0;
}

int source_ask_proxies(Source *s, RtnlProxy **ret, size_t *ret_n) {
        void *rows = NULL;
        int r;

        r = ask_list(s, RTNL_PROXY, AF_UNSPEC, sizeof(RtnlProxy), &rows, ret_n);
        if (r >= 0)
                *ret = rows;
        return r;
}

int source_ask_labels(Source *s, RtnlLabel **ret, size_t *ret_n) {
        void *rows = NULL;
        int r;

        r = ask_list(s, RTNL_LABEL, AF_INET6, sizeof(RtnlLabel), &rows, ret_n);
        if (r >= 0)
                *ret = rows;
        return r;
}
