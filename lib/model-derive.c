/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The derived states, in org.freedesktop.network1's words and by its rules as far as they rest on
 * kernel facts. Pure functions of a link's row and of counts that are kept while rows come and go, so
 * that no state ever needs a walk.
 */

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "model-private.h"

/* IPv4 scopes are what the administrator wrote: an address counts as routable only when both the
 * kernel's scope and the address itself say so. */
AddressState address_reach(const AddressRecord *address) {
        if (address->usability != USABILITY_USABLE && address->usability != USABILITY_DEPRECATED)
                return ADDRESS_STATE_OFF;
        if (address->scope >= RT_SCOPE_HOST || ip_is_loopback(&address->address) ||
            ip_is_unspecified(&address->address))
                return ADDRESS_STATE_OFF;
        if (address->scope >= RT_SCOPE_SITE || ip_is_link_local(&address->address))
                return ADDRESS_STATE_DEGRADED;
        return ADDRESS_STATE_ROUTABLE;
}

void model_count_address(LinkAux *aux, const AddressRecord *address, int step) {
        bool v6 = address->address.family == AF_INET6;
        AddressState reach = address_reach(address);

        if (reach >= ADDRESS_STATE_DEGRADED)
                aux->n_addresses[v6][reach - ADDRESS_STATE_DEGRADED] += (uint32_t) step;
        if (v6 && ip_is_link_local(&address->address)) {
                aux->n_link_local += (uint32_t) step;
                aux->link_local_leaves = false;
        }
}

static AddressState family_state(const LinkAux *aux, bool v6) {
        const uint32_t *n = aux->n_addresses[v6];

        if (n[ADDRESS_STATE_ROUTABLE - ADDRESS_STATE_DEGRADED] > 0)
                return ADDRESS_STATE_ROUTABLE;
        return n[0] > 0 ? ADDRESS_STATE_DEGRADED : ADDRESS_STATE_OFF;
}

/* RFC 2863 state first; drivers that do not keep one are judged by their flags. */
static bool link_has_carrier(const LinkRecord *link) {
        if (link->kernel_operstate == IF_OPER_UP)
                return true;
        if (link->kernel_operstate != IF_OPER_UNKNOWN)
                return false;
        return (link->flags & (IFF_LOWER_UP | IFF_RUNNING)) == (IFF_LOWER_UP | IFF_RUNNING) &&
               !(link->flags & IFF_DORMANT);
}

static CarrierState carrier_state(const LinkAux *aux, const LinkRecord *link) {
        if (link->kernel_operstate == IF_OPER_DORMANT)
                return CARRIER_STATE_DORMANT;
        if (!link_has_carrier(link))
                return link->flags & IFF_UP ? CARRIER_STATE_NO_CARRIER : CARRIER_STATE_OFF;
        if (aux->n_ports_down > 0)
                return CARRIER_STATE_DEGRADED_CARRIER;
        return link->master_ifindex > 0 ? CARRIER_STATE_ENSLAVED : CARRIER_STATE_CARRIER;
}

static OperationalState operational_state(CarrierState carrier, AddressState address) {
        /* Below a carrier the address does not matter; the first words of both enums agree but for
         * "missing", which is for links that do not exist. */
        static const OperationalState without_address[] = {
                [CARRIER_STATE_OFF] = OPERATIONAL_STATE_OFF,
                [CARRIER_STATE_NO_CARRIER] = OPERATIONAL_STATE_NO_CARRIER,
                [CARRIER_STATE_DORMANT] = OPERATIONAL_STATE_DORMANT,
                [CARRIER_STATE_DEGRADED_CARRIER] = OPERATIONAL_STATE_DEGRADED_CARRIER,
                [CARRIER_STATE_CARRIER] = OPERATIONAL_STATE_CARRIER,
                [CARRIER_STATE_ENSLAVED] = OPERATIONAL_STATE_ENSLAVED,
        };

        if (carrier < CARRIER_STATE_DEGRADED_CARRIER || address == ADDRESS_STATE_OFF)
                return without_address[carrier];
        if (address == ADDRESS_STATE_ROUTABLE)
                return OPERATIONAL_STATE_ROUTABLE;
        return carrier == CARRIER_STATE_ENSLAVED ? OPERATIONAL_STATE_ENSLAVED
                                                 : OPERATIONAL_STATE_DEGRADED;
}

States model_link_states(const LinkAux *aux, const LinkRecord *link) {
        CarrierState carrier = carrier_state(aux, link);
        AddressState ipv4 = family_state(aux, false);
        AddressState ipv6 = family_state(aux, true);
        AddressState address = CONST_MAX(ipv4, ipv6);

        return (States){
                .operational = (uint8_t) operational_state(carrier, address),
                .carrier = (uint8_t) carrier,
                .address = (uint8_t) address,
                .ipv4 = (uint8_t) ipv4,
                .ipv6 = (uint8_t) ipv6,
        };
}

size_t model_count_port(Model *m, LinkAux *aux, int32_t master, bool down, int32_t ret[static 2]) {
        LinkAux *of;
        size_t n = 0;

        if (aux->counted_master == master && aux->counted_down == down)
                return 0;
        if (aux->counted_master > 0) {
                of = model_aux_find(m, aux->counted_master);
                if (of) {
                        of->n_ports--;
                        of->n_ports_down -= aux->counted_down;
                        ret[n++] = of->ifindex;
                }
        }
        aux->counted_master = 0;
        aux->counted_down = false;
        if (master <= 0)
                return n;

        of = model_aux_get(m, master);
        if (!of)
                return n;
        of->n_ports++;
        of->n_ports_down += down;
        aux->counted_master = master;
        aux->counted_down = down;
        if (n == 0 || ret[0] != master)
                ret[n++] = master;
        return n;
}

static void count_states(Model *m, const States *s, int step) {
        /* For the machine as a whole, being a port of something says nothing more than carrier. */
        uint8_t carrier = s->carrier == CARRIER_STATE_ENSLAVED ? CARRIER_STATE_CARRIER : s->carrier;

        m->machine_operational[s->operational] += (uint32_t) step;
        m->machine_carrier[carrier] += (uint32_t) step;
        m->machine_address[0][s->address] += (uint32_t) step;
        m->machine_address[1][s->ipv4] += (uint32_t) step;
        m->machine_address[2][s->ipv6] += (uint32_t) step;
}

void model_count_machine(Model *m, LinkAux *aux, const LinkRecord *link) {
        if (aux->counted && aux->counted_states.operational != OPERATIONAL_STATE_MISSING)
                count_states(m, &aux->counted_states, -1);
        m->n_links_down -= aux->counted_as_down;
        aux->counted = link;
        aux->counted_as_down = link && !(link->flags & IFF_UP);
        m->n_links_down += aux->counted_as_down;
        aux->counted_states = (States){};
        if (!link || link->flags & IFF_LOOPBACK)
                return;
        aux->counted_states = link->states;
        count_states(m, &link->states, +1);
}

uint32_t model_links_down(const Model *m) {
        return m->n_links_down;
}

static uint8_t best(const uint32_t *n, uint8_t max, uint8_t least) {
        for (uint8_t i = (uint8_t) (max - 1); i > least; i--)
                if (n[i] > 0)
                        return i;
        return least;
}

States model_machine_states(const Model *m) {
        return (States){
                .operational = best(m->machine_operational, _OPERATIONAL_STATE_MAX,
                                    OPERATIONAL_STATE_OFF),
                .carrier = best(m->machine_carrier, _CARRIER_STATE_MAX, CARRIER_STATE_OFF),
                .address = best(m->machine_address[0], _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
                .ipv4 = best(m->machine_address[1], _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
                .ipv6 = best(m->machine_address[2], _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
        };
}
