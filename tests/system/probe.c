/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tries, one after the other, what the daemon has no use for, and prints for each try "NAME ok" or
 * "NAME ERRNO-NAME". Run in the sandbox of a unit it shows that the sandbox bites; run without one it
 * shows that the same tries succeed, so that what fails there fails because of the sandbox. Nothing
 * that succeeds changes anything that stays.
 *
 *   probe DIRECTORY     a directory that the service may write to
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void say(const char *name, int r) {
        printf("%s %s\n", name, r >= 0 ? "ok" : strerrorname_np(errno));
}

static void try_socket(const char *name, int family, int type, int protocol) {
        int fd = socket(family, type | SOCK_CLOEXEC, protocol);

        say(name, fd);
        if (fd >= 0)
                (void) close(fd);
}

static void try_write(const char *name, const char *directory) {
        char path[PATH_MAX];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/ifroster-probe", directory);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        say(name, fd);
        if (fd >= 0) {
                (void) close(fd);
                (void) unlink(path);
        }
}

static void try_map(const char *name, int protection, int fd) {
        void *p = mmap(NULL, PAGE, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE,
                       fd, 0);

        say(name, p == MAP_FAILED ? -1 : 0);
        if (p != MAP_FAILED)
                (void) munmap(p, PAGE);
}

static void try_make_executable(void) {
        void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                exit(EXIT_FAILURE);
        say("protect-exec", mprotect(p, PAGE, PROT_READ | PROT_EXEC));
        (void) munmap(p, PAGE);
}

/* Writes a program, and loads and runs it: what an intruder would do. */
static void try_own_program(const char *where, const char *directory) {
        static const char script[] = "#!/bin/true\n";
        char path[PATH_MAX], page[PAGE] = {}, name[64];
        int fd, status;
        pid_t pid;

        (void) snprintf(path, sizeof(path), "%s/ifroster-probe-program", directory);
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
        (void) snprintf(name, sizeof(name), "write-in-%s", where);
        say(name, fd);
        if (fd < 0)
                return;

        memcpy(page, script, sizeof(script) - 1);
        if (write(fd, page, sizeof(page)) < 0)
                exit(EXIT_FAILURE);
        (void) snprintf(name, sizeof(name), "map-exec-in-%s", where);
        try_map(name, PROT_READ | PROT_EXEC, fd);
        if (ftruncate(fd, sizeof(script) - 1) < 0)
                exit(EXIT_FAILURE);
        (void) close(fd);

        (void) fflush(stdout);
        pid = fork();
        if (pid == 0) {
                char *const argv[] = { path, NULL };

                (void) execv(path, argv);
                _exit(errno);
        }
        if (pid > 0 && waitpid(pid, &status, 0) == pid) {
                errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
                (void) snprintf(name, sizeof(name), "run-in-%s", where);
                say(name, errno == 0 ? 0 : -1);
        }
        (void) unlink(path);
}

static void try_set_link_up(void) {
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                exit(EXIT_FAILURE);
        /* Any socket serves for the ioctl, which needs CAP_NET_ADMIN. */
        say("set-link-flags", ioctl(fd, SIOCSIFFLAGS, &request));
        (void) close(fd);
}

int main(int argc, char *argv[]) {
        if (argc != 2)
                return 2;

        try_socket("unix-socket", AF_UNIX, SOCK_STREAM, 0);
        try_socket("netlink-socket", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        try_socket("tcp-socket", AF_INET, SOCK_STREAM, 0);
        try_socket("tcp6-socket", AF_INET6, SOCK_STREAM, 0);
        try_socket("udp-socket", AF_INET, SOCK_DGRAM, 0);
        try_socket("packet-socket", AF_PACKET, SOCK_RAW, 0);
        try_write("write-etc", "/etc");
        try_write("write-usr", "/usr");
        try_write("write-var", "/var/lib");
        try_write("write-run", "/run");
        try_write("write-home", "/root");
        try_map("map-write-exec", PROT_READ | PROT_WRITE | PROT_EXEC, -1);
        try_make_executable();
        try_own_program("runtime-directory", argv[1]);
        try_own_program("tmp", "/tmp");
        try_own_program("var-tmp", "/var/tmp");
        try_own_program("shm", "/dev/shm");
        try_set_link_up();
        say("set-hostname", sethostname("ifroster-test", strlen("ifroster-test")));
        say("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
        (void) umount2("/mnt", MNT_DETACH);
        say("new-user-namespace", unshare(CLONE_NEWUSER));
        say("chroot", chroot("/usr"));
        return EXIT_SUCCESS;
}
