/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The connection to the bus: made, lost and made again.
 *
 * The bus library waits by inotify for a socket file that is not there yet, or that nobody listens on
 * any more, which makes coming back immediate. It cannot know when somebody begins to listen on a
 * file that has been there for a moment, nor watch an abstract or TCP address. So an attempt also has
 * a deadline, after which everything is begun anew, with growing pauses. That timer runs only while
 * there is no connection: an idle daemon on a bus has none.
 *
 * A connection is only ever closed from the timer, never inside its own callbacks.
 */

#include <stdio.h>
#include <string.h>

#include "bus-internal.h"
#include "log.h"
#include "util.h"

#define SYSTEM_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define DBUS_NAME "org.freedesktop.DBus"
#define LOCAL_INTERFACE "org.freedesktop.DBus.Local"

/* From losing or failing to begin a connection to the next attempt, and from there to the one after
 * it when nothing has come of it. Doubled each time. */
#define RETRY_MIN_USEC (250 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (120 * USEC_PER_SEC)
/* Between losing a connection and the next attempt; short, because only an attempt sees a socket
 * appear. A bus that refuses the name is not asked again so soon. */
#define PAUSE_MAX_USEC (1 * USEC_PER_SEC)

/* Reply of RequestName */
enum {
        NAME_PRIMARY_OWNER = 1,
        NAME_IN_QUEUE = 2,
        NAME_EXISTS = 3,
        NAME_ALREADY_OWNER = 4,
};

static void arm_timer(Bus *b, uint64_t usec) {
        int r;

        r = sd_event_source_set_time_relative(b->retry_timer, usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->retry_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error("cannot set a timer, there will be no bus: %s", strerror(-r));
}

static void arm_retry(Bus *b, uint64_t max_usec) {
        arm_timer(b, CONST_MIN(b->retry_usec, max_usec));
        b->retry_usec = CONST_MIN(b->retry_usec * 2, RETRY_MAX_USEC);
}

/* Being without a bus is said once, not at every attempt. */
static int complaint_level(Bus *b) {
        int level = b->complained ? LOG_DEBUG : LOG_WARNING;

        b->complained = true;
        return level;
}

void bus_drop(Bus *b) {
        b->state = BUS_DISCONNECTED;
        b->waiting_for_name = false;
        arm_timer(b, 0);
}

/* The name --------------------------------------------------------------------------------- */

static void become_owner(Bus *b) {
        if (b->state == BUS_OWNER)
                return;
        log_info("on the bus as " BUS_NAME);
        b->state = BUS_OWNER;
        b->retry_usec = RETRY_MIN_USEC;
        b->complained = false;
        /* Whoever asks from now on gets these values, and then hears of changes. */
        b->states = source_machine_states(manager_source(b->manager));
        b->resyncs = manager_resyncs(b->manager);
}

static int on_name_reply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Bus *b = userdata;
        uint32_t answer;

        if (b->state == BUS_DISCONNECTED)
                return 1;
        if (error) {
                log_message(complaint_level(b),
                            "the bus refuses the name " BUS_NAME
                            " (%s); is its policy file installed? Trying again",
                            error->message ? error->message : error->name);
                b->refused = true;
                bus_drop(b);
                return 1;
        }

        if (sd_bus_message_read(m, "u", &answer) < 0)
                answer = NAME_EXISTS;
        switch (answer) {
        case NAME_PRIMARY_OWNER:
        case NAME_ALREADY_OWNER:
                become_owner(b);
                break;
        case NAME_IN_QUEUE:
                log_warning("somebody else on the bus has the name " BUS_NAME
                            "; taking over when they leave");
                break;
        default:
                bus_drop(b);
                break;
        }
        return 1;
}

void bus_request_name(Bus *b) {
        int r;

        if (manager_state(b->manager) == SOURCE_STARTING)
                return;
        b->waiting_for_name = true;
        r = sd_bus_request_name_async(b->connection, NULL, BUS_NAME, SD_BUS_NAME_QUEUE,
                                      on_name_reply, b);
        if (r < 0) {
                log_message(complaint_level(b), "cannot ask for the name " BUS_NAME ": %s",
                            strerror(-r));
                bus_drop(b);
        }
}

/* NameAcquired, NameLost: the bus says them to the one whom they concern, without a match rule. */
static void on_name_signal(Bus *b, sd_bus_message *m) {
        bool acquired = sd_bus_message_is_signal(m, DBUS_NAME, "NameAcquired") > 0;
        const char *sender = sd_bus_message_get_sender(m), *name;

        if (!acquired && sd_bus_message_is_signal(m, DBUS_NAME, "NameLost") <= 0)
                return;
        if (!sender || strcmp(sender, DBUS_NAME) != 0 || sd_bus_message_read(m, "s", &name) < 0 ||
            strcmp(name, BUS_NAME) != 0)
                return;

        if (acquired && b->state == BUS_CONNECTED)
                become_owner(b);
        else if (!acquired && b->state == BUS_OWNER) {
                log_warning("lost the name " BUS_NAME " on the bus; waiting to get it back");
                b->state = BUS_CONNECTED;
        }
}

/* Every message comes by here before it is answered. Questions hear the kernel by themselves; what
 * the bus library answers (properties, the list of objects, introspection) is made fresh here, once
 * for the whole message, so that no change can come between two parts of one answer. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error) {
        const char *interface;
        Bus *b = userdata;
        int r;

        if (sd_bus_message_is_signal(m, NULL, NULL) > 0) {
                on_name_signal(b, m);
                (void) sd_bus_message_rewind(m, true);
                return 0;
        }
        if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
                return 0;
        r = bus_hold_call(b->hold, m, reterr_error);
        if (r != 0)
                return r;

        interface = sd_bus_message_get_interface(m);
        if (!interface || (strcmp(interface, BUS_MANAGER_INTERFACE) != 0 &&
                           strcmp(interface, "org.freedesktop.DBus.Peer") != 0))
                (void) manager_refresh(b->manager);
        return 0;
}

/* The connection --------------------------------------------------------------------------- */

static int on_connected(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error) {
        Bus *b = userdata;

        if (b->state != BUS_CONNECTING)
                return 0;
        log_debug("connected to the bus");
        b->state = BUS_CONNECTED;
        (void) sd_event_source_set_enabled(b->retry_timer, SD_EVENT_OFF);
        bus_request_name(b);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error) {
        Bus *b = userdata;

        if (b->state == BUS_DISCONNECTED)
                return 0;
        log_message(complaint_level(b), "the bus has closed the connection; waiting for it");
        bus_drop(b);
        return 0;
}

static void close_connection(Bus *b) {
        bus_manager_forget_syncs(b);
        bus_hold_forget(b->hold);
        b->connection = sd_bus_close_unref(b->connection);
}

static int set_up_connection(Bus *b, sd_bus *connection) {
        int r;

        r = sd_bus_set_address(connection, b->address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(connection, true);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(connection, false);
        if (r < 0)
                return r;
        r = sd_bus_set_watch_bind(connection, true);
        if (r < 0)
                return r;
        r = sd_bus_set_connected_signal(connection, true);
        if (r < 0)
                return r;
        /* Would flush at the end of the loop, and a bus that does not read could hold that up. */
        r = sd_bus_set_close_on_exit(connection, false);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(connection, NULL, LOCAL_INTERFACE, NULL, LOCAL_INTERFACE,
                                "Connected", on_connected, b);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(connection, NULL, LOCAL_INTERFACE, NULL, LOCAL_INTERFACE,
                                "Disconnected", on_disconnected, b);
        if (r < 0)
                return r;
        return sd_bus_add_filter(connection, NULL, on_message, b);
}

static int try_connect(Bus *b) {
        int r;

        r = sd_bus_new(&b->connection);
        if (r < 0)
                return r;
        r = set_up_connection(b, b->connection);
        if (r < 0)
                return r;
        r = bus_manager_export(b);
        if (r < 0)
                return r;
        r = bus_link_export(b);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(b->connection, manager_event(b->manager), SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return sd_bus_start(b->connection);
}

static int connect_bus(Bus *b) {
        int r;

        b->state = BUS_CONNECTING;
        b->waiting_for_name = b->refused = false;
        r = try_connect(b);
        if (r < 0) {
                close_connection(b);
                b->state = BUS_DISCONNECTED;
        }
        arm_retry(b, RETRY_MAX_USEC);
        return r;
}

static void complain(Bus *b, int error) {
        char given[LOG_GIVEN_MAX];

        log_message(complaint_level(b), "cannot connect to the bus at %s: %s; trying again",
                    log_given(b->address, given), strerror(-error));
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        char given[LOG_GIVEN_MAX];
        Bus *b = userdata;
        int r;

        if (b->connection && b->state == BUS_DISCONNECTED) {
                close_connection(b);
                arm_retry(b, b->refused ? RETRY_MAX_USEC : PAUSE_MAX_USEC);
                return 0;
        }
        if (b->connection)
                log_message(complaint_level(b), "no bus at %s yet; trying again",
                            log_given(b->address, given));
        close_connection(b);
        r = connect_bus(b);
        if (r < 0)
                complain(b, r);
        return 0;
}

/* Life ------------------------------------------------------------------------------------- */

static int find_address(const char *address, char **ret) {
        const char *variable = NULL, *runtime;
        char *found;

        if (strcmp(address, "system") == 0) {
                variable = getenv("DBUS_SYSTEM_BUS_ADDRESS");
                found = strdup(variable ? variable : SYSTEM_ADDRESS);
        } else if (strcmp(address, "session") == 0) {
                variable = getenv("DBUS_SESSION_BUS_ADDRESS");
                runtime = getenv("XDG_RUNTIME_DIR");
                if (variable)
                        found = strdup(variable);
                else if (!runtime) {
                        log_error("--bus=session: neither $DBUS_SESSION_BUS_ADDRESS nor "
                                  "$XDG_RUNTIME_DIR says where the session bus is");
                        return -EINVAL;
                } else if (asprintf(&found, "unix:path=%s/bus", runtime) < 0)
                        found = NULL;
        } else
                found = strdup(address);
        if (!found)
                return -ENOMEM;
        *ret = found;
        return 0;
}

int bus_new(Manager *m, const char *address, Bus **ret) {
        _cleanup_(bus_freep) Bus *b = NULL;
        char given[LOG_GIVEN_MAX];
        int r;

        b = calloc(1, sizeof(Bus));
        if (!b)
                return -ENOMEM;
        b->publisher = (Publisher){ .on_batch = bus_on_batch, .on_state = bus_on_state };
        b->manager = m;
        b->retry_usec = RETRY_MIN_USEC;

        r = find_address(address, &b->address);
        if (r < 0)
                return r;
        r = bus_link_vtable_new(b);
        if (r < 0)
                return r;
        r = sd_event_add_time(manager_event(m), &b->retry_timer, CLOCK_MONOTONIC, 0, 0, on_retry,
                              b);
        if (r < 0)
                return r;
        r = bus_hold_new(b, &b->hold);
        if (r < 0)
                return r;
        r = connect_bus(b);
        /* It will be none later, either. The second is a path that no socket can have. */
        if (r == -EINVAL || r == -E2BIG) {
                log_error("--bus=%s: not a D-Bus address that can be used",
                          log_given(b->address, given));
                return -EINVAL;
        }
        if (r < 0)
                complain(b, r);
        r = manager_add_publisher(m, &b->publisher);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;

        manager_remove_publisher(b->manager, &b->publisher);
        sd_event_source_disable_unref(b->retry_timer);
        close_connection(b);
        bus_hold_free(b->hold);
        bus_link_done(b);
        free(b->address);
        free(b);
        return NULL;
}
