/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading of netlink attributes. Every attribute that these functions hand out lies within the list it
 * came from, and every value has exactly the size it is read with.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <string.h>

#include "rtnl-internal.h"

/* By hand: a call into libmnl for each of ten attributes of each of ten thousand rows of a dump would be a
 * large part of the time to read it. */
static size_t value_size(const struct nlattr *attribute) {
        return attribute->nla_len - sizeof(*attribute);
}

static const void *value_of(const struct nlattr *attribute) {
        return attribute + 1;
}

int rtnl_attributes(const void *list, size_t len, const struct nlattr **table, size_t n) {
        const struct nlattr *attribute = list;
        size_t left = len;

        if (len > INT_MAX)
                return -EBADMSG;

        memset(table, 0, n * sizeof(*table));

        while (left > 0) {
                uint16_t type;
                size_t size;

                if (left < sizeof(*attribute) || attribute->nla_len < sizeof(*attribute) ||
                    attribute->nla_len > left)
                        return -EBADMSG;

                type = attribute->nla_type & NLA_TYPE_MASK;
                if (type < n)
                        table[type] = attribute;

                /* The padding behind the last one may be missing. */
                size = NLA_ALIGN((size_t) attribute->nla_len);
                if (size >= left)
                        break;
                left -= size;
                attribute = (const void *) ((const uint8_t *) attribute + size);
        }

        return 0;
}

int rtnl_message_attributes(const struct nlmsghdr *message, size_t header_size,
                            const struct nlattr **table, size_t n) {
        size_t payload = mnl_nlmsg_get_payload_len(message);
        size_t offset = MNL_ALIGN(header_size);

        if (payload < header_size)
                return -EBADMSG;

        return rtnl_attributes((const uint8_t *) mnl_nlmsg_get_payload(message) + offset,
                               payload > offset ? payload - offset : 0, table, n);
}

static bool has_size(const struct nlattr *attribute, size_t size) {
        return attribute && value_size(attribute) == size;
}

bool rtnl_attribute_u8(const struct nlattr *attribute, uint8_t *ret) {
        if (!has_size(attribute, sizeof(*ret)))
                return false;

        memcpy(ret, value_of(attribute), sizeof(*ret));
        return true;
}

bool rtnl_attribute_u32(const struct nlattr *attribute, uint32_t *ret) {
        if (!has_size(attribute, sizeof(*ret)))
                return false;

        memcpy(ret, value_of(attribute), sizeof(*ret));
        return true;
}

bool rtnl_attribute_s32(const struct nlattr *attribute, int32_t *ret) {
        if (!has_size(attribute, sizeof(*ret)))
                return false;

        memcpy(ret, value_of(attribute), sizeof(*ret));
        return true;
}

IpAddress rtnl_attribute_ip(const struct nlattr *attribute, int family) {
        size_t size = ip_family_size(family);

        if (size == 0 || !has_size(attribute, size))
                return (IpAddress){};

        return ip_make(family, value_of(attribute));
}

TextSpan rtnl_attribute_text(const struct nlattr *attribute, size_t max) {
        const char *text;
        size_t len;

        if (!attribute)
                return (TextSpan){};

        text = value_of(attribute);
        len = value_size(attribute);
        if (len > 0 && text[len - 1] == '\0')
                len--;
        if (len > max || memchr(text, '\0', len))
                return (TextSpan){};

        return (TextSpan){ .text = text, .len = len };
}
