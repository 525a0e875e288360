import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameReader, type FrameSource, writeFrames } from "./frames.ts";
import { JOIN_OCTETS, READ_OCTETS } from "./limits.ts";

/** A sink that takes at most `most` octets at a time, and what it has taken. */
function sink(most = Infinity) {
  const taken: Uint8Array[] = [];
  return {
    writes: taken,
    octets: () => Uint8Array.from(taken.flatMap((chunk) => [...chunk])),
    write(octets: Uint8Array): Promise<number> {
      const some = octets.slice(0, Math.min(most, octets.length));
      taken.push(some);
      return Promise.resolve(some.length);
    },
  };
}

/** A source that gives the chunks one after the other, in pieces where the reader's room is smaller. */
function source(...chunks: Uint8Array[]): FrameSource {
  return sourceOf(chunks);
}

function sourceOf(chunks: readonly Uint8Array[]): FrameSource {
  const all = chunks.filter((chunk) => chunk.length > 0);
  let next = 0;
  let used = 0; // of the chunk that is next
  return {
    read(into) {
      const chunk = all[next]?.subarray(used);
      if (!chunk) return Promise.resolve(null);
      const count = Math.min(chunk.length, into.length);
      into.set(chunk.subarray(0, count));
      used += count;
      if (count === chunk.length) {
        next++;
        used = 0;
      }
      return Promise.resolve(count);
    },
  };
}

const octets = (text: string) => new TextEncoder().encode(text);

async function all(reader: FrameReader, max = 1 << 20): Promise<string[]> {
  const frames: string[] = [];
  for (;;) {
    const frame = await reader.read(max);
    if (!frame) return frames;
    frames.push(new TextDecoder().decode(frame));
  }
}

async function framed(...frames: Uint8Array[]): Promise<Uint8Array> {
  const to = sink();
  await writeFrames(to, ...frames);
  return to.octets();
}

Deno.test("FrameReader.read() gives the same frames wherever the octets are cut", {
  permissions: "none",
}, async () => {
  const wire = await framed(octets("head"), octets(""), octets("a longer object"));
  for (let cut = 0; cut <= wire.length; cut++) {
    const reader = new FrameReader(source(wire.subarray(0, cut), wire.subarray(cut)));
    assert.deepEqual(await all(reader), ["head", "", "a longer object"]);
  }
  const one = new FrameReader(source(...[...wire].map((octet) => Uint8Array.of(octet))));
  assert.deepEqual(await all(one), ["head", "", "a longer object"]);
});

Deno.test(
  "FrameReader.read() sees an end inside a frame at every octet",
  { permissions: "none" },
  async () => {
    const wire = await framed(octets("head"));
    for (let cut = 1; cut < wire.length; cut++) {
      const reader = new FrameReader(source(wire.subarray(0, cut)));
      await assert.rejects(all(reader), { code: "wire/closed" });
      await assert.rejects(all(reader), { code: "wire/closed" }, "stays failed");
    }
  },
);

Deno.test(
  "FrameReader.read() takes the limit and refuses one octet more",
  { permissions: "none" },
  async () => {
    const wire = await framed(new Uint8Array(10));
    assert.equal((await new FrameReader(source(wire)).read(10))?.length, 10);
    const reader = new FrameReader(source(wire));
    await assert.rejects(reader.read(9), { code: "wire/too-long" });
    await assert.rejects(reader.read(10), { code: "wire/too-long" }, "stays failed");
  },
);

Deno.test("FrameReader.read() refuses a length of 4 GiB without making room for it", {
  permissions: "none",
}, async () => {
  const reader = new FrameReader(source(Uint8Array.of(255, 255, 255, 255)));
  await assert.rejects(reader.read(1 << 30), { code: "wire/too-long" });
});

Deno.test(
  "frames of any number, size and cut come back as they were",
  { permissions: "none" },
  async () => {
    const sizes = fc.oneof(
      fc.nat(300),
      fc.constantFrom(
        READ_OCTETS - 5,
        READ_OCTETS,
        READ_OCTETS + 1,
        3 * READ_OCTETS + 7,
        JOIN_OCTETS,
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(sizes, { maxLength: 5 }),
        fc.integer({ min: 1, max: 100_000 }),
        async (lengths, piece) => {
          const frames = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
          // Large frames in single octets would take minutes, and be cut nowhere that small ones are not.
          const least = Math.ceil(lengths.reduce((sum, length) => sum + length, 0) / 2000);
          const to = sink(Math.max(piece, least));
          await writeFrames(to, ...frames);
          const reader = new FrameReader(sourceOf(to.writes));
          for (const frame of frames) assert.deepEqual(await reader.read(1 << 20), frame);
          assert.equal(await reader.read(1 << 20), undefined);
        },
      ),
      { numRuns: 40 },
    );
  },
);

Deno.test("writeFrames() sends short frames in one write and long ones from the caller's buffer", {
  permissions: "none",
}, async () => {
  const short = sink();
  await writeFrames(short, octets("head"), new Uint8Array(4096));
  assert.equal(short.writes.length, 1);
  const long = new Uint8Array(JOIN_OCTETS + 1);
  const seen: ArrayBufferLike[] = [];
  await writeFrames(
    {
      write(chunk) {
        seen.push(chunk.buffer);
        return Promise.resolve(chunk.length);
      },
    },
    octets("head"),
    long,
  );
  assert.ok(seen.includes(long.buffer));
});
