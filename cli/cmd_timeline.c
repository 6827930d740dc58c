/* SPDX-License-Identifier: MIT */
/*
 * cmd_timeline.c - `reveil timeline`: run any program that uses the library,
 * and show its events step by step.
 *
 * The recorder (timeline/recorder.c) is loaded into the program and writes a
 * file; it is read here when the program has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <reveil/base.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/language.h"
#include "cli/step_page.h"
#include "cli/timeline/recording_file.h"
#include "cli/trace_json.h"

static const char help_en[] =
    "usage: reveil timeline [-o FILE] [--json FILE] [--max N] [--lang fr|en]\n"
    "                       [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs a program that uses libreveil, and writes a page that shows what "
    "its\n"
    "runtime did, one step an event. The program needs no change, and may "
    "have\n"
    "the library linked in statically, as long as it is not stripped.\n"
    "\n"
    "  -o FILE      the page (timeline.html)\n"
    "  --json FILE  also write the events as JSON; `python3 course/step/\n"
    "               perfetto.py FILE` makes of them what ui.perfetto.dev "
    "reads\n"
    "  --max N      keep the first N events (20000)\n"
    "\n"
    "Exit status: that of the program, or 1 when nothing was recorded.\n";

static const char help_fr[] =
    "usage : reveil timeline [-o FICHIER] [--json FICHIER] [--max N]\n"
    "                        [--lang fr|en] [--] PROGRAMME [ARGUMENT...]\n"
    "\n"
    "Lance un programme qui utilise libreveil, et écrit une page qui montre "
    "ce\n"
    "que son runtime a fait, une étape par évènement. Le programme n’a pas à\n"
    "être modifié, et la bibliothèque peut y être liée statiquement, pourvu\n"
    "qu’il ne soit pas dépouillé de ses symboles (strip).\n"
    "\n"
    "  -o FICHIER      la page (timeline.html)\n"
    "  --json FICHIER  écrit aussi les évènements en JSON ; `python3\n"
    "                  course/step/perfetto.py FICHIER` en fait ce que lit\n"
    "                  ui.perfetto.dev\n"
    "  --max N         garde les N premiers évènements (20000)\n"
    "\n"
    "Code de sortie : celui du programme, ou 1 si rien n’a été enregistré.\n";

enum { MAX_EVENTS = 20000, MOST_EVENTS = 10000000, RECORD_BYTES = 4096 };

struct options {
    const char *page;
    const char *json;
    int64_t max;
    char **command;
};

struct note {
    uint64_t id;
    char *text; /* owned */
};

/* A recording, and the texts of its notes. */
struct reading {
    struct trace_recording recording; /* first: note_of() casts */
    struct note *note;
    size_t notes;
    uint64_t events; /* in the file, also those that are not kept */
    bool started;
    bool missing;
};

/* --- the program ------------------------------------------------------- */

/* Returns: the path of the recorder, beside this program or installed. */
static int find_recorder(char *path, size_t size)
{
    static const char *const places[] = {"%s/reveil-timeline.so",
                                         "%s/../lib/reveil/reveil-timeline.so"};
    char self[4096];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *folder;

    if (len < 0)
        return -errno;
    self[len] = '\0';
    folder = dirname(self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, size, i ? places[1] : places[0], folder);
        if (access(path, R_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

static void add_preload(const char *recorder)
{
    const char *others = getenv("LD_PRELOAD");
    char value[8192];

    snprintf(value, sizeof value, "%s%s%s", recorder, others ? ":" : "",
             others ? others : "");
    setenv("LD_PRELOAD", value, 1);
}

/* sigint: what SIGINT did before. */
static _Noreturn void become(const struct options *options,
                             const char *recorder, const char *file,
                             cli_signal_action sigint)
{
    int error;

    cli_restore_sigpipe();
    signal(SIGINT, sigint);
    add_preload(recorder);
    setenv(TIMELINE_VARIABLE, file, 1);
    execvp(options->command[0], options->command);
    error = errno;
    fprintf(stderr, "reveil: %s: %s\n", options->command[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

/* Run the program to its end; ctrl-C is for it. Returns: its exit status, as
 * a shell tells it; negative errno. */
static int run(const struct options *options, const char *recorder,
               const char *file)
{
    const cli_signal_action sigint = signal(SIGINT, SIG_IGN);
    const pid_t child = fork();
    int status = 0;

    if (child == 0)
        become(options, recorder, file, sigint);
    if (child < 0)
        return -errno;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    signal(SIGINT, sigint);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- reading what it left ---------------------------------------------- */

static const char *note_of(const struct trace_recording *recording, uint64_t id)
{
    const struct reading *reading =
        RV_CONTAINER_OF(recording, const struct reading, recording);

    for (size_t i = 0; i < reading->notes; i++)
        if (reading->note[i].id == id)
            return reading->note[i].text;
    return "";
}

static int add_note(struct reading *reading, const char *bytes, size_t count)
{
    struct note note = {0, NULL};
    struct note *more;

    memcpy(&note.id, bytes, sizeof note.id);
    if (*note_of(&reading->recording, note.id))
        return 0;
    more = realloc(reading->note, (reading->notes + 1) * sizeof note);
    note.text = strndup(bytes + sizeof note.id, count - sizeof note.id);
    if (more)
        reading->note = more;
    if (!more || !note.text) {
        free(note.text);
        return -ENOMEM;
    }
    reading->note[reading->notes++] = note;
    return 0;
}

static int add_event(struct reading *reading, const char *bytes, int64_t max)
{
    struct rv_event event;

    memcpy(&event, bytes, sizeof event);
    reading->events++;
    if (reading->recording.count >= (size_t)max)
        return 0;
    return trace_recording_add(&reading->recording, &event);
}

static void add_thread(struct reading *reading, const char *bytes)
{
    uint32_t thread;

    memcpy(&thread, bytes, sizeof thread);
    if (thread >= 1 && thread <= TRACE_THREADS)
        snprintf(reading->recording.thread[thread - 1], TRACE_NAME_BYTES,
                 "%.31s", bytes + sizeof thread);
}

static int add_record(struct reading *reading, const struct timeline_head *head,
                      const char *bytes, int64_t max)
{
    switch (head->kind) {
    case TIMELINE_STARTED:
        reading->started = true;
        return 0;
    case TIMELINE_MISSING:
        reading->missing = true;
        return 0;
    case TIMELINE_EVENT:
        return head->bytes == sizeof(struct rv_event)
                   ? add_event(reading, bytes, max)
                   : -EINVAL;
    case TIMELINE_NOTE:
        return head->bytes > sizeof(uint64_t)
                   ? add_note(reading, bytes, head->bytes)
                   : -EINVAL;
    case TIMELINE_THREAD:
        if (head->bytes > sizeof(uint32_t))
            add_thread(reading, bytes);
        return 0;
    case TIMELINE_LOST:
        memcpy(&reading->recording.lost, bytes, sizeof(uint64_t));
        return 0;
    default:
        return -EINVAL;
    }
}

/* The last record of a program that was killed may be cut off. */
static int read_file(struct reading *reading, const char *path, int64_t max)
{
    char bytes[RECORD_BYTES];
    struct timeline_head head;
    FILE *file = fopen(path, "r");
    int error = 0;

    if (!file)
        return -errno;
    while (!error && fread(&head, sizeof head, 1, file) == 1) {
        if (head.bytes >= sizeof bytes ||
            fread(bytes, 1, head.bytes, file) != head.bytes)
            break;
        bytes[head.bytes] = '\0';
        error = add_record(reading, &head, bytes, max);
    }
    fclose(file);
    return error;
}

static void free_reading(struct reading *reading)
{
    for (size_t i = 0; i < reading->notes; i++)
        free(reading->note[i].text);
    free(reading->note);
    trace_recording_free(&reading->recording);
}

/* --- showing it -------------------------------------------------------- */

static int nothing(const struct options *options, const struct reading *reading)
{
    const char *program = options->command[0];

    if (reading->missing)
        return cli_fail(CLI_FAILED,
                        say("%s: libreveil was not found in it: it does not "
                            "use the library, or was stripped",
                            "%s : libreveil n’y est pas : il n’utilise pas la "
                            "bibliothèque, ou n’a plus ses symboles"),
                        program);
    if (!reading->started)
        return cli_fail(CLI_FAILED,
                        say("%s: it cannot be recorded: it is statically "
                            "linked as a whole, or may not be preloaded into",
                            "%s : impossible de l’enregistrer : il est tout "
                            "entier lié statiquement, ou refuse le "
                            "préchargement"),
                        program);
    return cli_fail(CLI_FAILED,
                    say("%s: the library did nothing in it",
                        "%s : la bibliothèque n’y a rien fait"),
                    program);
}

static int show(const struct options *options, struct reading *reading)
{
    struct trace_recording *recording = &reading->recording;
    int status;

    if (recording->count == 0)
        return nothing(options, reading);
    recording->program = options->command[0];
    recording->title_en = recording->program;
    recording->title_fr = recording->program;
    recording->note = note_of;
    status = step_page_write(options->page, recording, NULL);
    if (status == CLI_OK && options->json)
        status = step_page_write_json(options->json, recording);
    if (status != CLI_OK)
        return status;
    fprintf(stderr,
            say("reveil: wrote %s: %zu of %llu events\n",
                "reveil : écrit %s : %zu évènements sur %llu\n"),
            options->page, recording->count,
            (unsigned long long)(reading->events + recording->lost));
    return CLI_OK;
}

static int record(const struct options *options)
{
    char recorder[4200];
    char file[] = "/tmp/reveil-timeline.XXXXXX";
    const int fd = mkostemp(file, O_CLOEXEC);
    struct reading reading = {0};
    int status;
    int error;

    if (fd < 0)
        return cli_fail(CLI_FAILED, "%s: %s", file, strerror(errno));
    close(fd);
    error = find_recorder(recorder, sizeof recorder);
    status = error ? error : run(options, recorder, file);
    error = status < 0 ? status : read_file(&reading, file, options->max);
    unlink(file);
    if (error < 0)
        status = cli_fail(CLI_FAILED, "timeline: %s", strerror(-error));
    else if (status != 127 && status != 126 &&
             show(options, &reading) != CLI_OK && status == 0)
        status = CLI_FAILED;
    free_reading(&reading);
    return status;
}

/* Returns: CLI_OK to continue, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"json", required_argument, NULL, 'j'},
        {"max", required_argument, NULL, 'm'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    bool help = false;
    int status = CLI_OK;
    int option;

    /* "+": what comes behind the program is the program's. */
    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "+o:h", known, NULL)) != -1) {
        if (option == 'o')
            options->page = optarg;
        else if (option == 'j')
            options->json = optarg;
        else if (option == 'm')
            status = cli_number("max", optarg, 1, MOST_EVENTS, &options->max);
        else if (option == 'l')
            status = language_set(optarg);
        else if (option == 'h')
            help = true;
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && help)
        return -1;
    if (status == CLI_OK && optind == argc)
        return cli_fail(CLI_USAGE, "%s",
                        say("timeline: which program? For example: reveil "
                            "timeline -- build/examples/two_gets",
                            "timeline : quel programme ? Par exemple : reveil "
                            "timeline -- build/examples/two_gets"));
    options->command = argv + optind;
    return status;
}

int cmd_timeline(int argc, char **argv)
{
    struct options options = {.page = "timeline.html", .max = MAX_EVENTS};
    const int status = parse(&options, argc, argv);

    if (status < 0) {
        fputs(say(help_en, help_fr), stdout);
        return CLI_OK;
    }
    return status == CLI_OK ? record(&options) : status;
}
