/** Cleaning from the policy to the octets: the way of a message with the engine itself behind its ports. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { messageWay } from "../agents/way.ts";
import { gzipOf, tarOf, zipOf } from "../engine/clean/testing/archives.ts";
import { builtinModules } from "../engine/detect/modules.ts";
import { scan } from "../engine/scan.ts";
import { EnginePorts } from "./engine_ports.ts";
import { type Attachment, EICAR, ENVELOPE, mail } from "./mail.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const bad = { name: "bad.com", content: octets(EICAR) };
const good = { name: "good.txt", content: octets("Nothing bad in here.\r\n") };
const odd = { name: "invoice.pdf.exe", content: octets("MZ nothing") };
const zipped = { name: "a.zip", content: zipOf([good, bad]) };
const nested = {
  name: "n.tgz",
  content: gzipOf(tarOf([good, { name: "in.zip", content: zipOf([bad, good]) }])),
};
const allBad = { name: "all.zip", content: zipOf([bad]) };
/** A zip that some programs read otherwise: it cannot be written anew. */
const oddZip = { name: "odd.zip", content: Buffer.concat([octets("front"), zipped.content]) };

/** What becomes of the message, and the files in it that are left. */
async function way(clean: string, attachments: readonly Attachment[]) {
  const ports = new EnginePorts({ settings: { antivirus: { clean, suspicious: "accept" } } });
  const message = attachments.length > 0
    ? mail("m", { attachments })
    : mail("m", { body: `${EICAR}\r\n` });
  const { groups: [group] } = await messageWay(ports, {
    agent: "smtp",
    listener: "smtp",
    queueId: "q",
    time: 0,
    envelope: ENVELOPE,
    message,
    tree: ports.tree,
    nextHop: "smtp://127.0.0.1:25",
    splitting: "copies",
  });
  const made = group!.message && Buffer.concat(group!.message);
  if (made === undefined) return { outcome: group!.outcome, names: [], text: "" };
  const settings = {
    mode: "mail",
    antivirus: true,
    antispam: false,
    limits: {
      messageOctets: 1e6,
      depth: 9,
      files: 99,
      octets: 1e6,
      ratio: 1000,
      timeMs: 9000,
    },
  } as const;
  const verdict = scan(made, settings, builtinModules());
  assert.notEqual(verdict.status, "infected");
  const parents = new Set(verdict.parts.map(({ parent }) => parent));
  const names = verdict.parts.filter(({ path }) => !parents.has(path)).flatMap((part) =>
    part.names.slice(0, 1)
  );
  return { outcome: group!.outcome, names, text: made.toString() };
}

const rows: {
  clean: string;
  what: string;
  files: Attachment[];
  status: string;
  left?: string[];
}[] = [
  { clean: "none", what: "a file", files: [bad, good], status: "infected" },
  { clean: "standard", what: "a file", files: [bad, good], status: "cleaned", left: ["good.txt"] },
  {
    clean: "standard",
    what: "a file in an archive",
    files: [zipped, good],
    status: "cleaned",
    left: ["good.txt", "bad.com.removed.txt", "good.txt"],
  },
  {
    clean: "standard",
    what: "a file in archives in archives",
    files: [nested],
    status: "cleaned",
    left: ["good.txt", "bad.com.removed.txt", "good.txt"],
  },
  {
    clean: "standard",
    what: "an archive of it alone",
    files: [allBad, good],
    status: "cleaned",
    left: ["good.txt"],
  },
  {
    clean: "standard",
    what: "an archive that cannot be written anew",
    files: [oddZip, good],
    status: "infected",
  },
  { clean: "standard", what: "the text itself", files: [], status: "infected" },
  {
    clean: "strict",
    what: "a file in an archive",
    files: [zipped, good],
    status: "cleaned",
    left: ["good.txt"],
  },
  {
    clean: "strict",
    what: "an archive that cannot be written anew",
    files: [oddZip, good],
    status: "cleaned",
    left: ["good.txt"],
  },
  { clean: "strict", what: "the text itself", files: [], status: "deleted", left: [] },
  {
    clean: "strict",
    what: "and leaves what is suspicious:",
    files: [bad, odd],
    status: "cleaned",
    left: ["invoice.pdf.exe"],
  },
  {
    clean: "rigorous",
    what: "and what is suspicious:",
    files: [bad, odd, good],
    status: "cleaned",
    left: ["good.txt"],
  },
  {
    clean: "delete",
    what: "everything for a file",
    files: [bad, good],
    status: "deleted",
    left: [],
  },
  {
    clean: "delete",
    what: "nothing for what is suspicious:",
    files: [odd],
    status: "suspicious",
    left: ["invoice.pdf.exe"],
  },
];
for (const { clean, what, files, status, left } of rows) {
  const names = files.map(({ name }) => name).join(", ");
  Deno.test(`clean: ${clean} takes out ${what} ${names}`, { permissions: "none" }, async () => {
    const { outcome, names, text } = await way(clean, files);
    const seen = outcome.status === "suspicious" && status === "cleaned"
      ? "cleaned"
      : outcome.status;
    assert.deepEqual([seen, names], [status, left ?? []]);
    if (left === undefined) assert.equal(outcome.action, "reject");
    else if (status !== "suspicious") {
      assert.match(text, /Eicar-Test-Signature|removed\.txt|UEsDB|H4sI/);
    }
  });
}
