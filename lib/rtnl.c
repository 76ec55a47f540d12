/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One netlink message to one value: checks that the message is as long as it says, hands it to the
 * parser of its type, and reads the outcome that ends a dump. Must never look beyond the length that
 * the caller gave.
 */

#include <errno.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl-internal.h"

bool rtnl_message_fits(const struct nlmsghdr *message, size_t len) {
        return len >= sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
               message->nlmsg_len <= len;
}

void rtnl_message_init(RtnlMessage *ret, const struct nlmsghdr *message, RtnlObject object,
                       bool removed) {
        memset(ret, 0, offsetof(RtnlMessage, routes));
        ret->object = object;
        ret->removed = removed;
        ret->flags = message->nlmsg_flags;
}

int rtnl_parse(const struct nlmsghdr *message, size_t len, uint64_t now_usec, RtnlMessage *ret) {
        if (!rtnl_message_fits(message, len))
                return -EBADMSG;

        switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                return rtnl_parse_link(message, ret);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                return rtnl_parse_address(message, now_usec, ret);
        case RTNL_NEWMULTICAST:
        case RTNL_DELMULTICAST:
        case RTNL_GETMULTICAST: /* what the rows of a dump call themselves */
                return rtnl_parse_group(message, ret);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                return rtnl_parse_route(message, ret);
        case RTM_NEWNEXTHOP:
        case RTM_DELNEXTHOP:
                return rtnl_parse_nexthop(message, ret);
        case RTM_NEWNEIGH:
                return rtnl_parse_proxy(message, ret);
        case RTM_NEWADDRLABEL:
                return rtnl_parse_label(message, ret);
        default: /* the kernel's number, not one of ours: new ones must not hurt */
                return RTNL_IGNORED;
        }
}

int rtnl_parse_result(const struct nlmsghdr *message, size_t len) {
        size_t needed;
        int error;

        if (!rtnl_message_fits(message, len))
                return -EBADMSG;

        switch (message->nlmsg_type) {
        case NLMSG_ERROR:
                needed = sizeof(struct nlmsgerr);
                break;
        case NLMSG_DONE:
                needed = sizeof(error);
                break;
        default:
                return -EBADMSG;
        }
        if (message->nlmsg_len < sizeof(*message) + needed)
                return -EBADMSG;

        /* Both begin with the error. */
        memcpy(&error, message + 1, sizeof(error));
        return error > 0 || error == INT_MIN ? -EBADMSG : error;
}
