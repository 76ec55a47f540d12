/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Varlink interface as its own text declares it: parsed once, then used to list its members and
 * to hold JSON against the declared types. Requests are checked with it before a method sees them,
 * and the tests check replies with it, so that the text which clients read is what really happens.
 *
 * The text is the server's own (or a test's): a syntax error in it is reported with its line, and
 * nothing in it is trusted, but there is no attempt to recover and report a second error.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/* The longest interface text, and the deepest nesting of types written inside each other. */
#define VARLINK_IDL_BYTES_MAX ((size_t) 256 * 1024)
#define VARLINK_IDL_DEPTH_MAX 16U

typedef struct VarlinkIdl VarlinkIdl;
typedef struct VarlinkField VarlinkField;
typedef struct VarlinkMember VarlinkMember;
typedef struct VarlinkType VarlinkType;

typedef enum VarlinkTypeKind {
        VARLINK_TYPE_BOOL,
        VARLINK_TYPE_INT,
        VARLINK_TYPE_FLOAT,
        VARLINK_TYPE_STRING,
        VARLINK_TYPE_OBJECT, /* any JSON object */
        VARLINK_TYPE_ARRAY,
        VARLINK_TYPE_MAP, /* [string]T: an object with arbitrary keys */
        VARLINK_TYPE_ENUM,
        VARLINK_TYPE_STRUCT,
        VARLINK_TYPE_NAMED, /* refers to a "type" of the same interface */
} VarlinkTypeKind;

/* Read only for everyone but the parser. Pointers are NULL where a kind has no use for them. */
struct VarlinkType {
        VarlinkTypeKind kind;
        bool nullable; /* ?T: the value may be null, the field may be missing */
        VarlinkType *element; /* ARRAY, MAP */
        VarlinkField *fields; /* STRUCT; ENUM, where only the names count */
        size_t n_fields; /* STRUCT, ENUM; a struct may have none */
        char *name; /* NAMED */
        const VarlinkType *named; /* NAMED: the type itself; owned by its member */
};

struct VarlinkField {
        char *name;
        VarlinkType *type; /* NULL in an enum */
};

typedef enum VarlinkMemberKind {
        VARLINK_MEMBER_TYPE,
        VARLINK_MEMBER_METHOD,
        VARLINK_MEMBER_ERROR,
} VarlinkMemberKind;

struct VarlinkMember {
        VarlinkMemberKind kind;
        char *name; /* without the interface */
        VarlinkType *type; /* the type; the parameters of a method call or of an error */
        VarlinkType *output; /* the parameters of a method's reply; NULL unless METHOD */
};

/* Parses a whole interface text (NUL-terminated UTF-8; copied). Fails with -EBADMSG when it is not
 * one and sets *reterr_line (from 1; the pointer may be NULL); -E2BIG over the limits above;
 * -ENOMEM. Refused like elsewhere: "??T", "[]?T", sets, "any", a name declared twice, a type that
 * is not declared. */
int varlink_idl_new(const char *text, VarlinkIdl **ret, unsigned *reterr_line);
VarlinkIdl *varlink_idl_free(VarlinkIdl *idl);
DEFINE_CLEANUP(VarlinkIdl *, varlink_idl_free)

/* The name of the interface, and the text it was parsed from. They live as long as the IDL. */
const char *varlink_idl_name(const VarlinkIdl *idl);
const char *varlink_idl_text(const VarlinkIdl *idl);

/* The members in the order of the text; i < varlink_idl_n_members(). */
size_t varlink_idl_n_members(const VarlinkIdl *idl);
const VarlinkMember *varlink_idl_member(const VarlinkIdl *idl, size_t i);

/* Names of methods, types and errors share one space, so the kind only narrows. NULL if none. */
const VarlinkMember *varlink_idl_find(const VarlinkIdl *idl, VarlinkMemberKind kind,
                                      const char *name);

/* Holds a value against a type: 0, or -EINVAL with the name of the innermost field that is
 * missing, unknown or of another type in *reterr_field (may be NULL). The name belongs to the type
 * or to the value. It stays NULL when the value as a whole is not of the type. A number with a
 * fraction or exponent is never an int; an int is a float. */
int varlink_type_check(const VarlinkType *type, json_t *value, const char **reterr_field);
