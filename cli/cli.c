/* SPDX-License-Identifier: MIT */
/* cli.c - what the commands of the program share. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/language.h"

static cli_signal_action sigpipe_before = SIG_DFL;

void cli_ignore_sigpipe(void)
{
    sigpipe_before = signal(SIGPIPE, SIG_IGN);
}

void cli_restore_sigpipe(void)
{
    signal(SIGPIPE, sigpipe_before);
}

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
    return cli_fail(CLI_USAGE,
                    say("--%s %s: not a number from %lld to %lld",
                        "--%s %s : ce n’est pas un nombre de %lld à %lld"),
                    name, text, (long long)low, (long long)high);
}

int cli_reactor(const char *text, enum rv_reactor_mode *out)
{
    if (strcmp(text, "thread") == 0)
        *out = RV_REACTOR_THREAD;
    else if (strcmp(text, "fused") == 0)
        *out = RV_REACTOR_FUSED;
    else
        return cli_fail(CLI_USAGE,
                        say("--reactor %s: must be thread or fused",
                            "--reactor %s : doit être thread ou fused"),
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
        return say("connection refused: no server listens there",
                   "connexion refusée : aucun serveur n’écoute là");
    case -ECONNRESET:
        return say("the connection was reset",
                   "la connexion a été réinitialisée");
    case -EPIPE:
        return say("the connection ended before the whole response arrived",
                   "la connexion s’est terminée avant la fin de la réponse");
    case -ETIMEDOUT:
        return say("timed out", "délai dépassé");
    case -EBADMSG:
        return say("malformed response: not valid HTTP",
                   "réponse mal formée : ce n’est pas du HTTP valide");
    case -EMSGSIZE:
        return say("the response is larger than the limit",
                   "la réponse dépasse la limite");
    case -ENOTSUP:
        return say("the response has an HTTP version or coding that is not "
                   "supported",
                   "la réponse a une version ou un codage HTTP qui n’est pas "
                   "pris en charge");
    case -EPROTONOSUPPORT:
        return say("only http:// is supported",
                   "seul http:// est pris en charge");
    case -EINVAL:
        return say(
            "not a URL of the form http://host[:port]/path",
            "ce n’est pas une URL de la forme http://hôte[:port]/chemin");
    case -ENAMETOOLONG:
        return say("the URL is too long", "l’URL est trop longue");
    case -ENXIO:
        return say("there is no host with this name",
                   "aucun hôte ne porte ce nom");
    case -EREMOTEIO:
        return say("the name servers do not answer",
                   "les serveurs de noms ne répondent pas");
    case -EMFILE:
        return say("too few descriptors: see 'ulimit -n’",
                   "trop peu de descripteurs : voir « ulimit -n »");
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
