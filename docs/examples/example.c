/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lists the links of this machine with their addresses, or waits for one. Build it with: cc example.c $(pkg-config --cflags --libs ifroster)
 *
 *     example                 every link with its addresses
 *     example LINK SECONDS    wait until the link exists; exit status 1 when it does not in time
 */

#include <arpa/inet.h>
#include <ifroster.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int print_addresses(const ifroster *roster, int ifindex, ifroster_row *row) {
        char text[IFROSTER_ADDRESS_SIZE];
        ifroster_walk *walk;
        const uint8_t *bytes;
        int family, r;

        r = ifroster_walk_new(roster, IFROSTER_ADDRESS, ifindex, 0, &walk);
        if (r < 0)
                return r;
        while ((r = ifroster_walk_next(walk, row)) > 0) {
                family = ifroster_row_address(row, &bytes);
                if (ifroster_format(roster, family, bytes, ifindex, text, sizeof(text)) >= 0)
                        printf("    %s/%u\n", text, ifroster_row_prefix_length(row));
        }
        ifroster_walk_free(walk);
        return r;
}

/* A snapshot, so that links and addresses are of one moment. */
static int print_links(const ifroster *roster) {
        ifroster_row *link = NULL, *address = NULL;
        ifroster_walk *walk = NULL;
        ifroster *moment = NULL;
        char name[4 * IFROSTER_NAME_SIZE];
        int r;

        r = ifroster_snapshot(roster, &moment);
        if (r >= 0)
                r = ifroster_row_new(&link);
        if (r >= 0)
                r = ifroster_row_new(&address);
        if (r >= 0)
                r = ifroster_walk_new(moment, IFROSTER_LINK, 0, 0, &walk);
        while (r >= 0 && (r = ifroster_walk_next(walk, link)) > 0) {
                const char *bytes = ifroster_row_name(link);

                /* A name is bytes; this makes one printable line of it. */
                (void) ifroster_escape(bytes, strlen(bytes), name, sizeof(name));
                printf("%d: %s\n", ifroster_row_ifindex(link), name);
                r = print_addresses(moment, ifroster_row_ifindex(link), address);
        }
        ifroster_walk_free(walk);
        ifroster_row_free(link);
        ifroster_row_free(address);
        ifroster_free(moment);
        return r;
}

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* The generation is read before the question: whatever changes after it ends the wait at once. */
static int wait_for_link(ifroster *roster, const char *name, uint64_t usec) {
        uint64_t end = now_usec() + usec;

        for (;;) {
                uint64_t generation = ifroster_generation(roster), now = now_usec();
                int ifindex = ifroster_index(roster, name);

                if (ifindex > 0) {
                        printf("%s is link %d\n", name, ifindex);
                        return 0;
                }
                if (now >= end)
                        return ifindex;
                if (ifroster_wait(roster, generation, end - now) < 0)
                        return -1;
        }
}

int main(int argc, char *argv[]) {
        ifroster *roster = NULL;
        int r;

        r = ifroster_new(NULL, 0, &roster);
        if (r >= 0 && argc == 3)
                r = wait_for_link(roster, argv[1], (uint64_t) (atof(argv[2]) * 1e6));
        else if (r >= 0)
                r = print_links(roster);
        if (r < 0)
                fprintf(stderr, "%s\n", ifroster_error_text(r));
        ifroster_free(roster);
        return r < 0;
}
