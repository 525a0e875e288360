import assert from "node:assert/strict";
import { join } from "node:path";
import { deliverMaildir } from "./maildir.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const envelope = { sender: "a@example.org", recipients: ["b@example.org", "c@exa\nmple.org"] };
const HEAD =
  "Return-Path: <a@example.org>\nDelivered-To: b@example.org\nDelivered-To: c@example.org\n";

Deno.test("deliverMaildir() puts a message into new/ with LF line ends, whatever the chunks", async () => {
  const directory = await Deno.makeTempDir();
  const text = "A: b\r\n\r\nx\ry\r\n\r\n";
  try {
    for (let cut = 0; cut <= text.length; cut++) {
      const path = await deliverMaildir(join(directory, "m"), envelope, [
        octets(text.slice(0, cut)),
        octets(text.slice(cut)),
      ]);
      assert.equal(await Deno.readTextFile(path), `${HEAD}A: b\n\nx\ry\n\n`);
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    }
    assert.deepEqual([...Deno.readDirSync(join(directory, "m", "tmp"))], []);
    assert.equal([...Deno.readDirSync(join(directory, "m", "new"))].length, text.length + 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deliverMaildir() fails whole where it cannot write", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "file"), "");
    await assert.rejects(deliverMaildir(join(directory, "file"), envelope, [octets("x")]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
