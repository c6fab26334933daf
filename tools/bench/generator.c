// The load generator of `npm run bench`: one thread, epoll, open loop. Built on demand by src/build-native.ts.
//
//   generator PORT PLAN MARK PREFIX SUFFIX ACKS [WATCHERS]
//
// PLAN has a line per connection, driver 0, its WATCHERS (1), driver 1, ...: path TAB header|- TAB first message|- TAB ready marker|-.
// A path `:8081/x` goes to that port instead of PORT.
// A driver sends PREFIX {"type":"fix",...} SUFFIX. Received messages that hold MARK near their start are deliveries.
// ACKS=1: drivers receive `"type":"ack"` with `"stored":N`; a run then also waits for every watermark.
//
// stdin:  run RATE SECONDS LEAD DRAIN | quit          stdout: ready, begin, end, result {json}, one line each
//
// No time travels in the payload. Fix n of a run is due at start + n/RATE and belongs to driver n mod D, as its k-th. The latitude
// carries k: base(driver) + STEP * k, in units of 1e-7 degree, which every peer hands on exactly. So a delivery names its fix, the fix
// names the moment it was due, and latency counts from that moment whether or not the send was on time.
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP 49             /* 1e-7 degree a fix: 54 cm; positions.ts holds the same three numbers */
#define PENDING_MAX (1 << 20)
#define HANDSHAKES 64       /* at a time */
#define ROUND 128           /* receives, then sends, at most, before the other has its turn */
#define NEAR 96             /* bytes in which a message must name its type */
#define TICK 200000ll       /* ns: I/O happens once a tick, so that work comes in batches; latency is read up to this much too high */
#define ON_TIME 1000000000ll /* ns after the window in which a delivery still counts as delivered */

enum { CONNECTING, GREETING, READY, GONE };
typedef struct {
  int fd, state, watcher, driver, port; /* watcher: 0 for the driver, else which of them */
  char *in, *out;
  size_t in_len, in_cap, out_len, out_cap;
  int64_t last_k, stored;
  const char *path, *header, *first, *marker;
} Conn;

static Conn *conns;
static int conn_count, drivers, watchers = 1, ready_count, epoll_fd, expects_acks;
static const char *mark, *prefix, *suffix;
static size_t mark_len, prefix_len, suffix_len;
static int64_t stored_sum, fixes_before; /* fixes_before: sent by each driver in earlier runs */
static uint64_t errors, closed, rejected, conflated;
static char first_error[400];

static struct {
  int active, windowed;
  int64_t start, end, wall_ms, total, lead, next;
  double rate;
  uint32_t *latency, *lateness; /* us + 1; 0: not yet; latency of each fix for each watcher */
  uint64_t delivered, on_time, arrived_in_window, duplicates, disordered, garbled, stray, unsent;
} run;

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static void die(const char *what) {
  fprintf(stderr, "generator: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static void append(char **buffer, size_t *len, size_t *cap, const char *data, size_t n) {
  if (*len + n > *cap) {
    *cap = (*len + n) * 2 + 4096;
    *buffer = realloc(*buffer, *cap);
    if (!*buffer) die("memory");
  }
  memcpy(*buffer + *len, data, n);
  *len += n;
}

static void interest(Conn *c, uint32_t events, int op) {
  struct epoll_event e = {.events = events, .data.ptr = c};
  epoll_ctl(epoll_fd, op, c->fd, &e);
}

static void drop(Conn *c) {
  if (c->state == GONE) return;
  if (c->state != READY) die("a connection was closed in its greeting");
  c->state = GONE;
  closed++;
  close(c->fd);
}

/* What the kernel does not take now waits here; nothing is thrown away below PENDING_MAX. */
static int put(Conn *c, const char *data, size_t n) {
  if (c->state == GONE) return 0;
  if (c->out_len > 0) {
    if (c->out_len + n > PENDING_MAX) return 0;
    append(&c->out, &c->out_len, &c->out_cap, data, n);
    return 1;
  }
  ssize_t w = send(c->fd, data, n, MSG_NOSIGNAL);
  if (w == (ssize_t)n) return 1;
  if (w < 0 && errno != EAGAIN) return drop(c), 0;
  size_t taken = w < 0 ? 0 : (size_t)w;
  append(&c->out, &c->out_len, &c->out_cap, data + taken, n - taken);
  interest(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  return 1;
}

static void flush_pending(Conn *c) {
  ssize_t w = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
  if (w < 0) return errno == EAGAIN ? (void)0 : drop(c);
  memmove(c->out, c->out + w, c->out_len - (size_t)w);
  c->out_len -= (size_t)w;
  if (c->out_len == 0) interest(c, EPOLLIN, EPOLL_CTL_MOD);
}

/* A masked client frame in place: the payload lies at frame + 8, the header is written before it. Returns where it starts. */
static char *seal(char *frame, size_t n, int opcode, size_t *whole) {
  static const unsigned char key[8] = {0xa5, 0x3c, 0x96, 0x0f, 0xa5, 0x3c, 0x96, 0x0f};
  uint64_t wide, word;
  memcpy(&wide, key, 8);
  char *payload = frame + 8;
  for (size_t i = 0; i < n; i += 8) {
    memcpy(&word, payload + i, 8);
    word ^= wide;
    memcpy(payload + i, &word, 8);
  }
  size_t head = n < 126 ? 6 : 8;
  unsigned char *h = (unsigned char *)payload - head;
  h[0] = (unsigned char)(0x80 | opcode);
  h[1] = (unsigned char)(0x80 | (n < 126 ? n : 126));
  if (n >= 126) h[2] = (unsigned char)(n >> 8), h[3] = (unsigned char)n;
  memcpy(payload - 4, key, 4);
  *whole = head + n;
  return (char *)h;
}

static int put_message(Conn *c, int opcode, const char *text, size_t n) {
  char frame[8 + 4096 + 8];
  if (n > 4096) die("message too long");
  memcpy(frame + 8, text, n);
  size_t whole;
  char *at = seal(frame, n, opcode, &whole);
  return put(c, at, whole);
}

static char *put_text(char *p, const char *text, size_t n) { return memcpy(p, text, n), p + n; }
static char *put_digits(char *p, int64_t v, int width) { /* width 0: as many as it takes */
  char digits[24];
  int n = 0;
  while (v > 0 || n < (width ? width : 1)) digits[n++] = (char)('0' + v % 10), v /= 10;
  while (n) *p++ = digits[--n];
  return p;
}

static int64_t base_lat(int driver) { return 370000000ll + (driver % 40) * 100000ll; }
static int64_t base_lng(int driver) { return 1210000000ll + (driver / 40) * 100000ll; } /* west */
static int64_t due(int64_t n) { return run.start + (int64_t)((double)n * 1e9 / run.rate); }

static void send_fix(int64_t n) {
#define LITERAL(text) p = put_text(p, text, sizeof text - 1)
  int driver = (int)(n % drivers);
  int64_t k = fixes_before + n / drivers, lat = base_lat(driver) + STEP * k, lng = base_lng(driver);
  char frame[1024], *p = put_text(frame + 8, prefix, prefix_len);
  LITERAL("{\"type\":\"fix\",\"seq\":");
  p = put_digits(p, k + 1, 0);
  LITERAL(",\"lat\":");
  p = put_digits(p, lat / 10000000, 0);
  *p++ = '.';
  p = put_digits(p, lat % 10000000, 7);
  LITERAL(",\"lng\":-");
  p = put_digits(p, lng / 10000000, 0);
  *p++ = '.';
  p = put_digits(p, lng % 10000000, 7);
  LITERAL(",\"timestamp\":");
  p = put_digits(p, run.wall_ms + (due(n) - run.start) / 1000000, 0);
  LITERAL(",\"speed\":36.5,\"bearing\":0,\"accuracy\":8}");
  p = put_text(p, suffix, suffix_len);
  size_t whole;
  char *at = seal(frame, (size_t)(p - frame - 8), 1, &whole);
  if (!put(&conns[driver * (1 + watchers)], at, whole)) run.unsent++;
}

/* Degrees as an integer of 1e-7, or -1 when there are more digits than that. */
static int64_t degrees(const char *p, const char *end) {
  int64_t v = 0;
  int decimals = -1;
  for (; p < end && ((*p >= '0' && *p <= '9') || *p == '.'); p++) {
    if (*p == '.') decimals = 0;
    else {
      v = v * 10 + (*p - '0');
      if (decimals >= 0 && ++decimals > 7) return -1;
    }
  }
  for (decimals = decimals < 0 ? 0 : decimals; decimals < 7; decimals++) v *= 10;
  return v;
}

static void delivered(Conn *c, const char *text, size_t n, int64_t now) {
  const char *at = memmem(text, n, "\"lat\":", 6);
  int64_t offset = at ? degrees(at + 6, text + n) - base_lat(c->driver) : -1;
  if (offset < 0 || offset % STEP) { run.garbled++; return; }
  int64_t k = offset / STEP, index = (k - fixes_before) * drivers + c->driver;
  if (!run.active || index < 0 || index >= run.total) { run.stray++; return; }
  if (run.windowed) run.arrived_in_window++;
  uint32_t *latency = &run.latency[index * watchers + c->watcher - 1];
  if (*latency) { run.duplicates++; return; }
  if (k <= c->last_k) run.disordered++;
  c->last_k = k;
  int64_t us = (now - due(index)) / 1000;
  *latency = us < 0 ? 1 : us > 0xfffffff0ll ? 0xfffffff0u : (uint32_t)us + 1;
  run.delivered++;
  if (index >= run.lead && now <= run.end + ON_TIME) run.on_time++;
}

static void acknowledged(Conn *c, const char *text, size_t n) {
  const char *at = memmem(text, n, "\"stored\":", 9);
  if (!at) return;
  int64_t stored = strtoll(at + 9, NULL, 10);
  stored_sum += stored - c->stored;
  c->stored = stored;
  if (memmem(text, n, "\"rejected\":[{", 13)) rejected++;
}

static void greet_done(Conn *c) {
  c->state = READY;
  ready_count++;
}

static void message(Conn *c, int opcode, const char *text, size_t n, int64_t now) {
  if (opcode == 9) { put_message(c, 10, text, n); return; }
  if (opcode == 8) { drop(c); return; }
  if (opcode != 1 && opcode != 2) return;
  size_t near = n < NEAR ? n : NEAR;
  if (c->state == READY && c->watcher && memmem(text, near, mark, mark_len)) { delivered(c, text, n, now); return; }
  if (n == 1 && *text == '2') { put_message(c, 1, "3", 1); return; } /* Engine.IO's ping */
  if (memmem(text, near, "\"type\":\"error\"", 14)) {
    errors++;
    if (!*first_error) {
      size_t o = 0;
      for (size_t i = 0; i < n && o < sizeof first_error - 3; i++) {
        if (text[i] == '"' || text[i] == '\\') first_error[o++] = '\\';
        first_error[o++] = text[i];
      }
    }
    if (c->state == GREETING) { fprintf(stderr, "generator: refused: %.*s\n", (int)n, text); exit(1); }
  }
  if (c->state == GREETING && c->marker && memmem(text, n, c->marker, strlen(c->marker))) greet_done(c);
  if (expects_acks && !c->watcher && memmem(text, near, "\"type\":\"ack\"", 12)) acknowledged(c, text, n);
  if (memmem(text, near, "\"type\":\"conflated\"", 18)) conflated++;
}

/* Takes whole frames from the front; returns the bytes used. */
static size_t frames(Conn *c, const char *data, size_t len, int64_t now) {
  size_t o = 0;
  while (c->state != GONE && len - o >= 2) {
    const unsigned char *q = (const unsigned char *)data + o;
    size_t head = 2, n = q[1] & 127;
    if (n == 126) {
      if (len - o < 4) break;
      n = (size_t)q[2] << 8 | q[3], head = 4;
    } else if (n == 127) {
      if (len - o < 10) break;
      n = 0, head = 10;
      for (int i = 0; i < 8; i++) n = n << 8 | q[2 + i];
    }
    if (len - o < head + n) break;
    message(c, q[0] & 15, (const char *)q + head, n, now);
    o += head + n;
  }
  return o;
}

static size_t handshake(Conn *c, const char *data, size_t len) {
  const char *end = memmem(data, len, "\r\n\r\n", 4);
  if (!end) return 0;
  if (strncmp(data, "HTTP/1.1 101", 12)) {
    fprintf(stderr, "generator: handshake of %s refused: %.*s\n", c->path, (int)(len < 300 ? len : 300), data);
    exit(1);
  }
  c->state = GREETING;
  if (c->first) put_message(c, 1, c->first, strlen(c->first));
  if (!c->marker) greet_done(c);
  return (size_t)(end + 4 - data);
}

static void receive(Conn *c) {
  static char buffer[1 << 18];
  ssize_t r = recv(c->fd, buffer, sizeof buffer, 0);
  if (r == 0 || (r < 0 && errno != EAGAIN)) { drop(c); return; }
  if (r < 0) return;
  int64_t now = now_ns();
  char *data = buffer;
  size_t len = (size_t)r;
  if (c->in_len) append(&c->in, &c->in_len, &c->in_cap, buffer, len), data = c->in, len = c->in_len;
  size_t used = c->state == CONNECTING ? handshake(c, data, len) : 0;
  if (c->state != CONNECTING) used += frames(c, data + used, len - used, now);
  if (data == c->in) memmove(c->in, c->in + used, len - used), c->in_len = len - used;
  else if (used < len) append(&c->in, &c->in_len, &c->in_cap, data + used, len - used);
}

/* One round of I/O, waiting for at most `wait` ns. Returns 1 when stdin has something. */
static int serve(int64_t wait) {
  struct epoll_event events[ROUND];
  struct timespec t = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
  int n = epoll_pwait2(epoll_fd, events, ROUND, &t, NULL), command = 0;
  if (n < 0 && errno != EINTR) die("epoll");
  for (int i = 0; i < n; i++) {
    Conn *c = events[i].data.ptr;
    if (!c) { command = 1; continue; }
    if (c->state == GONE) continue;
    if (events[i].events & EPOLLOUT) flush_pending(c);
    if (c->state != GONE && events[i].events & ~(uint32_t)EPOLLOUT) receive(c);
  }
  return command;
}

static void connect_all(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int opened = 0, one = 1;
  int64_t start = now_ns();
  while (ready_count < conn_count) {
    for (; opened < conn_count && opened - ready_count < HANDSHAKES; opened++) {
      Conn *c = &conns[opened];
      if (!c->port) c->port = port;
      to.sin_port = htons((uint16_t)c->port);
      c->fd = socket(AF_INET, SOCK_STREAM, 0);
      if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
      setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      fcntl(c->fd, F_SETFL, O_NONBLOCK);
      char request[4096];
      int n = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: d2F5Y2FzdC1iZW5jaC4uLg==\r\nSec-WebSocket-Version: 13\r\n%s%s\r\n",
                       c->path, c->port, c->header ? c->header : "", c->header ? "\r\n" : "");
      interest(c, EPOLLIN, EPOLL_CTL_ADD);
      put(c, request, (size_t)n);
    }
    serve(100000000);
    if (now_ns() - start > 60000000000ll) {
      fprintf(stderr, "generator: only %d of %d connections were ready in 60 s\n", ready_count, conn_count);
      exit(1);
    }
  }
  printf("ready %d %.3f\n", conn_count, (double)(now_ns() - start) / 1e9);
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}
/* ms at quantile q of n sorted values of us + 1; -1 when it lies among the ones that never came */
static double quantile(const uint32_t *sorted, int64_t n, double q) {
  uint32_t v = n ? sorted[(int64_t)((double)(n - 1) * q)] : 0;
  return v == 0 || v == UINT32_MAX ? -1 : (v - 1) / 1000.0;
}

static void result(double seconds, double stored_ms, double drained_ms, int complete) {
  int64_t fixes = run.total - run.lead, n = fixes * watchers;
  uint32_t *latency = run.latency + run.lead * watchers, *lateness = run.lateness + run.lead;
  for (int64_t i = 0; i < n; i++) if (!latency[i]) latency[i] = UINT32_MAX;
  qsort(latency, (size_t)n, 4, ascending);
  qsort(lateness, (size_t)fixes, 4, ascending);
  printf("result {\"rate\":%.0f,\"seconds\":%.3f,\"intended\":%lld,\"onTime\":%llu,\"sentTotal\":%lld,\"deliveredTotal\":%llu,"
         "\"arrivedInWindow\":%llu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,",
         run.rate, seconds, (long long)n, (unsigned long long)run.on_time, (long long)run.total, (unsigned long long)run.delivered,
         (unsigned long long)run.arrived_in_window, quantile(latency, n, .5), quantile(latency, n, .9), quantile(latency, n, .99),
         quantile(latency, n, .999), quantile(latency, n, 1));
  printf("\"lateP50\":%.3f,\"lateP99\":%.3f,\"lateMax\":%.3f,\"unsent\":%llu,\"duplicates\":%llu,\"disordered\":%llu,\"garbled\":%llu,"
         "\"stray\":%llu,\"errors\":%llu,\"rejected\":%llu,\"conflated\":%llu,\"closed\":%llu,",
         quantile(lateness, fixes, .5), quantile(lateness, fixes, .99), quantile(lateness, fixes, 1), (unsigned long long)run.unsent,
         (unsigned long long)run.duplicates, (unsigned long long)run.disordered, (unsigned long long)run.garbled,
         (unsigned long long)run.stray, (unsigned long long)errors, (unsigned long long)rejected, (unsigned long long)conflated,
         (unsigned long long)closed);
  printf("\"acknowledges\":%s,\"storedSum\":%lld,\"sentSum\":%lld,\"storedMs\":%.1f,\"drainedMs\":%.1f,\"complete\":%s,\"firstError\":\"%s\"}\n",
         expects_acks ? "true" : "false", (long long)stored_sum, (long long)(fixes_before * drivers), stored_ms, drained_ms,
         complete ? "true" : "false", first_error);
}

/* Sleeps until the tick after the one that `round` began in, unless that has passed. */
static void doze(int64_t round, int64_t now) {
  int64_t next = (round / TICK + 1) * TICK;
  struct timespec t = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000};
  if (now < next) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void measure(double rate, double seconds, double lead, double drain) {
  memset(&run, 0, sizeof run);
  run.rate = rate;
  run.total = ((int64_t)(rate * (seconds + lead)) + drivers - 1) / drivers * drivers;
  run.lead = (int64_t)(rate * lead);
  run.latency = calloc((size_t)(run.total * watchers), 4);
  run.lateness = calloc((size_t)run.total, 4);
  if (!run.latency || !run.lateness) die("memory");
  memset(run.latency, 0, (size_t)(run.total * watchers) * 4); /* touched now: no page faults inside the window */
  memset(run.lateness, 0, (size_t)run.total * 4);
  run.start = now_ns() + 1000000;
  run.wall_ms = clock_ns(CLOCK_REALTIME) / 1000000;
  run.end = due(run.total);
  run.active = 1;
  int64_t window = due(run.lead), sent_sum = (fixes_before + run.total / drivers) * drivers, stored_at = 0, drained_at = 0;
  int begun = 0, ended = 0;
  for (;;) {
    int64_t now = now_ns();
    if (!begun && now >= window) begun = run.windowed = 1, puts("begin");
    int burst = 0;
    for (; run.next < run.total && burst < ROUND && due(run.next) <= now; run.next++, burst++, now = now_ns()) {
      int64_t late = (now - due(run.next)) / 1000;
      run.lateness[run.next] = late > 0xfffffff0ll ? 0xfffffff0u : (uint32_t)late + 1;
      send_fix(run.next);
    }
    if (!ended && run.next == run.total && now >= run.end) ended = 1, run.windowed = 0, puts("end");
    if (!drained_at && run.delivered == (uint64_t)(run.total * watchers)) drained_at = now;
    if (!stored_at && (!expects_acks || stored_sum >= sent_sum)) stored_at = now;
    if (ended && ((drained_at && stored_at) || now - run.end > (int64_t)(drain * 1e9))) break;
    serve(0);
    if (burst < ROUND) doze(now, now_ns());
  }
  fixes_before += run.total / drivers;
  result((double)(run.end - window) / 1e9, stored_at ? (double)(stored_at - run.end) / 1e6 : -1,
         drained_at ? (double)(drained_at - run.end) / 1e6 : -1, drained_at && stored_at);
  run.active = 0;
  free(run.latency);
  free(run.lateness);
}

static const char *field(char **rest) {
  char *text = strsep(rest, "\t");
  return text && strcmp(text, "-") ? text : NULL;
}

static void load_plan(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  char *line = NULL;
  size_t cap = 0;
  ssize_t n;
  for (int room = 0; (n = getline(&line, &cap, file)) > 0; conn_count++) {
    if (conn_count == room) conns = realloc(conns, sizeof *conns * (size_t)(room = room * 2 + 256));
    if (!conns) die("memory");
    line[n - 1] = 0;
    char *rest = strdup(line);
    Conn *c = &conns[conn_count];
    *c = (Conn){.fd = -1, .driver = conn_count / (1 + watchers), .watcher = conn_count % (1 + watchers), .last_k = -1};
    c->path = field(&rest);
    if (c->path && *c->path == ':') c->port = (int)strtol(c->path + 1, (char **)&c->path, 10);
    c->header = field(&rest), c->first = field(&rest), c->marker = field(&rest);
  }
  fclose(file);
  drivers = conn_count / (1 + watchers);
  if (!drivers) die("empty plan");
}

int main(int argc, char **argv) {
  if (argc != 7 && argc != 8) return fputs("generator PORT PLAN MARK PREFIX SUFFIX ACKS [WATCHERS]\n", stderr), 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  prctl(PR_SET_TIMERSLACK, 1000);
  if (argc == 8) watchers = atoi(argv[7]);
  if (watchers < 1) return fputs("generator: a driver has at least one watcher\n", stderr), 2;
  load_plan(argv[2]);
  mark = argv[3], prefix = argv[4], suffix = argv[5], expects_acks = atoi(argv[6]);
  mark_len = strlen(mark), prefix_len = strlen(prefix), suffix_len = strlen(suffix);
  epoll_fd = epoll_create1(0);
  connect_all(atoi(argv[1]));
  struct epoll_event in = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &in);
  for (char line[256];;) {
    while (!serve(1000000000)) {}
    double rate, seconds, lead, drain;
    if (!fgets(line, sizeof line, stdin) || !strncmp(line, "quit", 4)) return 0;
    if (sscanf(line, "run %lf %lf %lf %lf", &rate, &seconds, &lead, &drain) == 4) measure(rate, seconds, lead, drain);
  }
}
