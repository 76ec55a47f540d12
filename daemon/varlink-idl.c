/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parsed interface: ownership, lookup, and the check of a JSON value against a type.
 *
 * The check walks the value and the type together, so its depth is that of the value: requests are
 * bounded before they are parsed (VARLINK_DEPTH_MAX), replies are our own. It must never accept
 * what the text does not say: an unknown field is as wrong as a missing one, because a misspelt
 * filter that is ignored would answer another question than the one that was asked.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "varlink-idl-internal.h"

VarlinkType *varlink_type_free(VarlinkType *type) {
        if (!type)
                return NULL;

        varlink_type_free(type->element);
        for (size_t i = 0; i < type->n_fields; i++) {
                free(type->fields[i].name);
                varlink_type_free(type->fields[i].type);
        }
        free(type->fields);
        free(type->name);
        free(type);
        return NULL;
}

VarlinkIdl *varlink_idl_free(VarlinkIdl *idl) {
        if (!idl)
                return NULL;

        for (size_t i = 0; i < idl->n_members; i++) {
                free(idl->members[i].name);
                varlink_type_free(idl->members[i].type);
                varlink_type_free(idl->members[i].output);
        }
        free(idl->members);
        free(idl->name);
        free(idl->text);
        free(idl);
        return NULL;
}

int varlink_idl_new(const char *text, VarlinkIdl **ret, unsigned *reterr_line) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        int r;

        if (strnlen(text, VARLINK_IDL_BYTES_MAX + 1) > VARLINK_IDL_BYTES_MAX)
                return -E2BIG;

        idl = calloc(1, sizeof(*idl));
        if (!idl)
                return -ENOMEM;
        idl->text = strdup(text);
        if (!idl->text)
                return -ENOMEM;

        r = varlink_idl_parse(idl, reterr_line);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(idl);
        return 0;
}

const char *varlink_idl_name(const VarlinkIdl *idl) {
        return idl->name;
}

const char *varlink_idl_text(const VarlinkIdl *idl) {
        return idl->text;
}

size_t varlink_idl_n_members(const VarlinkIdl *idl) {
        return idl->n_members;
}

const VarlinkMember *varlink_idl_member(const VarlinkIdl *idl, size_t i) {
        assert(i < idl->n_members);
        return &idl->members[i];
}

const VarlinkMember *varlink_idl_find(const VarlinkIdl *idl, VarlinkMemberKind kind,
                                      const char *name) {
        for (size_t i = 0; i < idl->n_members; i++)
                if (idl->members[i].kind == kind && strcmp(idl->members[i].name, name) == 0)
                        return &idl->members[i];
        return NULL;
}

static const VarlinkField *type_find_field(const VarlinkType *type, const char *name) {
        for (size_t i = 0; i < type->n_fields; i++)
                if (strcmp(type->fields[i].name, name) == 0)
                        return &type->fields[i];
        return NULL;
}

static int check_struct(const VarlinkType *type, json_t *value, const char **reterr_field) {
        const char *key;
        json_t *member;
        int r;

        if (!json_is_object(value))
                return -EINVAL;

        json_object_foreach(value, key, member) {
                if (!type_find_field(type, key)) {
                        *reterr_field = key;
                        return -EINVAL;
                }
        }

        for (size_t i = 0; i < type->n_fields; i++) {
                const VarlinkField *field = &type->fields[i];

                member = json_object_get(value, field->name);
                if (!member && field->type->nullable)
                        continue;

                r = member ? varlink_type_check(field->type, member, reterr_field) : -EINVAL;
                if (r < 0) {
                        if (!*reterr_field)
                                *reterr_field = field->name;
                        return r;
                }
        }

        return 0;
}

static int check_array(const VarlinkType *type, json_t *value, const char **reterr_field) {
        json_t *member;
        size_t i;
        int r;

        if (!json_is_array(value))
                return -EINVAL;

        json_array_foreach(value, i, member) {
                r = varlink_type_check(type->element, member, reterr_field);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int check_map(const VarlinkType *type, json_t *value, const char **reterr_field) {
        const char *key;
        json_t *member;
        int r;

        if (!json_is_object(value))
                return -EINVAL;

        json_object_foreach(value, key, member) {
                r = varlink_type_check(type->element, member, reterr_field);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int check_scalar(bool good) {
        return good ? 0 : -EINVAL;
}

int varlink_type_check(const VarlinkType *type, json_t *value, const char **reterr_field) {
        const char *ignored = NULL;

        if (!reterr_field)
                reterr_field = &ignored;
        *reterr_field = NULL;

        if (type->nullable && json_is_null(value))
                return 0;

        switch (type->kind) {
        case VARLINK_TYPE_BOOL:
                return check_scalar(json_is_boolean(value));
        case VARLINK_TYPE_INT:
                return check_scalar(json_is_integer(value));
        case VARLINK_TYPE_FLOAT:
                return check_scalar(json_is_number(value));
        case VARLINK_TYPE_STRING:
                return check_scalar(json_is_string(value));
        case VARLINK_TYPE_OBJECT:
                return check_scalar(json_is_object(value));
        case VARLINK_TYPE_ENUM:
                return check_scalar(json_is_string(value) &&
                                    type_find_field(type, json_string_value(value)));
        case VARLINK_TYPE_ARRAY:
                return check_array(type, value, reterr_field);
        case VARLINK_TYPE_MAP:
                return check_map(type, value, reterr_field);
        case VARLINK_TYPE_STRUCT:
                return check_struct(type, value, reterr_field);
        case VARLINK_TYPE_NAMED:
                return varlink_type_check(type->named, value, reterr_field);
        }

        assert(false);
        return -EINVAL;
}
