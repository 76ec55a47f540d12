/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The server object: its interfaces, users, counters, and what connections have in common: how the
 * event loop finds them, their deadlines, and the burial of closed ones.
 *
 * Connections are polled by an epoll of the server's own, which is one source of the event loop.
 * sd-event fetches all that is ready for every single source that it runs, which for n ready
 * connections is n * n; here a batch is fetched and served. The kernel puts what it reported at the
 * end of its list, so a batch begins where the last one ended and nobody is passed over.
 *
 * A call may take long, such as one for a list of everything. Who makes such calls waits behind those
 * who do not, for a time in proportion, so that a cheap question is answered after one expensive one
 * at most and not after one of everybody's.
 *
 * Connections with requests left over are woken through a descriptor in the same epoll, not by a
 * defer source: sd-event runs one of those before any socket for as long as it is enabled, so that
 * one busy peer would keep everyone else waiting.
 *
 * There is one timer for all connections. Each waits equally long, so the list of those that wait
 * is sorted by appending to it; the timer stands at its head and is off when nobody waits, so that
 * an idle server does not wake up.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "varlink-internal.h"

const char *varlink_limit_name(VarlinkLimit limit) {
        static const char *const names[] = {
#define VARLINK_LIMIT_NAME(id, name) [VARLINK_LIMIT_##id] = name,
                VARLINK_LIMIT_TABLE(VARLINK_LIMIT_NAME)
#undef VARLINK_LIMIT_NAME
        };

        assert(limit < _VARLINK_LIMIT_MAX);
        return names[limit];
}

int varlink_server_limit_payload(VarlinkServer *server, VarlinkLimit limit, VarlinkPayload **ret) {
        json_auto_t *parameters = NULL, *message = NULL;
        const char *name;
        int r;

        server->counters.limits[limit]++;

        name = server->info->error_name
                               ? server->info->error_name(-E2BIG, varlink_limit_name(limit),
                                                          &parameters)
                               : NULL;
        if (!name) {
                *ret = NULL;
                return 0;
        }

        r = varlink_message_new(name, parameters, &message);
        if (r < 0)
                return r;
        return varlink_payload_new_message(message, ret);
}

/* interfaces */

const VarlinkInterface *varlink_server_find_interface(const VarlinkServer *server, const char *name,
                                                      size_t n) {
        for (size_t i = 0; i < server->n_interfaces; i++) {
                const char *candidate = varlink_idl_name(server->interfaces[i].idl);

                if (strlen(candidate) == n && memcmp(candidate, name, n) == 0)
                        return &server->interfaces[i];
        }
        return NULL;
}

int varlink_server_add_interface(VarlinkServer *server, const char *text,
                                 const VarlinkMethod *methods, void *userdata) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        json_auto_t *description = NULL;
        VarlinkInterface *interfaces;
        const char *name;
        int r;

        r = varlink_idl_new(text, &idl, NULL);
        if (r < 0)
                return r;

        name = varlink_idl_name(idl);
        if (varlink_server_find_interface(server, name, strlen(name)))
                return -EEXIST;
        for (const VarlinkMethod *m = methods; m->name; m++)
                if (!varlink_idl_find(idl, VARLINK_MEMBER_METHOD, m->name))
                        return -EINVAL;

        /* refuses what is not UTF-8, which the parser lets through in comments */
        description = json_string(text);
        if (!description)
                return -EINVAL;

        interfaces = reallocarray(server->interfaces, server->n_interfaces + 1,
                                  sizeof(*interfaces));
        if (!interfaces)
                return -ENOMEM;
        server->interfaces = interfaces;
        interfaces[server->n_interfaces++] = (VarlinkInterface){
                .idl = TAKE_PTR(idl),
                .description = TAKE_PTR(description),
                .methods = methods,
                .userdata = userdata,
        };
        return 0;
}

/* users */

VarlinkUser *varlink_server_get_user(VarlinkServer *server, uid_t uid) {
        VarlinkUser *user;

        LIST_FOREACH(user, &server->users, list)
        if (user->uid == uid)
                return user;

        user = calloc(1, sizeof(*user));
        if (!user)
                return NULL;
        user->uid = uid;
        LIST_INSERT_HEAD(&server->users, user, list);
        return user;
}

void varlink_server_put_user(VarlinkServer *server, VarlinkUser *user) {
        if (user->n_connections > 0)
                return;

        assert(user->bytes == 0);
        LIST_REMOVE(user, list);
        free(user);
}

/* polling */

int varlink_server_poll(VarlinkServer *server, VarlinkConnection *connection, uint32_t events) {
        struct epoll_event event = { .events = events, .data.ptr = connection };

        if (epoll_ctl(server->epoll_fd, connection->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                      connection->fd, &event) < 0)
                return -errno;
        connection->polled = true;
        connection->events = events;
        return 0;
}

/* The descriptor is readable from the first that is added to the list until none is left on it. */
static void server_set_again(VarlinkServer *server, bool readable) {
        uint64_t count = 1;

        /* neither can fail: the counter is 0 or 1, and known */
        if (readable)
                (void) !write(server->again_fd, &count, sizeof(count));
        else
                (void) !read(server->again_fd, &count, sizeof(count));
}

uint64_t varlink_server_now(void) {
        struct timespec ts = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

void varlink_server_again(VarlinkServer *server, VarlinkConnection *connection, bool again) {
        if (again == connection->again)
                return;

        connection->again = again;
        if (again) {
                connection->resting = varlink_connection_rests(connection);
                if (connection->resting)
                        TAILQ_INSERT_TAIL(&server->resting, connection, again_list);
                else
                        TAILQ_INSERT_TAIL(&server->again, connection, again_list);
                if (server->n_again++ == 0)
                        server_set_again(server, true);
        } else {
                if (connection->resting)
                        TAILQ_REMOVE(&server->resting, connection, again_list);
                else
                        TAILQ_REMOVE(&server->again, connection, again_list);
                if (--server->n_again == 0)
                        server_set_again(server, false);
        }
}

/* One at least, so that they are served however busy the others are, and each once at most. */
static void server_serve_resting(VarlinkServer *server) {
        const VarlinkConnection *last = TAILQ_LAST(&server->resting, VarlinkConnections);
        uint64_t end = varlink_server_now() + VARLINK_SLOW_USEC;
        VarlinkConnection *connection;

        for (unsigned i = 0; i < VARLINK_CONNECTIONS_PER_WAKEUP; i++) {
                connection = TAILQ_FIRST(&server->resting);
                if (!connection)
                        return;
                varlink_server_again(server, connection, false);
                varlink_connection_process(connection);
                if (connection == last || varlink_server_now() >= end)
                        return;
        }
}

static void server_serve_again(VarlinkServer *server) {
        /* those that come back to the list in this round have had their turn */
        size_t n = CONST_MIN(server->n_again, (size_t) VARLINK_CONNECTIONS_PER_WAKEUP);

        for (size_t i = 0; i < n; i++) {
                VarlinkConnection *connection = TAILQ_FIRST(&server->again);

                if (!connection)
                        break;
                varlink_server_again(server, connection, false);
                varlink_connection_process(connection);
        }
        server_serve_resting(server);
}

static int server_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct epoll_event events[VARLINK_CONNECTIONS_PER_WAKEUP];
        VarlinkServer *server = userdata;
        int n;

        n = epoll_wait(fd, events, ELEMENTSOF(events), 0);
        for (int i = 0; i < n; i++) {
                VarlinkConnection *connection = events[i].data.ptr;

                if (!connection)
                        server_serve_again(server);
                /* one may have closed another of this batch: that one still has its memory */
                else if (connection->state != VARLINK_STATE_DEAD)
                        varlink_connection_ready(connection, events[i].events);
        }
        return 0;
}

/* deadlines */

/* A timer that rings too early only looks and is set again; it must not be late, nor ring when
 * nobody waits. So it is touched when the list begins, when it ends, and when it rang. */
static void server_set_timer(VarlinkServer *server) {
        const VarlinkConnection *first = TAILQ_FIRST(&server->waiting);

        if (!first) {
                (void) sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(server->timer, first->deadline);
        (void) sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

void varlink_server_wait(VarlinkServer *server, VarlinkConnection *connection, bool wait) {
        uint64_t now = 0;

        if (wait == connection->waiting)
                return;

        connection->waiting = wait;
        if (!wait) {
                TAILQ_REMOVE(&server->waiting, connection, waiting_list);
                if (TAILQ_EMPTY(&server->waiting))
                        server_set_timer(server);
                return;
        }

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        connection->deadline = now + server->limits.timeout_usec;
        TAILQ_INSERT_TAIL(&server->waiting, connection, waiting_list);
        if (TAILQ_FIRST(&server->waiting) == connection)
                server_set_timer(server);
}

static int server_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        VarlinkServer *server = userdata;
        VarlinkConnection *connection;
        uint64_t now = usec;

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        while ((connection = TAILQ_FIRST(&server->waiting)) && connection->deadline <= now) {
                varlink_server_wait(server, connection, false);
                /* whoever did not even take its last error gets no second one */
                if (connection->state == VARLINK_STATE_LINGERING)
                        varlink_connection_close(connection);
                else
                        varlink_connection_close_limit(connection, VARLINK_LIMIT_TIMEOUT);
        }

        server_set_timer(server);
        return 0;
}

/* closed connections */

void varlink_server_closed(VarlinkServer *server, VarlinkConnection *connection) {
        if (connection->closed)
                return;

        connection->closed = true;
        TAILQ_INSERT_TAIL(&server->closed, connection, closed_list);
        (void) sd_event_source_set_enabled(server->reap, SD_EVENT_ONESHOT);
}

static int server_on_reap(sd_event_source *source, void *userdata) {
        VarlinkServer *server = userdata;
        VarlinkConnection *connection;

        while ((connection = TAILQ_FIRST(&server->closed))) {
                TAILQ_REMOVE(&server->closed, connection, closed_list);
                connection->closed = false;
                if (connection->call)
                        varlink_call_close(connection->call);
                /* a lingering one comes here a second time; on_close may even have seen to it */
                if (connection->state == VARLINK_STATE_DEAD && !connection->closed)
                        varlink_connection_free(connection);
        }

        varlink_listeners_resume(server);
        return 0;
}

/* life */

static size_t limit_or(size_t limit, size_t otherwise) {
        return limit > 0 ? limit : otherwise;
}

static VarlinkLimits limits_complete(const VarlinkLimits *given) {
        VarlinkLimits l = given ? *given : (VarlinkLimits){ 0 };

        return (VarlinkLimits){
                .connections = limit_or(l.connections, VARLINK_CONNECTIONS_MAX),
                .connections_per_uid =
                                limit_or(l.connections_per_uid, VARLINK_CONNECTIONS_PER_UID_MAX),
                .request_bytes = limit_or(l.request_bytes, VARLINK_REQUEST_BYTES_MAX),
                .queued_bytes = limit_or(l.queued_bytes, VARLINK_QUEUED_BYTES_MAX),
                .bytes_per_uid = limit_or(l.bytes_per_uid, VARLINK_BYTES_PER_UID_MAX),
                .calls = limit_or(l.calls, VARLINK_CALLS_MAX),
                .timeout_usec = l.timeout_usec > 0 ? l.timeout_usec : VARLINK_TIMEOUT_USEC,
        };
}

static int server_on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        varlink_listeners_resume(userdata);
        return 0;
}

/* A timer that is off until there is something to wait for. */
static int server_add_time(VarlinkServer *server, sd_event_source **source,
                           sd_event_time_handler_t handler) {
        int r;

        r = sd_event_add_time(server->event, source, CLOCK_MONOTONIC, UINT64_MAX, 0, handler,
                              server);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(*source, SD_EVENT_OFF);
}

static int server_add_sources(VarlinkServer *server) {
        int r;

        r = sd_event_add_io(server->event, &server->io, server->epoll_fd, EPOLLIN, server_on_io,
                            server);
        if (r < 0)
                return r;
        r = sd_event_add_defer(server->event, &server->reap, server_on_reap, server);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(server->reap, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = server_add_time(server, &server->timer, server_on_timer);
        if (r < 0)
                return r;
        return server_add_time(server, &server->retry, server_on_retry);
}

static int server_open(VarlinkServer *server) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

        server->reserve_fd = eventfd(0, EFD_CLOEXEC);
        if (server->reserve_fd < 0)
                return -errno;
        server->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (server->again_fd < 0)
                return -errno;
        server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (server->epoll_fd < 0)
                return -errno;
        return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->again_fd, &event) < 0 ? -errno
                                                                                        : 0;
}

int varlink_server_new(sd_event *event, const VarlinkServerInfo *info, const VarlinkLimits *limits,
                       VarlinkServer **ret) {
        _cleanup_(varlink_server_freep) VarlinkServer *server = NULL;
        int r;

        server = calloc(1, sizeof(*server));
        if (!server)
                return -ENOMEM;
        server->event = sd_event_ref(event);
        server->info = info;
        server->limits = limits_complete(limits);
        TAILQ_INIT(&server->connections);
        TAILQ_INIT(&server->waiting);
        TAILQ_INIT(&server->closed);
        TAILQ_INIT(&server->again);
        TAILQ_INIT(&server->resting);

        server->reserve_fd = server->epoll_fd = server->again_fd = -1;
        r = server_open(server);
        if (r < 0)
                return r;
        r = server_add_sources(server);
        if (r < 0)
                return r;
        r = varlink_service_add(server);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(server);
        return 0;
}

static void server_free_connections(VarlinkServer *server) {
        VarlinkConnection *connection;

        while ((connection = TAILQ_FIRST(&server->connections))) {
                varlink_connection_close(connection);
                if (connection->call)
                        varlink_call_close(connection->call);
                varlink_connection_free(connection);
        }
}

VarlinkServer *varlink_server_free(VarlinkServer *server) {
        if (!server)
                return NULL;

        varlink_listeners_free_all(server);
        server_free_connections(server);

        for (size_t i = 0; i < server->n_interfaces; i++) {
                varlink_idl_free(server->interfaces[i].idl);
                json_decref(server->interfaces[i].description);
        }
        free(server->interfaces);
        varlink_requests_forget(server);

        sd_event_source_disable_unref(server->io);
        sd_event_source_disable_unref(server->reap);
        sd_event_source_disable_unref(server->timer);
        sd_event_source_disable_unref(server->retry);
        sd_event_unref(server->event);
        closep(&server->epoll_fd);
        closep(&server->again_fd);
        closep(&server->reserve_fd);
        free(server);
        return NULL;
}

void varlink_server_counters(const VarlinkServer *server, VarlinkCounters *ret) {
        *ret = server->counters;
}
