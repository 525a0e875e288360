import assert from "node:assert/strict";
import fc from "fast-check";
import { addressOf, BASE, le, runStub, STUB_AT, TARGET_AT } from "../testing/packed_program.ts";

const pure = { permissions: "none" } as const;
const STUB = BASE + STUB_AT, TARGET = BASE + TARGET_AT;
/** push handler; push fs:[0]; mov fs:[0], esp. */
const FRAME_OCTETS = 19;
const frame = (handler: number) => `68 ${le(handler)} 64ff35 ${le(0)} 648925 ${le(0)}`;
/** pop fs:[0]: without the handler, the next fault ends the run. */
const LEAVE = `648f05 ${le(0)}`;
const size = (code: string) => code.replace(/\s/g, "").length / 2;

/** A stub that faults under a handler, which is the code behind it. */
function faulting(fault: string, handler: string): string {
  const body = `${fault} ${LEAVE} f4`;
  return `${frame(STUB + FRAME_OCTETS + size(body))} ${body} ${handler}`;
}

/** Keeps the code and the address of what happened, and goes on so many octets behind the latter. */
const goesOn = (octets: number) =>
  `8b442404 8b10 8915 ${le(TARGET)} 8b500c 8915 ${le(TARGET + 4)}
   8b4c240c 8381 b8000000 ${octets.toString(16).padStart(2, "0")} 31c0 c3`;

// the number of octets is from where Windows says that it happened to the next instruction
for (
  const [name, fault, code, at, octets] of [
    ["int3", "cc", 0x80000003, 0, 1],
    ["int 3, of two octets", "cd03", 0x80000003, 1, 1],
    ["int 2d", "cd2d", 0x80000003, 1, 1],
    ["any other interrupt", "cd01", 0xc0000005, 0, 2],
    ["int1", "f1", 0x80000004, 1, 0],
    ["the trap flag, behind the instruction", "9c 810c2400010000 9d 90", 0x80000004, 10, 0],
    ["into", "b07f fec0 ce", 0xc0000095, 5, 0],
    ["bound", "31c0 48 62442404", 0xc000008c, 3, 4],
    ["div by zero", "31c9 f7f1", 0xc0000094, 2, 2],
    ["sti", "fb", 0xc0000096, 0, 1],
    ["hlt", "f4", 0xc0000096, 0, 1],
    ["in", "e464", 0xc0000096, 0, 2],
    ["outsb", "6e", 0xc0000096, 0, 1],
    ["mov from cr0", "0f20c0", 0xc0000096, 0, 3],
    ["ud2", "0f0b", 0xc000001d, 0, 2],
    ["ff ff", "ffff", 0xc000001d, 0, 2],
    ["les of a register", "c4c4", 0xc000001d, 0, 2],
    ["lock of what takes no lock", "f090", 0xc000001d, 0, 2],
    ["lock of what is in no memory", "f0ffc0", 0xc000001d, 0, 3],
    ["a read of no memory", `a1 ${le(0)}`, 0xc0000005, 0, 5],
  ] as const
) {
  Deno.test(`the program's handler sees ${name}, and goes on`, pure, () => {
    const { run } = runStub(faulting(fault, goesOn(octets)));
    assert.equal(run.end, "privileged");
    assert.equal((run.memory.read32(TARGET) >>> 0).toString(16), code.toString(16));
    assert.equal(run.memory.read32(TARGET + 4), STUB + FRAME_OCTETS + at);
  });
}

Deno.test("a handler sees what an access wanted: to read or to write, and where", pure, () => {
  const keeps = `8b442404 8b4810 890d ${le(TARGET)} 8b4814 890d ${le(TARGET + 4)}
    8b4818 890d ${le(TARGET + 8)} b801000000 c3`;
  const { run } = runStub(faulting(`a3 ${le(0x1234)}`, keeps));
  assert.equal(run.end, "program");
  assert.deepEqual([0, 4, 8].map((at) => run.memory.read32(TARGET + at)), [2, 1, 0x1234]);
});

Deno.test("a handler that faults is asked again, and may leave both by a jump", pure, () => {
  // the first time it executes hlt; the second time it takes the stack of its frame, and leaves it
  const handler = `833d ${le(TARGET)} 00 7507 ff05 ${le(TARGET)} f4
    8b642408 ${LEAVE} 83c404 c705 ${le(TARGET + 4)} ${le(0x77)} 0f0b`;
  const { run } = runStub(faulting("cc", handler));
  assert.equal(run.end, "illegal");
  assert.deepEqual([0, 4].map((at) => run.memory.read32(TARGET + at)), [1, 0x77]);
});

Deno.test("debug registers that a handler sets stop the program, and are kept", pure, () => {
  // at the breakpoint DR0 is set to the second nop; there DR0 and DR6 are kept, and DR7 is cleared
  const nops = STUB + FRAME_OCTETS + 1;
  const handler = `8b442404 8b00 8b4c240c 3d03000080 7419
    8b5104 8915 ${le(TARGET)} 8b5114 8915 ${le(TARGET + 4)} 83611800 31c0 c3
    ff81 b8000000 c74104 ${le(nops + 1)} c74118 ${le(1)} 31c0 c3`;
  const { run } = runStub(faulting("cc 90 90 90", handler));
  assert.equal(run.end, "privileged");
  assert.deepEqual([0, 4].map((at) => run.memory.read32(TARGET + at)), [nops + 1, 1]);
});

Deno.test("a debug register that nobody clears stops the program a number of times", pure, () => {
  const nops = STUB + FRAME_OCTETS + 1;
  const handler = `8b442404 8b00 8b4c240c 3d03000080 7403 31c0 c3
    ff81 b8000000 c74104 ${le(nops)} c74118 ${le(1)} 31c0 c3`;
  const { run } = runStub(faulting("cc 90 90", handler));
  assert.equal(run.end, "step");
});

for (const name of ["SetUnhandledExceptionFilter", "AddVectoredExceptionHandler"]) {
  Deno.test(`handlers of ${name} are asked, and go on`, pure, () => {
    const more = name.startsWith("Add") ? "6a01" : "";
    const code = (handler: number) =>
      `68 ${le(handler)} ${more} b8 ${le(addressOf(name))} ffd0 cc
       c705 ${le(TARGET + 4)} ${le(0x55)} 0f0b`;
    // the second fault it does not know: then the program is over
    const handler = `8b442404 8b08 8b09 890d ${le(TARGET)} 81f9 03000080 750e
      8b4004 ff80 b8000000 83c8ff eb02 31c0 c20400`;
    const { run } = runStub(`${code(STUB + size(code(0)))} ${handler}`);
    assert.equal(run.end, "program");
    assert.deepEqual(
      [0, 4].map((at) => run.memory.read32(TARGET + at) >>> 0),
      [0xc000001d, 0x55],
    );
  });
}

Deno.test("any octets as code and handler never throw, and end", pure, () => {
  const opcodes = fc.constantFrom(0xcc, 0xcd, 0xf1, 0x9d, 0xf4, 0xc3, 0x64, 0x8b, 0xff, 0xd9, 0x0f);
  const octets = fc.array(fc.oneof(fc.nat(255), opcodes), { minLength: 1, maxLength: 60 });
  // a handler that goes on behind the octet, but for what is put into it
  const goes = ["8b4c240c ff81 b8000000", "31c0 c3"] as const;
  fc.assert(
    fc.property(octets, fc.array(fc.nat(255), { maxLength: 12 }), (code, more) => {
      const digits = (list: readonly number[]) =>
        list.map((octet) => octet.toString(16).padStart(2, "0")).join("");
      const { run } = runStub(faulting(digits(code), `${goes[0]} ${digits(more)} ${goes[1]}`), 10);
      assert.ok(run.end !== undefined && run.memory.heap.length <= 16 << 20);
    }),
    { numRuns: 200 },
  );
});
