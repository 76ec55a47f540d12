/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the small programs of the benchmarks share: time, order statistics, and plain rtnetlink without
 * any library. They measure and print; where something fails they end, so that no figure can come from
 * half a run.
 */

#include <stddef.h>
#include <stdint.h>

/* Ends the program with this complaint when r is a negative errno; otherwise returns r. */
int must(int r, const char *what);
/* Likewise for a function that says -1 and sets errno. */
int must_errno(int r, const char *what);

/* CLOCK_MONOTONIC */
uint64_t now_nsec(void);
/* What this process has computed so far, in the kernel too. For work without waiting: other programs on
 * the machine do not show in it. */
uint64_t process_nsec(void);

/* Sorts the values and gives the one below which that part (0 to 1) of them is. n is not 0. */
uint64_t quantile(uint64_t *values, size_t n, double part);

/* CPU nanoseconds that a call takes: the median of rounds that together take about so long. */
double cpu_of_call(void (*call)(void *userdata), void *userdata, uint64_t nsec);

/* Nanoseconds of real time that a call takes. Of quick ones: a sample is the mean of 16 calls between two
 * looks at the clock, without the time that such a look takes itself. */
typedef struct BenchTimes {
        double p50, p99;
} BenchTimes;

BenchTimes times_of_call(void (*call)(void *userdata), void *userdata);

/* An rtnetlink socket that hears these groups (RTMGRP_...). */
int netlink_open(uint32_t groups);

typedef enum BenchChange {
        BENCH_CHANGE_MTU,
        BENCH_CHANGE_ADDRESS,
} BenchChange;

/* One change of a link, another one for every i, and the kernel's acknowledgement of it: of its MTU, or
 * an IPv4 address that comes (i is even) and goes. */
void netlink_change(int fd, BenchChange change, int ifindex, unsigned i);
