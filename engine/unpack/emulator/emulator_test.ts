import assert from "node:assert/strict";
import fc from "fast-check";
import { Budget } from "../../budget.ts";
import type { ScanLimits } from "../../types.ts";
import { Passwords } from "../passwords.ts";
import type { Entry } from "../unpacker.ts";
import { execute } from "./instructions.ts";
import { MAX_INSTRUCTIONS, MAX_INSTRUCTIONS_BEHIND } from "./limits.ts";
import { Memory } from "./memory.ts";
import { unpacked } from "./packed.ts";
import { Processor } from "./processor.ts";
import { mapProgram, readProgram } from "./program.ts";
import { Run } from "./run.ts";
import {
  addressOf,
  BASE,
  hex,
  le,
  makeProgram,
  STUB_AT,
  TARGET_AT,
} from "../testing/packed_program.ts";
import { WIDE_LIMITS } from "../../../tests/scan_settings.ts";

const LIMITS = { ...WIDE_LIMITS, files: 1000 };
const pure = { permissions: "none" } as const;

function open(octets: Uint8Array, limits: Partial<ScanLimits> = {}) {
  const notes: string[] = [];
  const budget = new Budget({ ...LIMITS, ...limits });
  const entries: Entry[] = Array.from(unpacked(octets, {
    budget,
    tools: {},
    passwords: new Passwords([]),
    names: ["a.exe"],
    note: (reason) => notes.push(reason),
  }));
  return { entries, notes, breaches: budget.breaches };
}

/** A stub that writes each octet of a text, changed by 0x55, to the empty section and jumps there. */
function stubOf(text: string, behind = `68 ${le(BASE + TARGET_AT)} c3`): Uint8Array {
  const size = text.length;
  const loop = `be ${le(BASE + STUB_AT + 0x100)} bf ${le(BASE + TARGET_AT)} b9 ${le(size)}
    ac 34 55 aa e2 fa ${behind}`;
  const code = new Uint8Array(0x100 + size);
  code.set(hex(loop));
  for (let i = 0; i < size; i++) code[0x100 + i] = text.charCodeAt(i) ^ 0x55;
  return code;
}

const TEXT = "\xf4 what the stub unpacks: ".repeat(8);

Deno.test(
  "a stub is run until it jumps to what it wrote, and its image is a program again",
  pure,
  () => {
    const { entries, notes, breaches } = open(makeProgram(stubOf(TEXT)));
    assert.deepEqual([notes, breaches], [[], []]);
    assert.equal(entries.length, 1);
    const [{ content = new Uint8Array(0), names } = { names: [] }] = entries;
    assert.deepEqual(names, ["a.exe.unpacked"]);
    assert.equal(
      new TextDecoder("latin1").decode(content.subarray(TARGET_AT, TARGET_AT + 8)),
      TEXT.slice(0, 8),
    );
    const program = readProgram(content);
    assert.equal(program?.entry, TARGET_AT);
    assert.deepEqual(program?.sections.map(({ start, raw }) => raw === start), [true, true]);
    assert.deepEqual(open(content).entries, [], "an image is not run again");
  },
);

Deno.test("what a stub unpacks without jumping there comes out when it stops", pure, () => {
  for (const behind of ["f4", "cc", "ff 25 00 00 00 00", "0f 0b"]) {
    const { entries, notes } = open(makeProgram(stubOf(TEXT, behind)));
    assert.deepEqual([entries.length, notes], [1, []], behind);
  }
});

Deno.test("a stub that wipes the program's headers leaves a program", pure, () => {
  const wipe = `68 ${le(BASE + TARGET_AT + 0xf00)} 6a04 68 ${le(0x1000)} 68 ${le(BASE)}
    b8 ${le(addressOf("VirtualProtect"))} ffd0 bf ${le(BASE)} b9 ${le(0x400)} 31c0 f3aa`;
  const { entries } = open(makeProgram(stubOf(TEXT, `${wipe} 68 ${le(BASE + TARGET_AT)} c3`)));
  assert.equal(entries.length, 1);
  const program = readProgram(entries[0]?.content ?? new Uint8Array(0));
  assert.equal(program?.entry, TARGET_AT);
  assert.deepEqual(program?.sections.map(({ start, raw }) => raw === start), [true, true]);
});

Deno.test("what is unpacked behind the first image comes out, too", pure, () => {
  // the unpacked code fills as much as given of the stub's section, and gets stuck
  const fills = (octets: number) =>
    String.fromCharCode(...hex(`bf ${le(BASE + STUB_AT + 0x200)} b9 ${le(octets)} b041 f3aa f4`));
  for (const [octets, count] of [[0xc00, 1], [0x1100, 2]] as const) {
    const stub = new Uint8Array(0x2000);
    stub.set(stubOf(fills(octets).padEnd(0x80, "\0")));
    const { entries } = open(makeProgram(stub));
    assert.equal(entries.length, count);
  }
});

Deno.test("programs that look like any other are not run", pure, () => {
  const file = makeProgram(stubOf(TEXT), ".text");
  const program = readProgram(file);
  assert.ok(program);
  const [first, second] = program.sections;
  assert.ok(first && second);
  const view = new DataView(file.buffer);
  view.setUint32(first.header + 36, 0xc0000080, true);
  view.setUint32(second.header + 36, 0x60000020, true);
  view.setUint16(0x46, 2, true);
  view.setUint32(program.optional + 16, STUB_AT, true);
  // the last section is where packers start; here one follows
  const more = makeProgram(stubOf(TEXT), ".text");
  more.set(file.subarray(0, 0x400));
  more.set(file.subarray(second.header, second.header + 40), second.header + 40);
  new DataView(more.buffer).setUint32(second.header + 52, 0x3000, true);
  new DataView(more.buffer).setUint16(0x46, 3, true);
  assert.deepEqual(open(more).entries, []);
});

Deno.test(
  "a program that never ends is left after its instructions, or when the scan's time is over",
  pure,
  () => {
    const file = makeProgram(hex("eb fe"));
    const program = readProgram(file);
    assert.ok(program);
    const run = new Run(program, mapProgram(file, program), file);
    run.start();
    let slices = 0;
    assert.equal(run.next(() => ++slices < 20), undefined);
    assert.equal(run.end, "time");
    assert.ok(run.instructions < 20 * 16_384 + 1);
    const { breaches, entries } = open(file, { timeMs: 0 });
    assert.deepEqual([breaches, entries], [["time"], []]);
  },
);

Deno.test(
  "behind the first image fewer instructions run, and those of repetitions count",
  pure,
  () => {
    // the unpacked program is a jump to itself
    const file = makeProgram(stubOf("\xeb\xfe".repeat(64)));
    const program = readProgram(file);
    assert.ok(program);
    const run = new Run(program, mapProgram(file, program), file);
    run.start();
    assert.equal(run.next(() => true), TARGET_AT);
    const before = run.instructions;
    assert.equal(run.next(() => true), undefined);
    assert.equal(run.end, "instructions");
    assert.ok(run.instructions - before < MAX_INSTRUCTIONS_BEHIND + 20_000);
    assert.ok(run.instructions < MAX_INSTRUCTIONS);
  },
);

Deno.test("functions that return to functions are served one by one", pure, () => {
  // fills the stack with the address of a function that takes nothing, and returns there
  const program = (address: number) =>
    makeProgram(hex(`b8 ${le(address)} 8dbc24 0000feff b9 00800000 fc f3 ab 8da424 0000feff c3`));
  const file = program(0);
  const first = readProgram(file);
  assert.ok(first);
  const address = new Run(first, mapProgram(file, first), file).system.addressOf("GetTickCount");
  const known = program(address);
  const parsed = readProgram(known);
  assert.ok(parsed);
  const run = new Run(parsed, mapProgram(known, parsed), known);
  run.start();
  assert.equal(run.next(() => true), undefined);
  assert.ok(
    run.end !== undefined && run.instructions > 1_000_000,
    `${run.end} ${run.instructions}`,
  );
});

Deno.test("images that are too large or no programs are left alone", pure, () => {
  assert.deepEqual(open(makeProgram(stubOf(TEXT), "UPX", 0x4000_0000)).entries, []);
  const file = makeProgram(stubOf(TEXT));
  for (let cut = 0; cut < file.length; cut += cut < 0x200 ? 1 : 61) {
    const { notes } = open(file.subarray(0, cut));
    assert.deepEqual(notes, []);
  }
});

Deno.test("a large image is cut to what the ratio allows", pure, () => {
  // writes at the end of 16 MiB as well
  const far = BASE + TARGET_AT + 0xff_0000;
  const code = hex(
    `c7 05 ${le(far)} 41414141 bf ${le(BASE + TARGET_AT)} b9 00010000 b8 90909090 f3 ab
    68 ${le(BASE + TARGET_AT)} c3`,
  );
  const { entries, breaches } = open(makeProgram(code, "UPX", 0x100_0000), { ratio: 10 });
  assert.deepEqual(breaches, []);
  assert.ok(entries.every(({ content }) => content && content.length <= 1 << 20));
  assert.equal(entries.length, 1);
});

/** Runs code from {@link BASE} for so many instructions; EAX, ECX, EDX, EBX and the flags then. */
function compute(code: string, count: number): readonly number[] {
  const memory = new Memory(BASE, 0x1000);
  memory.image.set(hex(code));
  const p = new Processor(memory);
  p.registers[4] = memory.stackAt + 0x1000;
  p.ip = BASE;
  for (let i = 0; i < count; i++) execute(p);
  return [...p.registers.subarray(0, 4)].map((value) => value >>> 0).concat(p.flags & 0x8d5);
}

// flags: OF 800, SF 80, ZF 40, AF 10, PF 4, CF 1; results by a processor
for (
  const [name, code, count, expected] of [
    ["add carries", "b8 ffffffff 83c001", 2, [0, 0, 0, 0, 0x55]],
    ["add overflows", "b8 ffffff7f 83c001", 2, [0x80000000, 0, 0, 0, 0x894]],
    ["sbb of an octet", "b0 00 f9 1c 00", 3, [0xff, 0, 0, 0, 0x95]],
    ["inc keeps the carry", "f9 b8 ffffffff 40", 3, [0, 0, 0, 0, 0x55]],
    ["mul", "b8 00000180 b9 02000000 f7e1 31db", 4, [0x00020000, 2, 1, 0, 0x44]],
    ["imul, 16 bits", "66b8 0001 66b9 8000 660fafc1 31db", 4, [0x8000, 0x80, 0, 0, 0x44]],
    ["div", "b8 07000000 b9 02000000 31d2 f7f1 31db", 5, [3, 2, 1, 0, 0x44]],
    ["idiv of an octet", "66b8 f9ff b1 02 f6f9 31db", 4, [0xfffd, 2, 0, 0, 0x44]],
    ["rol, rcr", "b8 03000080 c1c004 d1d8", 3, [0x1c, 0, 0, 0, 0]],
    ["shld", "b8 34120000 ba 000000ab 0fa4d008 31db", 4, [0x1234ab, 0, 0xab000000, 0, 0x44]],
    ["shrd, 16 bits", "66b8 3412 66ba cdab 660facd008 31db", 4, [0xcd12, 0, 0xabcd, 0, 0x44]],
    ["imul of a negative", "b8 ffffffff b9 02000000 f7e9 31db", 4, [
      0xfffffffe,
      2,
      0xffffffff,
      0,
      0x44,
    ]],
    ["div of 64 bits", "31c0 ba 01000000 b9 02000000 f7f1 31db", 5, [0x80000000, 2, 0, 0, 0x44]],
    ["idiv of 64 bits", "31c0 ba ffffffff b9 04000000 f7f9 31db", 5, [0xc0000000, 4, 0, 0, 0x44]],
    ["movsx, bswap", "b8 80000000 0fbec8 0fc9 31db", 4, [0x80, 0x80ffffff, 0, 0, 0x44]],
    ["loop", "b9 05000000 40 e2fd 31db", 12, [5, 0, 0, 0, 0x44]],
    ["cdq, cwde, setcc", "b8 00800000 98 99 31db 0f94c1", 5, [0xffff8000, 1, 0xffffffff, 0, 0x44]],
    ["bsf, bt", "b8 50000000 0fbcc8 0fbae004", 3, [0x50, 4, 0, 0, 1]],
    ["xchg of high octets", "b8 34120000 86e0", 2, [0x3412, 0, 0, 0, 0]],
  ] as const
) {
  Deno.test(`the interpreter computes as a processor does: ${name}`, pure, () => {
    const actual = compute(code, count);
    assert.deepEqual(actual.slice(0, 4), expected.slice(0, 4));
    // undefined flags of the last instruction are not compared
    const defined = /bt$|rcr/.test(name)
      ? 1
      : /xchg/.test(name)
      ? 0
      : /^(?:mul|imul|div|idiv|shld|movsx|loop|cdq)/.test(name)
      ? 0x8c5
      : 0x8d5;
    assert.equal((actual[4] ?? 0) & defined, (expected[4] ?? 0) & defined);
  });
}

Deno.test("any octets as a stub never throw, and end within their bounds", pure, () => {
  const opcodes = fc.constantFrom(0x0f, 0x66, 0xf3, 0xa4, 0xab, 0xe8, 0xeb, 0xc3, 0x64, 0x8b, 0xff);
  const code = fc.array(fc.oneof(fc.nat(255), opcodes), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(code, (octets) => {
      const file = makeProgram(Uint8Array.from(octets));
      const program = readProgram(file);
      assert.ok(program);
      const run = new Run(program, mapProgram(file, program), file);
      run.start();
      let slices = 0;
      let images = 0;
      while (run.next(() => ++slices < 10) !== undefined) images++;
      assert.ok(run.end !== undefined && images <= 4);
      assert.ok(run.instructions <= 10 * (16_384 + 4096) + 4 * 16_384);
      assert.ok(run.memory.heap.length <= 16 << 20);
    }),
    { numRuns: 500 },
  );
});

Deno.test("any octets in the headers never throw", pure, () => {
  const seed = makeProgram(stubOf(TEXT));
  const changes = fc.array(fc.tuple(fc.nat(0x18f), fc.nat(255)), { maxLength: 12 });
  fc.assert(
    fc.property(changes, (list) => {
      const octets = seed.slice();
      for (const [at, value] of list) octets[at] = value;
      const { notes } = open(octets);
      assert.deepEqual(notes, []);
    }),
    { numRuns: 300 },
  );
});
