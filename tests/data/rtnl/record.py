#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Records the rtnetlink traffic in this directory: *.bin, messages as the kernel sent them one behind the
other, and beside each what it means, *.tsv, as decode.py reads it. Also writes one message of each
shape as a seed for tests/fuzz/fuzz-rtnl.c.

To record anew, as root, anywhere (it makes its own network namespaces and touches no other):

    tests/data/rtnl/record.py [DIRECTORY FUZZ-DIRECTORY]

MAC addresses, indexes and times differ from run to run; what the tests expect comes with the record.
At the end the decoded links, addresses and routes are compared with what `ip -json` makes of them.
Kinds of links that the running kernel lacks are left out, and named.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import time

import decode

REQUEST, ACK, DUMP = 1, 4, 0x300
SOL_NETLINK, ADD_MEMBERSHIP, EXT_ACK, STRICT = 270, 1, 11, 12
# LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE, IPV6_IFINFO, NEXTHOP, and the two groups
# for memberships
GROUPS = (1, 5, 7, 9, 11, 12, 32, 37, 38)
GETLINK, GETADDR, GETROUTE, GETNEIGH, GETADDRLABEL, NEWLINKPROP = 18, 22, 26, 30, 74, 108
IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
TIMEOUT = 10


def attribute(kind, payload):
    return struct.pack('=HH', 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def u32(value):
    return struct.pack('=I', value)


class Query:
    def __init__(self, strict=True):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self.socket.setsockopt(SOL_NETLINK, STRICT, int(strict))
        self.socket.settimeout(TIMEOUT)
        self.sequence = 0

    def __call__(self, kind, body, flags=DUMP):
        """Every message of the answer, NLMSG_DONE or NLMSG_ERROR included."""
        self.sequence += 1
        self.socket.send(struct.pack('=IHHII', 16 + len(body), kind, flags | REQUEST,
                                     self.sequence, 0) + body)
        answer = []
        while True:
            for message in decode.messages(self.socket.recv(1 << 17)):
                answer.append(message)
                if struct.unpack_from('=H', message, 4)[0] in (2, 3) or not flags & DUMP:
                    return answer


class Monitor:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        # Without a port of its own a socket counts as the kernel's, and hears nothing of it.
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        for group in GROUPS:
            try:
                self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
            except OSError:
                print(f'# no multicast group {group} here')
        self.heard = []

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.heard += decode.messages(self.socket.recv(1 << 17))

    def wait(self, text):
        """Until a message has been heard of which decode.py says this."""
        end = time.monotonic() + TIMEOUT
        seen = 0
        while time.monotonic() < end:
            self.drain()
            for message in self.heard[seen:]:
                if text in decode.decode(message)[0]:
                    return
            seen = len(self.heard)
            select.select([self.socket], [], [], max(0, end - time.monotonic()))
        raise TimeoutError(text)

    def take(self):
        self.drain()
        heard, self.heard = self.heard, []
        return heard


def ip(*words, optional=False):
    done = subprocess.run([b'ip'] + [w if isinstance(w, bytes) else str(w).encode() for w in words],
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        message = done.stderr.decode(errors='replace').strip()
        if not optional:
            raise RuntimeError(f'ip {words}: {message}')
        print(f'# left out: ip {words}: {message}')


def batch(lines):
    for one in lines.strip().splitlines():
        optional = one.strip().startswith('?')
        ip(*one.replace('?', ' ').split(), optional=optional)


def ip_json(*words):
    out = subprocess.run(['ip', '-json', '-details', *words], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout.decode(errors='surrogateescape'), strict=False)


def sysctl(name, value):
    pathlib.Path('/proc/sys', name.replace('.', '/')).write_text(str(value), encoding='ascii')


class Tun:
    """A tun or tap device, which lives as long as this."""

    def __init__(self, name, tap=False):
        self.file = open('/dev/net/tun', 'r+b', buffering=0)
        fcntl.ioctl(self.file, 0x400454ca, struct.pack('16sH22x', name.encode(), 0x1001 + tap))


def other_namespace():
    """A process in another network namespace, to which links can be moved by its number."""
    before = os.stat('/proc/self/ns/net').st_ino
    child = subprocess.Popen(['unshare', '--net', 'sleep', 'infinity'])
    end = time.monotonic() + TIMEOUT
    while os.stat(f'/proc/{child.pid}/ns/net').st_ino == before:
        if time.monotonic() > end:
            raise TimeoutError('unshare')
        time.sleep(0.01)
    return child


def ifinfo(index=0):
    return struct.pack('=BxHiII', 0, 0, index, 0, 0)


def rtmsg(family, dst=0, src=0, table=0, flags=0):
    return struct.pack('=BBBBBBBBI', family, dst, src, 0, table, 0, 0, 0, flags)


def altname(query, index, name):
    """Any bytes, which ip(8) would not all take."""
    answer = query(NEWLINKPROP, ifinfo(index) + attribute(0x8000 | 52, attribute(53, name + b'\0')),
                   ACK | 0x400 | 0x200)
    error = struct.unpack_from('=i', answer[0], 16)[0]
    if error:
        print(f'# alternative name {name}: {os.strerror(-error)}')


def scene_links(query, monitor, child):
    batch('''
        link set lo up
        link add br0 type bridge
        link add va type veth peer name vb
        link set va master br0
        link set va alias hello
        link set va group 7
        link set va txqueuelen 77
        link set va mtu 1400
        link set va up
        link set vb up
        ?link add mv0 link vb type macvlan mode bridge
        ?link add vx0 type vxlan id 42 local 127.0.0.1 dstport 4789
        ?link add ifb7 type ifb
        ?link add abcdefghijklmno type bridge
    ''')
    ip(b'link', b'add', b'\xff\xfe\x01"\\', b'type', b'bridge')
    ip('link', 'set', 'vb', 'alias', b'bad \xff\n "alias"')
    va = socket.if_nametoindex('va')
    for name in (b'wan0', b'99', b'x%y', b'a b', b'\xff\xfe\x80', b'tab\tnewline\n', b'n' * 127, b'..',
                 b''):
        altname(query, va, name)
    ip('link', 'add', 'moved', 'type', 'veth', 'peer', 'name', 'stays')
    ip('link', 'set', 'moved', 'netns', child.pid)
    tuns = [Tun('tun0'), Tun('tap0', tap=True)]
    udp = socket.socket(IPV4, socket.SOCK_DGRAM)
    for _ in range(3):
        udp.sendto(b'counted', ('127.0.0.1', 9))
    full = query(GETLINK, ifinfo())
    skipped = query(GETLINK, ifinfo() + attribute(29, u32(8)))
    one = query(GETLINK, ifinfo(va), 0)
    by_name = query(GETLINK, ifinfo() + attribute(53, b'n' * 127 + b'\0') + attribute(29, u32(8)), 0)
    compare_links(full)
    bridge = query(GETLINK, struct.pack('=BxHiII', 7, 0, 0, 0, 0))
    del tuns
    return {'links': full, 'links-without-statistics': skipped + one + by_name,
            'links-of-bridge': bridge}


def scene_link_events(query, monitor, child):
    monitor.take()
    batch('''
        link add e0 type veth peer name e1
        link add eb type bridge
        link set eb up
        link set e0 up
        link set e1 up
        link set e0 master eb
        link set e0 nomaster
        link set e1 name renamed
        link property add dev renamed altname other-name
        link property del dev renamed altname other-name
        link set renamed alias first
        link set renamed mtu 1300
        link set e0 down
        link set e0 up
    ''')
    ip('link', 'set', 'renamed', 'netns', child.pid)
    monitor.wait('\tremoved=1')
    batch('''
        link del e0
        link del eb
    ''')
    return {'link-events': monitor.take()}


def scene_addresses(query, monitor, child):
    tun = Tun('tun1')
    batch('''
        link add ab type bridge
        link set tun1 up
        link set ab up
        addr add 169.254.0.1 peer 169.254.0.254 dev tun1
        addr add 10.9.9.1/24 dev tun1
        addr add 10.9.8.1/24 brd + dev tun1
        addr add 10.1.1.1 peer 10.1.1.2/30 dev ab
        addr add 10.2.2.5/24 brd + dev ab
        addr add 10.2.2.6/24 dev ab
        addr add 10.3.3.3/32 dev ab
        addr add 10.4.4.0/31 dev ab
        addr add 10.5.5.5/24 dev ab metric 77 scope link
        addr add 192.0.2.5/24 brd 192.0.2.0 label ab:x dev ab
        addr add 240.0.0.1/8 dev ab
        addr add 2001:db8:a::1/64 dev tun1 nodad
        addr add 2001:db8:9::1 peer 2001:db8:9::2 dev tun1 nodad
        addr add 2001:db8:b::1 peer 2001:db8:b::2 dev ab
        addr add 2001:db8:c::1/64 dev ab preferred_lft 0 valid_lft 600
        addr add 2001:db8:d::1/64 dev ab preferred_lft 100 valid_lft 600
        addr add 2001:db8:e::/64 dev ab nodad mngtmpaddr
        addr add fd00:1::1/64 dev ab nodad home metric 9
        addr add ::ffff:10.0.0.1/128 dev ab nodad
        addr add 10.6.6.6/24 dev ab preferred_lft 100 valid_lft 600
    ''')
    rows = query(GETADDR, struct.pack('=BBBBI', 0, 0, 0, 0, 0))
    compare_addresses(rows)
    one = query(GETADDR, struct.pack('=BBBBI', 0, 0, 0, 0, socket.if_nametoindex('tun1')))
    del tun
    return {'addresses': rows + one}


def scene_address_events(query, monitor, child):
    batch('''
        link add d0 type veth peer name d1
        link set d0 up
        link set d1 up
    ''')
    monitor.take()
    batch('''
        addr add 2001:db8::9/64 dev d0 valid_lft 3 preferred_lft 1
        addr add 10.7.0.1/24 dev d0 valid_lft 3 preferred_lft 1
        addr add 2001:db8::5/64 dev d0 nodad
        addr add 2001:db8::5/64 dev d1
        addr add 10.7.1.1/24 dev d1
        addr add 10.7.1.2/24 dev d1
        addr del 10.7.1.1/24 dev d1
    ''')
    monitor.wait('state=duplicate')
    monitor.wait('removed=1\tnlflags=0x0\tifindex=%d\taddress=10.7.0.1' %
                 socket.if_nametoindex('d0'))
    monitor.wait('removed=1\tnlflags=0x0\tifindex=%d\taddress=2001:db8::9' %
                 socket.if_nametoindex('d0'))
    ip('link', 'set', 'd0', 'down')
    ip('link', 'del', 'd0')
    return {'address-events': monitor.take()}


def scene_groups(query, monitor, child):
    batch('''
        link add g0 type veth peer name g1
        link set g0 up
        link set g1 up
        addr add 10.8.0.1/24 dev g0
        addr add 2001:db8:8::1/64 dev g0 nodad
    ''')
    index = socket.if_nametoindex('g0')
    monitor.take()
    four, six = socket.socket(IPV4, socket.SOCK_DGRAM), socket.socket(IPV6, socket.SOCK_DGRAM)
    four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    socket.inet_aton('239.1.2.3') + struct.pack('=Ii', 0, index))
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                   socket.inet_pton(IPV6, 'ff05::1234') + u32(index))
    rows = []
    for family in (IPV4, IPV6):
        rows += query(decode.GETMULTICAST, struct.pack('=BBBBI', family, 0, 0, 0, 0))
    four.close()
    six.close()
    ip('link', 'del', 'g0')
    return {'groups': rows, 'group-events': monitor.take()}


def scene_routes(query, monitor, child):
    batch('''
        link set lo up
        link add r0 type veth peer name r1
        link set r0 up
        link set r1 up
        addr add 10.10.0.1/24 dev r0
        addr add 10.11.0.1/24 dev r1
        addr add 2001:db8:10::1/64 dev r0 nodad
        addr add 2001:db8:11::1/64 dev r1 nodad
    ''')
    monitor.take()
    batch('''
        route add default via 10.10.0.254
        route add default via 10.10.0.253 metric 5 src 10.10.0.1 proto static
        route append default via 10.10.0.252 metric 5
        route add default via 10.10.0.251 tos 0x10 metric 6
        route add default metric 7 nexthop via 10.10.0.254 weight 2 nexthop via 10.11.0.254 dev r1
        route add default via inet6 fe80::1 dev r0 metric 8
        route add default dev r1 metric 9 table 1000
        -4 route add default metric 10 nexthop via inet6 fe80::2 dev r0 nexthop via 10.11.0.253
        route add unreachable default metric 11
        route add blackhole default metric 12
        route add prohibit default metric 13
        route add throw default metric 14 table 100
        route add local default dev lo table 101
        route add 10.50.0.0/16 via 10.10.0.9
        route add local 192.168.0.0/16 dev lo
        route replace default via 10.10.0.250 metric 5
        -6 route add default via 2001:db8:10::fe
        -6 route add default metric 5 nexthop via 2001:db8:10::fd nexthop via 2001:db8:11::fd
        -6 route append default metric 5 via 2001:db8:10::fc
        -6 route add unreachable default metric 6
        -6 route add default dev r1 metric 7 table 1000 src 2001:db8:11::1
        ?-6 route add default from 2001:db8:77::/48 via 2001:db8:10::fb
        nexthop add id 1 via 10.10.0.254 dev r0
        nexthop add id 2 via 10.11.0.254 dev r1
        nexthop add id 3 group 1/2
        nexthop add id 4 via 2001:db8:10::ff dev r0
        nexthop add id 5 blackhole
        route add default nhid 1 metric 20
        route add default nhid 3 metric 21
        route add default nhid 5 metric 22
        -6 route add default nhid 4 metric 20
    ''')
    rows = {}
    for family in (IPV4, IPV6):
        rows[family] = query(GETROUTE, rtmsg(family))
        compare_routes(family, rows[family])
    sysctl('net.ipv4.nexthop_compat_mode', 0)
    plain = query(GETROUTE, rtmsg(IPV4)) + query(GETROUTE, rtmsg(IPV6))
    sysctl('net.ipv4.nexthop_compat_mode', 1)
    local = query(GETROUTE, rtmsg(IPV4, table=255)) + query(GETROUTE, rtmsg(IPV6, table=255))
    lookups = scene_lookups(query)
    batch('''
        nexthop del id 1
        nexthop del id 4
        -6 route del default metric 5 via 2001:db8:10::fc
        route del default metric 7
        link set r0 down
        link del r0
    ''')
    return {'routes': rows[IPV4] + rows[IPV6], 'routes-by-nexthop': plain, 'local': local,
            'lookups': lookups, 'route-events': monitor.take()}


def scene_lookups(query):
    r1 = socket.if_nametoindex('r1')
    answers = []
    for text in ('10.10.0.9', '10.10.0.1', '10.10.0.255', '127.9.9.9', '8.8.8.8', '10.50.1.1',
                 '255.255.255.255', '192.168.7.7', '2001:db8:10::9', '2001:db8:10::1', '::1',
                 '2606:4700::1', 'ff0e::1'):
        family = IPV6 if ':' in text else IPV4
        address = attribute(1, socket.inet_pton(family, text))
        bits = 8 * decode.SIZES[family]
        table = 0x1000 if family == IPV4 else 0
        for flags, oif in ((table, b''), (table | 0x2000, b''), (table, attribute(4, u32(r1)))):
            answers += query(GETROUTE, rtmsg(family, dst=bits, flags=flags) + address + oif, 0)
    return answers


def scene_others(query, monitor, child):
    batch('''
        link add p0 type veth peer name p1
        link set p0 up
        neigh add proxy 10.0.0.77 dev p0
        neigh add proxy 2001:db8::77 dev p1
        neigh add 10.0.0.78 lladdr 02:00:00:00:00:01 dev p0
        addrlabel add prefix 2001:db8:55::/48 label 99
        addrlabel add prefix 2001:db8:56::/48 dev p0 label 98
    ''')
    proxies = query(GETNEIGH, struct.pack('=BxxxiHBB', 0, 0, 0, 8, 0))
    neighbours = query(GETNEIGH, struct.pack('=BxxxiHBB', 0, 0, 0, 0, 0))
    labels = query(GETADDRLABEL, struct.pack('=BBBBII', IPV6, 0, 0, 0, 0, 0))
    ip('link', 'del', 'p0')
    return {'proxies': proxies + neighbours, 'labels': labels}


def scene_results(query, monitor, child):
    rows = query(GETLINK, ifinfo(9999), 0)
    rows += query(GETLINK, ifinfo() + attribute(53, b'nosuchlink\0'), 0)
    rows += query(GETLINK, b'\0')
    rows += query(GETADDR, struct.pack('=BBBBI', 0, 0, 0, 0, 9999))
    rows += query(GETROUTE, rtmsg(IPV4) + attribute(4, u32(9999)))
    rows += query(GETROUTE, rtmsg(IPV4, table=77))
    rows += query(GETNEIGH, struct.pack('=BxxxiHBB', 0, 1, 0, 8, 0))
    rows += query(decode.GETMULTICAST, struct.pack('=BBBBI', 0, 0, 0, 0, 0))
    rows += query(16, ifinfo(socket.if_nametoindex('lo')), ACK)
    rows += query(GETLINK, ifinfo(1), ACK)
    return {'results': rows}


def decoded(rows, kind):
    """Each row of a kind as a dictionary of texts."""
    found = []
    for message in rows:
        for row in decode.decode(message):
            words = row.split('\t')
            if words[0] == kind:
                found.append(dict(word.split('=', 1) for word in words[1:]))
    return found


def same(what, ours, theirs):
    if ours != theirs:
        sys.exit(f'decode.py and ip(8) differ about {what}:\n{ours}\n{theirs}')


OPERSTATES = ('UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP')


def compare_links(rows):
    ours, theirs = [], []
    for row in decoded(rows, 'link'):
        kind = bytes.fromhex(row['kind']).decode()
        mac = bytes.fromhex(row['hardware'])
        ours.append((int(row['ifindex']), int(row['mtu']), int(row['min']), int(row['max']),
                     int(row['txqlen']), OPERSTATES[int(row['operstate'])], kind,
                     mac.hex(':') if mac else '', len(bytes.fromhex(row['alias'])) > 0,
                     row['nsid'] if int(row['nsid']) >= 0 else ''))
    for row in ip_json('link'):
        theirs.append((row['ifindex'], row['mtu'], row['min_mtu'], row['max_mtu'],
                       row.get('txqlen', 0), row['operstate'],
                       row.get('linkinfo', {}).get('info_kind', ''), row.get('address', ''),
                       'ifalias' in row, str(row.get('link_netnsid', ''))))
    same('links', ours, theirs)


def compare_addresses(rows):
    ours = sorted((int(r['ifindex']), r['address'], int(r['plen']),
                   r['peer'] if r['peer'] != '-' else '', r['state'] == 'tentative',
                   r['state'] == 'deprecated') for r in decoded(rows, 'address'))
    theirs = sorted((link['ifindex'], a['local'], a['prefixlen'], a.get('address', ''),
                     a.get('tentative', False),
                     a.get('deprecated', False) and not a.get('tentative', False))
                    for link in ip_json('address') for a in link['addr_info'])
    same('addresses', ours, theirs)


def compare_routes(family, rows):
    ours, theirs = [], []
    for row in decoded(rows, 'route'):
        ours.append((int(row['metric']), int(row['table']), len(row['hops'].split(','))))
    flag = '-6' if family == IPV6 else '-4'
    for row in ip_json(flag, 'route', 'show', 'table', 'all', 'exact', 'default'):
        if row.get('type') == 'local' or 'from' in row:
            continue
        table = row.get('table', 254)
        ours_table = {'local': 255, 'main': 254, 'default': 253}.get(table, table)
        theirs.append((row.get('metric', 0), int(ours_table), len(row.get('nexthops', [0]))))
    same(f'routes of family {family}', sorted(ours), sorted(theirs))


def shape(message):
    """What makes a message worth a seed of its own: its type and its attributes."""
    kind = struct.unpack_from('=H', message, 4)[0]
    offset = {16: 32, 20: 24, 56: 24, 24: 28, 28: 28, 72: 28, 104: 24}.get(kind & ~1, 0)
    family = message[16] if len(message) > 16 else 0
    kinds = sorted(decode.attributes(message[offset:])) if offset else []
    return kind, family, tuple(kinds)


def main():
    here = pathlib.Path(__file__).resolve().parent
    words = sys.argv[1:] or [here, here.parent.parent / 'fuzz' / 'corpus' / 'rtnl']
    if os.environ.get('RECORD_NAMESPACE') != 'own':
        os.environ['RECORD_NAMESPACE'] = 'own'
        os.execvp('unshare', ['unshare', '--net', sys.executable, __file__, *map(str, words)])

    data, seeds = (pathlib.Path(word) for word in words)
    seeds.mkdir(parents=True, exist_ok=True)
    query, monitor, child = Query(), Monitor(), other_namespace()
    shapes = set()
    try:
        for scene in (scene_links, scene_link_events, scene_addresses, scene_address_events,
                      scene_groups, scene_routes, scene_others, scene_results):
            for name, rows in scene(query, monitor, child).items():
                content = b''.join(row + bytes(-len(row) % 4) for row in rows)
                (data / f'{name}.bin').write_bytes(content)
                (data / f'{name}.tsv').write_text(decode.decode_file(content), encoding='ascii')
                print(f'{name}: {len(rows)} messages, {len(content)} bytes')
                for row in rows:
                    if shape(row) not in shapes:
                        shapes.add(shape(row))
                        seed = hashlib.sha256(row).hexdigest()[:16]
                        (seeds / f'{name}-{seed}').write_bytes(row)
    finally:
        child.kill()
        child.wait()
    print(f'{len(shapes)} seeds')


if __name__ == '__main__':
    main()
