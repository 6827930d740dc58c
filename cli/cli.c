/* SPDX-License-Identifier: MIT */
/* cli.c - what the commands of the program share. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cli_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* The whole text must be digits. */
static bool parse_integer(const char *text, int64_t low, int64_t high,
                          int64_t *out)
{
    int64_t value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*text - '0');
    }
    if (value < low || value > high)
        return false;
    *out = value;
    return true;
}

int cli_number(const char *name, const char *text, int64_t low, int64_t high,
               int64_t *out)
{
    if (parse_integer(text, low, high, out))
        return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s %s: not a number from %lld to %lld", name,
                    text, (long long)low, (long long)high);
}

int cli_reactor(const char *text, enum rv_reactor_mode *out)
{
    if (strcmp(text, "thread") == 0)
        *out = RV_REACTOR_THREAD;
    else if (strcmp(text, "fused") == 0)
        *out = RV_REACTOR_FUSED;
    else
        return cli_fail(CLI_USAGE, "--reactor %s: must be thread or fused",
                        text);
    return CLI_OK;
}

int cli_fail(int status, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("reveil: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

const char *cli_error_text(int error)
{
    switch (error) {
    case -ECONNREFUSED:
        return "connection refused: no server listens there";
    case -ECONNRESET:
        return "the connection was reset";
    case -EPIPE:
        return "the connection ended before the whole response arrived";
    case -ETIMEDOUT:
        return "timed out";
    case -EBADMSG:
        return "malformed response: not valid HTTP";
    case -EMSGSIZE:
        return "the response is larger than the limit";
    case -ENOTSUP:
        return "the response has an HTTP version or coding that is not "
               "supported";
    case -EPROTONOSUPPORT:
        return "only http:// is supported";
    case -EINVAL:
        return "not a URL of the form http://host[:port]/path";
    case -ENAMETOOLONG:
        return "the URL is too long";
    case -ENXIO:
        return "there is no host with this name";
    case -EREMOTEIO:
        return "the name servers do not answer";
    case -EMFILE:
        return "too few descriptors: see 'ulimit -n'";
    default:
        return strerror(-error);
    }
}

int cli_check_fds(size_t count)
{
    int fds[CLI_FDS_CHECKED];
    size_t opened = 0;
    int error = 0;

    while (opened < count && opened < CLI_FDS_CHECKED && !error) {
        fds[opened] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (fds[opened] >= 0)
            opened++;
        else /* EINVAL: the limit is below STDERR_FILENO + 1 */
            error = errno == EINVAL ? -EMFILE : -errno;
    }
    while (opened > 0)
        close(fds[--opened]);
    return error;
}
