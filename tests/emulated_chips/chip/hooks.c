// SPDX-License-Identifier: Apache-2.0
/* What must be looked at for every instruction and every access of the emulated core, called by the emulator itself:
 * time, permissions and types of memory (default map and MPU), alignment, instructions that need the floating-point
 * unit, and the instructions that the emulator leaves to others. The rest of the core is Python (cpu.py), which shares
 * `struct hooks` with this file (native.py declares the same layout).
 *
 * Encodings: Armv7-M Architecture Reference Manual (DDI 0403), chapter A5; memory map B3.1; MPU B3.5.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unicorn/unicorn.h>

#define REGIONS 16
#define LINES 4096 /* of 32 bytes, the smallest region of an MPU */
#define DECODED 65536
#define UNDONE 64

enum stop {
    RUNNING,
    TIME,        /* the deadline, or somebody asked */
    DATA_DENIED, /* the MPU or the privilege forbids a data access */
    FETCH_DENIED,
    UNALIGNED,
    COPROCESSOR, /* an instruction of a coprocessor that is not enabled or not there */
    ZERO_DIVISOR,
    SUPERVISOR_CALL,
    BREAKPOINT,
    SLEEP_INTERRUPT,
    SLEEP_EVENT,
    SEND_EVENT,
};

enum kind {
    UNKNOWN,
    PLAIN,
    WORDS,  /* several words, or exclusive: must be aligned */
    BLOCK,  /* IT */
    FLOAT,  /* coprocessors 10 and 11 */
    FLOATS, /* their loads and stores: must be aligned */
    ABSENT, /* any other coprocessor */
    MASKS,  /* CPS, MSR: masks, privilege and stack selection may change */
    DIVIDE,
    CALL,
    BREAK,
    WAIT,
    WAIT_EVENT,
    EVENT,
    BARRIER, /* ISB */
};

enum right { READ = 1, WRITE = 2, FETCH = 4, NORMAL = 8 };

struct region {
    uint32_t base, last;               /* addresses, inclusive */
    uint32_t disabled;                 /* a bit for each eighth */
    uint32_t eighth;                   /* bytes */
    uint32_t privileged, unprivileged; /* rights */
};

struct undo {
    uint32_t address, size;
    uint8_t old[8];
};

struct hooks {
    uc_err (*stop)(uc_engine *uc);
    uc_err (*reg_read)(uc_engine *uc, int reg, void *value);
    uc_err (*reg_write)(uc_engine *uc, int reg, const void *value);
    uc_err (*mem_read)(uc_engine *uc, uint64_t address, void *bytes, uint64_t size);
    uc_engine *uc;
    uint64_t cycles, deadline;
    uint32_t reason;               /* enum stop */
    uint32_t pc;                   /* of the instruction that runs, or that stopped */
    uint32_t opcode;               /* its first and, above, second halfword */
    uint32_t address, size, write; /* of the access that stopped */
    uint32_t soon;                 /* stop before the next instruction that may be interrupted */
    uint32_t float_enabled, trap_unaligned, trap_zero;
    uint32_t mpu_enabled, mpu_background, mpu_in_faults;
    uint32_t regions;
    struct region region[REGIONS];
    uint32_t negative;   /* execution priority below 0, set by Python; FAULTMASK counts too */
    uint32_t privileged; /* and: what these hooks found */
    uint32_t masked;     /* FAULTMASK */
    uint32_t masks_changed;
    uint32_t saved[16]; /* r0 to r12, sp, lr, xpsr before the instruction that stopped */
    uint32_t undo_count;
    struct undo undo[UNDONE];
    uint64_t (*read_register)(uint64_t address, uint32_t size); /* of the peripherals, in Python */
    void (*write_register)(uint64_t address, uint32_t size, uint64_t value);
    uint64_t answer_until; /* the program polls: until this time the answer below holds */
    uint32_t answer_pc, answer_address, answer;
    uint32_t kind, block, block_left, in_block;
    uint32_t line_tag[LINES];
    uint8_t line_rights[LINES];
    uint32_t decoded_pc[DECODED];
    uint32_t decoded_opcode[DECODED];
    uint8_t decoded_kind[DECODED];
};

static uint32_t read_reg(struct hooks *h, int reg)
{
    uint32_t value = 0;
    h->reg_read(h->uc, reg, &value);
    return value;
}

static void leave(struct hooks *h, enum stop reason)
{
    h->reason = reason;
    h->stop(h->uc);
}

/* --- memory: rights and types ------------------------------------------------------------------------------------ */

static uint32_t default_rights(uint32_t address)
{
    static const uint8_t by_area[8] = {
        READ | WRITE | FETCH | NORMAL,
        READ | WRITE | FETCH | NORMAL,
        READ | WRITE,
        READ | WRITE | FETCH | NORMAL,
        READ | WRITE | FETCH | NORMAL,
        READ | WRITE,
        READ | WRITE,
        READ | WRITE,
    };
    return by_area[address >> 29];
}

static bool mpu_rights(const struct hooks *h, uint32_t address, uint32_t *rights)
{
    for (int i = (int)h->regions - 1; i >= 0; --i) {
        const struct region *r = &h->region[i];
        if (r->last <= r->base || address < r->base || address > r->last)
            continue;
        if (r->disabled != 0 && ((r->disabled >> ((address - r->base) / r->eighth)) & 1u) != 0)
            continue;
        *rights = h->privileged ? r->privileged : r->unprivileged;
        return true;
    }
    return false;
}

static uint32_t find_rights(const struct hooks *h, uint32_t address)
{
    uint32_t rights = default_rights(address);
    if (address >= 0xE0000000u && address < 0xE0100000u) /* private peripherals: no MPU */
        return h->privileged ? rights : 0;
    if (!h->mpu_enabled || ((h->negative || h->masked) && !h->mpu_in_faults))
        return rights;
    if (!mpu_rights(h, address, &rights) && !(h->mpu_background && h->privileged))
        return 0;
    return rights;
}

static uint32_t rights_of(struct hooks *h, uint32_t address)
{
    const uint32_t line = address >> 5, slot = line % LINES;
    if (h->line_tag[slot] != line + 1) {
        h->line_tag[slot] = line + 1;
        h->line_rights[slot] = (uint8_t)find_rights(h, address);
    }
    return h->line_rights[slot];
}

/* Rights of the core for one address, for Python. */
uint32_t hooks_rights(struct hooks *h, uint32_t address)
{
    return find_rights(h, address);
}

/* Masks, privilege, MPU or IT state changed outside: look again. */
void hooks_refresh(struct hooks *h)
{
    const uint32_t xpsr = read_reg(h, UC_ARM_REG_XPSR), control = read_reg(h, UC_ARM_REG_CONTROL);
    const uint32_t state = ((xpsr >> 8) & 0xFCu) | ((xpsr >> 25) & 3u);
    h->privileged = (xpsr & 0x1FFu) != 0 || (control & 1u) == 0;
    if (h->privileged) /* an unprivileged program can neither read nor change it */
        h->masked = read_reg(h, UC_ARM_REG_FAULTMASK) & 1u;
    h->block = state;
    h->block_left = (state & 15u) != 0 ? 4u - (uint32_t)__builtin_ctz(state & 15u) : 0;
    memset(h->line_tag, 0, sizeof h->line_tag);
}

/* --- instructions ------------------------------------------------------------------------------------------------ */

static enum kind hint(uint32_t number)
{
    switch (number) {
    case 2:
        return WAIT_EVENT;
    case 3:
        return WAIT;
    case 4:
        return EVENT;
    default:
        return PLAIN;
    }
}

static enum kind classify_short(uint32_t op)
{
    if ((op & 0xFF00u) == 0xBF00u)
        return (op & 15u) != 0 ? BLOCK : hint((op >> 4) & 15u);
    if ((op & 0xFF00u) == 0xBE00u)
        return BREAK;
    if ((op & 0xFF00u) == 0xDF00u)
        return CALL;
    if ((op & 0xFFE0u) == 0xB660u)
        return MASKS;
    if ((op & 0xF600u) == 0xB400u || (op & 0xF000u) == 0xC000u) /* PUSH, POP, STM, LDM */
        return WORDS;
    return PLAIN;
}

static enum kind classify_long(uint32_t op, uint32_t op2)
{
    if ((op & 0xEF00u) == 0xEF00u) /* Advanced SIMD: undefined here */
        return PLAIN;
    if ((op & 0xEC00u) == 0xEC00u) {
        const uint32_t coprocessor = (op2 >> 8) & 15u;
        if (coprocessor != 10 && coprocessor != 11)
            return ABSENT;
        return (op & 0xFE00u) == 0xEC00u && (op & 0xFFE0u) != 0xEC40u ? FLOATS : FLOAT;
    }
    if ((op & 0xFE00u) == 0xE800u) /* LDM, STM, LDRD, STRD, LDREX, STREX; table branches are no words */
        return (op & 0xFFF0u) == 0xE8D0u && (op2 & 0xFFE0u) == 0xF000u ? PLAIN : WORDS;
    if ((op & 0xFFE0u) == 0xF380u && (op2 & 0xD000u) == 0x8000u)
        return MASKS;
    if (op == 0xF3AFu && (op2 & 0xFF00u) == 0x8000u)
        return hint(op2 & 0xFFu);
    if (op == 0xF3BFu && (op2 & 0xFFF0u) == 0x8F60u)
        return BARRIER;
    if ((op & 0xFFD0u) == 0xFB90u && (op2 & 0xF0F0u) == 0xF0F0u)
        return DIVIDE;
    return PLAIN;
}

static void decode(struct hooks *h, uint32_t pc, uint32_t size)
{
    const uint32_t slot = (pc >> 1) % DECODED;
    if (h->decoded_pc[slot] != pc || h->decoded_kind[slot] == UNKNOWN) {
        uint16_t halves[2] = {0, 0};
        h->mem_read(h->uc, pc, halves, size == 4 ? 4 : 2);
        h->decoded_pc[slot] = pc;
        h->decoded_opcode[slot] = halves[0] | (uint32_t)halves[1] << 16;
        h->decoded_kind[slot] = (uint8_t)(size == 4 ? classify_long(halves[0], halves[1]) : classify_short(halves[0]));
    }
    h->opcode = h->decoded_opcode[slot];
    h->kind = h->decoded_kind[slot];
}

/* Whether the instruction at this place of an IT block is carried out. */
static bool passes(struct hooks *h, uint32_t left)
{
    if (left == 0)
        return true;
    const uint32_t mask = h->block & 15u, length = 4u - (uint32_t)__builtin_ctz(mask), place = length - left;
    const uint32_t low = place == 0 ? (h->block >> 4) & 1u : (mask >> (4u - place)) & 1u;
    const uint32_t condition = ((h->block >> 4) & 14u) | low, flags = read_reg(h, UC_ARM_REG_XPSR) >> 28;
    const bool n = (flags & 8u) != 0, z = (flags & 4u) != 0, c = (flags & 2u) != 0, v = (flags & 1u) != 0;
    const bool held[7] = {z, c, n, v, c && !z, n == v, !z && n == v};
    return condition >= 14 || held[condition >> 1] == ((condition & 1u) == 0);
}

static bool divides_by_zero(struct hooks *h)
{
    const uint32_t reg = (h->opcode >> 16) & 15u;
    return h->trap_zero && reg < 13 && read_reg(h, UC_ARM_REG_R0 + (int)reg) == 0;
}

/* Why the core cannot go on with this instruction by itself; RUNNING if it can. */
static enum stop special(struct hooks *h)
{
    switch (h->kind) {
    case FLOAT:
    case FLOATS:
        return h->float_enabled ? RUNNING : COPROCESSOR;
    case ABSENT:
        return COPROCESSOR;
    case DIVIDE:
        return divides_by_zero(h) ? ZERO_DIVISOR : RUNNING;
    case CALL:
        return SUPERVISOR_CALL;
    case BREAK:
        return BREAKPOINT;
    case WAIT:
        return SLEEP_INTERRUPT;
    case WAIT_EVENT:
        return SLEEP_EVENT;
    case EVENT:
        return SEND_EVENT;
    default:
        return RUNNING;
    }
}

/* Instructions outside flash may have been written since. */
static void forget_ram(struct hooks *h)
{
    for (uint32_t i = 0; i < DECODED; ++i)
        if (h->decoded_pc[i] < 0x08000000u || h->decoded_pc[i] >= 0x10000000u)
            h->decoded_kind[i] = UNKNOWN;
}

static bool fetch_denied(struct hooks *h, uint32_t pc, uint32_t size)
{
    return (rights_of(h, pc) & FETCH) == 0 || (rights_of(h, pc + size - 1) & FETCH) == 0;
}

/* Before every instruction. */
void hooks_instruction(uc_engine *uc, uint64_t address, uint32_t size, struct hooks *h)
{
    (void)uc;
    if (h->reason != RUNNING) /* the instruction before asked to stop */
        return;
    if (h->masks_changed) {
        h->masks_changed = 0;
        hooks_refresh(h);
        h->soon = 1;
    }
    h->pc = (uint32_t)address;
    if (h->block_left == 0 && (h->soon || h->cycles >= h->deadline)) {
        leave(h, TIME);
        return;
    }
    if (fetch_denied(h, h->pc, size)) {
        h->address = (rights_of(h, h->pc) & FETCH) == 0 ? h->pc : h->pc + 2;
        leave(h, FETCH_DENIED);
        return;
    }
    decode(h, h->pc, size);
    const uint32_t left = h->block_left;
    if (h->kind != PLAIN && h->kind != WORDS && h->kind != BLOCK) {
        const enum stop reason = special(h);
        if (reason != RUNNING && (reason == BREAKPOINT || passes(h, left))) {
            leave(h, reason);
            return;
        }
    }
    h->cycles++;
    h->in_block = left != 0;
    h->block_left -= left != 0;
    if (h->kind == BLOCK) {
        h->block = h->opcode & 0xFFu;
        h->block_left = 4u - (uint32_t)__builtin_ctz(h->block & 15u);
    }
    h->masks_changed = h->kind == MASKS;
    if (h->kind == BARRIER)
        forget_ram(h);
}

/* --- data accesses ----------------------------------------------------------------------------------------------- */

static void keep_for_undo(struct hooks *h, uint32_t address, uint32_t size)
{
    const bool device = (default_rights(address) & NORMAL) == 0 && (address < 0xC0000000u || address >= 0xE0000000u);
    if (device || h->undo_count == UNDONE || size > 8)
        return; /* a register is not written: Python looks at `reason` first */
    struct undo *u = &h->undo[h->undo_count];
    u->address = address;
    u->size = size;
    if (h->mem_read(h->uc, address, u->old, size) == 0)
        h->undo_count++;
}

static void stop_access(struct hooks *h, enum stop reason, uint32_t address, uint32_t size, bool write)
{
    for (int i = 0; i < 13; ++i)
        h->saved[i] = read_reg(h, UC_ARM_REG_R0 + i);
    h->saved[13] = read_reg(h, UC_ARM_REG_SP);
    h->saved[14] = read_reg(h, UC_ARM_REG_LR);
    h->saved[15] = read_reg(h, UC_ARM_REG_XPSR);
    h->address = address;
    h->size = size;
    h->write = write;
    h->undo_count = 0;
    leave(h, reason);
}

static bool misaligned(const struct hooks *h, uint32_t address, uint32_t size, uint32_t rights)
{
    const uint32_t unit = size < 4 ? size : 4;
    if ((address & (unit - 1)) == 0)
        return false;
    return h->kind == WORDS || h->kind == FLOATS || h->trap_unaligned || (rights & NORMAL) == 0;
}

/* An access makes the emulator write the IT state to its registers, for whoever looks at them, and leaves it there,
 * where it would make the next block of instructions conditional: while a block runs, its state is 0 there. Not after a
 * stop, which a write to a register would take back. */
static void forget_block(struct hooks *h)
{
    const uint32_t thumb = 1u << 24;
    if (h->in_block && h->reason == RUNNING)
        h->reg_write(h->uc, UC_ARM_REG_EPSR, &thumb);
}

/* Before every load and store; the access itself cannot be held back, so what it changes is kept. */
void hooks_access(uc_engine *uc, uc_mem_type type, uint64_t wide, int size, int64_t value, struct hooks *h)
{
    const uint32_t address = (uint32_t)wide, bytes = (uint32_t)size;
    const bool write = type == UC_MEM_WRITE;
    (void)uc;
    (void)value;
    if (h->reason == RUNNING) {
        const uint32_t need = write ? WRITE : READ;
        const uint32_t rights = rights_of(h, address);
        if (misaligned(h, address, bytes, rights))
            stop_access(h, UNALIGNED, address, bytes, write);
        else if ((rights & need) == 0)
            stop_access(h, DATA_DENIED, address, bytes, write);
        else if ((rights_of(h, address + bytes - 1) & need) == 0)
            stop_access(h, DATA_DENIED, (address + bytes - 1) & ~31u, bytes, write);
    }
    if (write && (h->reason == UNALIGNED || h->reason == DATA_DENIED))
        keep_for_undo(h, address, bytes);
    forget_block(h);
}

/* --- registers of peripherals ------------------------------------------------------------------------------------ */

struct area {
    struct hooks *hooks;
    uint64_t origin;
};

/* A read of a register; a loop that polls one while nothing happens gets its answer here. */
uint64_t hooks_read(uc_engine *uc, uint64_t offset, unsigned size, struct area *area)
{
    struct hooks *h = area->hooks;
    const uint32_t address = (uint32_t)(area->origin + offset);
    (void)uc;
    if (h->reason != RUNNING) /* an instruction that will be undone */
        return 0;
    if (h->cycles < h->answer_until && h->answer_pc == h->pc && h->answer_address == address)
        return h->answer;
    h->answer_until = 0;
    const uint64_t value = h->read_register(address, size);
    forget_block(h);
    return value;
}

void hooks_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, struct area *area)
{
    struct hooks *h = area->hooks;
    (void)uc;
    h->answer_until = 0;
    if (h->reason == RUNNING)
        h->write_register(area->origin + offset, size, value);
    forget_block(h);
}

uint64_t hooks_size(void)
{
    return sizeof(struct hooks);
}
