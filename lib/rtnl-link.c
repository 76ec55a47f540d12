/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RTM_NEWLINK and RTM_DELLINK. Only messages of family AF_UNSPEC are about the life of a link: the
 * bridge sends RTM_DELLINK with AF_BRIDGE for a port that leaves it, and IPv6 sends RTM_NEWLINK with
 * AF_INET6 for its own settings. Neither must ever make, change or end a link here.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl-internal.h"
#include "util.h"

typedef struct StatisticName {
        const char *name;
        size_t offset;
} StatisticName;

#define STATISTIC(name, field) \
        { name, offsetof(struct rtnl_link_stats64, field) }

static const StatisticName statistic_names[] = {
        STATISTIC("RxPackets", rx_packets),
        STATISTIC("TxPackets", tx_packets),
        STATISTIC("RxBytes", rx_bytes),
        STATISTIC("TxBytes", tx_bytes),
        STATISTIC("RxErrors", rx_errors),
        STATISTIC("TxErrors", tx_errors),
        STATISTIC("RxDropped", rx_dropped),
        STATISTIC("TxDropped", tx_dropped),
        STATISTIC("Multicast", multicast),
        STATISTIC("Collisions", collisions),
        STATISTIC("RxLengthErrors", rx_length_errors),
        STATISTIC("RxOverErrors", rx_over_errors),
        STATISTIC("RxCRCErrors", rx_crc_errors),
        STATISTIC("RxFrameErrors", rx_frame_errors),
        STATISTIC("RxFIFOErrors", rx_fifo_errors),
        STATISTIC("RxMissedErrors", rx_missed_errors),
        STATISTIC("TxAbortedErrors", tx_aborted_errors),
        STATISTIC("TxCarrierErrors", tx_carrier_errors),
        STATISTIC("TxFIFOErrors", tx_fifo_errors),
        STATISTIC("TxHeartbeatErrors", tx_heartbeat_errors),
        STATISTIC("TxWindowErrors", tx_window_errors),
        STATISTIC("RxCompressed", rx_compressed),
        STATISTIC("TxCompressed", tx_compressed),
        STATISTIC("RxNoHandler", rx_nohandler),
        STATISTIC("RxOtherhostDropped", rx_otherhost_dropped),
};

_Static_assert(ELEMENTSOF(statistic_names) == RTNL_STATISTICS_MAX, "one name a counter");

static HardwareAddress read_hardware_address(const struct nlattr *attribute) {
        HardwareAddress a = {};
        size_t len = attribute ? mnl_attr_get_payload_len(attribute) : 0;

        if (len > 0 && len <= sizeof(a.bytes)) {
                a.len = (uint8_t) len;
                memcpy(a.bytes, mnl_attr_get_payload(attribute), len);
        }
        return a;
}

/* An index that may be absent, 0 or nonsense: all of these mean "none". */
static int32_t read_ifindex(const struct nlattr *attribute) {
        int32_t ifindex = 0;

        (void) rtnl_attribute_s32(attribute, &ifindex);
        return ifindex > 0 ? ifindex : 0;
}

static bool read_kind(const struct nlattr *info, LinkRecord *link) {
        const struct nlattr *attributes[IFLA_INFO_KIND + 1];
        TextSpan kind;
        int r;

        if (!info)
                return false;

        r = rtnl_attributes(mnl_attr_get_payload(info), mnl_attr_get_payload_len(info), attributes,
                            ELEMENTSOF(attributes));
        if (r < 0)
                return false;

        kind = rtnl_attribute_text(attributes[IFLA_INFO_KIND], LINK_KIND_MAX);
        if (!kind.text || kind.len == 0)
                return false;

        memcpy(link->kind, kind.text, kind.len);
        return true;
}

/* IFLA_LINK is an index of the namespace that IFLA_LINK_NETNSID names, when it is there. The kernel
 * says -1 for a namespace that cannot be named (it is on its way out): then the index means nothing. */
static void read_parent(const struct nlattr **attributes, LinkRecord *link) {
        int32_t nsid;

        link->parent_ifindex = read_ifindex(attributes[IFLA_LINK]);
        link->parent_nsid = -1;
        if (!rtnl_attribute_s32(attributes[IFLA_LINK_NETNSID], &nsid))
                return;
        if (nsid >= 0)
                link->parent_nsid = nsid;
        else
                link->parent_ifindex = 0;
}

static void read_fields(const struct ifinfomsg *header, const struct nlattr **attributes,
                        LinkRecord *link) {
        uint8_t carrier = 0;

        (void) rtnl_attribute_u32(attributes[IFLA_MIN_MTU], &link->minimum_mtu);
        (void) rtnl_attribute_u32(attributes[IFLA_MAX_MTU], &link->maximum_mtu);
        (void) rtnl_attribute_u32(attributes[IFLA_TXQLEN], &link->tx_queue_length);
        (void) rtnl_attribute_u32(attributes[IFLA_GROUP], &link->group);
        (void) rtnl_attribute_u32(attributes[IFLA_CARRIER_CHANGES], &link->carrier_changes);
        (void) rtnl_attribute_u8(attributes[IFLA_OPERSTATE], &link->kernel_operstate);
        (void) rtnl_attribute_u8(attributes[IFLA_CARRIER], &carrier);

        link->carrier = carrier != 0;
        link->type = header->ifi_type;
        link->master_ifindex = read_ifindex(attributes[IFLA_MASTER]);
        link->hardware_address = read_hardware_address(attributes[IFLA_ADDRESS]);
        link->permanent_hardware_address = read_hardware_address(attributes[IFLA_PERM_ADDRESS]);
        link->broadcast_address = read_hardware_address(attributes[IFLA_BROADCAST]);
        read_parent(attributes, link);
}

int rtnl_parse_link(const struct nlmsghdr *message, RtnlMessage *ret) {
        const struct nlattr *attributes[IFLA_MAX + 1];
        const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
        TextSpan name;
        LinkRecord link = {};
        int r;

        r = rtnl_message_attributes(message, sizeof(*header), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        if (header->ifi_family != AF_UNSPEC)
                return RTNL_IGNORED;
        if (header->ifi_index < 1)
                return -EBADMSG;

        link.ifindex = header->ifi_index;
        link.flags = header->ifi_flags;
        rtnl_message_init(ret, message, RTNL_LINK, message->nlmsg_type == RTM_DELLINK);

        /* Wireless drivers send their events as RTM_NEWLINK with little more than a name. In such a
         * message the absence of an attribute says nothing. */
        name = rtnl_attribute_text(attributes[IFLA_IFNAME], LINK_NAME_MAX);
        ret->partial = name.len == 0 || !rtnl_attribute_u32(attributes[IFLA_MTU], &link.mtu);
        if (!ret->partial) {
                memcpy(link.name, name.text, name.len);
                read_fields(header, attributes, &link);
                ret->has_kind = read_kind(attributes[IFLA_LINKINFO], &link);
                ret->has_permanent = link.permanent_hardware_address.len > 0;
                ret->alias = rtnl_attribute_text(attributes[IFLA_IFALIAS], LINK_ALIAS_MAX);
                ret->properties = attributes[IFLA_PROP_LIST];
        }
        ret->record.link = link;
        return 0;
}

int rtnl_link_texts(const RtnlMessage *message, LinkTexts **ret) {
        TextSpan names[LINK_ALTNAMES_MAX];
        const struct nlattr *list = message->properties, *name;
        size_t n = 0, left;

        left = list ? mnl_attr_get_payload_len(list) : 0;
        for (name = left > 0 ? mnl_attr_get_payload(list) : NULL; left > 0;
             name = mnl_attr_next(name)) {
                TextSpan text;
                size_t size;

                if (!mnl_attr_ok(name, (int) left))
                        return -EBADMSG;
                size = MNL_ALIGN(mnl_attr_get_len(name));
                left -= CONST_MIN(size, left);

                if (mnl_attr_get_type(name) != IFLA_ALT_IFNAME)
                        continue;
                text = rtnl_attribute_text(name, LINK_ALTNAME_MAX);
                if (text.len == 0)
                        continue;
                if (n >= ELEMENTSOF(names))
                        return -E2BIG;
                names[n++] = text;
        }

        return link_texts_new(message->alias, names, n, ret);
}

int rtnl_parse_statistics(const struct nlmsghdr *message, size_t len,
                          uint64_t ret_values[static RTNL_STATISTICS_MAX]) {
        const struct nlattr *attributes[IFLA_STATS64 + 1];
        const struct ifinfomsg *header;
        size_t size;
        int r;

        if (!rtnl_message_fits(message, len) || message->nlmsg_type != RTM_NEWLINK)
                return -EBADMSG;

        r = rtnl_message_attributes(message, sizeof(*header), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        header = mnl_nlmsg_get_payload(message);
        if (header->ifi_family != AF_UNSPEC)
                return -EBADMSG;
        if (!attributes[IFLA_STATS64])
                return -ENODATA;

        /* Kernels add counters at the end: older ones send 23 or 24, later ones may send more. */
        size = CONST_MIN(mnl_attr_get_payload_len(attributes[IFLA_STATS64]),
                         RTNL_STATISTICS_MAX * sizeof(uint64_t));
        memset(ret_values, 0, RTNL_STATISTICS_MAX * sizeof(uint64_t));
        memcpy(ret_values, mnl_attr_get_payload(attributes[IFLA_STATS64]), size - size % 8);
        return 0;
}

const char *rtnl_statistic_name(size_t i) {
        for (size_t k = 0; k < ELEMENTSOF(statistic_names); k++)
                if (statistic_names[k].offset == i * sizeof(uint64_t))
                        return statistic_names[k].name;
        return NULL;
}
