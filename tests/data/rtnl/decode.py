#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A second decoder of rtnetlink, written from the kernel's headers, against which lib/rtnl is held. It
shares no code with the library and reads attributes its own way. For each message of a .bin file it
writes one line or several: the place of the message, what it is, and every value in a fixed order.

    decode.py FILE.bin > FILE.tsv
"""

import socket
import struct
import sys

# What the test gives as the present time, in microseconds.
NOW = 5_000_000_000
FOREVER = 2**64 - 1

NEWLINK, DELLINK, NEWADDR, DELADDR, NEWROUTE, DELROUTE = 16, 17, 20, 21, 24, 25
NEWNEIGH, NEWMULTICAST, DELMULTICAST, GETMULTICAST = 28, 56, 57, 58
NEWADDRLABEL, NEWNEXTHOP, DELNEXTHOP = 72, 104, 105
SIZES = {socket.AF_INET: 4, socket.AF_INET6: 16}


def messages(data):
    """The messages of a file, each with its header and without what pads it."""
    pos = 0
    while pos < len(data):
        length = struct.unpack_from('=I', data, pos)[0]
        assert 16 <= length <= len(data) - pos, pos
        yield data[pos:pos + length]
        pos += (length + 3) & ~3


def attributes(data):
    """Type without flags to payload; the last of a type wins."""
    found = {}
    for kind, payload in attribute_list(data):
        found[kind] = payload
    return found


def attribute_list(data):
    pos = 0
    while pos + 4 <= len(data):
        length, kind = struct.unpack_from('=HH', data, pos)
        assert 4 <= length <= len(data) - pos
        yield kind & 0x3fff, data[pos + 4:pos + length]
        pos += (length + 3) & ~3


def number(found, kind, size, default=0):
    payload = found.get(kind, b'')
    return int.from_bytes(payload, sys.byteorder) if len(payload) == size else default


def text(payload):
    return payload[:-1] if payload.endswith(b'\0') else payload


def ip(family, payload):
    if payload is None or len(payload) != SIZES[family]:
        return '-'
    return socket.inet_ntop(family, payload)


def line(kind, fields):
    return '\t'.join([kind] + [f'{name}={value}' for name, value in fields])


def decode_link(kind, flags, body):
    family, arphrd, index, iff = struct.unpack_from('=BxHiI', body)
    if family != socket.AF_UNSPEC:
        return ['ignored']
    found = attributes(body[16:])
    name = text(found.get(3, b''))
    partial = not 1 <= len(name) <= 15 or 4 not in found
    fields = [('removed', int(kind == DELLINK)), ('nlflags', hex(flags)), ('partial', int(partial)),
              ('ifindex', index), ('iff', hex(iff))]
    if not partial:
        fields += link_fields(found, arphrd, name)
    return [line('link', fields), statistics(kind, found)]


def link_fields(found, arphrd, name):
    info = attributes(found.get(18, b''))
    kind = text(info.get(1, b''))
    names = [text(p) for k, p in attribute_list(found.get(52, b'')) if k == 53]
    permanent = found.get(54, b'')
    nsid = -1
    if 37 in found:
        nsid = struct.unpack('=i', found[37])[0]
    return [
        ('name', name.hex()), ('mtu', number(found, 4, 4)), ('min', number(found, 50, 4)),
        ('max', number(found, 51, 4)), ('txqlen', number(found, 13, 4)),
        ('group', number(found, 27, 4)), ('changes', number(found, 35, 4)),
        ('master', number(found, 10, 4)), ('parent', number(found, 5, 4)), ('nsid', nsid),
        ('type', arphrd), ('operstate', number(found, 16, 1)), ('carrier', number(found, 33, 1)),
        ('hardware', found.get(1, b'').hex()), ('permanent', permanent.hex()),
        ('broadcast', found.get(2, b'').hex()), ('kind', kind.hex()),
        ('has_kind', int(bool(kind))), ('has_permanent', int(bool(permanent))),
        ('alias', text(found.get(20, b'')).hex()),
        ('altnames', ','.join(n.hex() for n in names if n)),
    ]


def statistics(kind, found):
    payload = found.get(23)
    if kind != NEWLINK or payload is None:
        return line('statistics', [('values', '-')])
    values = list(struct.unpack(f'={len(payload) // 8}Q', payload)) + 25 * [0]
    return line('statistics', [('values', ','.join(str(v) for v in values[:25]))])


def state(flags):
    """Of IFA_F_DADFAILED 0x08, TENTATIVE 0x40, OPTIMISTIC 0x04, DEPRECATED 0x20."""
    if flags & 0x08:
        return 'duplicate'
    if flags & 0x44 == 0x40:
        return 'tentative'
    return 'deprecated' if flags & 0x20 else 'usable'


def deadline(seconds):
    return FOREVER if seconds == 0xffffffff else NOW + seconds * 1_000_000


def decode_address(kind, flags, body):
    family, plen, header_flags, scope, index = struct.unpack_from('=BBBBI', body)
    if family not in SIZES:
        return ['ignored']
    found = attributes(body[8:])
    local, address = ip(family, found.get(2)), ip(family, found.get(1))
    if local == address == '-':
        return ['malformed']
    own = address if local == '-' else local
    peer = address if '-' not in (local, address) and local != address else '-'
    all_flags = number(found, 8, 4, header_flags)
    preferred, valid = struct.unpack_from('=II', found.get(6, b'\xff' * 16))
    v4 = family == socket.AF_INET
    return [line('address', [
        ('removed', int(kind == DELADDR)), ('nlflags', hex(flags)), ('ifindex', index),
        ('address', own), ('peer', peer), ('broadcast', ip(family, found.get(4)) if v4 else '-'),
        ('plen', plen), ('scope', scope), ('flags', hex(all_flags)), ('state', state(all_flags)),
        ('preferred', deadline(preferred)), ('valid', deadline(valid)),
        ('label', text(found.get(3, b'')).hex() if v4 else ''),
        ('metric', number(found, 9, 4)), ('protocol', number(found, 11, 1)),
    ])]


def decode_group(kind, flags, body):
    family, index = struct.unpack_from('=BxxxI', body)
    group = ip(family, attributes(body[8:]).get(7))
    if group == '-':
        return ['malformed']
    return [line('group', [('removed', int(kind == DELMULTICAST)), ('nlflags', hex(flags)),
                           ('ifindex', index), ('group', group)])]


def gateway(family, found):
    if 5 in found:
        return ip(family, found[5])
    if 18 in found:
        via = struct.unpack_from('=H', found[18])[0]
        return ip(via, found[18][2:])
    return '-'


def hops(family, found):
    """(ifindex, gateway) of each next hop."""
    if not found.get(9):
        return [(number(found, 4, 4), gateway(family, found))]
    data, pos, result = found[9], 0, []
    while pos < len(data):
        length, index = struct.unpack_from('=HxxI', data, pos)
        result.append((index, gateway(family, attributes(data[pos + 8:pos + length]))))
        pos += (length + 3) & ~3
    return result


def decode_route(kind, flags, body):
    family, dlen, slen, tos, table, protocol, _, rtype, rtm_flags = struct.unpack_from(
        '=BBBBBBBBI', body)
    if family not in SIZES:
        return ['ignored'] + (['fib\tmalformed'] if kind == NEWROUTE else [])
    found = attributes(body[12:])
    table = number(found, 15, 4, table)
    ways = hops(family, found)
    common = [('removed', int(kind == DELROUTE)), ('nlflags', hex(flags))]
    source = ip(family, found.get(7))
    lines = ['ignored']
    if not rtm_flags & 0x200 and slen == 0:
        if table == 255 and rtype in (2, 3, 4):
            address = ip(family, found.get(1, bytes(SIZES[family])))
            lines = [line('local', common + [
                ('address', address), ('plen', dlen), ('type', rtype),
                ('ifindexes', ','.join(str(index) for index, _ in ways))])]
        elif table != 255 and dlen == 0 and rtype in (1, 6, 7, 8, 9):
            lines = [line('route', common + [
                ('family', family), ('table', table), ('metric', number(found, 6, 4)), ('tos', tos),
                ('protocol', protocol), ('type', rtype), ('source', source),
                ('nexthop', number(found, 30, 4)),
                ('hops', ','.join(f'{index}/{via}' for index, via in ways))])]
    if kind == NEWROUTE:
        one = {index for index, _ in ways}, {via for _, via in ways}
        lines.append(line('fib', [
            ('type', rtype), ('ifindex', min(one[0]) if len(one[0]) == 1 else 0), ('table', table),
            ('source', source), ('gateway', min(one[1]) if len(one[1]) == 1 else '-')]))
    return lines


def decode_neighbour(flags, body):
    family, index, ndm_flags = struct.unpack_from('=BxxxixxB', body)
    if family not in SIZES or not ndm_flags & 8:
        return ['ignored']
    return [line('proxy', [('nlflags', hex(flags)), ('ifindex', index),
                           ('address', ip(family, attributes(body[12:]).get(1)))])]


def decode_label(flags, body):
    family, plen, index = struct.unpack_from('=BxBxI', body)
    found = attributes(body[12:])
    return [line('label', [('nlflags', hex(flags)), ('prefix', ip(family, found[1])), ('plen', plen),
                           ('label', number(found, 2, 4)), ('ifindex', index)])]


def decode(message):
    _, kind, flags = struct.unpack_from('=IHH', message)
    body = message[16:]
    if kind in (2, 3):
        return ['ignored', line('result', [('error', struct.unpack_from('=i', body)[0])])]
    if kind in (NEWLINK, DELLINK):
        return decode_link(kind, flags, body)
    if kind in (NEWADDR, DELADDR):
        return decode_address(kind, flags, body)
    if kind in (NEWMULTICAST, DELMULTICAST, GETMULTICAST):
        return decode_group(kind, flags, body)
    if kind in (NEWROUTE, DELROUTE):
        return decode_route(kind, flags, body)
    if kind in (NEWNEXTHOP, DELNEXTHOP):
        return [line('nexthop', [('removed', int(kind == DELNEXTHOP)), ('nlflags', hex(flags))])]
    if kind == NEWNEIGH:
        return decode_neighbour(flags, body)
    if kind == NEWADDRLABEL:
        return decode_label(flags, body)
    return ['ignored']


def decode_file(data):
    rows = []
    for i, message in enumerate(messages(data)):
        rows += [f'{i}\t{row}\n' for row in decode(message)]
    return ''.join(rows)


if __name__ == '__main__':
    with open(sys.argv[1], 'rb') as f:
        sys.stdout.write(decode_file(f.read()))
