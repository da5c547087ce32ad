/* SPDX-License-Identifier: Apache-2.0
 *
 * A launcher of C compilers that compiles equal sources once for all builds of a test run:
 *
 *     compiler_cache FOLDER COMPILER ARGUMENT...
 *
 * CMake puts it before its compile commands (CMAKE_C_COMPILER_LAUNCHER). Every image has the runtime and the board's
 * files in it, mostly compiled alike. Equal means: the same compiler and options, and the same text after the
 * preprocessor, the names of the files and of the build's folder in it included, as -ffile-prefix-map leaves them. What
 * FOLDER holds never changes. Commands of another kind, those that print something and those that fail are run as they
 * are. Exit status: the compiler's, or 125 if it cannot be run.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PATH_BYTES = 4096, CANNOT_RUN = 125 };

/* What the compiler writes: the object, and stack usage and call graph beside it. */
static const char *const results[] = {".o", ".su", ".ci"};

/* Names of files and of the build's folder that begin with OLD begin with NEW in the object. */
static const char prefix_map[] = "-ffile-prefix-map=";

/* Two independent 64-bit hashes. */
typedef struct {
    uint64_t first, second;
} digest;

static void add(digest *sum, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum->first = (sum->first ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
        sum->second = (sum->second + (uint8_t)bytes[i] + 1u) * UINT64_C(0x9e3779b97f4a7c15);
        sum->second ^= sum->second >> 29;
    }
}

static bool ends_with(const char *word, const char *end)
{
    size_t length = strlen(word), tail = strlen(end);
    return length >= tail && strcmp(word + length - tail, end) == 0;
}

static bool starts_with(const char *word, const char *start)
{
    return strncmp(word, start, strlen(start)) == 0;
}

static bool takes_a_name(const char *word)
{
    return strcmp(word, "-o") == 0 || strcmp(word, "-MF") == 0 || strcmp(word, "-MT") == 0 || strcmp(word, "-MQ") == 0;
}

/* Options of which nothing is left after the preprocessor. */
static bool of_preprocessor(const char *word)
{
    return starts_with(word, "-D") || starts_with(word, "-I") || starts_with(word, "-U");
}

/* Position of the object's name in a command that compiles one C file; 0 if it does something else. */
static int object_of(char *const command[])
{
    int sources = 0, objects = 0, compiles = 0, position = 0;
    for (int i = 1; command[i] != NULL; i++) {
        sources += ends_with(command[i], ".c");
        compiles += strcmp(command[i], "-c") == 0;
        if (strcmp(command[i], "-o") == 0 && command[i + 1] != NULL) {
            objects++;
            position = ++i;
        }
    }
    return sources == 1 && objects == 1 && compiles == 1 ? position : 0;
}

/* Exit status of a command; what it prints as errors goes to a file, or nowhere else than usual. */
static int run(char *const command[], const char *errors)
{
    pid_t child;
    int status;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return CANNOT_RUN;
    }
    if (errors != NULL) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    int failed = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return CANNOT_RUN;
    }
    return WEXITSTATUS(status);
}

/* Gives the process to the compiler. */
static int passed_on(char *const command[])
{
    execvp(command[0], command);
    fprintf(stderr, "compiler_cache: %s cannot be run: %s\n", command[0], strerror(errno));
    return CANNOT_RUN;
}

static bool copied(const char *from, const char *to)
{
    char buffer[65536];
    size_t count;
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        return false;
    }
    FILE *out = fopen(to, "wb");
    bool good = out != NULL;
    while (good && (count = fread(buffer, 1, sizeof buffer, in)) > 0) {
        good = fwrite(buffer, 1, count, out) == count;
    }
    good = good && ferror(in) == 0;
    fclose(in);
    return out != NULL && fclose(out) == 0 && good;
}

/* OLD of -ffile-prefix-map=OLD=NEW, its end in `end`; NULL for other words, and where it is not clear which = is meant.
 */
static const char *mapped_prefix(const char *word, const char **end)
{
    const char *old = word + sizeof prefix_map - 1;
    if (!starts_with(word, prefix_map)) {
        return NULL;
    }
    *end = strchr(old, '=');
    return *end != NULL && *end == strrchr(old, '=') ? old : NULL;
}

/* Adds a line of a preprocessed text: of one that names a file or the build's folder, the name that the object holds.
 */
static void add_line(digest *sum, char *const command[], const char *line, size_t count)
{
    const char *path = line[0] == '#' ? strchr(line, '"') : NULL;
    const char *name = "", *rest = line, *end;
    for (int i = 1; path != NULL && command[i] != NULL; i++) { /* the last one that fits counts */
        const char *old = mapped_prefix(command[i], &end);
        if (old != NULL && strncmp(path + 1, old, (size_t)(end - old)) == 0) {
            name = end + 1;
            rest = path + 1 + (end - old);
        }
    }
    if (rest != line) {
        add(sum, line, (size_t)(path + 1 - line));
        add(sum, name, strlen(name));
    }
    add(sum, rest, count - (size_t)(rest - line));
}

/* Adds a preprocessed text. */
static bool add_text(digest *sum, char *const command[], const char *path)
{
    char *line = NULL;
    size_t space = 0;
    ssize_t count;
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return false;
    }
    while ((count = getline(&line, &space, in)) > 0) {
        add_line(sum, command, line, (size_t)count);
    }
    bool good = ferror(in) == 0;
    free(line);
    fclose(in);
    return good;
}

/* Adds the compiler and the options that change how preprocessed text is compiled; for a call graph the source's name,
 * which stands there as it is. */
static void add_options(digest *sum, char *const command[])
{
    const char *end;
    bool graph = false;
    for (int i = 1; command[i] != NULL; i++) {
        graph = graph || starts_with(command[i], "-fcallgraph-info");
    }
    add(sum, command[0], strlen(command[0]) + 1);
    for (int i = 1; command[i] != NULL; i++) {
        if (takes_a_name(command[i])) {
            i += command[i + 1] != NULL;
        } else if (ends_with(command[i], ".c") ? graph
                                               : !of_preprocessor(command[i]) && !mapped_prefix(command[i], &end)) {
            add(sum, command[i], strlen(command[i]) + 1);
        }
    }
}

/* Path of a result: beside the object, or in the folder. */
static void name_result(char *path, const char *start, size_t length, const char *end)
{
    snprintf(path, PATH_BYTES, "%.*s%s", (int)length, start, end);
}

static size_t stem_of(const char *object)
{
    const char *dot = strrchr(object, '.');
    return dot == NULL || strchr(dot, '/') != NULL ? strlen(object) : (size_t)(dot - object);
}

/* Copies the results; the object comes last where it is kept, so that it stands for all of them. */
static bool taken(const char *entry, const char *object)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    name_result(from, entry, strlen(entry), results[0]);
    if (access(from, R_OK) != 0 || !copied(from, object)) {
        return false;
    }
    for (size_t i = 1; i < sizeof results / sizeof results[0]; i++) {
        name_result(from, entry, strlen(entry), results[i]);
        name_result(to, object, stem_of(object), results[i]);
        if (access(from, R_OK) == 0 && !copied(from, to)) {
            return false;
        }
    }
    return true;
}

static void keep(const char *entry, const char *object)
{
    char from[PATH_BYTES], to[PATH_BYTES], part[PATH_BYTES + 16];
    for (size_t i = sizeof results / sizeof results[0]; i-- > 0;) {
        name_result(from, object, stem_of(object), results[i]);
        name_result(to, entry, strlen(entry), results[i]);
        snprintf(part, sizeof part, "%s.%ld", entry, (long)getpid());
        if (copied(i == 0 ? object : from, part)) {
            rename(part, to);
        }
        unlink(part);
    }
}

/* Preprocesses what a command compiles; false if that fails, prints something or is too much to remember. */
static bool preprocessed(char *const command[], int object, char *text, const char *errors)
{
    static char preprocess[] = "-E";
    char *words[1024];
    struct stat said;
    int count = 0;
    for (; command[count] != NULL; count++) {
        if (count == 1023) {
            return false;
        }
        words[count] = strcmp(command[count], "-c") == 0 ? preprocess : command[count];
    }
    words[count] = NULL;
    words[object] = text;
    return run(words, errors) == 0 && stat(errors, &said) == 0 && said.st_size == 0;
}

/* Compiles, or takes the results of an equal command. */
static int compiled(const char *folder, char *const command[], int object, char *text, const char *errors)
{
    char entry[PATH_BYTES];
    digest sum = {UINT64_C(0xcbf29ce484222325), 1};
    struct stat said;
    add_options(&sum, command);
    if (!preprocessed(command, object, text, errors) || !add_text(&sum, command, text)) {
        return run(command, NULL);
    }
    snprintf(entry, sizeof entry, "%s/%016llx%016llx", folder, (unsigned long long)sum.first,
             (unsigned long long)sum.second);
    if (taken(entry, command[object])) {
        return 0;
    }
    int status = run(command, errors);
    if (status != 0 || stat(errors, &said) != 0 || said.st_size != 0) {
        return run(command, NULL);
    }
    keep(entry, command[object]);
    return 0;
}

int main(int argc, char *argv[])
{
    char text[PATH_BYTES], errors[PATH_BYTES];
    if (argc < 3) {
        fprintf(stderr, "usage: compiler_cache FOLDER COMPILER ARGUMENT...\n");
        return CANNOT_RUN;
    }
    char **command = argv + 2;
    int object = object_of(command);
    if (object == 0 || strlen(command[object]) > PATH_BYTES - 16 || strlen(argv[1]) > PATH_BYTES - 64) {
        return passed_on(command);
    }
    snprintf(text, sizeof text, "%s.i", command[object]);
    snprintf(errors, sizeof errors, "%s.err", command[object]);
    int status = compiled(argv[1], command, object, text, errors);
    unlink(text);
    unlink(errors);
    return status;
}
