/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU plugin (TCG plugin interface 1): how often each instruction runs between two addresses.
 *
 * Arguments: begin=ADDRESS,end=ADDRESS,out=FILE[,marks=ADDRESS:ADDRESS:...]
 * The counts start at zero each time `begin` runs, and are written to FILE each time `end` is about to run, one line
 * for each instruction that ran: "<address, hexadecimal> <slot> <times> <times that another than the next one in
 * memory followed>". A file is complete or not there: it is written beside FILE and renamed.
 * Marks cut the stretch into slots: from the time that mark number i (0 is the first) is about to run, counts belong
 * to slot i + 1; from the last mark on, and before any, to slot 0. With marks, a pass that meets none is not written.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of QEMU's plugin interface that is used, so that its header need not be installed. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*callback)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, void (*callback)(unsigned, void *),
                                            int flags, void *user);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC extern int qemu_plugin_version;
PUBLIC int qemu_plugin_version = 1;
PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

struct tally {
    uint64_t executed;
    uint64_t taken;
};

/* The counts of one address, one tally for each slot. They and the steps live as long as the emulator, since translated
 * code refers to them. */
struct place {
    uint64_t address;
    const uint32_t *enters; /* slot that begins here, or NULL */
    struct tally *tallies;
    struct place *chained;
};

/* One instruction of one translated block. */
struct step {
    struct place *place;
    uint64_t next; /* address behind it */
};

#define BUCKETS 8192u /* a power of two */
static struct place *buckets[BUCKETS];
static const struct step *last;
static struct tally *last_tally;
#define MOST_MARKS 4096u
static uint64_t marks[MOST_MARKS];
static uint32_t slots_behind[MOST_MARKS]; /* slot that begins at each mark */
static uint32_t n_marks, slot;
static bool marked; /* a mark was passed since `begin` */
static uint64_t begin_address, end_address;
static char out_path[4096], part_path[4096 + 8];

static void fail(const char *what)
{
    fprintf(stderr, "icount: %s\n", what);
    exit(1);
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

static uint32_t n_slots(void)
{
    return n_marks > 1u ? n_marks : 1u;
}

static const uint32_t *slot_at(uint64_t address)
{
    for (uint32_t i = 0; i < n_marks; i++) {
        if (marks[i] == address) {
            return &slots_behind[i];
        }
    }
    return NULL;
}

static struct place *find_place(uint64_t address)
{
    struct place **head = &buckets[(address >> 1) & (BUCKETS - 1u)];
    for (struct place *place = *head; place != NULL; place = place->chained) {
        if (place->address == address) {
            return place;
        }
    }
    struct place *made = allocate(sizeof(*made));
    made->address = address;
    made->enters = slot_at(address);
    made->tallies = allocate(n_slots() * sizeof(*made->tallies));
    made->chained = *head;
    *head = made;
    return made;
}

static void forget_counts(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct place *place = buckets[i]; place != NULL; place = place->chained) {
            memset(place->tallies, 0, n_slots() * sizeof(*place->tallies));
        }
    }
}

static void write_place(FILE *out, const struct place *place)
{
    for (uint32_t i = 0; i < n_slots(); i++) {
        const struct tally *tally = &place->tallies[i];
        if (tally->executed != 0) {
            fprintf(out, "%llx %u %llu %llu\n", (unsigned long long)place->address, (unsigned)i,
                    (unsigned long long)tally->executed, (unsigned long long)tally->taken);
        }
    }
}

static void write_counts(void)
{
    FILE *out = fopen(part_path, "w");
    if (out == NULL) {
        fail("cannot write the file of counts");
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct place *place = buckets[i]; place != NULL; place = place->chained) {
            write_place(out, place);
        }
    }
    if (fclose(out) != 0 || rename(part_path, out_path) != 0) {
        fail("cannot write the file of counts");
    }
}

static void on_instruction(unsigned cpu, void *user)
{
    const struct step *step = user;
    struct place *place = step->place;
    (void)cpu;
    if (last != NULL && last->next != place->address) {
        last_tally->taken++;
    }
    if (place->enters != NULL) {
        slot = *place->enters;
        marked = true;
    }
    if (place->address == begin_address) {
        forget_counts();
        slot = 0;
        marked = false;
    } else if (place->address == end_address && (marked || n_marks == 0)) {
        write_counts();
    }
    last_tally = &place->tallies[slot];
    last_tally->executed++;
    last = step;
}

/* QEMU looks ahead at the end of a page and then reports an instruction as longer than it is, so the size is only asked
 * of the block's last one. */
static uint64_t address_behind(const struct qemu_plugin_tb *block, size_t index)
{
    if (index + 1u < qemu_plugin_tb_n_insns(block)) {
        return qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(block, index + 1u));
    }
    const struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, index);
    return qemu_plugin_insn_vaddr(instruction) + qemu_plugin_insn_size(instruction);
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    const size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        struct step *step = allocate(sizeof(*step));
        step->place = find_place(qemu_plugin_insn_vaddr(instruction));
        step->next = address_behind(block, i);
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_instruction, 0, step);
    }
}

/* The text behind "key=" if the argument begins with it, else NULL. */
static const char *value_of(const char *argument, const char *key)
{
    const size_t length = strlen(key);
    return strncmp(argument, key, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static void read_marks(const char *text)
{
    char *rest = NULL;
    for (const char *at = text; *at != '\0'; at = *rest == ':' ? rest + 1 : rest) {
        if (n_marks == MOST_MARKS) {
            fail("too many marks");
        }
        marks[n_marks++] = strtoull(at, &rest, 0);
        if (rest == at || (*rest != ':' && *rest != '\0')) {
            fail("a mark is no address");
        }
    }
    for (uint32_t i = 0; i < n_marks; i++) {
        slots_behind[i] = i + 1u < n_marks ? i + 1u : 0u;
    }
}

static void read_argument(const char *argument)
{
    const char *text;
    if ((text = value_of(argument, "begin")) != NULL) {
        begin_address = strtoull(text, NULL, 0);
    } else if ((text = value_of(argument, "end")) != NULL) {
        end_address = strtoull(text, NULL, 0);
    } else if ((text = value_of(argument, "marks")) != NULL) {
        read_marks(text);
    } else if ((text = value_of(argument, "out")) != NULL && strlen(text) < sizeof(out_path)) {
        (void)snprintf(out_path, sizeof(out_path), "%s", text);
        (void)snprintf(part_path, sizeof(part_path), "%s.part", text);
    } else {
        fail("unknown or too long argument; known are begin=, end=, out= and marks=");
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        read_argument(argv[i]);
    }
    if (out_path[0] == '\0' || begin_address == 0 || end_address == 0) {
        fail("begin=, end= and out= are all needed");
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
