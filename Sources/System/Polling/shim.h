// One way to wait for many sockets, whatever the system has for it: epoll or kqueue. Neither is reached from Swift alone
// on every system.
#ifndef SMARTCONNECTOR_CPOLLING_H
#define SMARTCONNECTOR_CPOLLING_H

#ifdef __linux__
#include <sys/epoll.h>
#else
#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

// Which socket can go on. A socket that failed or that the other side has left can be read and written: either tells why.
struct polling_event {
    uint64_t tag;
    int can_read;
    int can_write;
    int is_broken;
};

enum { polling_batch = 128 };

#ifdef __linux__

static inline int polling_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int polling_set(int polling, int socket, uint64_t tag, int reads, int writes, int is_new) {
    struct epoll_event event;
    event.events = (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0);
    event.data.u64 = tag;
    return epoll_ctl(polling, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
}

static inline int polling_wait(int polling, struct polling_event *found, int milliseconds) {
    struct epoll_event events[polling_batch];
    int count = epoll_wait(polling, events, polling_batch, milliseconds);
    for (int index = 0; index < count; index++) {
        uint32_t what = events[index].events;
        int is_broken = (what & (EPOLLERR | EPOLLHUP)) != 0;
        found[index] = (struct polling_event){
            events[index].data.u64, (what & EPOLLIN) != 0, (what & EPOLLOUT) != 0, is_broken};
    }
    return count;
}

#else

static inline int polling_open(void) {
    int polling = kqueue();
    if (polling >= 0) fcntl(polling, F_SETFD, FD_CLOEXEC);
    return polling;
}

static inline int polling_set(int polling, int socket, uint64_t tag, int reads, int writes, int is_new) {
    (void)is_new;
    struct kevent changes[2];
    void *data = (void *)(uintptr_t)tag;
    EV_SET(&changes[0], socket, EVFILT_READ, EV_ADD | (reads ? EV_ENABLE : EV_DISABLE), 0, 0, data);
    EV_SET(&changes[1], socket, EVFILT_WRITE, EV_ADD | (writes ? EV_ENABLE : EV_DISABLE), 0, 0, data);
    return kevent(polling, changes, 2, NULL, 0, NULL);
}

static inline int polling_wait(int polling, struct polling_event *found, int milliseconds) {
    struct kevent events[polling_batch];
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    int count = kevent(polling, NULL, 0, events, polling_batch, &time);
    for (int index = 0; index < count; index++) {
        int reads = events[index].filter == EVFILT_READ, writes = events[index].filter == EVFILT_WRITE;
        int is_broken = writes && (events[index].flags & EV_EOF) != 0;
        found[index] = (struct polling_event){(uint64_t)(uintptr_t)events[index].udata, reads, writes, is_broken};
    }
    return count;
}

#endif

// A connection that somebody has opened: it blocks nobody, and no program that is started from here inherits it.
static inline int polling_accept(int listener, struct sockaddr_storage *address) {
    socklen_t size = sizeof *address;
    int socket = accept(listener, (struct sockaddr *)address, &size);
    if (socket < 0) return socket;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A call may take minutes in which nothing is sent. Balancers and firewalls forget a connection sooner than that.
    int idle = 30, interval = 15;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef __APPLE__
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPALIVE, &idle, sizeof idle);
#else
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
#endif
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    fcntl(socket, F_SETFL, O_NONBLOCK);
    fcntl(socket, F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
    setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return socket;
}

// Sends without a signal where the other side is gone.
static inline ssize_t polling_send(int socket, const void *bytes, size_t size) {
#ifdef MSG_NOSIGNAL
    return send(socket, bytes, size, MSG_NOSIGNAL);
#else
    return send(socket, bytes, size, 0);
#endif
}

#endif
