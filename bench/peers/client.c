/* Browsers of a benchmark: any number of WebSocket clients, one user each, on one thread.

   client PORT SOURCE     (SOURCE: the last octet of the loopback address to come from)

   Orders come by standard input, one a line; each is answered with one line when it is done.
     open N        connect and subscribe users 1..N; answers the seconds that took
     stall N       the first N stop reading
     reset         forget frames and latencies
     expect N      wait for N balance frames; answers the monotonic time of the last one
     quiet MS      wait until no frame has come for so long; answers the same
     final X       answers how many users were last shown a UNI balance of X
     report        answers frames, corrupt frames, and p50 and p99 in ms of their latencies
     close         drop all connections
   A balance frame's latency is its arrival minus its TON balance: the bench books the time. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef DEFLATE
#include <zlib.h>
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#else
#define OFFER ""
#endif

enum { CONNECTING, UPGRADING, SUBSCRIBING, LIVE, GONE };
enum { AT_ONCE = 128, MOST = 1 << 20, SAMPLES = 1 << 22 };

struct browser {
  int fd, state, user;
  size_t have, room;
  char *data;
  double shown;
  void *inflating;
};

static struct browser *all;
static int count, opened, live, epoll_fd, port, source;
static long frames, corrupt, awaited = -1;
static double last_frame, quiet_for = -1, open_since = -1;
static float *samples;
static long taken;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) { perror(what); exit(1); }

static void say(struct browser *b, const char *text, size_t size) {
  if (send(b->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) fprintf(stderr, "lost a browser\n");
}

static void start(struct browser *b) {
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
  int one = 1;
  from.sin_addr.s_addr = htonl(0x7f000000 + source);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  b->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (b->fd < 0) die("socket");
  setsockopt(b->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(b->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(b->fd, (void *)&from, sizeof from)) die("bind");
  if (connect(b->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
  b->state = CONNECTING;
  b->have = 0;
  b->shown = -1;
  struct epoll_event e = {.events = EPOLLOUT, .data.ptr = b};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, b->fd, &e)) die("epoll_ctl");
}

static void upgrade(struct browser *b) {
  char text[512];
  int size = snprintf(text, sizeof text,
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Origin: http://127.0.0.1:%d\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    OFFER "\r\n", port, port);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = b};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, b->fd, &e);
  b->state = UPGRADING;
  say(b, text, size);
}

static void subscribe(struct browser *b) {
  char text[128] = {(char)0x81, 0, 0, 0, 0, 0}; /* masked, with a mask of zeros */
  int size = snprintf(text + 6, sizeof text - 6, "{\"type\":\"subscribe\",\"userId\":%d}", b->user);
  text[1] = (char)(0x80 | size);
  b->state = SUBSCRIBING;
  say(b, text, size + 6);
}

static void pong(struct browser *b, const char *payload, size_t size) {
  char text[6 + 125] = {(char)0x8a, (char)(0x80 | size), 0, 0, 0, 0};
  memcpy(text + 6, payload, size);
  say(b, text, size + 6);
}

static double number_after(const char *text, size_t size, const char *key) {
  const char *at = memmem(text, size, key, strlen(key));
  return at ? strtod(at + strlen(key), NULL) : -1;
}

static int begins(const char *text, size_t size, const char *with) {
  return size >= strlen(with) && !memcmp(text, with, strlen(with));
}

static void balance(struct browser *b, const char *text, size_t size, double at) {
  double user = number_after(text, size, "\"userId\":");
  double uni = number_after(text, size, "\"balanceUni\":");
  double ton = number_after(text, size, "\"balanceTon\":");
  if (text[size - 1] != '}' || user != b->user || uni < b->shown || ton < 0) corrupt++;
  b->shown = uni;
  frames++;
  last_frame = at;
  if (ton > 0 && taken < SAMPLES) samples[taken++] = (at - ton) * 1e3;
}

static void message(struct browser *b, const char *text, size_t size, double at) {
  if (begins(text, size, "{\"type\":\"balance_update\"")) balance(b, text, size, at);
  else if (begins(text, size, "{\"type\":\"subscription_confirmed\"")) {
    if (b->state == SUBSCRIBING) { b->state = LIVE; live++; if (opened < count) start(&all[opened++]); }
  } else if (!begins(text, size, "{\"type\":\"connection_established\"")) corrupt++;
}

static void leave(struct browser *b) {
  if (b->state == LIVE) live--;
  if (b->state != GONE) close(b->fd);
#ifdef DEFLATE
  if (b->inflating) inflateEnd(b->inflating);
#endif
  free(b->inflating);
  b->inflating = NULL;
  b->state = GONE;
}

/* Unpacks a compressed message; the server may refer to all that it has sent before. */
static void unpack(struct browser *b, char *text, size_t size, double at) {
#ifdef DEFLATE
  static char whole[MOST];
  static unsigned char tail[] = {0, 0, 255, 255};
  z_stream *z = b->inflating;
  if (!z) {
    z = b->inflating = calloc(1, sizeof *z);
    if (inflateInit2(z, -15) != Z_OK) die("inflate");
  }
  z->next_out = (unsigned char *)whole;
  z->avail_out = sizeof whole;
  z->next_in = (unsigned char *)text;
  z->avail_in = size;
  int first = inflate(z, Z_SYNC_FLUSH);
  z->next_in = tail;
  z->avail_in = sizeof tail;
  int second = inflate(z, Z_SYNC_FLUSH);
  if ((first != Z_OK && first != Z_BUF_ERROR) || (second != Z_OK && second != Z_BUF_ERROR)) {
    corrupt++; leave(b); return;
  }
  message(b, whole, sizeof whole - z->avail_out, at);
#else
  corrupt++; /* it was not offered */
#endif
}

/* Takes one frame off the front; 0 if there is no whole one. */
static size_t frame(struct browser *b, char *text, size_t size, double at) {
  const unsigned char *u = (const unsigned char *)text;
  size_t length, head = 2;
  if (size < 2) return 0;
  length = u[1] & 127;
  if (length == 126) { if (size < 4) return 0; length = u[2] << 8 | u[3]; head = 4; }
  else if (length == 127) {
    if (size < 10) return 0;
    length = 0; head = 10;
    for (int i = 2; i < 10; i++) length = length << 8 | u[i];
  }
  if (u[1] & 128 || length > MOST || (u[0] != 0x81 && u[0] != 0xc1 && (u[0] & 0xf8) != 0x88)) {
    corrupt++; leave(b); return 0; /* nothing after this can be told apart */
  }
  if (size < head + length) return 0;
  if (u[0] == 0x89 && length < 126) pong(b, text + head, length);
  else if (u[0] == 0x81) message(b, text + head, length, at);
  else if (u[0] == 0xc1) unpack(b, text + head, length, at);
  return head + length;
}

static void hear(struct browser *b) {
  if (b->room - b->have < 2048) {
    b->room = b->room ? b->room * 2 : 4096;
    b->data = realloc(b->data, b->room);
  }
  ssize_t got = recv(b->fd, b->data + b->have, b->room - b->have, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { leave(b); return; }
  double at = now();
  size_t used = 0, size;
  b->have += got;
  if (b->state == UPGRADING) {
    char *end = memmem(b->data, b->have, "\r\n\r\n", 4);
    if (!end) return;
    if (!begins(b->data, b->have, "HTTP/1.1 101")) { fprintf(stderr, "%.60s\n", b->data); exit(1); }
    used = end + 4 - b->data;
    subscribe(b);
  }
  while (b->state != GONE && (size = frame(b, b->data + used, b->have - used, at))) used += size;
  memmove(b->data, b->data + used, b->have -= used);
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void report(void) {
  qsort(samples, taken, sizeof *samples, by_size);
  printf("%ld %ld %.3f %.3f\n", frames, corrupt, taken ? samples[taken / 2] : 0,
         taken ? samples[taken * 99 / 100] : 0);
}

static void order(char *line) {
  long n = strtol(strchr(line, ' ') ? strchr(line, ' ') : "0", NULL, 10);
  if (begins(line, strlen(line), "open")) {
    all = calloc(n, sizeof *all);
    count = n; opened = live = 0; open_since = now();
    for (int i = 0; i < n; i++) all[i].user = i + 1;
    while (opened < count && opened < AT_ONCE) start(&all[opened++]);
    return;
  }
  if (begins(line, strlen(line), "expect")) { awaited = n; return; }
  if (begins(line, strlen(line), "quiet")) { quiet_for = n / 1e3; last_frame = now(); return; }
  if (begins(line, strlen(line), "report")) { report(); return; }
  if (begins(line, strlen(line), "stall"))
    for (int i = 0; i < n; i++) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, all[i].fd, NULL);
  if (begins(line, strlen(line), "reset")) frames = taken = corrupt = 0;
  if (begins(line, strlen(line), "final")) {
    int right = 0;
    for (int i = 0; i < count; i++) right += all[i].shown == n;
    printf("%d\n", right);
    return;
  }
  if (begins(line, strlen(line), "close")) {
    for (int i = 0; i < count; i++) { leave(&all[i]); free(all[i].data); }
    free(all);
    count = live = 0;
  }
  puts("ok");
}

static void answer(void) {
  if (open_since >= 0 && live == count) { printf("%.4f\n", now() - open_since); open_since = -1; }
  if (awaited >= 0 && frames >= awaited) { printf("%.6f\n", last_frame); awaited = -1; }
  if (quiet_for >= 0 && now() - last_frame >= quiet_for) { printf("%.6f\n", last_frame); quiet_for = -1; }
}

int main(int argc, char **argv) {
  static struct epoll_event ready[512];
  char line[128];
  struct rlimit files;
  if (argc != 3) return 2;
  port = atoi(argv[1]);
  source = atoi(argv[2]);
  samples = malloc(SAMPLES * sizeof *samples);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  setvbuf(stdout, NULL, _IOLBF, 0);
  epoll_fd = epoll_create1(0);
  struct epoll_event orders = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &orders);
  for (;;) {
    int n = epoll_wait(epoll_fd, ready, 512, quiet_for >= 0 ? 5 : 1000);
    for (int i = 0; i < n; i++) {
      struct browser *b = ready[i].data.ptr;
      if (!b) {
        if (!fgets(line, sizeof line, stdin)) return 0;
        order(line);
      } else if (b->state == CONNECTING) upgrade(b);
      else if (b->state != GONE) hear(b);
    }
    answer();
  }
}
