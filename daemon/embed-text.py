#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Turns a text file into a C file that defines it as a string: embed-text.py INPUT OUTPUT SYMBOL.

The text must be UTF-8 without NUL, so that the string holds all of it; one literal a line keeps
the result readable in a debugger and in a review of the build directory.
"""

import os
import sys


def c_literal(line):
    out = []
    for byte in line.encode():
        char = chr(byte)
        if char in '"\\':
            out.append('\\' + char)
        elif 0x20 <= byte < 0x7F:
            out.append(char)
        else:
            # always three digits: an octal escape ends there, whatever follows
            out.append(f'\\{byte:03o}')
    return '"' + ''.join(out) + '"'


def main():
    source, target, symbol = sys.argv[1:]
    with open(source, encoding='utf-8', newline='') as f:
        text = f.read()
    if '\0' in text:
        sys.exit(f'{source}: contains NUL')

    lines = text.splitlines(keepends=True) or ['']
    with open(target, 'w', encoding='ascii') as f:
        f.write(f'/* Made from {os.path.basename(source)}; edit that. */\n')
        f.write(f'extern const char {symbol}[];\n')
        f.write(f'const char {symbol}[] =\n')
        f.write('\n'.join('        ' + c_literal(line) for line in lines))
        f.write(';\n')


main()
