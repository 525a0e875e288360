import assert from "node:assert/strict";
import { temporaryDirectory } from "../../tests/temporary.ts";
import { readLimited, readRegular, readSource } from "./read.ts";

/** Gives `octets` in pieces of at most `piece`. */
function reader(octets: Uint8Array, piece: number) {
  let at = 0;
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      if (at === octets.length) return Promise.resolve(null);
      const part = octets.subarray(at, at + Math.min(piece, buffer.length));
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
}

const sizes = [0, 1, 99, 100, 101, 70_000];
for (const size of sizes) {
  Deno.test(`readLimited() of ${size} octets`, { permissions: "none" }, async () => {
    const octets = Uint8Array.from({ length: size }, (_, i) => i & 0xff);
    for (const expected of [0, size]) {
      for (const piece of [1, 7, 65_536]) {
        if (piece === 1 && size > 1000) continue;
        assert.deepEqual(await readLimited(reader(octets, piece), expected, size), octets);
        if (size > 0) {
          assert.equal(await readLimited(reader(octets, piece), expected, size - 1), undefined);
        }
      }
    }
  });
}

Deno.test(
  "readLimited() reads nothing of what says it is too large",
  { permissions: "none" },
  async () => {
    const untouchable = { read: () => Promise.reject(new Error("was read")) };
    assert.equal(await readLimited(untouchable, 101, 100), undefined);
  },
);

Deno.test("readLimited() gives up on an endless reader", { permissions: "none" }, async () => {
  const endless = { read: (buffer: Uint8Array) => Promise.resolve(buffer.length) };
  assert.equal(await readLimited(endless, 0, 1_000_000), undefined);
});

Deno.test("readSource() refuses a directory", { permissions: { read: true } }, async () => {
  await assert.rejects(readSource(import.meta.dirname, 100, 1000));
});

Deno.test("a FIFO that nobody writes to is waited for no longer than said, by helpers not at all", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/fifo`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  await assert.rejects(readRegular(path, 100), /no regular file/);
  await assert.rejects(readSource(path, 100, 50), /in time/);
  // Lets the open go on that is left behind.
  const writer = await Deno.open(path, { write: true });
  writer.close();
});

Deno.test("readSource() reads a FIFO that is written to", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/fifo`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const written = Deno.writeTextFile(path, "octets", { create: false });
  assert.deepEqual(await readSource(path, 100, 10_000), new TextEncoder().encode("octets"));
  await written;
});
