/* SPDX-License-Identifier: Apache-2.0
 *
 * A launcher of C compilers that compiles equal sources once for all builds of a test run:
 *
 *     compiler_cache FOLDER COMPILER ARGUMENT...
 *
 * CMake puts it before its compile commands (CMAKE_C_COMPILER_LAUNCHER). Every image has the runtime and the board's
 * files in it, mostly compiled alike. Equal means: the same compiler and options, and the same text after the
 * preprocessor, the names of the files and of the build's folder in it included, as -ffile-prefix-map leaves them. What
 * FOLDER holds never changes. A header that appears in a subfolder of an include folder during the run, and hides
 * another one, goes unnoticed. Commands of another kind, those that print something and those that fail are run as they
 * are. Exit status: the compiler's, or 125 if it cannot be run.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
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

/* Position of the map that changes a path, the last one that fits; 0 if none does. A path goes on at `rest`. */
static int map_of(char *const command[], const char *path, const char **rest)
{
    const char *end;
    int found = 0;
    *rest = path;
    for (int i = 1; command[i] != NULL; i++) {
        const char *old = mapped_prefix(command[i], &end);
        if (old != NULL && strncmp(path, old, (size_t)(end - old)) == 0) {
            *rest = path + (end - old);
            found = i;
        }
    }
    return found;
}

/* NEW of a map. */
static const char *new_name(const char *map)
{
    const char *end = NULL;
    return mapped_prefix(map, &end) == NULL ? "" : end + 1;
}

/* Adds a line of a preprocessed text: of one that names a file or the build's folder, the name that the object holds.
 */
static void add_line(digest *sum, char *const command[], const char *line, size_t count)
{
    const char *path = line[0] == '#' ? strchr(line, '"') : NULL;
    const char *rest = line;
    int map = path == NULL ? 0 : map_of(command, path + 1, &rest);
    if (map != 0) {
        add(sum, line, (size_t)(path + 1 - line));
        add(sum, new_name(command[map]), strlen(new_name(command[map])));
        count -= (size_t)(rest - line);
        line = rest;
    }
    add(sum, line, count);
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

static bool has_call_graph(char *const command[])
{
    for (int i = 1; command[i] != NULL; i++) {
        if (starts_with(command[i], "-fcallgraph-info")) {
            return true;
        }
    }
    return false;
}

/* Adds the compiler and the options that change how preprocessed text is compiled; for a call graph the source's name,
 * which stands there as it is. */
static void add_options(digest *sum, char *const command[])
{
    const char *end;
    bool graph = has_call_graph(command);
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

/* Lists
 *
 * FOLDER/DIGEST.list, DIGEST of a command, is of the last time that it was run: on the first line the name of the
 * entry, on each other one the digest of a file that the source was made of, and its path: position of the map that
 * changes it or 0, "=", what follows the map's OLD. Folders of -I are among them, by the names in them, so that a
 * header that hides another is noticed. There is none for a command that may mean another file in another folder, nor
 * for files with the date in them.
 */

/* Adds a path as the maps leave it. */
static void add_path(digest *sum, char *const command[], const char *path)
{
    const char *rest;
    int map = map_of(command, path, &rest);
    if (map != 0) {
        add(sum, new_name(command[map]), strlen(new_name(command[map])) + 1);
    }
    add(sum, rest, strlen(rest) + 1);
}

/* Adds the folder of the build, as the compiler names it. */
static void add_here(digest *sum, char *const command[])
{
    char path[PATH_BYTES] = "";
    struct stat here, named;
    const char *told = getenv("PWD");
    if (told == NULL || told[0] != '/' || stat(told, &named) != 0 || stat(".", &here) != 0 ||
        named.st_ino != here.st_ino || named.st_dev != here.st_dev) {
        told = getcwd(path, sizeof path) == NULL ? "" : path;
    }
    add_path(sum, command, told);
}

/* Adds a command but for the names of what it writes, and the OLD of maps; false if it is none for lists. A call graph
 * names files as they are. */
static bool add_command(digest *sum, char *const command[])
{
    const char *rest;
    bool graph = has_call_graph(command);
    int outputs = 0;
    add_here(sum, command);
    for (int i = 0; command[i] != NULL; i++) {
        const char *word = command[i];
        bool path = starts_with(word, "-I") || ends_with(word, ".c");
        const char *start = word + (word[0] == '-' ? 2 : 0);
        if (starts_with(word, "-i") || (path && start[0] != '/')) {
            return false;
        }
        if (path && graph && map_of(command, start, &rest) != 0) {
            return false;
        }
        if (takes_a_name(word)) {
            outputs++;
            i += command[i + 1] != NULL;
        } else if (path) {
            add(sum, word, (size_t)(start - word));
            add_path(sum, command, start);
        } else if (new_name(word)[0] != '\0') {
            add(sum, new_name(word) - 1, strlen(new_name(word)) + 2);
        } else {
            add(sum, word, strlen(word) + 1);
        }
    }
    return outputs == 3;
}

/* The word behind an option; NULL if there is none. */
static const char *word_behind(char *const command[], const char *option)
{
    for (int i = 1; command[i] != NULL; i++) {
        if (strcmp(command[i], option) == 0) {
            return command[i + 1];
        }
    }
    return NULL;
}

/* Adds the names in a folder. */
static bool add_folder(digest *sum, const char *path)
{
    struct dirent **found;
    int count = scandir(path, &found, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        add(sum, found[i]->d_name, strlen(found[i]->d_name) + 1);
        free(found[i]);
    }
    if (count >= 0) {
        free(found);
    }
    return count >= 0;
}

/* Adds what a file holds, or the names in a folder; false if it cannot be read or holds the date. */
static bool add_file(digest *sum, const char *path)
{
    struct stat about;
    char *line = NULL;
    size_t space = 0;
    ssize_t count;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        return add_folder(sum, path);
    }
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return false;
    }
    bool good = true;
    while (good && (count = getline(&line, &space, in)) > 0) {
        add(sum, line, (size_t)count);
        good = strstr(line, "__DATE__") == NULL && strstr(line, "__TIME") == NULL;
    }
    good = good && ferror(in) == 0;
    free(line);
    fclose(in);
    return good;
}

static void name_digest(char *text, size_t size, const digest *sum)
{
    snprintf(text, size, "%016llx%016llx", (unsigned long long)sum->first, (unsigned long long)sum->second);
}

static bool list_file(FILE *list, char *const command[], const char *path)
{
    const char *rest;
    digest sum = {UINT64_C(0xcbf29ce484222325), 1};
    char text[40];
    if (path[0] != '/' || strpbrk(path, " \\$#:") != NULL || !add_file(&sum, path)) {
        return false;
    }
    name_digest(text, sizeof text, &sum);
    int map = map_of(command, path, &rest);
    return fprintf(list, "%s %d =%s\n", text, map, rest) > 0;
}

/* Lists the files that a dependency file names behind its target, and the folders of -I. */
static bool list_files(FILE *list, char *const command[])
{
    const char *target = word_behind(command, "-MT"), *from = word_behind(command, "-MF");
    FILE *in = from == NULL || target == NULL ? NULL : fopen(from, "r");
    char word[PATH_BYTES];
    if (in == NULL) {
        return false;
    }
    bool good = fscanf(in, "%4095s", word) == 1 && strncmp(word, target, strlen(target)) == 0 &&
                strcmp(word + strlen(target), ":") == 0;
    while (good && fscanf(in, "%4095s", word) == 1) {
        good = strcmp(word, "\\") == 0 || list_file(list, command, word);
    }
    fclose(in);
    for (int i = 1; good && command[i] != NULL; i++) {
        good = !starts_with(command[i], "-I") || list_file(list, command, command[i] + 2);
    }
    return good;
}

/* Writes the list of a command. */
static void keep_list(const char *path, const char *entry, char *const command[])
{
    char part[PATH_BYTES + 16];
    snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
    FILE *list = fopen(part, "w");
    if (list == NULL) {
        return;
    }
    bool good = fprintf(list, "%s\n", entry) > 0 && list_files(list, command);
    good = fclose(list) == 0 && good;
    if (!good || rename(part, path) != 0) {
        unlink(part);
    }
}

/* Path of a line of a list in this build; false if the maps are others. */
static bool listed_path(char *path, char *const command[], int map, const char *rest)
{
    const char *end, *old, *behind;
    int count = 0;
    while (command[count] != NULL) {
        count++;
    }
    if (map < 0 || map >= count || (map > 0 && mapped_prefix(command[map], &end) == NULL)) {
        return false;
    }
    old = map == 0 ? "" : mapped_prefix(command[map], &end);
    int length = map == 0 ? 0 : (int)(end - old);
    return snprintf(path, PATH_BYTES, "%.*s%s", length, old, rest) < PATH_BYTES &&
           map_of(command, path, &behind) == map;
}

/* Compares the files of a list with what they held, and writes their names as dependencies. */
static bool unchanged(FILE *list, FILE *names, char *const command[])
{
    char held[40], text[40], rest[PATH_BYTES], path[PATH_BYTES];
    int map;
    while (fscanf(list, "%39s %d %4095s", held, &map, rest) == 3) {
        digest sum = {UINT64_C(0xcbf29ce484222325), 1};
        struct stat about;
        if (!listed_path(path, command, map, rest + 1) || !add_file(&sum, path) || stat(path, &about) != 0) {
            return false;
        }
        name_digest(text, sizeof text, &sum);
        if (strcmp(held, text) != 0) {
            return false;
        }
        if (!S_ISDIR(about.st_mode)) {
            fprintf(names, " \\\n  %s", path);
        }
    }
    return feof(list) != 0;
}

/* Takes the results of a command whose list holds still. */
static bool taken_by_list(const char *path, char *const command[], int object)
{
    char entry[PATH_BYTES];
    FILE *list = fopen(path, "r");
    if (list == NULL) {
        return false;
    }
    FILE *names = fopen(word_behind(command, "-MF"), "w");
    bool good = names != NULL && fscanf(list, "%4095s", entry) == 1;
    if (good) {
        fprintf(names, "%s:", word_behind(command, "-MT"));
        good = unchanged(list, names, command) && fputc('\n', names) != EOF;
    }
    good = names != NULL && fclose(names) == 0 && good;
    fclose(list);
    return good && taken(entry, command[object]);
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

/* Compiles, or takes the results of an equal text; its list, if there is a name for it, is written. */
static int compiled(const char *folder, char *const command[], int object, char *text, const char *errors,
                    const char *list)
{
    char entry[PATH_BYTES], name[40];
    digest sum = {UINT64_C(0xcbf29ce484222325), 1};
    struct stat said;
    add_options(&sum, command);
    if (!preprocessed(command, object, text, errors) || !add_text(&sum, command, text)) {
        return run(command, NULL);
    }
    name_digest(name, sizeof name, &sum);
    snprintf(entry, sizeof entry, "%s/%s", folder, name);
    if (!taken(entry, command[object])) {
        int status = run(command, errors);
        if (status != 0 || stat(errors, &said) != 0 || said.st_size != 0) {
            return run(command, NULL);
        }
        keep(entry, command[object]);
    }
    if (list[0] != '\0') {
        keep_list(list, entry, command);
    }
    return 0;
}

int main(int argc, char *argv[])
{
    char text[PATH_BYTES], errors[PATH_BYTES], list[PATH_BYTES] = "", name[40];
    digest sum = {UINT64_C(0xcbf29ce484222325), 1};
    if (argc < 3) {
        fprintf(stderr, "usage: compiler_cache FOLDER COMPILER ARGUMENT...\n");
        return CANNOT_RUN;
    }
    char **command = argv + 2;
    int object = object_of(command);
    if (object == 0 || strlen(command[object]) > PATH_BYTES - 16 || strlen(argv[1]) > PATH_BYTES - 64) {
        return passed_on(command);
    }
    if (add_command(&sum, command)) {
        name_digest(name, sizeof name, &sum);
        snprintf(list, sizeof list, "%s/%s.list", argv[1], name);
        if (taken_by_list(list, command, object)) {
            return 0;
        }
    }
    snprintf(text, sizeof text, "%s.i", command[object]);
    snprintf(errors, sizeof errors, "%s.err", command[object]);
    int status = compiled(argv[1], command, object, text, errors, list);
    unlink(text);
    unlink(errors);
    return status;
}
