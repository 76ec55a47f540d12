/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of rtnl share: reading attributes, and one parser a kind of message. A parser gets a
 * message whose nlmsg_len has been checked, looks at nothing outside it, and writes its result only
 * when all of it is good.
 *
 * An attribute of a wrong size reads as absent. A list of attributes that does not end where it should
 * is an error, because the missing ones would otherwise read as "the link has no master".
 */

#include "rtnl.h"

/* True when len bytes hold the whole message, as long as it says that it is. */
bool rtnl_message_fits(const struct nlmsghdr *message, size_t len);

/* Sorts the attributes of a list into table by type; of several of one type the last one counts. Types
 * of n and above are unknown and left out. -EBADMSG when the list is broken; table is undefined then. */
int rtnl_attributes(const void *list, size_t len, const struct nlattr **table, size_t n);
/* Likewise for what follows the fixed header of a message, whose size is checked here. */
int rtnl_message_attributes(const struct nlmsghdr *message, size_t header_size,
                            const struct nlattr **table, size_t n);

/* Each takes NULL for an absent attribute. False and *ret untouched when there is no such value. */
bool rtnl_attribute_u8(const struct nlattr *attribute, uint8_t *ret);
bool rtnl_attribute_u32(const struct nlattr *attribute, uint32_t *ret);
bool rtnl_attribute_s32(const struct nlattr *attribute, int32_t *ret);
/* AF_UNSPEC when there is no address of this family. */
IpAddress rtnl_attribute_ip(const struct nlattr *attribute, int family);
/* The bytes without the one NUL at the end. text is NULL when it is absent, longer than max or has a
 * NUL inside. */
TextSpan rtnl_attribute_text(const struct nlattr *attribute, size_t max);

/* Clears ret but for routes[] and sets what every object has. */
void rtnl_message_init(RtnlMessage *ret, const struct nlmsghdr *message, RtnlObject object,
                       bool removed);

int rtnl_parse_link(const struct nlmsghdr *message, RtnlMessage *ret);
int rtnl_parse_address(const struct nlmsghdr *message, uint64_t now_usec, RtnlMessage *ret);
int rtnl_parse_group(const struct nlmsghdr *message, RtnlMessage *ret);
int rtnl_parse_route(const struct nlmsghdr *message, RtnlMessage *ret);
int rtnl_parse_nexthop(const struct nlmsghdr *message, RtnlMessage *ret);
int rtnl_parse_proxy(const struct nlmsghdr *message, RtnlMessage *ret);
int rtnl_parse_label(const struct nlmsghdr *message, RtnlMessage *ret);
