/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls wait while the bus does not take what was said before. A client that asks without reading its
 * answers makes the bus stop reading from this daemon, sooner or later; answers made all the same would
 * fill the daemon's memory, and would be old when somebody gets them. So at most one answer waits for
 * the bus, beside signals, and the calls behind it are kept, which are small and bounded in number.
 *
 * A bus that takes nothing for a long time is left, because others are kept waiting: their answers
 * would have to go over the same connection. Coming back makes a new one.
 */

#include <string.h>

#include "bus-internal.h"
#include "error.h"
#include "log.h"
#include "util.h"

/* Calls that wait, of one client and of all; over it they are refused */
#define HELD_PER_CLIENT_MAX 256
#define HELD_MAX 4096
/* The path and the arguments of one. No question that has an answer is longer. */
#define HELD_BYTES_MAX 4096
/* Without the bus taking a single message */
#define STALL_USEC (30 * USEC_PER_SEC)

typedef struct Held {
        sd_bus_message *call;
        struct Held *next;
} Held;

struct BusHold {
        Bus *bus;
        Held *first;
        Held **last; /* where the next one goes */
        size_t n;
        sd_bus_message *released; /* is on its way to be answered */
        uint64_t queued; /* messages that waited for the bus when the stall timer was set */
        sd_event_source *post_source; /* while calls wait: after whatever the loop has done */
        sd_event_source *stall_timer;
};

static uint64_t queued_messages(const BusHold *h) {
        uint64_t n = 0;

        return sd_bus_get_n_queued_write(h->bus->connection, &n) < 0 ? 0 : n;
}

static void arm(BusHold *h) {
        int enabled = h->n > 0 ? SD_EVENT_ON : SD_EVENT_OFF;

        h->queued = queued_messages(h);
        (void) sd_event_source_set_enabled(h->post_source, enabled);
        if (h->n == 0 || sd_event_source_set_time_relative(h->stall_timer, STALL_USEC) < 0)
                (void) sd_event_source_set_enabled(h->stall_timer, SD_EVENT_OFF);
        else
                (void) sd_event_source_set_enabled(h->stall_timer, SD_EVENT_ONESHOT);
}

static sd_bus_message *take_first(BusHold *h) {
        Held *held = h->first;
        sd_bus_message *call = held->call;

        h->first = held->next;
        if (!h->first)
                h->last = &h->first;
        h->n--;
        free(held);
        return call;
}

/* The queue is empty: the next one. It comes by bus_hold_call() once more. */
static int on_post(sd_event_source *s, void *userdata) {
        BusHold *h = userdata;

        if (h->n == 0 || h->released || h->bus->state == BUS_DISCONNECTED || queued_messages(h) > 0)
                return 0;
        h->released = take_first(h);
        arm(h);
        if (sd_bus_enqueue_for_read(h->bus->connection, h->released) < 0)
                bus_drop(h->bus);
        return 0;
}

static int on_stall(sd_event_source *s, uint64_t usec, void *userdata) {
        BusHold *h = userdata;

        if (h->bus->state == BUS_DISCONNECTED)
                return 0;
        if (queued_messages(h) < h->queued) {
                arm(h);
                return 0;
        }
        log_warning("leaving the bus, because it has taken nothing for %d s",
                    (int) (STALL_USEC / USEC_PER_SEC));
        bus_drop(h->bus);
        return 0;
}

/* The bytes of the next argument; negative when no question has one like it. */
static ssize_t argument_size(sd_bus_message *m, const char *type) {
        const char *text;
        const void *bytes;
        size_t len = 0;

        if (*type == 's' && sd_bus_message_read_basic(m, 's', &text) >= 0)
                return (ssize_t) strlen(text);
        if (*type == 'i' && sd_bus_message_skip(m, "i") >= 0)
                return sizeof(int32_t);
        if (strncmp(type, "ay", 2) == 0 && sd_bus_message_read_array(m, 'y', &bytes, &len) >= 0)
                return (ssize_t) len;
        return -EBADMSG;
}

/* Whether the arguments are some text or numbers that are worth keeping. The path has no limit of its
 * own, either. */
static bool is_small(sd_bus_message *m) {
        const char *signature = sd_bus_message_get_signature(m, true) ?: "";
        size_t total = strlen(sd_bus_message_get_path(m) ?: "");
        ssize_t n = 0;

        for (const char *p = signature; *p && n >= 0 && total < HELD_BYTES_MAX; p++) {
                n = argument_size(m, p);
                total += n >= 0 ? (size_t) n : 0;
                if (*p == 'a')
                        p++;
        }
        (void) sd_bus_message_rewind(m, true);
        return n >= 0 && total < HELD_BYTES_MAX && strlen(signature) <= 8;
}

static size_t count_of(const BusHold *h, sd_bus_message *call) {
        const char *sender = sd_bus_message_get_sender(call);
        size_t n = 0;

        for (const Held *held = h->first; held; held = held->next) {
                const char *other = sd_bus_message_get_sender(held->call);

                n += sender && other && strcmp(sender, other) == 0;
        }
        return n;
}

static int hold(BusHold *h, sd_bus_message *call) {
        Held *held;

        if (h->n >= HELD_MAX || !is_small(call) || count_of(h, call) >= HELD_PER_CLIENT_MAX)
                return -E2BIG;
        held = malloc(sizeof(*held));
        if (!held)
                return -ENOMEM;
        *held = (Held){ .call = sd_bus_message_ref(call) };
        *h->last = held;
        h->last = &held->next;
        h->n++;
        if (h->n == 1)
                arm(h);
        return 0;
}

int bus_hold_call(BusHold *h, sd_bus_message *call, sd_bus_error *reterr_error) {
        static const Detail detail = { "The bus does not take answers, and too many calls wait" };
        uint64_t queued;
        int r;

        if (call == h->released) {
                h->released = sd_bus_message_unref(h->released);
                return 0;
        }
        /* Nothing changes by any question, so one whose answer nobody wants is none. */
        if (sd_bus_message_get_expect_reply(call) <= 0)
                return 1;
        queued = queued_messages(h);
        if (queued == 0 && h->n == 0 && !h->released)
                return 0;
        r = hold(h, call);
        if (r >= 0)
                return 1;
        /* Refusals must not fill the memory, either. Who gets none sees a time-out. */
        return queued < BUS_QUEUED_MESSAGES_MAX ? bus_error(reterr_error, r, &detail) : 1;
}

void bus_hold_forget(BusHold *h) {
        if (!h)
                return;
        while (h->first)
                sd_bus_message_unref(take_first(h));
        h->released = sd_bus_message_unref(h->released);
        arm(h);
}

int bus_hold_new(Bus *b, BusHold **ret) {
        sd_event *event = manager_event(b->manager);
        BusHold *h;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->bus = b;
        h->last = &h->first;
        r = sd_event_add_post(event, &h->post_source, on_post, h);
        if (r >= 0)
                r = sd_event_add_time(event, &h->stall_timer, CLOCK_MONOTONIC, 0, 0, on_stall, h);
        if (r < 0) {
                bus_hold_free(h);
                return r;
        }
        arm(h);
        *ret = h;
        return 0;
}

BusHold *bus_hold_free(BusHold *h) {
        if (!h)
                return NULL;
        bus_hold_forget(h);
        sd_event_source_disable_unref(h->post_source);
        sd_event_source_disable_unref(h->stall_timer);
        free(h);
        return NULL;
}
