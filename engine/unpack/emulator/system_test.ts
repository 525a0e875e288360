import assert from "node:assert/strict";
import { addressOf, BASE, le, runStub, TARGET_AT } from "../testing/packed_program.ts";

const pure = { permissions: "none" } as const;
const TARGET = BASE + TARGET_AT;
const push = (value: number) => `68 ${le(value)}`;
const call = (name: string) => `b8 ${le(addressOf(name))} ffd0`;
const STORE = "a3";
const store = (place: number) => `${STORE} ${le(TARGET + place)}`;
const pushKept = (place: number) => `ff35 ${le(TARGET + place)}`;

/** GetModuleFileNameA, CreateFileA of it, whose handle is kept. */
const OPEN = `${push(255)} ${push(TARGET)} ${push(0)} ${call("GetModuleFileNameA")}
  6a00 6a00 6a03 6a00 6a01 ${push(0x80000000)} ${push(TARGET)} ${call("CreateFileA")} ${store(0)}`;

Deno.test("a program reads its own file", pure, () => {
  const { run, file } = runStub(
    `${OPEN} 6a00 ${pushKept(0)} ${call("GetFileSize")} ${store(4)}
     6a00 6a00 6a40 ${pushKept(0)} ${call("SetFilePointer")} ${store(8)}
     6a00 ${push(TARGET + 12)} 6a20 ${push(TARGET + 16)} ${pushKept(0)} ${call("ReadFile")}
     6a02 6a00 6af0 ${pushKept(0)} ${call("SetFilePointer")}
     6a00 ${push(TARGET + 48)} 6a20 ${push(TARGET + 64)} ${pushKept(0)} ${call("ReadFile")} f4`,
  );
  assert.equal(run.end, "privileged");
  const { memory } = run;
  assert.deepEqual([4, 8, 12, 48].map((at) => memory.read32(TARGET + at)), [
    file.length,
    0x40,
    0x20,
    0x10,
  ]);
  const at = (from: number, octets: number) =>
    memory.image.subarray(TARGET_AT + from, TARGET_AT + from + octets);
  assert.deepEqual(at(16, 0x20), file.subarray(0x40, 0x60));
  assert.deepEqual(at(64, 0x10), file.subarray(-0x10));
});

Deno.test("a program maps its own file", pure, () => {
  const { run, file } = runStub(
    `${OPEN} 6a00 6a00 6a00 6a02 6a00 ${pushKept(0)} ${call("CreateFileMappingA")}
     6a00 6a00 6a00 6a04 50 ${call("MapViewOfFile")} ${store(0)} f4`,
  );
  assert.equal(run.memory.read32(TARGET), run.memory.heapAt | 0);
  assert.deepEqual(run.memory.heap.subarray(0, file.length), file);
});

Deno.test("there is no other file, and what is no file is not read", pure, () => {
  const { run } = runStub(
    `c705 ${le(TARGET)} 5c5c2e5c c605 ${le(TARGET + 4)} 58
     6a00 6a00 6a03 6a00 6a01 6a00 ${push(TARGET)} ${call("CreateFileA")} ${store(8)}
     6a00 6a00 6a10 ${push(TARGET)} ${pushKept(8)} ${call("ReadFile")} ${store(12)} f4`,
  );
  assert.deepEqual([8, 12].map((at) => run.memory.read32(TARGET + at)), [-1, 0]);
});

Deno.test("octets that a call copies count as instructions", pure, () => {
  const instructions = (octets: number) =>
    runStub(`${OPEN} 6a00 6a00 ${push(octets)} ${push(TARGET)} ${pushKept(0)} ${call("ReadFile")}`)
      .run.instructions;
  assert.equal(instructions(0x400) - instructions(0), 0x40);
});

Deno.test("the system's library is found by the lists of the modules", pure, () => {
  // PEB, PEB_LDR_DATA, the list in order of start: ntdll, kernel32
  const { run } = runStub(
    `64a1 ${le(0x30)} 8b400c 8b401c 8b00 8b4808 890d ${le(TARGET)} 8b4020 8b00 ${store(4)}
     64a1 ${le(0x30)} 8b400c 8b400c 8b4018 ${store(8)} f4`,
  );
  assert.equal(run.end, "privileged");
  const { memory, system } = run;
  assert.equal(memory.read32(TARGET), system.library);
  assert.equal(String.fromCharCode(...[0, 2].map((at) => memory.read8(TARGET + 4 + at))), "ke");
  assert.equal(memory.read32(TARGET + 8), BASE);
});

Deno.test("a copy of a function's beginning goes on in the function", pure, () => {
  // 18 octets, as a stub takes them that counts whole instructions, and a jump behind them
  const from = addressOf("GetCurrentProcess");
  const { run } = runStub(
    `be ${le(from)} bf ${le(TARGET + 0x20)} b9 ${le(18)} f3a4
     c607 e9 8d4705 f7d8 05 ${le(from + 18)} 894701 b8 ${le(TARGET + 0x20)} ffd0 ${store(0)} f4`,
  );
  assert.equal(run.end, "privileged");
  assert.equal(run.memory.read32(TARGET), -1);
});

Deno.test("clocks go on from look to look, and as long as a program sleeps", pure, () => {
  const look = `${call("GetTickCount")} 29c3 89c3`;
  const { run } = runStub(
    `${look} ${call("GetTickCount")} 29d8 ${store(0)} ${look}
     ${push(5000)} ${call("Sleep")} ${call("GetTickCount")} 29d8 ${store(4)}
     0f31 89c3 0f31 29d8 ${store(8)} f4`,
  );
  assert.deepEqual([0, 4, 8].map((at) => run.memory.read32(TARGET + at)), [1, 5001, 64]);
});

Deno.test("the floating point unit tells where its last instruction was", pure, () => {
  const { run } = runStub(`d9ee d97424f4 5b 891d ${le(TARGET)} 9bdfe0 ${store(4)} f4`);
  assert.equal(run.memory.read32(TARGET), BASE + 0x2000);
  assert.equal(run.memory.read32(TARGET + 4) & 0xffff, 0);
});
