/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Each public question once, whoever asks it: D-Bus and Varlink only unpack the question and pack the
 * answer. A question takes what a client sent, of any length and value, hears the kernel first, and
 * gives plain values or a negative errno of error.h with one sentence about it.
 *
 * Every function here may hand batches to publishers before it returns. -EAGAIN while the first
 * reading is not complete.
 */

#include <stddef.h>
#include <stdint.h>

#include "lookup-source.h"
#include "lookup.h"
#include "manager.h"
#include "record.h"
#include "rtnl.h"

/* What went wrong with a question: written by every function below that fails, valid UTF-8 on one
 * line. */
#define QUESTION_DETAIL_MAX 768
typedef struct Detail {
        char text[QUESTION_DETAIL_MAX];
} Detail;

/* Links ------------------------------------------------------------------------------------ */

/* ret_match may be NULL in all of these. */
int question_link_by_name(Manager *m, const char *text, size_t len, LinkRecord *ret,
                          NameMatch *ret_match, Detail *reterr_detail);
int question_link_by_index(Manager *m, int64_t index, LinkRecord *ret, Detail *reterr_detail);
/* By name, alternative name, index or address. */
int question_find_link(Manager *m, const char *text, size_t len, LinkRecord *ret,
                       NameMatch *ret_match, Detail *reterr_detail);
/* "0" means "no zone" in an address, but as a question for a link it is -EILSEQ. */
int question_resolve_zone(Manager *m, const char *text, size_t len, LinkRecord *ret,
                          NameMatch *ret_match, Detail *reterr_detail);
/* Counters in the order of rtnl_statistic_name(). */
int question_statistics(Manager *m, int64_t index, uint64_t ret_values[static RTNL_STATISTICS_MAX],
                        Detail *reterr_detail);

/* Rows ------------------------------------------------------------------------------------- */

/* Copies of rows of one type, in the order in which they are published, with what is known beside
 * them. */
typedef struct Rows {
        ObjectType type;
        size_t n;
        void *records; /* n times record_size(type) */
        GroupUsers *users;
        size_t n_users;
        bool has_users;
} Rows;

void rows_done(Rows *rows);
/* Row number i and what its fields are made of. link_name is filled with the name of its link, as it
 * is in the table now, and must live as long as *ret. */
void rows_view(const Rows *rows, const TableView *v, size_t i,
               char link_name[static LINK_NAME_MAX + 1], RecordView *ret);

/* Links by index; addresses by link in the kernel's order; groups by link and address; default
 * routes best first, IPv4 before IPv6. index 0: all links; family 0: both. -ERANGE: index;
 * -ENODEV; -EBADMSG: family. Groups come with their users. */
int question_rows(Manager *m, ObjectType type, int64_t index, int64_t family, Rows *ret,
                  Detail *reterr_detail);
/* The same without hearing the kernel, for properties and events: whoever builds those has heard it.
 * Groups come without their users. */
int rows_of_link(const TableView *v, ObjectType type, int32_t ifindex, Rows *ret);

/* manager_sync() with its errors in words. Waits for the first reading too. */
int question_sync(Manager *m, SyncWaiter *w, Detail *reterr_detail);

/* JSON text; the caller frees. */
int question_describe(Manager *m, char **ret, Detail *reterr_detail);
int question_describe_link(Manager *m, int64_t index, char **ret, Detail *reterr_detail);

/* Addresses -------------------------------------------------------------------------------- */

int question_parse_address(Manager *m, const char *text, size_t len, ParsedAddress *ret,
                           Detail *reterr_detail);
/* bytes of the length that belongs to the family, otherwise -EBADMSG; index 0: no zone. */
int question_format_address(Manager *m, int64_t family, const void *bytes, size_t len,
                            int64_t index, char ret[static ADDRESS_TEXT_MAX],
                            Detail *reterr_detail);

/* What an address is to this machine, and on which links. address_answer_done() the answer. */
int question_lookup_address(Manager *m, const char *text, size_t len, AddressAnswer *ret,
                            Detail *reterr_detail);
int question_link_for_address(Manager *m, const char *text, size_t len, LinkRecord *ret,
                              LinkReason *ret_reason, Detail *reterr_detail);

/* mode "kernel": one question to the kernel, rule "kernel", no candidates. mode "model": by the rules,
 * with every candidate. "": kernel. source_answer_done() the answer. ret_rule is static text. */
int question_select_source(Manager *m, const char *destination, size_t len, const char *mode,
                           SourceAnswer *ret, const char **ret_rule, Detail *reterr_detail);
/* family AF_INET or AF_INET6. */
int question_primary_address(Manager *m, int64_t family, AddressRecord *ret, Detail *reterr_detail);

/* view "kernel" or "derived"; "": kernel. The caller frees the entries. In the kernel view, the
 * references of a multicast entry say how often the group is joined. */
int question_local(Manager *m, const char *view, LocalEntry **ret, size_t *ret_n,
                   Detail *reterr_detail);
/* Addresses answered for on behalf of others, sorted; index 0: of all links. The caller frees. */
int question_proxies(Manager *m, int64_t index, RtnlProxy **ret, size_t *ret_n,
                     Detail *reterr_detail);
