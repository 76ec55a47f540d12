/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Framing and queueing. A Varlink message is JSON text and one NUL, which JSON text cannot contain;
 * so messages are cut before anything is parsed, and each byte received is looked at once for it,
 * however small the pieces in which it comes.
 *
 * The text of a payload ends with the very NUL that ends the message: the string is what goes on the wire, and the queues of a thousand subscribers refer to one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "varlink-buffer.h"

/* The first size of an input buffer; nearly every request fits. */
#define INPUT_BYTES_FIRST ((size_t) 1024)

/* The items of one sendmsg(), and the calls of it in one wake-up: a peer that reads as fast as we
 * write must not keep the loop. */
#define SEND_ITEMS 64U
#define SEND_ROUNDS 4U

/* A ring that grew beyond this is given back when it is empty. */
#define QUEUE_ITEMS_KEEP ((size_t) 16)

struct VarlinkPayload {
        unsigned n_ref;
        bool shared;
        size_t size; /* with the NUL */
        char *text;
};

void varlink_input_done(VarlinkInput *input) {
        free(input->data);
        *input = (VarlinkInput){ 0 };
}

static size_t input_size(const VarlinkInput *input) {
        return input->end - input->start;
}

bool varlink_input_is_full(const VarlinkInput *input, size_t max) {
        return input_size(input) > max;
}

/* Makes room behind the end, if need be by moving what is there to the front. */
static int input_reserve(VarlinkInput *input, size_t max) {
        size_t capacity;
        char *data;

        if (input->end < input->capacity)
                return 0;

        if (input->start > 0) {
                memmove(input->data, input->data + input->start, input_size(input));
                input->end -= input->start;
                input->start = 0;
                return 0;
        }

        capacity = input->capacity == 0 ? INPUT_BYTES_FIRST : input->capacity * 2;
        capacity = CONST_MIN(capacity, max + 1);
        data = realloc(input->data, capacity);
        if (!data)
                return -ENOMEM;
        input->data = data;
        input->capacity = capacity;
        return 0;
}

static void input_count_messages(VarlinkInput *input, const char *p, size_t n) {
        const char *end = p + n, *nul;

        while ((nul = memchr(p, '\0', (size_t) (end - p)))) {
                input->n_messages++;
                p = nul + 1;
        }
}

int varlink_input_receive(VarlinkInput *input, int fd, size_t max) {
        size_t room;
        ssize_t n;
        int r;

        assert(!varlink_input_is_full(input, max));

        r = input_reserve(input, max);
        if (r < 0)
                return r;

        room = CONST_MIN(input->capacity - input->end, VARLINK_READ_BYTES);
        /* plain recv(): descriptors that somebody passes along are closed by the kernel */
        n = recv(fd, input->data + input->end, room, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ENODATA;

        input_count_messages(input, input->data + input->end, (size_t) n);
        input->end += (size_t) n;
        return 1;
}

char *varlink_input_take(VarlinkInput *input, size_t *ret_size) {
        char *message = input->data + input->start;
        char *nul;

        assert(input->n_messages > 0);

        nul = memchr(message, '\0', input_size(input));
        assert(nul);
        input->n_messages--;
        input->start = (size_t) (nul + 1 - input->data);

        *ret_size = (size_t) (nul - message);
        return message;
}

bool varlink_input_is_partial(const VarlinkInput *input) {
        return input->end > input->start && input->data[input->end - 1] != '\0';
}

void varlink_input_trim(VarlinkInput *input) {
        if (input->start == input->end)
                varlink_input_done(input);
}

static VarlinkPayload **queue_item(const VarlinkQueue *queue, size_t i) {
        return &queue->items[(queue->first + i) & (queue->capacity - 1)];
}

static void queue_count(VarlinkQueue *queue, const VarlinkPayload *payload) {
        queue->bytes += payload->size;
        if (!payload->shared)
                queue->private_bytes += payload->size;
}

/* Removes the last item or, once all of it is sent, the first. */
static void queue_uncount(VarlinkQueue *queue, VarlinkPayload *payload) {
        if (!payload->shared)
                queue->private_bytes -= payload->size;
        queue->n--;
        varlink_payload_unref(payload);
}

void varlink_queue_done(VarlinkQueue *queue) {
        for (size_t i = 0; i < queue->n; i++)
                varlink_payload_unref(*queue_item(queue, i));
        free(queue->items);
        *queue = (VarlinkQueue){ 0 };
}

static int queue_grow(VarlinkQueue *queue) {
        size_t capacity = queue->capacity == 0 ? 4 : queue->capacity * 2;
        VarlinkPayload **items;

        items = reallocarray(NULL, capacity, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < queue->n; i++)
                items[i] = *queue_item(queue, i);

        free(queue->items);
        queue->items = items;
        queue->capacity = capacity;
        queue->first = 0;
        return 0;
}

int varlink_queue_push(VarlinkQueue *queue, VarlinkPayload *payload) {
        int r;

        if (queue->n == queue->capacity) {
                r = queue_grow(queue);
                if (r < 0)
                        return r;
        }

        *queue_item(queue, queue->n++) = varlink_payload_ref(payload);
        queue_count(queue, payload);
        return 0;
}

void varlink_queue_drop_unsent(VarlinkQueue *queue) {
        size_t keep = queue->sent > 0 ? 1 : 0;

        while (queue->n > keep) {
                VarlinkPayload *payload = *queue_item(queue, queue->n - 1);

                queue->bytes -= payload->size;
                queue_uncount(queue, payload);
        }
}

static void queue_advance(VarlinkQueue *queue, size_t n) {
        queue->bytes -= n;
        queue->sent += n;

        while (queue->n > 0) {
                VarlinkPayload *payload = *queue_item(queue, 0);

                if (queue->sent < payload->size)
                        return;
                queue->sent -= payload->size;
                queue->first = (queue->first + 1) & (queue->capacity - 1);
                queue_uncount(queue, payload);
        }

        if (queue->capacity > QUEUE_ITEMS_KEEP)
                varlink_queue_done(queue);
}

/* One sendmsg(): the bytes that the socket took, 0 when it is full. */
static ssize_t queue_send_once(const VarlinkQueue *queue, int fd) {
        struct iovec iov[SEND_ITEMS];
        struct msghdr header = { .msg_iov = iov };
        size_t skip = queue->sent;
        ssize_t n;

        for (size_t i = 0; i < queue->n && i < SEND_ITEMS; i++) {
                const VarlinkPayload *payload = *queue_item(queue, i);

                iov[i].iov_base = payload->text + skip;
                iov[i].iov_len = payload->size - skip;
                skip = 0;
                header.msg_iovlen++;
        }

        n = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        return n;
}

int varlink_queue_send(VarlinkQueue *queue, int fd) {
        for (unsigned i = 0; i < SEND_ROUNDS && queue->n > 0; i++) {
                ssize_t n;

                n = queue_send_once(queue, fd);
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return 0;
                queue_advance(queue, (size_t) n);
        }
        return 0;
}

int varlink_payload_new_text(char *text, size_t size, bool shared, VarlinkPayload **ret) {
        VarlinkPayload *payload;

        payload = malloc(sizeof(*payload));
        if (!payload)
                return -ENOMEM;
        *payload = (VarlinkPayload){
                .n_ref = 1,
                .shared = shared,
                .size = size,
                .text = text,
        };

        *ret = payload;
        return 0;
}

int varlink_payload_new_message(json_t *message, VarlinkPayload **ret) {
        char *text;
        int r;

        text = json_dumps(message, JSON_COMPACT);
        if (!text)
                return -EINVAL;
        r = varlink_payload_new_text(text, strlen(text) + 1, /* shared= */ false, ret);
        if (r < 0)
                free(text);
        return r;
}

bool varlink_payload_is_shared(const VarlinkPayload *payload) {
        return payload->shared;
}

VarlinkPayload *varlink_payload_ref(VarlinkPayload *payload) {
        payload->n_ref++;
        return payload;
}

VarlinkPayload *varlink_payload_unref(VarlinkPayload *payload) {
        if (!payload || --payload->n_ref > 0)
                return NULL;

        free(payload->text);
        free(payload);
        return NULL;
}

size_t varlink_payload_size(const VarlinkPayload *payload) {
        return payload->size;
}
