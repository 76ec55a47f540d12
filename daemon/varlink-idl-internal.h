/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parser of interface texts fills in and the rest of varlink-idl reads. For these two
 * files alone.
 */

#include "varlink-idl.h"

struct VarlinkIdl {
        char *text;
        char *name;
        VarlinkMember *members;
        size_t n_members;
};

/* Frees a type with everything in it, but not the declared type that a NAMED one refers to. */
VarlinkType *varlink_type_free(VarlinkType *type);
DEFINE_CLEANUP(VarlinkType *, varlink_type_free)

/* Fills idl, which has its text and nothing else; what a failure leaves in it is freed with it. */
int varlink_idl_parse(VarlinkIdl *idl, unsigned *reterr_line);
