/* SPDX-License-Identifier: MIT */
/* https.c - HTTP over TLS, by OpenSSL:
 * https serve PORT CERTIFICATE KEY  |  https get URL [CA-FILE]
 *
 *     openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost \
 *         -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
 *     https serve 8443 cert.pem key.pem &
 *     https get https://localhost:8443/ cert.pem
 *
 * The library links no TLS. This file makes an rv_http_layer of OpenSSL, the
 * same for both sides: an SSL object for each connection, which reads and
 * writes the socket through a BIO (an OpenSSL stream) that calls rv_io. Copy
 * everything above "the program" to use it. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct tls {
    struct rv_http_layer layer;
    SSL_CTX *context; /* certificates and options, for all connections */
    BIO_METHOD *method;
};

/* One connection. */
struct session {
    struct rv_io io;     /* what HTTP uses */
    struct rv_io *lower; /* the socket */
    SSL *ssl;
    struct rv_cx *cx; /* of the poll that is running */
    int error;        /* of the socket, in this poll; 0: none */
};

/* --- from OpenSSL to the socket ----------------------------------------- */

/* One that would have to wait has stored the waker: SSL_read() and SSL_write()
 * return, and are called again in a later poll. */
static int moved(BIO *bio, ssize_t n)
{
    struct session *self = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (n == -EAGAIN)
        BIO_set_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    else if (n < 0)
        self->error = (int)n;
    return n < 0 ? -1 : (int)n;
}

static int bio_read(BIO *bio, char *buffer, int len)
{
    struct session *self = BIO_get_data(bio);

    return moved(bio,
                 rv_io_poll_read(self->lower, self->cx, buffer, (size_t)len));
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct session *self = BIO_get_data(bio);

    return moved(bio,
                 rv_io_poll_write(self->lower, self->cx, data, (size_t)len));
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* --- from HTTP to OpenSSL ------------------------------------------------ */

static void begin(struct session *self, struct rv_cx *cx)
{
    ERR_clear_error();
    self->cx = cx;
    self->error = 0;
}

/* What a call of OpenSSL that has failed means. Returns: 0: the end;
 * -EAGAIN; -EPIPE: the end without a notice, as an attacker would do it;
 * -EKEYREJECTED: the certificate is not valid; another negative errno. */
static int reason(struct session *self, int result)
{
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return self->error < 0 ? self->error : -EPIPE;
    default:
        break;
    }
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return -EPIPE;
    return SSL_get_verify_result(self->ssl) == X509_V_OK ? -EPROTO
                                                         : -EKEYREJECTED;
}

static struct session *session_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct session, io);
}

static int at_most_int(size_t len)
{
    return len < INT32_MAX ? (int)len : INT32_MAX;
}

static ssize_t tls_read(struct rv_io *io, struct rv_cx *cx, void *buffer,
                        size_t len)
{
    struct session *self = session_of(io);
    int n;

    begin(self, cx);
    n = SSL_read(self->ssl, buffer, at_most_int(len));
    return n > 0 ? n : reason(self, n);
}

static ssize_t tls_write(struct rv_io *io, struct rv_cx *cx, const void *data,
                         size_t len)
{
    struct session *self = session_of(io);
    int n;

    if (len == 0)
        return 0;
    begin(self, cx);
    n = SSL_write(self->ssl, data, at_most_int(len));
    if (n > 0)
        return n;
    n = reason(self, n);
    return n == 0 ? -EPIPE : n; /* the peer has ended the session */
}

static int tls_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    struct session *self = session_of(io);
    int n = 0;

    begin(self, cx);
    if (SSL_is_init_finished(self->ssl))
        n = SSL_shutdown(self->ssl); /* 0: sent; 1: received too */
    if (n < 0 && reason(self, n) == -EAGAIN)
        return -EAGAIN;
    return rv_io_poll_shutdown(self->lower, cx);
}

/* --- the layer ----------------------------------------------------------- */

/* The client checks that the certificate is for this host. Returns: whether
 * OpenSSL could be told so. */
static bool expect_host(SSL *ssl, const char *host)
{
    struct in6_addr addr;

    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (inet_pton(AF_INET, host, &addr) == 1 ||
        inet_pton(AF_INET6, host, &addr) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    return SSL_set_tlsext_host_name(ssl, host) && SSL_set1_host(ssl, host);
}

static int tls_open(struct rv_http_layer *layer, struct rv_io *lower,
                    const char *host, struct rv_io **out)
{
    static const struct rv_io_ops ops = {.name = "openssl",
                                         .poll_read = tls_read,
                                         .poll_write = tls_write,
                                         .poll_shutdown = tls_shutdown};
    struct tls *tls = RV_CONTAINER_OF(layer, struct tls, layer);
    struct session *self = calloc(1, sizeof *self);
    BIO *bio = BIO_new(tls->method);
    SSL *ssl = SSL_new(tls->context);

    if (!self || !bio || !ssl || (host && !expect_host(ssl, host))) {
        SSL_free(ssl);
        BIO_free(bio);
        free(self);
        return -ENOMEM;
    }
    *self = (struct session){.io.ops = &ops, .lower = lower, .ssl = ssl};
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio); /* frees it */
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (host)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    *out = &self->io;
    return 0;
}

static void tls_close(struct rv_http_layer *layer, struct rv_io *io)
{
    struct session *self = session_of(io);

    (void)layer;
    SSL_free(self->ssl);
    free(self);
}

static void tls_fini(struct tls *tls)
{
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
}

/* Returns: false: OpenSSL has an error; call tls_fini() in any case. */
static bool tls_init(struct tls *tls)
{
    static const struct rv_http_layer_ops ops = {
        .name = "openssl", .open = tls_open, .close = tls_close};

    tls->layer.ops = &ops;
    tls->context = SSL_CTX_new(TLS_method());
    tls->method =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rv_io");
    return tls->context && tls->method &&
           SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) &&
           BIO_meth_set_read(tls->method, bio_read) &&
           BIO_meth_set_write(tls->method, bio_write) &&
           BIO_meth_set_ctrl(tls->method, bio_control);
}

/* --- the program ---------------------------------------------------------- */

struct job {
    struct tls tls;
    const char *url;
    uint16_t port;
};

static int32_t echo(struct rv_http_exchange *x, void *data)
{
    char piece[16 * 1024];
    int error = rv_http_begin(x, 200, "application/octet-stream", -1);
    int n = 0;

    (void)data;
    while (error == 0 &&
           (n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        error = rv_http_send(x, piece, (size_t)n, RV_NEVER);
    return error < 0 ? error : n;
}

static const struct rv_http_handler any_size = {.run = echo,
                                                .body_bytes = INT64_MAX};
static const struct rv_http_route routes[] = {
    {.path = "/", .body = "hello\n", .len_bytes = 6},
    {.path = "/echo", .handler = &any_size},
    {.path = NULL},
};

static int32_t serve(void *arg)
{
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct job *job = arg;
    struct rv_http_server server = {0};
    struct rv_addr addr;
    int error = rv_addr_parse(&addr, "127.0.0.1", job->port);

    if (error == 0)
        error = rv_http_server_init(&server, &addr, &handler);
    if (error == 0)
        error = rv_http_server_addr(&server, &addr);
    if (error < 0) {
        rv_drop(&server.future);
        return error;
    }
    server.layer = &job->tls.layer;
    printf("https: on https://localhost:%u\n", (unsigned)rv_addr_port(&addr));
    fflush(stdout);
    return rv_http_serve(&server, 5 * RV_NS_PER_S);
}

static int32_t get(void *arg)
{
    struct job *job = arg;
    struct rv_http_get get;
    char piece[16 * 1024];
    int n = rv_https_request_init(&get, "GET", job->url, &job->tls.layer);

    if (n < 0)
        return n;
    get.max_redirects = 10;
    rv_http_get_in_pieces(&get);
    n = rv_http_fetch(&get, rv_after_ms(60000));
    if (n == 0)
        fprintf(stderr, "https: status %d\n", get.status);
    while (n == 0 &&
           (n = rv_http_get_recv(&get, piece, sizeof piece, RV_NEVER)) > 0) {
        fwrite(piece, 1, (size_t)n, stdout);
        n = 0;
    }
    rv_drop(&get.future);
    return n;
}

static int run(int argc, char **argv)
{
    struct job job = {.url = argv[2]};
    SSL_CTX *context;
    int error = -EINVAL;
    bool done = tls_init(&job.tls);

    context = job.tls.context;
    if (done && argc == 5 && strcmp(argv[1], "serve") == 0) {
        job.port = (uint16_t)atoi(argv[2]);
        done = SSL_CTX_use_certificate_chain_file(context, argv[3]) == 1 &&
               SSL_CTX_use_PrivateKey_file(context, argv[4],
                                           SSL_FILETYPE_PEM) == 1;
        error = done ? rv_run(serve, &job) : -EKEYREJECTED;
    } else if (done && argc <= 4 && strcmp(argv[1], "get") == 0) {
        done = argc == 4 ? SSL_CTX_load_verify_file(context, argv[3]) == 1
                         : SSL_CTX_set_default_verify_paths(context) == 1;
        error = done ? rv_run_with(get, &job,
                                   &(struct rv_run_options){
                                       .coro =
                                           &(struct rv_coro_options){
                                               .stack_bytes = 256 * 1024}})
                     : -EKEYREJECTED;
    }
    tls_fini(&job.tls);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: https serve PORT CERTIFICATE KEY | get URL [CA-FILE]\n",
          where);
    return status;
}

static bool is_port(const char *text)
{
    char *end;
    const long port = strtol(text, &end, 10);

    return !*end && end != text && port >= 0 && port <= UINT16_MAX;
}

int main(int argc, char **argv)
{
    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc < 3 || (strcmp(argv[1], "serve") == 0 && !is_port(argv[2])))
        return usage(stderr, 2);
    return rv_exit_status("https", run(argc, argv));
}
