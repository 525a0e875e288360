import assert from "node:assert/strict";
import type { WireStream } from "../stream.ts";
import { ClientOutput } from "./client_output.ts";
import { WRITE_OCTETS } from "./limits.ts";

Deno.test("ClientOutput gives a slow client the same time for each piece of what is large", async () => {
  const writes: number[] = [];
  let deadlines = 0;
  const stream = {
    deadline: (ms: number) => void (deadlines += ms > 0 ? 1 : 0),
    write: (octets: Uint8Array) => Promise.resolve(void writes.push(octets.length)),
  };
  const output = new ClientOutput(stream as unknown as WireStream);
  output.push(new Uint8Array(10 * WRITE_OCTETS + 1));
  await output.flush();
  assert.equal(writes.reduce((sum, each) => sum + each), 10 * WRITE_OCTETS + 1);
  assert.ok(writes.every((each) => each <= WRITE_OCTETS));
  assert.equal(deadlines, writes.length);
});
