import assert from "node:assert/strict";
import { join } from "node:path";
import { PosternError } from "../errors.ts";
import { openStore } from "../store/store.ts";
import type { Store } from "../store/types.ts";
import {
  deleteMatching,
  deleteQuarantined,
  exportQuarantined,
  listQuarantined,
  releaseQuarantined,
  showQuarantined,
} from "./quarantine.ts";
import type { Deliver } from "./quarantine.ts";
import { viewMessage } from "./quarantine_view.ts";

const MESSAGE = new TextEncoder().encode(
  "Received: from x by y\r\nSubject: =?UTF-8?B?R3LDvMOfZRtbMko=?= and\r\n\tmore\r\n" +
    "X-Bad: a\x1b[31m\0\r\n\r\nHello \x1b]0;title\x07\r\nexe\u202egpj\r\n",
);
const TO = ["b@example.net", "c@example.net"];

async function withMessage(
  test: (store: Store, id: string) => Promise<void>,
  message = MESSAGE,
): Promise<void> {
  const store = await openStore(":memory:");
  try {
    const id = await store.putQuarantine({
      queueId: "q1",
      time: Date.now(),
      expires: Date.now() + 1000,
      agent: "smtp",
      listener: "in",
      sender: "a@example.org",
      recipients: TO,
      status: "infected",
      findings: [{ name: "Eicar", part: "1", engine: "builtin" }],
      notScanned: [],
      by: "antivirus.infected",
      nextHop: "smtp://127.0.0.1:25",
    }, message);
    await test(store, id);
  } finally {
    await store.close();
  }
}

/** A next hop that accepts all but `refused`, and what it got. */
function nextHop(refused: readonly string[] = []): { deliver: Deliver; got: string[][] } {
  const got: string[][] = [];
  return {
    got,
    deliver({ sender, recipients, message, nextHop }) {
      got.push([nextHop, sender, ...recipients]);
      assert.deepEqual(message, MESSAGE);
      return Promise.resolve(recipients.map((recipient) => {
        const accepted = !refused.includes(recipient);
        return { recipient, accepted, reply: accepted ? "250 2.0.0 Ok" : "550 5.1.1 No such user" };
      }));
    },
  };
}

const HISTORY = async (store: Store, id: string) =>
  (await store.getQuarantine(id))?.history.map(({ what, recipients }) => [what, recipients]);

Deno.test("releaseQuarantined() sends to the original recipients once, and once more by force", () =>
  withMessage(async (store, id) => {
    const { deliver, got } = nextHop();
    const lines: string[] = [];
    const log = (_: string, message: string) => void lines.push(message);
    const release = await releaseQuarantined(store, id, { deliver, log });
    assert.deepEqual(release.released.map(({ recipient }) => recipient), TO);
    await assert.rejects(releaseQuarantined(store, id, { deliver }), {
      code: "quarantine/released",
    });
    assert.equal(got.length, 1);
    await releaseQuarantined(store, id, { deliver, force: true });
    assert.deepEqual(got, [
      ["smtp://127.0.0.1:25", "a@example.org", ...TO],
      ["smtp://127.0.0.1:25", "a@example.org", ...TO],
    ]);
    assert.deepEqual((await HISTORY(store, id))?.slice(0, 2), [
      ["release-started", TO],
      ["released", TO],
    ]);
    assert.deepEqual(lines, ["Release begun", "Released"]);
  }));

Deno.test("releaseQuarantined() takes a subset, and those refused again without force", () =>
  withMessage(async (store, id) => {
    const refusing = nextHop(["c@example.net"]);
    const release = await releaseQuarantined(store, id, { deliver: refusing.deliver });
    assert.deepEqual(release.failed, [
      { recipient: "c@example.net", reply: "550 5.1.1 No such user" },
    ]);
    const { deliver, got } = nextHop();
    const recipients = ["c@example.net"];
    await releaseQuarantined(store, id, { deliver, recipients, nextHop: "lmtp://127.0.0.1:24" });
    assert.deepEqual(got, [["lmtp://127.0.0.1:24", "a@example.org", "c@example.net"]]);
    assert.deepEqual(await HISTORY(store, id), [
      ["release-started", TO],
      ["released", ["b@example.net"]],
      ["release-failed", ["c@example.net"]],
      ["release-started", ["c@example.net"]],
      ["released", ["c@example.net"]],
    ]);
  }));

Deno.test("releaseQuarantined() refuses strangers, itself, loops and two at once", () =>
  withMessage(async (store, id) => {
    const { deliver, got } = nextHop();
    const refuses = (options: object, code: string) =>
      assert.rejects(releaseQuarantined(store, id, { deliver, ...options }), { code });
    await refuses({ recipients: ["x@example.com"] }, "quarantine/recipients");
    await refuses({ recipients: [] }, "quarantine/recipients");
    await refuses({ ownAddresses: ["127.0.0.1:25"] }, "quarantine/loop");
    await refuses({ nextHop: "" }, "quarantine/next-hop"); // a milter has none
    const first = releaseQuarantined(store, id, { deliver });
    await refuses({}, "quarantine/busy");
    await first;
    await refuses({}, "quarantine/released");
    assert.equal(got.length, 1);
    await assert.rejects(releaseQuarantined(store, "0".repeat(16), { deliver }), {
      code: "store/not-found",
    });
  }));

Deno.test("releaseQuarantined() sees a message that went round", () =>
  withMessage(async (store, id) => {
    const { deliver } = nextHop();
    await assert.rejects(releaseQuarantined(store, id, { deliver }), { code: "quarantine/loop" });
  }, new TextEncoder().encode("Received: x\r\n".repeat(101) + "\r\n")));

Deno.test("releaseQuarantined() notes a failed try, which may be tried again, and a broken one, which may not", () =>
  withMessage(async (store, id) => {
    const down = () => Promise.reject(new Error("Connection refused"));
    await assert.rejects(releaseQuarantined(store, id, { deliver: down }), /refused/);
    assert.deepEqual(await HISTORY(store, id), [["release-started", TO], ["release-failed", TO]]);
    const { deliver } = nextHop();
    await store.noteQuarantine(id, {
      time: 1,
      what: "release-started",
      detail: "died here",
      recipients: TO,
    });
    await assert.rejects(releaseQuarantined(store, id, { deliver }), {
      code: "quarantine/released",
      message: /may have got it/,
    });
    await releaseQuarantined(store, id, { deliver, force: true });
  }));

Deno.test("releaseQuarantined() takes one that broke off behind the message for one that may have arrived", () =>
  withMessage(async (store, id) => {
    const unknown = () => Promise.reject(new PosternError("quarantine/unknown", "It broke off"));
    await assert.rejects(releaseQuarantined(store, id, { deliver: unknown }), {
      code: "quarantine/unknown",
    });
    assert.deepEqual(await HISTORY(store, id), [["release-started", TO], ["release-started", TO]]);
    const { deliver, got } = nextHop();
    await assert.rejects(releaseQuarantined(store, id, { deliver }), {
      code: "quarantine/released",
      message: /may have got it/,
    });
    assert.equal(got.length, 0);
    await releaseQuarantined(store, id, { deliver, force: true });
    assert.equal(got.length, 1);
  }));

Deno.test("exportQuarantined() writes ID.eml for the owner alone and replaces nothing", () =>
  withMessage(async (store, id) => {
    const directory = await Deno.makeTempDir();
    try {
      const path = await exportQuarantined(store, id, directory);
      assert.equal(path, join(directory, `${id}.eml`));
      assert.deepEqual(await Deno.readFile(path), MESSAGE);
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      await assert.rejects(exportQuarantined(store, id, directory), { code: "store/failed" });
      assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), [`${id}.eml`]);
      await assert.rejects(exportQuarantined(store, "../../etc/x", directory), {
        code: "store/not-found",
      });
      assert.deepEqual(await HISTORY(store, id), [["exported", undefined]]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }));

Deno.test("deleteQuarantined() and deleteMatching() delete what was asked for and no more", () =>
  withMessage(async (store, id) => {
    assert.deepEqual(await deleteQuarantined(store, ["0".repeat(16)]), []);
    await assert.rejects(deleteMatching(store, {}), { code: "command/usage" });
    assert.deepEqual(await deleteMatching(store, { sender: "nobody" }), []);
    assert.deepEqual(await deleteMatching(store, { sender: "A@EXAMPLE" }), [id]);
    assert.deepEqual(await listQuarantined(store, {}), []);
    assert.deepEqual(await deleteMatching(store, {}, { all: true }), []);
  }));

Deno.test("showQuarantined() decodes the header and shows no octet that a terminal obeys", () =>
  withMessage(async (store, id) => {
    const { view } = await showQuarantined(store, id);
    assert.deepEqual(view.header, [
      { name: "Received", value: "from x by y" },
      { name: "Subject", value: "Grüße\\x1b[2J and more" },
      { name: "X-Bad", value: "a\\x1b[31m\\x00" },
    ]);
    assert.equal(view.body[0], "Hello \\x1b]0;title\\x07");
    assert.doesNotMatch(JSON.stringify(view), /[\p{Cc}\u202e]/u);
  }));

Deno.test(
  "viewMessage() shows a part of what is long or no message",
  { permissions: "none" },
  () => {
    const long = viewMessage(new Uint8Array(10_000_000).fill(0x41));
    assert.equal(long.headerCut, true);
    assert.ok(JSON.stringify(long).length < 20_000);
    assert.deepEqual(viewMessage(new Uint8Array()), {
      header: [],
      headerCut: false,
      body: [""],
      bodyCut: 0,
    });
  },
);
