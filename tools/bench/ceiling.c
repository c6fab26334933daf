// The cheapest relay we can write: what the generator and the machine can do when the server costs next to nothing.
// It is no peer. Its rows prove that the generator is not what limits the others. ceiling PORT; topics from the path, /p/N and /s/N.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOPICS 16384
typedef struct {
  int fd, topic, open, watcher;
  size_t in_len, out_len;
  char *in, *out; /* CAP bytes each; `out` only of watchers */
} Conn;
#define CAP (1 << 18)

static Conn *watchers[TOPICS];
static int epoll_fd;

static void drop(Conn *c) {
  close(c->fd);
  if (c->watcher && watchers[c->topic] == c) watchers[c->topic] = NULL;
  free(c->in);
  free(c->out);
  free(c);
}

static void give(Conn *w, const unsigned char *mask, const char *payload, size_t n) {
  size_t head = n < 126 ? 2 : 4;
  if (w->out_len + head + n > CAP) return; /* a watcher this far behind loses; the generator will say so */
  unsigned char *h = (unsigned char *)w->out + w->out_len;
  h[0] = 0x81;
  h[1] = (unsigned char)(n < 126 ? n : 126);
  if (n >= 126) h[2] = (unsigned char)(n >> 8), h[3] = (unsigned char)n;
  for (size_t i = 0; i < n; i++) h[head + i] = (unsigned char)payload[i] ^ mask[i & 3];
  w->out_len += head + n;
}

static void flush_out(Conn *w) {
  ssize_t sent = send(w->fd, w->out, w->out_len, MSG_NOSIGNAL);
  if (sent > 0) memmove(w->out, w->out + sent, w->out_len - (size_t)sent), w->out_len -= (size_t)sent;
  struct epoll_event e = {.events = EPOLLIN | (w->out_len ? EPOLLOUT : 0), .data.ptr = w};
  static int waiting;
  if (w->out_len || waiting) epoll_ctl(epoll_fd, EPOLL_CTL_MOD, w->fd, &e), waiting = 1;
}

static int upgrade(Conn *c) {
  if (!memmem(c->in, c->in_len, "\r\n\r\n", 4)) return 1;
  if (strncmp(c->in, "GET /p/", 7) && strncmp(c->in, "GET /s/", 7)) return 0;
  c->watcher = c->in[5] == 's', c->topic = atoi(c->in + 7), c->open = 1, c->in_len = 0;
  if (c->topic < 0 || c->topic >= TOPICS) return 0;
  if (c->watcher) watchers[c->topic] = c, c->out = malloc(CAP);
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  return send(c->fd, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0;
}

static int receive(Conn *c) {
  ssize_t r = recv(c->fd, c->in + c->in_len, CAP - c->in_len, 0);
  if (r <= 0) return r < 0 && errno == EAGAIN;
  c->in_len += (size_t)r;
  if (!c->open) return upgrade(c);
  size_t o = 0;
  Conn *w = watchers[c->topic];
  while (c->in_len - o >= 8) {
    const unsigned char *q = (const unsigned char *)c->in + o;
    size_t n = q[1] & 127, head = 6;
    if (n == 126) n = (size_t)q[2] << 8 | q[3], head = 8;
    if (c->in_len - o < head + n) break;
    if ((q[0] & 15) == 1 && w) give(w, q + head - 4, c->in + o + head, n);
    o += head + n;
  }
  memmove(c->in, c->in + o, c->in_len - o);
  c->in_len -= o;
  if (w && w->out_len) flush_out(w);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 2) return fputs("ceiling PORT\n", stderr), 2;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 1024) < 0) return perror("listen"), 1;
  epoll_fd = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
  puts("listening");
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < n; i++) {
      Conn *c = events[i].data.ptr;
      if (c) {
        if (events[i].events & EPOLLOUT) flush_out(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT && !receive(c)) drop(c);
        continue;
      }
      for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Conn *fresh = calloc(1, sizeof *fresh);
        fresh->fd = fd, fresh->in = malloc(CAP);
        e.events = EPOLLIN, e.data.ptr = fresh;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
      }
    }
  }
}
