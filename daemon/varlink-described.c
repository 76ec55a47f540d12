/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The answers to Describe and GetLink as they were written: between two changes the text is the
 * same for whoever asks, and that of everything takes milliseconds to write. Forgotten with every batch, and when nobody has asked for a moment; never told of
 * another generation than the present one.
 */

#include <errno.h>

#include "json.h"
#include "varlink-roster-internal.h"

void roster_forget_described(Roster *roster) {
        roster->described = varlink_payload_unref(roster->described);
        for (size_t i = 0; i < ROSTER_DESCRIBED_LINKS; i++)
                roster->described_links[i].payload =
                                varlink_payload_unref(roster->described_links[i].payload);
}

static int on_forget(sd_event_source *source, uint64_t usec, void *userdata) {
        roster_forget_described(userdata);
        return 0;
}

/* Sees to it that the memory is given back. A timer that runs already may ring early for what came
 * last; to set it again for each answer would cost more than to write one. */
static int forget_later(Roster *roster) {
        int r, enabled;

        if (!roster->forget)
                return sd_event_add_time_relative(manager_event(roster->manager), &roster->forget,
                                                  CLOCK_MONOTONIC, ROSTER_DESCRIBED_USEC, 0,
                                                  on_forget, roster);
        r = sd_event_source_get_enabled(roster->forget, &enabled);
        if (r < 0 || enabled != SD_EVENT_OFF)
                return r;
        r = sd_event_source_set_time_relative(roster->forget, ROSTER_DESCRIBED_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(roster->forget, SD_EVENT_ONESHOT);
}

static int describe(Roster *roster, int32_t ifindex, VarlinkPayload **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        TableView v = manager_view(roster->manager);
        int r;

        roster_text_begin(&w);
        if (ifindex == 0)
                r = json_write_describe(&w, &v);
        else {
                json_write_begin_object(&w);
                json_write_key(&w, "Link");
                r = json_write_link(&w, &v, ifindex, NULL, NULL);
                json_write_end_object(&w);
        }
        if (r < 0)
                return r;
        return roster_text_payload(&w, /* continues= */ false, /* shared= */ false, ret);
}

/* Where the answer is kept; what lies there may be of another link. */
static VarlinkPayload **place_of(Roster *roster, int32_t ifindex) {
        DescribedLink *d = &roster->described_links[(uint32_t) ifindex % ROSTER_DESCRIBED_LINKS];

        if (ifindex == 0)
                return &roster->described;
        if (d->ifindex != ifindex)
                d->payload = varlink_payload_unref(d->payload);
        d->ifindex = ifindex;
        return &d->payload;
}

int roster_reply_described(VarlinkCall *call, Roster *roster, int32_t ifindex) {
        VarlinkPayload **kept = place_of(roster, ifindex);
        int r;

        if (*kept)
                return varlink_call_reply_payload(call, *kept);
        r = describe(roster, ifindex, kept);
        if (r < 0)
                return r;
        r = forget_later(roster);
        if (r < 0) {
                roster_forget_described(roster);
                return r;
        }
        return varlink_call_reply_payload(call, *kept);
}
