/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.varlink.service, the interface by which a Varlink service explains itself. It is added to
 * every server like any other interface, so that GetInfo lists it and GetInterfaceDescription knows
 * it: clients ask for the text of all that GetInfo names.
 */

#include <errno.h>

#include "varlink-internal.h"
#include "varlink-texts.h"

static int service_on_get_info(VarlinkCall *call, json_t *parameters, void *userdata) {
        VarlinkServer *server = userdata;
        const VarlinkServerInfo *info = server->info;
        json_auto_t *names = NULL, *reply = NULL;

        names = json_array();
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < server->n_interfaces; i++)
                if (json_array_append_new(names, json_string(varlink_idl_name(
                                                                 server->interfaces[i].idl))) < 0)
                        return -ENOMEM;

        reply = json_pack("{s:s, s:s, s:s, s:s, s:O}", "vendor", info->vendor, "product",
                          info->product, "version", info->version, "url", info->url, "interfaces",
                          names);
        if (!reply)
                return -ENOMEM;
        return varlink_call_reply(call, reply);
}

static int service_on_get_interface_description(VarlinkCall *call, json_t *parameters,
                                                void *userdata) {
        VarlinkServer *server = userdata;
        const VarlinkInterface *interface;
        json_auto_t *reply = NULL;
        json_t *name;

        name = json_object_get(parameters, "interface");
        interface = varlink_server_find_interface(server, json_string_value(name),
                                                  json_string_length(name));
        if (!interface) {
                reply = json_pack("{s:O}", "interface", name);
                if (!reply)
                        return -ENOMEM;
                return varlink_call_error(call, "org.varlink.service.InterfaceNotFound", reply);
        }

        reply = json_pack("{s:O}", "description", interface->description);
        if (!reply)
                return -ENOMEM;
        return varlink_call_reply(call, reply);
}

int varlink_service_add(VarlinkServer *server) {
        static const VarlinkMethod methods[] = {
                { "GetInfo", service_on_get_info },
                { "GetInterfaceDescription", service_on_get_interface_description },
                { 0 },
        };

        return varlink_server_add_interface(server, org_varlink_service_text, methods, server);
}
