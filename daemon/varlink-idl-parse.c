/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parser of Varlink interface texts, by recursive descent without a separate token list: the
 * grammar needs one byte of lookahead, and one name more to tell an enum from a struct.
 *
 * It stops at the first error; the cursor then stands on the line to report. It must never read
 * past the terminating NUL (which no character class contains) nor recurse deeper than
 * VARLINK_IDL_DEPTH_MAX.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "varlink-idl-internal.h"

typedef struct Parser {
        const char *p;
        unsigned line;
        unsigned depth;
} Parser;

/* The C locale's classes, whatever the locale of the process is. */
static bool is_upper(char c) {
        return c >= 'A' && c <= 'Z';
}

static bool is_alpha(char c) {
        return is_upper(c) || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c) {
        return is_alpha(c) || (c >= '0' && c <= '9');
}

static void skip_blanks(Parser *parser) {
        for (;;) {
                if (*parser->p == '#')
                        parser->p += strcspn(parser->p, "\n");
                else if (*parser->p == '\n') {
                        parser->line++;
                        parser->p++;
                } else if (*parser->p != '\0' && strchr(" \t\r", *parser->p))
                        parser->p++;
                else
                        return;
        }
}

static bool accept_byte(Parser *parser, char c) {
        skip_blanks(parser);
        if (*parser->p != c)
                return false;
        parser->p++;
        return true;
}

static int expect_byte(Parser *parser, char c) {
        return accept_byte(parser, c) ? 0 : -EBADMSG;
}

/* Tokens that are punctuation or contain it: no word boundary behind them. */
static bool accept_token(Parser *parser, const char *token) {
        size_t n = strlen(token);

        skip_blanks(parser);
        if (strncmp(parser->p, token, n) != 0)
                return false;
        parser->p += n;
        return true;
}

static int take_name(Parser *parser, size_t n, char **ret) {
        char *name;

        if (n == 0)
                return -EBADMSG;
        name = strndup(parser->p, n);
        if (!name)
                return -ENOMEM;

        parser->p += n;
        *ret = name;
        return 0;
}

/* A field or enum value: letters and digits, begins with a letter, single '_' only between them. */
static size_t field_name_length(const char *p) {
        size_t n = 0;

        if (!is_alpha(p[0]))
                return 0;
        while (is_alnum(p[n]) || (p[n] == '_' && is_alnum(p[n + 1])))
                n++;
        return p[n] == '_' ? 0 : n;
}

static int parse_field_name(Parser *parser, char **ret) {
        skip_blanks(parser);
        return take_name(parser, field_name_length(parser->p), ret);
}

/* A member: letters and digits, begins with a capital. */
static int parse_member_name(Parser *parser, char **ret) {
        size_t n = 0;

        skip_blanks(parser);
        if (!is_upper(*parser->p))
                return -EBADMSG;
        while (is_alnum(parser->p[n]))
                n++;
        return take_name(parser, n, ret);
}

/* Reversed domain: at least two parts of letters, digits and inner '-'; begins with a letter. */
static int parse_interface_name(Parser *parser, char **ret) {
        unsigned n_dots = 0;
        size_t n = 0;

        skip_blanks(parser);
        if (!is_alpha(*parser->p))
                return -EBADMSG;
        for (; is_alnum(parser->p[n]) || parser->p[n] == '-' || parser->p[n] == '.'; n++) {
                if (is_alnum(parser->p[n]))
                        continue;
                if (parser->p[n] == '.') {
                        n_dots++;
                        /* a dot is followed by a part, and a '-' is inside of one */
                        if (!is_alnum(parser->p[n - 1]) || !is_alnum(parser->p[n + 1]))
                                return -EBADMSG;
                } else if (!is_alnum(parser->p[n + 1]) && parser->p[n + 1] != '-')
                        return -EBADMSG;
        }
        if (n_dots == 0)
                return -EBADMSG;
        return take_name(parser, n, ret);
}

static int add_field(VarlinkType *type, char *name, VarlinkType *field_type) {
        VarlinkField *fields;

        for (size_t i = 0; i < type->n_fields; i++)
                if (strcmp(type->fields[i].name, name) == 0)
                        return -EBADMSG;

        fields = reallocarray(type->fields, type->n_fields + 1, sizeof(*fields));
        if (!fields)
                return -ENOMEM;
        type->fields = fields;
        type->fields[type->n_fields++] = (VarlinkField){ .name = name, .type = field_type };
        return 0;
}

static int parse_type(Parser *parser, VarlinkType **ret);

/* One "name" or "name: type" of a parenthesised list. What the first one is decides for all. */
static int parse_list_entry(Parser *parser, VarlinkType *list) {
        _cleanup_(varlink_type_freep) VarlinkType *type = NULL;
        _cleanup_(freep) char *name = NULL;
        bool is_struct;
        int r;

        r = parse_field_name(parser, &name);
        if (r < 0)
                return r;

        is_struct = accept_byte(parser, ':');
        if (list->n_fields == 0)
                list->kind = is_struct ? VARLINK_TYPE_STRUCT : VARLINK_TYPE_ENUM;
        else if (is_struct != (list->kind == VARLINK_TYPE_STRUCT))
                return -EBADMSG;

        if (is_struct) {
                r = parse_type(parser, &type);
                if (r < 0)
                        return r;
        }

        r = add_field(list, name, type);
        if (r < 0)
                return r;
        TAKE_PTR(name);
        TAKE_PTR(type);
        return 0;
}

/* Behind the opening parenthesis, up to and with the closing one. */
static int parse_list(Parser *parser, VarlinkType *list) {
        int r;

        list->kind = VARLINK_TYPE_STRUCT;
        if (accept_byte(parser, ')'))
                return 0;

        do {
                r = parse_list_entry(parser, list);
                if (r < 0)
                        return r;
        } while (accept_byte(parser, ','));

        return expect_byte(parser, ')');
}

/* The built-in types are words, all in small letters; everything else is a declared type. */
static int parse_type_name(Parser *parser, VarlinkType *type) {
        static const struct {
                const char *name;
                VarlinkTypeKind kind;
        } builtin[] = {
                { "bool", VARLINK_TYPE_BOOL },     { "int", VARLINK_TYPE_INT },
                { "float", VARLINK_TYPE_FLOAT },   { "string", VARLINK_TYPE_STRING },
                { "object", VARLINK_TYPE_OBJECT },
        };
        size_t n = field_name_length(parser->p);

        for (size_t i = 0; i < ELEMENTSOF(builtin); i++) {
                if (strlen(builtin[i].name) != n || memcmp(parser->p, builtin[i].name, n) != 0)
                        continue;
                type->kind = builtin[i].kind;
                parser->p += n;
                return 0;
        }

        type->kind = VARLINK_TYPE_NAMED;
        return parse_member_name(parser, &type->name);
}

static int parse_type_body(Parser *parser, VarlinkType *type) {
        bool is_array;

        is_array = accept_token(parser, "[]");
        if (is_array || accept_token(parser, "[string]")) {
                type->kind = is_array ? VARLINK_TYPE_ARRAY : VARLINK_TYPE_MAP;
                skip_blanks(parser);
                /* null in a list has no meaning that a missing element does not have */
                if (*parser->p == '?')
                        return -EBADMSG;
                /* "[string]()" was once the way to write a set; readers refuse it by now */
                if (!is_array && strncmp(parser->p, "()", 2) == 0)
                        return -EBADMSG;
                return parse_type(parser, &type->element);
        }

        if (accept_byte(parser, '('))
                return parse_list(parser, type);
        return parse_type_name(parser, type);
}

static int parse_type(Parser *parser, VarlinkType **ret) {
        _cleanup_(varlink_type_freep) VarlinkType *type = NULL;
        int r;

        if (parser->depth >= VARLINK_IDL_DEPTH_MAX)
                return -E2BIG;

        type = calloc(1, sizeof(*type));
        if (!type)
                return -ENOMEM;
        type->nullable = accept_byte(parser, '?');

        parser->depth++;
        r = parse_type_body(parser, type);
        parser->depth--;
        if (r < 0)
                return r;

        *ret = TAKE_PTR(type);
        return 0;
}

/* A method's or error's parameters, or the body of a type: a list in parentheses. */
static int parse_parameters(Parser *parser, bool may_be_enum, VarlinkType **ret) {
        _cleanup_(varlink_type_freep) VarlinkType *type = NULL;
        int r;

        skip_blanks(parser);
        if (*parser->p != '(')
                return -EBADMSG;
        r = parse_type(parser, &type);
        if (r < 0)
                return r;
        if (type->kind == VARLINK_TYPE_ENUM && !may_be_enum)
                return -EBADMSG;

        *ret = TAKE_PTR(type);
        return 0;
}

static int parse_member_body(Parser *parser, VarlinkMember *member) {
        int r;

        r = parse_member_name(parser, &member->name);
        if (r < 0)
                return r;
        r = parse_parameters(parser, member->kind == VARLINK_MEMBER_TYPE, &member->type);
        if (r < 0)
                return r;
        if (member->kind != VARLINK_MEMBER_METHOD)
                return 0;

        if (!accept_token(parser, "->"))
                return -EBADMSG;
        return parse_parameters(parser, false, &member->output);
}

static bool accept_word(Parser *parser, const char *word) {
        size_t n = strlen(word);

        skip_blanks(parser);
        if (strncmp(parser->p, word, n) != 0 || is_alnum(parser->p[n]) || parser->p[n] == '_')
                return false;
        parser->p += n;
        return true;
}

static int parse_member_kind(Parser *parser, VarlinkMemberKind *ret) {
        if (accept_word(parser, "type"))
                *ret = VARLINK_MEMBER_TYPE;
        else if (accept_word(parser, "method"))
                *ret = VARLINK_MEMBER_METHOD;
        else if (accept_word(parser, "error"))
                *ret = VARLINK_MEMBER_ERROR;
        else
                return -EBADMSG;
        return 0;
}

static int parse_member(Parser *parser, VarlinkIdl *idl) {
        VarlinkMember *members, *member;
        VarlinkMemberKind kind;
        int r;

        r = parse_member_kind(parser, &kind);
        if (r < 0)
                return r;

        members = reallocarray(idl->members, idl->n_members + 1, sizeof(*members));
        if (!members)
                return -ENOMEM;
        idl->members = members;
        /* counted at once, so that whatever is parsed of it is freed with the rest */
        member = &members[idl->n_members++];
        *member = (VarlinkMember){ .kind = kind };

        r = parse_member_body(parser, member);
        if (r < 0)
                return r;

        for (size_t i = 0; i + 1 < idl->n_members; i++)
                if (strcmp(members[i].name, member->name) == 0)
                        return -EBADMSG;
        return 0;
}

/* Points every use of a declared type at its declaration, which may stand below the use. */
static int resolve_type(const VarlinkIdl *idl, VarlinkType *type) {
        const VarlinkMember *member;
        int r;

        if (!type)
                return 0;

        if (type->kind == VARLINK_TYPE_NAMED) {
                member = varlink_idl_find(idl, VARLINK_MEMBER_TYPE, type->name);
                if (!member)
                        return -EBADMSG;
                type->named = member->type;
                return 0;
        }

        for (size_t i = 0; i < type->n_fields; i++) {
                r = resolve_type(idl, type->fields[i].type);
                if (r < 0)
                        return r;
        }
        return resolve_type(idl, type->element);
}

static int parse_all(Parser *parser, VarlinkIdl *idl) {
        int r;

        if (!accept_word(parser, "interface"))
                return -EBADMSG;
        r = parse_interface_name(parser, &idl->name);
        if (r < 0)
                return r;

        for (skip_blanks(parser); *parser->p != '\0'; skip_blanks(parser)) {
                r = parse_member(parser, idl);
                if (r < 0)
                        return r;
        }
        if (idl->n_members == 0)
                return -EBADMSG;

        for (size_t i = 0; i < idl->n_members; i++) {
                r = resolve_type(idl, idl->members[i].type);
                if (r < 0)
                        return r;
                r = resolve_type(idl, idl->members[i].output);
                if (r < 0)
                        return r;
        }
        return 0;
}

int varlink_idl_parse(VarlinkIdl *idl, unsigned *reterr_line) {
        Parser parser = { .p = idl->text, .line = 1 };
        int r;

        r = parse_all(&parser, idl);
        if (r < 0 && reterr_line)
                *reterr_line = parser.line;
        return r;
}
